"""Which slider moves what, and what a muscle does in a pose."""

import math
import re
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float

from musclemimic_models.musculo import MusculoModel
from musclemimic_models.registry import FINGER_JOINTS
from musclemimic_models.validation import muscle_geometry

SLIDER_STEP = 0.1
_LEG_JOINTS = re.compile(r"^(hip|knee|ankle|subtalar|mtp)_")
_FREE_HINGE_DEG, _FREE_SLIDE_MM = 180.0, 1000.0
# Moment arms below this are rounding of a joint the muscle does not cross, m.
_NO_MOMENT_ARM_M = 1e-4


@dataclass(frozen=True)
class JointSlider:
    """A slider for one independent joint.

    Attributes:
        joint: name of the joint.
        folder: part of the body it belongs to, for instance "left arm".
        qpos: its address in qpos.
        low, high: range in which the couplings hold, in `unit`, inward to the slider's step.
        unit: "°" or "mm".
        si_per_unit: rad per degree, or m per mm.
    """

    joint: str
    folder: str
    qpos: int
    low: float
    high: float
    unit: str
    si_per_unit: float

    def shown(self, qpos: Float[np.ndarray, " nq"]) -> float:
        """Where the slider stands for a pose, in `unit`; at its end if the pose is beyond."""
        value = round(float(qpos[self.qpos]) / self.si_per_unit / SLIDER_STEP) * SLIDER_STEP
        return min(max(round(value, 1), self.low), self.high)


def joint_sliders(body: MusculoModel) -> tuple[JointSlider, ...]:
    """One slider for every independent hinge or slide joint, in qpos order."""
    joint_at = {int(address): i for i, address in enumerate(body.mj_model.jnt_qposadr)}
    sliders: list[JointSlider] = []
    for address, (low, high) in zip(
        body.couplings.scalar_qpos, body.couplings.box.tolist(), strict=True
    ):
        joint = joint_at[int(address)]
        hinge = body.mj_model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_HINGE)
        unit, si_per_unit = ("°", math.pi / 180) if hinge else ("mm", 1e-3)
        free = _FREE_HINGE_DEG if hinge else _FREE_SLIDE_MM
        inward = _inward(max(low / si_per_unit, -free), min(high / si_per_unit, free))
        name, paired = body.joint_names[joint], bool(body.mirror_joint[joint] != joint)
        folder = joint_folder(name, paired=paired)
        sliders.append(JointSlider(name, folder, int(address), *inward, unit, si_per_unit))
    return tuple(sliders)


def _inward(low: float, high: float) -> tuple[float, float]:
    """A range rounded inward to the slider's step, up to rounding errors."""
    slack = 1e-4
    first = math.ceil(low / SLIDER_STEP - slack)
    last = math.floor(high / SLIDER_STEP + slack)
    return round(first * SLIDER_STEP, 1), round(last * SLIDER_STEP, 1)


def joint_folder(name: str, *, paired: bool) -> str:
    """The part of the body a joint belongs to; joints without an opposite are of the trunk."""
    if not paired:
        return "trunk"
    # Some right-side joints of myo-sim carry no suffix.
    side = "left" if name.endswith("_l") else "right"
    if FINGER_JOINTS.match(name):
        return f"{side} fingers"
    return f"{side} leg" if _LEG_JOINTS.match(name) else f"{side} arm"


def move_joint(
    body: MusculoModel, qpos: Float[np.ndarray, " nq"], slider: JointSlider, value: float
) -> Float[np.ndarray, " nq"]:
    """The pose with one joint at `value` (in the slider's unit) and its dependents following."""
    moved = qpos.copy()
    moved[slider.qpos] = value * slider.si_per_unit
    return body.couplings.apply(moved)


def select_muscles(body: MusculoModel, *, group: str, side: str) -> Bool[np.ndarray, " nu"]:
    """Which muscles belong to a group ("" for all) and a side ("both" for all)."""
    groups, sides = np.array(body.muscles.group), np.array(body.muscles.side)
    in_group = groups == group if group else np.ones(len(groups), dtype=bool)
    return in_group & (sides == side) if side != "both" else in_group


@dataclass(frozen=True)
class MuscleReport:
    """What a muscle does in one pose.

    Attributes:
        name, group: of the muscle.
        length: muscle-tendon length, m.
        length_range: shortest and longest over the model's range of motion, m.
        max_isometric_force: N.
        moment_arms: (joint, m) largest first, about independent joints with the dependent ones
            following; positive where shortening the muscle increases the joint's coordinate.
    """

    name: str
    group: str
    length: float
    length_range: tuple[float, float]
    max_isometric_force: float
    moment_arms: tuple[tuple[str, float], ...]


def muscle_report(
    body: MusculoModel, qpos: Float[np.ndarray, " nq"], muscle: int, *, joints: int = 6
) -> MuscleReport:
    """Length and the largest moment arms of a muscle in a pose."""
    m, table = body.mj_model, body.muscles
    lengths, arms = muscle_geometry(body, qpos[None])
    total = arms[0, muscle] @ body.couplings.jacobian(qpos)
    of_joint = m.dof_jntid[body.couplings.free_dof]
    hinge = m.jnt_type[of_joint] == int(mujoco.mjtJoint.mjJNT_HINGE)
    crossed = np.flatnonzero(hinge & (np.abs(total) > _NO_MOMENT_ARM_M))
    largest = crossed[np.argsort(-np.abs(total[crossed]))][:joints]
    low, high = table.length_range[muscle]
    return MuscleReport(
        name=table.names[muscle],
        group=table.group[muscle],
        length=float(lengths[0, muscle]),
        length_range=(float(low), float(high)),
        max_isometric_force=float(table.max_isometric_force[muscle]),
        moment_arms=tuple((body.joint_names[of_joint[i]], float(total[i])) for i in largest),
    )


def report_markdown(report: MuscleReport) -> str:
    """The report as Markdown, lengths in cm and moment arms in mm."""
    low, high = report.length_range
    lines = [
        f"**{report.name}** ({report.group})",
        "",
        f"length {report.length * 100:.1f} cm (range {low * 100:.1f} to {high * 100:.1f})  ",
        f"peak isometric force {report.max_isometric_force:.0f} N",
        "",
        "| joint | moment arm (mm) |",
        "|---|---:|",
        *(f"| {joint} | {arm * 1000:+.1f} |" for joint, arm in report.moment_arms),
    ]
    return "\n".join(lines)
