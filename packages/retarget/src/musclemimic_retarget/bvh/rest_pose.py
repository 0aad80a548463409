"""The T-pose of a BVH skeleton: where every joint's own axes point when its owner stands in it.

A file's zero pose is often no T-pose and sometimes no posture at all. The T-pose here: upright,
facing forward; thighs and shanks straight down; upper arms and forearms straight sideways; feet
flat; knees bend about the lateral axis, elbows forwards about the vertical one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from scipy.spatial.transform import Rotation

from musclemimic_retarget.bvh.kinematics import place
from musclemimic_retarget.bvh.parse import BvhFile
from musclemimic_retarget.bvh.skeletons import SkeletonMap
from musclemimic_retarget.rotations import shortest_arc

SIDES = ("left", "right")
_DOWN = (0.0, 0.0, -1.0)
# Joint to (the joint at its bone's far end, where the bone points in the T-pose).
_BONES = {
    f"{side}_{joint}": (f"{side}_{end}", direction)
    for side, outwards in (("left", (0.0, 1.0, 0.0)), ("right", (0.0, -1.0, 0.0)))
    for joint, end, direction in (
        ("hip", "knee", _DOWN),
        ("knee", "ankle", _DOWN),
        ("shoulder", "elbow", outwards),
        ("elbow", "wrist", outwards),
    )
}
# Upper and lower bone of each hinge, and the axis of positive flexion in the T-pose.
_HINGES = {
    **{(f"{side}_hip", f"{side}_knee"): (0.0, 1.0, 0.0) for side in SIDES},
    ("left_shoulder", "left_elbow"): (0.0, 0.0, -1.0),
    ("right_shoulder", "right_elbow"): (0.0, 0.0, 1.0),
}
_LARGEST_SWING = np.deg2rad(120.0)
_LEAST_FLEXION = np.deg2rad(20.0)  # less does not show where a hinge's axis is
_HINGE_SPREAD = 0.25  # of flexion across the main axis; more is no hinge
_LARGEST_TWIST = np.deg2rad(90.0)
_AXIS_ALIGNED = 0.8  # cosine: zero poses stand and face along the file's axes


@dataclass(frozen=True)
class RestPose:
    """The T-pose, facing forward. Canonical axes: forward, left, up.

    Attributes:
        orientations: (J, 3, 3) from each BVH joint's own axes to canonical.
        positions: (J, 3) joint centres, file units, root at the origin.
    """

    orientations: Float[np.ndarray, "J 3 3"]
    positions: Float[np.ndarray, "J 3"]


def rest_pose(
    file: BvhFile,
    skeleton: SkeletonMap,
    offsets: Float[np.ndarray, "J 3"],
    turned: Float[np.ndarray, "T J 3 3"],
) -> RestPose:
    """Find the T-pose.

    Thighs, shanks, upper arms and forearms are turned from the declared (or zero) pose into the
    T-pose by the smallest rotation; what hangs on them turns along. Then the bones of a knee or
    elbow that the motion shows to be a hinge are twisted so that it bends as anatomy has it.

    Args:
        file: parsed.
        skeleton: the map that fits it.
        offsets: each joint's place in its parent's axes, file units.
        turned: world orientations over the motion, world z up.

    Raises:
        InputError: the zero pose is not standing, a limb bone has no length or points away from
            where the T-pose has it, or a knee or elbow bends backwards.
    """
    columns = skeleton.columns(file)
    joint_of = {column: joint for joint, column in columns.items()}
    start = np.eye(3) if skeleton.t_pose is not None else standing_axes(file, columns, offsets)
    orientations = np.empty((len(file.joints), 3, 3))
    for index, bvh_joint in enumerate(file.joints):
        joint = joint_of.get(index, "")
        orientations[index] = orientations[bvh_joint.parent] if bvh_joint.parent >= 0 else start
        if skeleton.t_pose is not None and joint in skeleton.t_pose:
            orientations[index] = skeleton.t_pose[joint]
        if joint in _BONES:
            end, direction = _BONES[joint]
            bone = orientations[index] @ _bone(file, offsets, index, columns[end])
            swing = _swing(file, joint, bone, np.array(direction))
            orientations[index] = swing @ orientations[index]
    for (upper, lower), axis in _HINGES.items():
        pair = columns[upper], columns[lower]
        twist = _hinge_twist(
            file, lower, turned[:, pair] @ _transposed(orientations[[*pair]]), np.array(axis)
        )
        orientations[[*pair]] = twist @ orientations[[*pair]]
    parents = tuple(joint.parent for joint in file.joints)
    return RestPose(orientations, place(parents, offsets, orientations))


def standing_axes(
    file: BvhFile, columns: dict[str, int], offsets: Float[np.ndarray, "J 3"]
) -> Float[np.ndarray, "3 3"]:
    """From the file's axes to canonical, for a zero pose that stands along the axes.

    Args:
        file: parsed.
        columns: index of every mapped SMPL joint.
        offsets: each joint's place in its parent's axes, file units.

    Raises:
        InputError: the zero pose does not stand or face along an axis.
    """
    parents = tuple(joint.parent for joint in file.joints)
    positions = place(parents, offsets, np.tile(np.eye(3), (len(parents), 1, 1)))
    where = {joint: positions[column] for joint, column in columns.items()}
    up = _nearest_axis(
        file, where["head"] - (where["left_ankle"] + where["right_ankle"]) / 2, "upright"
    )
    across = where["left_hip"] - where["right_hip"]
    left = _nearest_axis(file, across - (across @ up) * up, "facing along an axis")
    return np.stack([np.cross(left, up), left, up])


def _nearest_axis(
    file: BvhFile, direction: Float[np.ndarray, " 3"], what: str
) -> Float[np.ndarray, " 3"]:
    main = int(np.abs(direction).argmax())
    if np.abs(direction[main]) <= _AXIS_ALIGNED * np.linalg.norm(direction):
        raise InputError(
            file.path,
            "zero pose",
            found=f"direction {np.round(direction, 2).tolist()}",
            expected=f"a figure {what}, or a skeleton map with t_pose",
        )
    return np.sign(direction[main]) * np.eye(3)[main]


def _bone(
    file: BvhFile, offsets: Float[np.ndarray, "J 3"], joint: int, end: int
) -> Float[np.ndarray, " 3"]:
    """From a joint to one below it, in the joint's axes, file units; between them zero turns."""
    bone, index = np.zeros(3), end
    while index != joint:
        bone, index = bone + offsets[index], file.joints[index].parent
        if index < 0:
            raise InputError(
                file.path,
                "joints",
                found=f"{file.joints[end].name} not below {file.joints[joint].name}",
                expected="a limb's joints in one chain",
            )
    return bone


