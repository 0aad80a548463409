"""Regularised least squares in a box, for many small problems at once.

    minimise ½ ‖A a − b‖² + ½ λ ‖a‖²   subject to   low ≤ a ≤ high,

with few rows (joints) and many columns (muscles): an interior-point method with a predictor and a
corrector (Mehrotra 1992, SIAM J Optim 2:575), whose linear systems have one unknown a row. It
needs some ten steps whatever the bounds are; an active-set or semi-smooth Newton method here needs
15 to 25, and all problems wait for the slowest one.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Bool, Float, Int

from musclemimic_sim.blocks import BlockMatrix, one_block

# Stop when the duality gap is below this share of the cost; the error is smaller than the gap.
_GAP = 1e-3
_MOST_STEPS = 25
# Share of the way to the nearest bound that a step may go.
_NEARLY = 0.99
# Multipliers at the start, as a share of what balances the slope; too small ones stall.
_FIRST_SHARE = 0.01
# Narrower boxes are treated as this wide on the way (the result stays in the box).
_NARROWEST = 1e-6
_TINY = 1e-30


class _Point(NamedTuple):
    """An interior point: distance from both bounds (> 0) and their multipliers (> 0)."""

    above: Float[jax.Array, "N M"]
    below: Float[jax.Array, "N M"]
    lower: Float[jax.Array, "N M"]
    upper: Float[jax.Array, "N M"]

    @property
    def gap(self) -> Float[jax.Array, " N"]:
        """Sum of the products that are zero at the solution."""
        return jnp.sum(self.above * self.lower + self.below * self.upper, axis=1)


class _Iterate(NamedTuple):
    point: _Point
    slope: Float[jax.Array, "N M"]
    cost: Float[jax.Array, " N"]
    steps: Int[jax.Array, ""]


def solve_in_box(
    A: BlockMatrix | Float[jax.Array, "N J M"],
    b: Float[jax.Array, "N J"],
    *,
    low: Float[jax.Array, "N M"],
    high: Float[jax.Array, "N M"],
    regularisation: float,
    gap: float = _GAP,
) -> Float[jax.Array, "N M"]:
    """The minimiser of every problem, inside its box.

    A problem with NaN gives NaN and does not disturb the others.

    Args:
        A: matrices, one a problem; as blocks where many entries are zero in all of them.
        b: right-hand sides.
        low: lower bounds.
        high: upper bounds, not below `low`.
        regularisation: λ > 0.
        gap: duality gap to stop at, as a share of the cost; below 1e-4 only in float64.
    """
    matrix = A if isinstance(A, BlockMatrix) else one_block(A)
    width = jnp.maximum(high - low, _NARROWEST)

    def measured(point: _Point, steps: Int[jax.Array, ""]) -> _Iterate:
        a = low + point.above
        residual = matrix.times(a) - b
        cost = 0.5 * jnp.sum(residual**2, axis=1) + 0.5 * regularisation * jnp.sum(a**2, axis=1)
        return _Iterate(point, matrix.transposed(residual) + regularisation * a, cost, steps)

    def step(now: _Iterate) -> _Iterate:
        return measured(_improved(matrix, now, regularisation), now.steps + 1)

    def unfinished(now: _Iterate) -> Bool[jax.Array, ""]:
        # NaN compares false: a diverged world does not keep the others waiting.
        return jnp.any(now.point.gap > gap * now.cost) & (now.steps < _MOST_STEPS)

    middle = measured(_Point(width / 2, width / 2, width, width), jnp.zeros((), jnp.int32))
    balance = jnp.mean(jnp.abs(middle.slope) * width / 2, axis=1, keepdims=True)
    multiplier = (_FIRST_SHARE * balance + _TINY) / (width / 2)
    start = middle._replace(point=middle.point._replace(lower=multiplier, upper=multiplier))
    return jnp.clip(low + jax.lax.while_loop(unfinished, step, start).point.above, low, high)


def _improved(A: BlockMatrix, now: _Iterate, regularisation: float) -> _Point:
    """One predictor and corrector step."""
    p = now.point
    dual_residual = now.slope - p.lower + p.upper
    inverse = 1 / (regularisation + p.lower / p.above + p.upper / p.below)
    system = jnp.eye(A.rows, dtype=inverse.dtype) + A.weighted_square(inverse)
    factors: tuple[jax.Array, jax.Array] = lu_factor(system)  # pyright: ignore[reportUnknownVariableType]

    def direction(at_low: Float[jax.Array, "N M"], at_high: Float[jax.Array, "N M"]) -> _Point:
        """Newton direction towards given changes of the two products."""
        right = inverse * (at_low / p.above - at_high / p.below - dual_residual)
        column = A.times(right)[..., None]
        y: Float[jax.Array, "N J"] = lu_solve(factors, column)[..., 0]  # pyright: ignore[reportUnknownVariableType]
        change = right - inverse * A.transposed(y)  # pyright: ignore[reportUnknownArgumentType]
        return _Point(
            above=change,
            below=-change,
            lower=(at_low - p.lower * change) / p.above,
            upper=(at_high + p.upper * change) / p.below,
        )

    count = 2 * inverse.shape[1]
    product_low, product_high = p.above * p.lower, p.below * p.upper
    towards = direction(-product_low, -product_high)
    reached = _moved(p, towards, 1.0)
    mean, aim = p.gap / count, reached.gap / count
    centre = (mean * (aim / jnp.maximum(mean, _TINY)) ** 3)[:, None]
    corrected = direction(
        centre - product_low - towards.above * towards.lower,
        centre - product_high - towards.below * towards.upper,
    )
    return _moved(p, corrected, _NEARLY)


def _moved(p: _Point, d: _Point, share: float) -> _Point:
    """The point after the longest step that keeps everything positive, times `share`."""

    def longest(*pairs: tuple[Float[jax.Array, "N M"], Float[jax.Array, "N M"]]) -> jax.Array:
        ratios = [jnp.where(dx < 0, -x / jnp.minimum(dx, -_TINY), jnp.inf) for x, dx in pairs]
        nearest = jnp.min(jnp.stack([ratio.min(axis=1) for ratio in ratios]), axis=0)
        return jnp.minimum(1.0, share * nearest)[:, None]

    primal = longest((p.above, d.above), (p.below, d.below))
    dual = longest((p.lower, d.lower), (p.upper, d.upper))
    return _Point(
        above=p.above + primal * d.above,
        below=p.below + primal * d.below,
        lower=p.lower + dual * d.lower,
        upper=p.upper + dual * d.upper,
    )
