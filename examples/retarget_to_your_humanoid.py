"""Retarget a human motion to a humanoid that is not ours: MuJoCo's own.

    uv run python examples/retarget_to_your_humanoid.py walk.npz --out walk_humanoid.npz

Any MJCF works the same way: stand it upright facing +x, give it a floor, and say in a TOML file
which of its bodies are the pelvis, the shoulders and so on (see humanoid_sites.toml).
"""

import argparse
from importlib.resources import files
from pathlib import Path

from musclemimic_retarget import GMRFit, metrics_table, read_motion, read_own_model
from rich.console import Console

# MuJoCo Warp ships the humanoid of MuJoCo's examples with its tests.
HUMANOID = Path(str(files("mujoco_warp"))) / "test_data" / "humanoid" / "humanoid.xml"
SITES = Path(__file__).with_name("humanoid_sites.toml")


def main() -> None:
    """Retarget one file and print how well it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("motion", type=Path, help="SMPL .npz, .bvh, .trc, .c3d …")
    parser.add_argument("--mjcf", type=Path, default=HUMANOID)
    parser.add_argument("--sites", type=Path, default=SITES)
    parser.add_argument("--out", type=Path, default=Path("humanoid_clip.npz"))
    arguments = parser.parse_args()
    model = read_own_model(arguments.mjcf, arguments.sites)
    result = GMRFit(model).solve(read_motion(arguments.motion))
    result.clip.save(arguments.out)
    Console().print(metrics_table({arguments.motion.stem: result.metrics}))


if __name__ == "__main__":
    main()
