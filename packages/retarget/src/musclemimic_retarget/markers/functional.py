"""Joint axes and centres from the motion of two bodies alone."""

import numpy as np
from jaxtyping import Float

Poses = tuple[Float[np.ndarray, "T 3 3"], Float[np.ndarray, "T 3"]]

# 1 − |mean direction| that a hinge's angle must reach: a standard deviation of 11.5°.
_SMALLEST_RANGE = 0.02
# Singular values below this share of the largest are directions the motion says nothing about.
_SMALLEST_SHARE = 1e-3


def common_axis(
    first: Float[np.ndarray, "T 3 3"], second: Float[np.ndarray, "T 3 3"]
) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]] | None:
    """The axis that two bodies turn about against each other, in each body's own frame.

    It minimises Σ‖R₁ a₁ − R₂ a₂‖² over unit vectors: the leading singular pair of mean(R₁ᵀ R₂).
    This is the direction part of the symmetrical axis of rotation (Ehrig et al. 2007, J Biomech
    40:2150).

    Returns:
        (a₁, a₂), or None if the bodies turn too little to tell.
    """
    mean = np.einsum("tji,tjk->ik", first, second) / len(first)
    left, values, right = np.linalg.svd(mean)
    if values[0] - values[1] < _SMALLEST_RANGE:
        return None
    return left[:, 0], right[0]


def common_centre(first: Poses, second: Poses, *, hinge: bool) -> Float[np.ndarray, "T 3"]:
    """The point that stays put in two bodies, m, carried by both (their mean).

    Least Σ‖(R₁ c₁ + t₁) − (R₂ c₂ + t₂)‖² (symmetrical centre of rotation, Ehrig et al. 2006,
    J Biomech 39:2798).

    Args:
        first: rotations and origins of a body.
        second: of its neighbour.
        hinge: on a hinge every point of the axis would do; the one near the bodies' origins is
            taken.
    """
    (turn1, origin1), (turn2, origin2) = first, second
    system = np.concatenate([turn1, -turn2], axis=2).reshape(-1, 6)
    left, values, right = np.linalg.svd(system, full_matrices=False)
    kept = min(5 if hinge else 6, int((values > _SMALLEST_SHARE * values[0]).sum()))
    along = (left.T @ (origin2 - origin1).reshape(-1))[:kept] / values[:kept]
    centres = right[:kept].T @ along
    return (turn1 @ centres[:3] + origin1 + turn2 @ centres[3:] + origin2) / 2


def carried(
    turn: Float[np.ndarray, "T 3 3"], axis: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T 3"]:
    """An axis over time replaced by its mean direction in a body's frame."""
    mean = np.einsum("tji,tj->i", turn, axis)
    return turn @ (mean / np.linalg.norm(mean))
