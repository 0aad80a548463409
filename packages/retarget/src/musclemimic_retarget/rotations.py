"""Rotations as wxyz quaternions: thin helpers over scipy, and sign-continuous curves."""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

Quaternions = Float[np.ndarray, "*batch 4"]


def rotation(quaternions: Float[np.ndarray, "N 4"]) -> Rotation:
    """Scipy rotations from wxyz quaternions."""
    return Rotation.from_quat(quaternions, scalar_first=True)


def wxyz(rotations: Rotation) -> Float[np.ndarray, "N 4"]:
    """Quaternions wxyz of scipy rotations."""
    return rotations.as_quat(scalar_first=True)


def matrices(quaternions: Quaternions) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotation matrices of wxyz quaternions of any batch shape."""
    flat = rotation(quaternions.reshape(-1, 4)).as_matrix()
    return flat.reshape(*quaternions.shape[:-1], 3, 3)


def quaternions(rotation_matrices: Float[np.ndarray, "*batch 3 3"]) -> Quaternions:
    """Quaternions wxyz of rotation matrices of any batch shape."""
    flat = wxyz(Rotation.from_matrix(rotation_matrices.reshape(-1, 3, 3)))
    return flat.reshape(*rotation_matrices.shape[:-2], 4)


def continuous(curve: Float[np.ndarray, "T *rest 4"]) -> Float[np.ndarray, "T *rest 4"]:
    """The same rotations with signs chosen so that neighbouring frames lie on one half-sphere.

    The array itself where they do already.
    """
    turned = np.einsum("...i,...i->...", curve[1:], curve[:-1]) < 0
    if not turned.any():
        return curve
    flips = np.cumprod(np.where(turned, -1.0, 1.0), axis=0)
    result = curve.copy()
    result[1:] *= flips[..., None]
    return result


def normalized(curve: Quaternions) -> Quaternions:
    """The quaternions divided by their norm."""
    return curve / np.linalg.norm(curve, axis=-1, keepdims=True)


def shortest_arc(
    start: Float[np.ndarray, " 3"], end: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "3 3"]:
    """The rotation of smallest angle that turns one direction into another.

    Args:
        start: a non-zero vector.
        end: another, not opposite to it.
    """
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    half_way = np.concatenate([[1.0 + a @ b], np.cross(a, b)])
    return matrices(normalized(half_way))


def without_twist(
    rotation_matrices: Float[np.ndarray, "T 3 3"], axis: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "T 3 3"]:
    """Swing of the swing–twist split R = swing · twist, with the twist about `axis`."""
    axis = axis / np.linalg.norm(axis)
    images = rotation_matrices @ axis
    half_way = np.concatenate([1.0 + images @ axis[:, None], np.cross(axis, images)], axis=1)
    return matrices(normalized(half_way))


def angle_between(
    first: Float[np.ndarray, "*batch 4"], second: Float[np.ndarray, "*batch 4"]
) -> Float[np.ndarray, "*batch"]:
    """Angle of the rotation between two orientations, rad in [0, π]."""
    # The chord keeps precision at small angles, where arccos of the dot product loses it.
    signed = np.where(np.sum(first * second, axis=-1, keepdims=True) < 0, -second, second)
    chord = np.linalg.norm(first - signed, axis=-1)
    return 4.0 * np.arcsin(np.clip(chord / 2.0, 0.0, 1.0))


def turns_about(
    axis: Float[np.ndarray, " 3"], angles: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "T 3 3"]:
    """Rotation matrices about one axis by several angles, rad."""
    unit = axis / np.linalg.norm(axis)
    return Rotation.from_rotvec(angles[:, None] * unit).as_matrix()


def quaternion_product(
    first: Float[np.ndarray, "*#b 4"], second: Float[np.ndarray, "*#b 4"]
) -> Float[np.ndarray, "*b 4"]:
    """Hamilton product of quaternions wxyz."""
    w, x, y, z = np.moveaxis(first, -1, 0)
    a, b, c, d = np.moveaxis(second, -1, 0)
    return np.stack(
        [
            w * a - x * b - y * c - z * d,
            w * b + x * a + y * d - z * c,
            w * c - x * d + y * a + z * b,
            w * d + x * c - y * b + z * a,
        ],
        axis=-1,
    )


def quaternion_exp(rotation_vectors: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b 4"]:
    """Quaternions wxyz of rotation vectors, rad."""
    half = 0.5 * np.sqrt((rotation_vectors**2).sum(axis=-1, keepdims=True))
    # np.sinc(x) is sin(πx) / (πx): smooth through zero.
    return np.concatenate([np.cos(half), 0.5 * np.sinc(half / np.pi) * rotation_vectors], axis=-1)


def rotation_log(turns: Float[np.ndarray, "*b 3 3"]) -> Float[np.ndarray, "*b 3"]:
    """Rotation vectors of rotation matrices (away from half turns, where it loses precision)."""
    twice_sine = np.stack(
        [
            turns[..., 2, 1] - turns[..., 1, 2],
            turns[..., 0, 2] - turns[..., 2, 0],
            turns[..., 1, 0] - turns[..., 0, 1],
        ],
        axis=-1,
    )
    sine = 0.5 * np.sqrt((twice_sine**2).sum(axis=-1))
    cosine = 0.5 * (turns[..., 0, 0] + turns[..., 1, 1] + turns[..., 2, 2] - 1.0)
    ratio = np.where(sine > 1e-9, np.arctan2(sine, cosine) / np.maximum(sine, 1e-9), 1.0)
    return twice_sine * (0.5 * ratio)[..., None]
