"""`read_bvh`: a BVH file as the motion of a human skeleton."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.bvh.kinematics import (
    forward_kinematics,
    local_offsets,
    local_rotations,
)
from musclemimic_retarget.bvh.parse import BvhFile, parse_bvh
from musclemimic_retarget.bvh.rest_pose import SIDES, rest_pose, standing_axes
from musclemimic_retarget.bvh.scale import metres_per_unit, world_axes
from musclemimic_retarget.bvh.skeletons import SkeletonMap, skeleton_of
from musclemimic_retarget.motion import MotionSource, SkeletonMotion
from musclemimic_retarget.rotations import quaternions
from musclemimic_retarget.smpl import CANONICAL_FROM_SMPL, JOINT_NAMES, PARENTS, REST

logger = logging.getLogger(__name__)

# (shoulder height − ankle height) / stature: Winter 2009, Biomechanics and Motor Control of
# Human Movement, fig. 4.1 (0.818 − 0.039).
_SHOULDER_ABOVE_ANKLE = 0.779
_LEAST_FRAMES_TO_COMPARE = 10
_LEAST_JUMP = 0.05  # rad
_LIMBS = {"leg": ("hip", "knee", "ankle"), "arm": ("shoulder", "elbow", "wrist")}


@dataclass(frozen=True)
class _Joints:
    """The 22 SMPL joints. rest: (22, 3). positions: (T, 22, 3). turns: (T, 22, 3, 3)."""

    rest: Float[np.ndarray, "22 3"]
    positions: Float[np.ndarray, "T 22 3"]
    turns: Float[np.ndarray, "T 22 3 3"]


def read_bvh(
    path: Path,
    unit: str | float | None = None,
    up: str | None = None,
    skeletons: Path | None = None,
) -> SkeletonMotion:
    """Read a BVH file of a known skeleton, or of one that the user maps.

    Bone lengths are the file's own (medians, where position channels make them vary). The world
    is turned to z up; heading and place are kept. A pose that someone put in front of the motion
    (cgspeed's T-pose), from which it jumps away, is left out.

    SMPL joints that the file lacks ride rigidly on the segment of the joint above them: spine,
    neck and collars evenly between their mapped neighbours, toe joints at the ankle's end site
    or, without one, where the mean SMPL skeleton has them.

    Args:
        path: .bvh file with one figure. Position channels replace OFFSETs, on any joint.
        unit: "m", "cm", "mm", "inch", "cmu" (1/0.45 inch) or metres; None tells it from the
            length of the legs.
        up: vertical axis of the file's world, "y" or "z"; None tells it from how the figure
            stands, in the motion and in the zero pose or skeleton map.
        skeletons: TOML file of further skeleton maps, like the packaged `skeletons.toml`.

    Raises:
        InputError: whatever is wrong with the file: see `parse_bvh`, `skeleton_of`, `rest_pose`,
            `metres_per_unit` and `world_axes`.
    """
    file = parse_bvh(path)
    skeleton = skeleton_of(file, skeletons)
    columns = skeleton.columns(file)
    offsets, rotations = local_offsets(file), local_rotations(file)
    if _starts_apart(rotations):
        logger.info("%s: first frame left out, a pose in front of the motion", path.name)
        offsets, rotations = offsets[1:], rotations[1:]
    parents = tuple(joint.parent for joint in file.joints)
    positions, turned = forward_kinematics(parents, offsets, rotations)
    offset_medians = np.median(offsets, axis=0)
    hint = skeleton.up
    if hint is None and skeleton.t_pose is None:
        hint = "xyz"[int(np.abs(standing_axes(file, columns, offset_medians)[2]).argmax())]
    feet = positions[:, [columns["left_ankle"], columns["right_ankle"]]].mean(axis=1)
    axes = world_axes(path, positions[:, columns["head"]] - feet, hint=hint, up=up)
    joints = _smpl_joints(file, skeleton, offset_medians, positions @ axes.T, axes @ turned)
    size = metres_per_unit(path, unit, _lengths(joints.rest), skeleton.name)
    rest = size * joints.rest
    shoulders, ankles = (
        rest[[JOINT_NAMES.index(f"{side}_{joint}") for side in SIDES], 2].mean()
        for joint in ("shoulder", "ankle")
    )
    return SkeletonMotion(
        source=MotionSource(path.name),
        fps=1.0 / file.frame_time,
        joint_names=JOINT_NAMES,
        parents=PARENTS,
        rest_positions=rest,
        positions=size * joints.positions,
        rotations=quaternions(joints.turns),
        stature=float(shoulders - ankles) / _SHOULDER_ABOVE_ANKLE,
    )


def _starts_apart(rotations: Float[np.ndarray, "T J 3 3"]) -> bool:
    """Whether the first step is over three times as large as any other, mean over joints."""
    if len(rotations) < _LEAST_FRAMES_TO_COMPARE:
        return False
    between = np.swapaxes(rotations[:-1], -1, -2) @ rotations[1:]
    cosine = (np.trace(between, axis1=-2, axis2=-1) - 1.0) / 2.0
    steps = np.arccos(np.clip(cosine, -1.0, 1.0)).mean(axis=1)
    return bool(steps[0] > max(3.0 * steps[1:].max(), _LEAST_JUMP))


def _smpl_joints(
    file: BvhFile,
    skeleton: SkeletonMap,
    offsets: Float[np.ndarray, "J 3"],
    positions: Float[np.ndarray, "T J 3"],
    turned: Float[np.ndarray, "T J 3 3"],
) -> _Joints:
    """Rest positions, positions (file units) and turns from the T-pose; world z up."""
    pose = rest_pose(file, skeleton, offsets, turned)
    columns = skeleton.columns(file)
    frames, count = len(positions), len(JOINT_NAMES)
    rest, centres = np.empty((count, 3)), np.empty((frames, count, 3))
    turns = np.empty((frames, count, 3, 3))
    for joint, name in enumerate(JOINT_NAMES):
        if name in columns:
            column = columns[name]
            rest[joint], centres[:, joint] = pose.positions[column], positions[:, column]
            turns[:, joint] = turned[:, column] @ pose.orientations[column].T
            continue
        above = PARENTS[joint]
        if name.endswith("_foot"):
            ankle = columns[JOINT_NAMES[above]]
            to_rest, end = _toes(rest, above, joint), file.joints[ankle].end
            if end is not None and np.linalg.norm(end) > 0.1 * np.linalg.norm(to_rest):
                to_rest = pose.orientations[ankle] @ np.array(end)
        else:
            below, steps = _next_mapped(joint, columns)
            to_rest = (pose.positions[columns[below]] - rest[above]) / (steps + 1)
        rest[joint] = rest[above] + to_rest
        turns[:, joint] = turns[:, above]
        centres[:, joint] = centres[:, above] + turns[:, above] @ to_rest
    return _Joints(rest - rest[0], centres, turns)


def _next_mapped(joint: int, columns: dict[str, int]) -> tuple[str, int]:
    """The nearest mapped joint below a missing one, and how many steps below."""
    for child, parent in enumerate(PARENTS):
        if parent == joint and JOINT_NAMES[child] in columns:
            return JOINT_NAMES[child], 1
    for child, parent in enumerate(PARENTS):
        if parent == joint:
            name, steps = _next_mapped(child, columns)
            return name, steps + 1
    raise AssertionError(f"nothing below {JOINT_NAMES[joint]}")


def _toes(rest: Float[np.ndarray, "22 3"], ankle: int, foot: int) -> Float[np.ndarray, " 3"]:
    """The mean SMPL skeleton's ankle-to-toe vector, scaled by shank length, file units."""
    knee = PARENTS[ankle]
    scale = np.linalg.norm(rest[ankle] - rest[knee]) / np.linalg.norm(REST[ankle] - REST[knee])
    return scale * CANONICAL_FROM_SMPL @ (REST[foot] - REST[ankle])


def _lengths(rest: Float[np.ndarray, "22 3"]) -> dict[str, float]:
    """Mean leg and arm, and the trunk from hips to shoulders, file units."""

    def chain(side: str, names: tuple[str, ...]) -> float:
        points = rest[[JOINT_NAMES.index(f"{side}_{name}") for name in names]]
        return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())

    lengths = {
        limb: sum(chain(side, names) for side in SIDES) / 2 for limb, names in _LIMBS.items()
    }
    hips, shoulders = (
        rest[[JOINT_NAMES.index(f"{side}_{joint}") for side in SIDES]].mean(axis=0)
        for joint in ("hip", "shoulder")
    )
    return {**lengths, "trunk": float(np.linalg.norm(shoulders - hips))}
