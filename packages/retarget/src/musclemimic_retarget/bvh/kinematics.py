"""Forward kinematics of a BVH hierarchy, in the file's own axes and units."""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from musclemimic_retarget.bvh.hierarchy import POSITIONS, ROTATIONS
from musclemimic_retarget.bvh.parse import BvhFile


def local_offsets(file: BvhFile) -> Float[np.ndarray, "T J 3"]:
    """Each joint's place in its parent's axes, file units.

    A position channel replaces the OFFSET's component, on the root and on any other joint.
    """
    frames = len(file.values)
    offsets = np.tile([joint.offset for joint in file.joints], (frames, 1, 1)).astype(np.float64)
    for index, column, channel in _channels(file):
        if channel in POSITIONS:
            offsets[:, index, POSITIONS.index(channel)] = file.values[:, column]
    return offsets


def local_rotations(file: BvhFile) -> Float[np.ndarray, "T J 3 3"]:
    """Each joint's rotation relative to its parent: intrinsic, in the order of its channels."""
    result = np.tile(np.eye(3), (len(file.values), len(file.joints), 1, 1))
    columns: dict[int, list[int]] = {}
    axes: dict[int, str] = {}
    for index, column, channel in _channels(file):
        if channel in ROTATIONS:
            columns.setdefault(index, []).append(column)
            axes[index] = axes.get(index, "") + channel[0]
    for index, order in axes.items():
        angles = file.values[:, columns[index]]
        result[:, index] = Rotation.from_euler(order, angles, degrees=True).as_matrix()
    return result


def forward_kinematics(
    parents: tuple[int, ...],
    offsets: Float[np.ndarray, "T J 3"],
    rotations: Float[np.ndarray, "T J 3 3"],
) -> tuple[Float[np.ndarray, "T J 3"], Float[np.ndarray, "T J 3 3"]]:
    """World positions, file units, and world orientations of all joints.

    R_j = R_parent · L_j and p_j = p_parent + R_parent · o_j.

    Args:
        parents: (J) parents before children, −1 for the root.
        offsets: from `local_offsets`.
        rotations: from `local_rotations`.
    """
    positions, turned = offsets.copy(), rotations.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            turned[:, joint] = turned[:, parent] @ rotations[:, joint]
            carried = np.einsum("tij,tj->ti", turned[:, parent], offsets[:, joint])
            positions[:, joint] = positions[:, parent] + carried
    return positions, turned


def place(
    parents: tuple[int, ...],
    offsets: Float[np.ndarray, "J 3"],
    orientations: Float[np.ndarray, "J 3 3"],
) -> Float[np.ndarray, "J 3"]:
    """Positions of one pose whose world orientations are known; the root is at the origin."""
    positions = np.zeros_like(offsets)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            positions[joint] = positions[parent] + orientations[parent] @ offsets[joint]
    return positions


def _channels(file: BvhFile) -> list[tuple[int, int, str]]:
    """(joint index, column, channel) of every column of the values."""
    flat = [
        (index, channel) for index, joint in enumerate(file.joints) for channel in joint.channels
    ]
    return [(index, column, channel) for column, (index, channel) in enumerate(flat)]
