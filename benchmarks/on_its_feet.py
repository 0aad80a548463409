"""Standing, and squatting with the arms, in place: action 0 of the whole-body layer.

    python benchmarks/on_its_feet.py --out benchmarks/results/learn/standing

Both references are made from the model's upright pose: it held, and knees bending to 70 degrees and
stretching again in four seconds while the arms rise, with flat feet, joints within their ranges and
the centre of mass over the same spot. No training: gains for feet that stay put.
"""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import mujoco
import numpy as np
from scipy.optimize import brentq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from musclemimic_models import FrameStatus, MusculoModel, get_musculo_model
from musclemimic_models.files import write_json, write_text
from musclemimic_retarget import MotionSource
from musclemimic_retarget.clips import make_clip
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_rl.recipe import JudgeConfig, judge
from musclemimic_rl.recipe.judge import whole_body_task
from musclemimic_sim import WholeBodyConfig

SECONDS, PERIOD, DT = 16.0, 4.0, 0.01
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


# At the bottom of the squat: within the ranges (an ankle ends at 30 degrees), soles flat (the
# subtalar joint takes back what the oblique ankle axis tilts).
KNEE, ANKLE, SUBTALAR, ARMS = np.radians((70.0, 25.0, -6.0, 60.0))


@dataclasses.dataclass(frozen=True)
class Squat:
    """Poses of a body on flat feet, from upright to the bottom of a squat."""

    model: MusculoModel

    def poses(self, depth: np.ndarray) -> np.ndarray:
        """(T, nq) of depths (T,) in 0..1: feet in place, centre of mass over the same spot."""
        upright = self.model.mj_model.qpos0
        target = self._ahead(upright)
        qpos = np.array([self._balanced(share, target) for share in depth])
        return self._on_floor(qpos)

    def _balanced(self, depth: float, target: float) -> np.ndarray:
        """The trunk leans until the centre of mass is `target` m before the heels."""

        def excess(lean: float) -> float:
            return self._ahead(self._bent(depth, lean)) - target

        return self._bent(depth, float(brentq(excess, -0.5, 1.2, xtol=1e-6)))

    def _bent(self, depth: float, lean: float) -> np.ndarray:
        m = self.model.mj_model
        qpos = m.qpos0.copy()
        for side in "lr":
            for name, angle in (
                ("ankle_angle", depth * ANKLE),
                ("subtalar_angle", depth * SUBTALAR),
                ("knee_angle", depth * KNEE),
                ("hip_flexion", depth * (KNEE - ANKLE) + lean),
                ("shoulder_elv", depth * ARMS),
            ):
                qpos[m.joint(f"{name}_{side}").qposadr[0]] += angle
        turn, upright = np.zeros(4), qpos[3:7].copy()
        mujoco.mju_axisAngle2Quat(turn, np.array([0.0, 1.0, 0.0]), lean)  # upright faces +x
        mujoco.mju_mulQuat(qpos[3:7], turn, upright)
        return self.model.couplings.apply(qpos[None])[0]

    def _ahead(self, qpos: np.ndarray) -> float:
        """Centre of mass before the heels, m."""
        d = self._placed(qpos)
        return float(d.subtree_com[0, 0] - d.xpos[self._heels(), 0].mean())

    def _on_floor(self, qpos: np.ndarray) -> np.ndarray:
        """Heels where those of the first pose are, whose lowest point is on the floor."""
        m, heels = self.model.mj_model, self._heels()
        soles = [g for g in range(m.ngeom) if m.geom_bodyid[g] in heels and m.geom_contype[g]]
        d = self._placed(qpos[0])
        place = d.xpos[heels].mean(axis=0)
        place[2] -= min(float(mujoco.mj_geomDistance(m, d, 0, g, 10.0, None)) for g in soles)
        for pose in qpos:
            pose[:3] += place - self._placed(pose).xpos[heels].mean(axis=0)
        return qpos

    def _heels(self) -> list[int]:
        return [self.model.mj_model.body(f"calcn_{side}").id for side in "lr"]

    def _placed(self, qpos: np.ndarray) -> mujoco.MjData:
        d = mujoco.MjData(self.model.mj_model)
        d.qpos[:] = qpos
        mujoco.mj_kinematics(self.model.mj_model, d)
        mujoco.mj_comPos(self.model.mj_model, d)
        return d


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
    parser.add_argument("--episodes", type=int, default=32)
    args = parser.parse_args()
    model = get_musculo_model("MyoFullBody", fingers=False)
    t = np.arange(0.0, SECONDS, DT)
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(0.0, PERIOD, DT) / PERIOD)
    motions = {
        "standing": Squat(model).poses(0.0 * t),
        "squat with arms": np.tile(Squat(model).poses(wave), (int(SECONDS / PERIOD), 1)),
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