def _swing(
    file: BvhFile, joint: str, bone: Float[np.ndarray, " 3"], target: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "3 3"]:
    length = np.linalg.norm(bone)
    if length < 1e-9:
        raise InputError(file.path, joint, found="a bone of no length", expected="a limb bone")
    angle = float(np.arccos(np.clip(bone @ target / length, -1.0, 1.0)))
    if angle > _LARGEST_SWING:
        raise InputError(
            file.path,
            joint,
            found=f"a bone {np.rad2deg(angle):.0f}° from its direction in the T-pose",
            expected="a standing zero pose with left and right as mapped, or t_pose",
        )
    return shortest_arc(bone, target)


def _hinge_twist(
    file: BvhFile,
    joint: str,
    turns: Float[np.ndarray, "T 2 3 3"],
    axis: Float[np.ndarray, " 3"],
) -> Float[np.ndarray, "3 3"]:
    """The turn about the bone that brings the axis a joint bends about to where it belongs.

    Identity for a joint that bends too little, or about no fixed axis.

    Args:
        file: for messages.
        joint: name of the lower bone's joint.
        turns: of upper and lower bone from the T-pose.
        axis: of positive flexion in the T-pose.
    """
    bone = np.array(_BONES[joint][1])
    image = (_transposed(turns[:, 0]) @ turns[:, 1]) @ bone
    flexion = np.arccos(np.clip(image @ bone, -1.0, 1.0))
    if flexion.max() < _LEAST_FLEXION:
        return np.eye(3)
    bend = np.cross(bone, image)
    bend *= (flexion / np.maximum(np.linalg.norm(bend, axis=1), 1e-12))[:, None]
    _, spread, directions = np.linalg.svd(bend, full_matrices=False)
    if spread[1] > _HINGE_SPREAD * spread[0]:
        return np.eye(3)
    found = directions[0] * np.sign(np.sum(bend @ directions[0]))
    twist = float(np.arctan2(bone @ np.cross(found, axis), found @ axis))
    if abs(twist) > _LARGEST_TWIST:
        raise InputError(
            file.path,
            joint,
            found=f"bending {np.rad2deg(abs(twist)):.0f}° from where it should",
            expected="knees that bend backwards, elbows forwards: left and right as mapped?",
        )
    return Rotation.from_rotvec(twist * bone).as_matrix()


def _transposed(matrices: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    return np.swapaxes(matrices, -1, -2)
