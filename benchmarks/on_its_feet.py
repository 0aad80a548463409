"""Standing, and squatting with the arms, in place: action 0 of the whole-body layer.

    python benchmarks/on_its_feet.py --out benchmarks/results/learn/standing

Both references are made from the model's upright pose: it held, and knees bending to 70 degrees in
four seconds with flat feet while the arms rise. No training: gains for feet that stay put.
"""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import mujoco
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from musclemimic_models import FrameStatus, MusculoModel, get_musculo_model
from musclemimic_models.files import write_json, write_text
from musclemimic_retarget import MotionSource
from musclemimic_retarget.clips import make_clip
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_rl.recipe import JudgeConfig, judge
from musclemimic_rl.recipe.judge import whole_body_task
from musclemimic_sim import WholeBodyConfig

SECONDS, DT = 16.0, 0.01
STEPLESS = WholeBodyConfig(
    root_horizontal=90.0,
    root_vertical=80.0,
    root_rotation=70.0,
    joint=150.0,
    root_damping=1.6,
    joint_damping=1.1,
    root_weight=3.0,
    step_velocity=0.0,
    step_position=0.0,
    side_velocity=0.0,
    side_position=0.0,
    step_pitch=0.0,
    step_yaw=0.0,
    step_roll=0.0,
    lift=0.0,
    regularisation=30.0,
)


def upright(model: MusculoModel, bend: np.ndarray, raised: np.ndarray) -> np.ndarray:
    """Poses with hips and ankles bent by `bend` and knees by twice that, rad, soles in place."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    qpos = np.tile(m.qpos0, (len(bend), 1))
    for side in "lr":
        for name, share in (("hip_flexion", 1.0), ("knee_angle", 2.0), ("ankle_angle", 1.0)):
            qpos[:, m.joint(f"{name}_{side}").qposadr[0]] += share * bend
        qpos[:, m.joint(f"shoulder_elv_{side}").qposadr[0]] += raised
    qpos = model.couplings.apply(qpos)
    heels = [m.body("calcn_l").id, m.body("calcn_r").id]
    floor = [g for g in range(m.ngeom) if m.geom_bodyid[g] in heels and m.geom_contype[g]]
    d.qpos[:] = qpos[0]
    mujoco.mj_kinematics(m, d)
    lowest = min(float(mujoco.mj_geomDistance(m, d, 0, g, 10.0, None)) for g in floor)
    place = d.xpos[heels].mean(axis=0)
    for pose in qpos:
        d.qpos[:] = pose
        mujoco.mj_kinematics(m, d)
        pose[:3] += place - d.xpos[heels].mean(axis=0)
        pose[2] -= lowest
    return qpos


def verdict(model: MusculoModel, qpos: np.ndarray, episodes: int) -> dict[str, float]:
    """Ten seconds at most, from random phases."""
    frames = len(qpos)
    clip = make_clip(
        KinematicBody.of(model),
        qpos,
        rate=1 / DT,
        foot_contact=np.ones((frames, 2), dtype=bool),
        frame_status=np.full(frames, FrameStatus.OK),
        source=MotionSource("on_its_feet"),
        method="built in",
        human_to_model_scale=1.0,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.npz"
        clip.save(path)
        task = whole_body_task(STEPLESS, auto_reset=False)
        return vars(judge((path,), task, JudgeConfig(episodes=episodes, goal_s=10.0)))


def main() -> None:
    """Judge both, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--episodes", type=int, default=8)
    args = parser.parse_args()
    model = get_musculo_model("MyoFullBody", fingers=False)
    t = np.arange(0.0, SECONDS, DT)
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * t / 4.0)
    motions = {
        "standing": upright(model, 0 * t, 0 * t),
        "squat with arms": upright(model, np.radians(35.0) * wave, np.radians(60.0) * wave),
    }
    rows = {name: verdict(model, qpos, args.episodes) for name, qpos in motions.items()}
    lines = [
        "| motion | 10 s | mean, s | worst, s | activation | sites, cm |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {100 * v['complete']:.0f} % | {v['mean_s']:.2f} | {v['worst_s']:.2f} | "
        f"{v['activation']:.3f} | {100 * v['site_error_m']:.1f} |"
        for name, v in rows.items()
    ]
    write_json(args.out / "rows.json", {"gains": dataclasses.asdict(STEPLESS), "verdicts": rows})
    write_text(args.out / "table.md", "\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
