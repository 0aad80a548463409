"""Rigid bodies of points: least-squares poses and mean shapes."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

# Points closer to a line than this (standard deviation, m) leave the turn about it undetermined.
_SMALLEST_SPREAD = 0.008
_SHAPE_ROUNDS = 5


def rigid_poses(
    shape: Float[np.ndarray, "K 3"], points: Float[np.ndarray, "T K 3"]
) -> tuple[Float[np.ndarray, "T 3 3"], Float[np.ndarray, "T 3"]]:
    """Rotations R and translations t of least Σ‖R shape + t − points‖².

    Source: Söderkvist & Wedin 1993, J Biomech 26:1473 (singular value decomposition, reflections
    excluded).
    """
    centre, middle = shape.mean(axis=0), points.mean(axis=1)
    covariance = np.einsum("tki,kj->tij", points - middle[:, None], shape - centre)
    left, _, right = np.linalg.svd(covariance)
    signs = np.ones((len(points), 3))
    signs[:, 2] = np.linalg.det(left @ right)
    turn = (left * signs[:, None]) @ right
    return turn, middle - turn @ centre


def mean_shape(points: Float[np.ndarray, "T K 3"]) -> Float[np.ndarray, "K 3"]:
    """The shape, about its own middle, that all frames agree best on (Procrustes mean)."""
    centred = points - points.mean(axis=1, keepdims=True)
    shape = centred[0]
    for _ in range(_SHAPE_ROUNDS):
        turn, _ = rigid_poses(shape, centred)
        shape = np.einsum("tji,tkj->tki", turn, centred).mean(axis=0)
    return shape


def fixes_orientation(shape: Float[np.ndarray, "K 3"]) -> bool:
    """Whether a shape has three points that are well off one line."""
    if len(shape) < 3:
        return False
    spread = np.linalg.svd(shape - shape.mean(axis=0), compute_uv=False) / np.sqrt(len(shape))
    return bool(spread[1] > _SMALLEST_SPREAD)


def body_poses(
    points: Sequence[Float[np.ndarray, "T 3"]],
) -> tuple[Float[np.ndarray, "T 3 3"], Float[np.ndarray, "T 3"]] | None:
    """Rotations and middles of a body of points; None if they do not fix its orientation."""
    if len(points) < 3:
        return None
    stacked = np.stack(points, axis=1)
    shape = mean_shape(stacked)
    return rigid_poses(shape, stacked) if fixes_orientation(shape) else None


def fill_from_body(points: Float[np.ndarray, "T K 3"]) -> Float[np.ndarray, "T K 3"]:
    """Fill gaps of points of one rigid body from those of its points that are seen.

    Three seen points that are not on a line place the others. What separates the placed from the
    measured position at the ends of a gap is spread linearly over it, so that nothing jumps.

    Args:
        points: NaN where a point is not seen.

    Returns:
        A copy; gaps that too few points span, or of points never seen with all others, stay.
    """
    result, seen = points.copy(), np.isfinite(points[..., 0])
    complete = seen.all(axis=1)
    if not complete.any():
        return result
    shape = mean_shape(points[complete])
    for column in range(points.shape[1]):
        placed = _placed(shape, points, seen, column)
        gone = ~seen[:, column] & np.isfinite(placed[:, 0])
        off = points[:, column] - placed
        known = np.flatnonzero(np.isfinite(off[:, 0]))
        if gone.any() and len(known):
            frames = np.flatnonzero(gone)
            bridge: list[Float[np.ndarray, " N"]] = [
                np.interp(frames, known, off[known, axis]) for axis in range(3)
            ]
            result[frames, column] = placed[frames] + np.stack(bridge, axis=1)
    return result


def _placed(
    shape: Float[np.ndarray, "K 3"],
    points: Float[np.ndarray, "T K 3"],
    seen: Bool[np.ndarray, "T K"],
    column: int,
) -> Float[np.ndarray, "T 3"]:
    """Where the other seen points put one point of the body; NaN where they cannot."""
    placed = np.full((len(points), 3), np.nan)
    others = seen.copy()
    others[:, column] = False
    for pattern in np.unique(others, axis=0):
        if not fixes_orientation(shape[pattern]):
            continue
        frames = (others == pattern).all(axis=1)
        turn, shift = rigid_poses(shape[pattern], points[frames][:, pattern])
        placed[frames] = turn @ shape[column] + shift
    return placed
