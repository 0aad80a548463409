"""Newton steps of many small problems at once that end inside their bounds."""

import numpy as np
from jaxtyping import Bool, Float

# Stiffness that holds a coordinate where it is; curvatures are at most about 100.
_HELD = 1e8


def bounded_steps(
    gradient: Float[np.ndarray, "T F"],
    hessian: Float[np.ndarray, "T F F"],
    damping: Float[np.ndarray, " T"],
    low: Float[np.ndarray, "T F"],
    high: Float[np.ndarray, "T F"],
) -> Float[np.ndarray, "T F"]:
    """Maximise gᵀs − ½ sᵀ(H + μI)s for low ≤ s ≤ high, by active sets that only grow.

    Args:
        gradient: g, the descent direction.
        hessian: H.
        damping: μ.
        low: not above 0; −∞ where there is no bound.
        high: not below 0.
    """
    held: Bool[np.ndarray, "T F"] = ((low >= 0) & (gradient < 0)) | ((high <= 0) & (gradient > 0))
    matrix, right = hessian.copy(), gradient.copy()
    diagonal = np.einsum("tii->ti", matrix)
    diagonal += damping[:, None] + _HELD * held
    right[held] = 0.0
    step = np.linalg.solve(matrix, right[..., None])[..., 0]
    todo = np.arange(len(gradient))
    while True:
        # Those that leave are held at their bound, and the others adapt.
        outside = ((step[todo] < low[todo]) | (step[todo] > high[todo])) & ~held[todo]
        step[todo] = np.clip(step[todo], low[todo], high[todo])
        chosen = outside.any(axis=1)
        todo, outside = todo[chosen], outside[chosen]
        if not len(todo):
            return step
        held[todo] |= outside
        diagonal[todo] += _HELD * outside
        right[todo] = np.where(outside, _HELD * step[todo], right[todo])
        step[todo] = np.linalg.solve(matrix[todo], right[todo][..., None])[..., 0]
