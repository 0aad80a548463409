"""Gauss's principle of least constraint as rows of a least-squares problem.

Of all accelerations that forces in reach can bring about, a mechanical system under constraints
takes the one nearest to the free one in the metric of its mass matrix (Gauss 1829; Udwadia and
Kalaba 1992, Proc R Soc A 439:407). Here the wanted acceleration stands for the free one.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int


def gauss_rows(
    mass: Float[jax.Array, "N F F"],
    weight: Float[jax.Array, "#N F"],
    columns: Float[jax.Array, "N F C"],
    wanted: Float[jax.Array, "N F"],
    rest: Float[jax.Array, "N F"],
) -> tuple[Float[jax.Array, "N F C"], Float[jax.Array, "N F"]]:
    """A and b with A x − b = R (M⁻¹ (columns x − rest) − u̇*), Rᵀ R = M + diag(weight).

    Args:
        mass: M, kg, kg m, kg m².
        weight: added to M's diagonal as the metric.
        columns: generalised force of each unknown at 1.
        wanted: u̇*, m/s² and rad/s².
        rest: generalised forces that act against the unknowns' (gravity, passive muscles).
    """
    metric = mass + weight[..., None] * jnp.eye(mass.shape[-1])
    root = jnp.swapaxes(_cholesky(metric), 1, 2)
    lower = _inverse_factor(mass)
    shaper = root @ jnp.swapaxes(lower, 1, 2) @ lower
    target = root @ wanted[..., None] + shaper @ rest[..., None]
    return shaper @ columns, target[..., 0]


def _cholesky(matrix: Float[jax.Array, "N F F"]) -> Float[jax.Array, "N F F"]:
    """L with L Lᵀ = matrix."""
    # jax leaves its result unannotated.
    return jnp.linalg.cholesky(matrix)  # pyright: ignore[reportUnknownVariableType]


def _inverse_factor(matrix: Float[jax.Array, "N F F"]) -> Float[jax.Array, "N F F"]:
    """L⁻¹ with L Lᵀ = matrix, by forward substitution for all worlds at once.

    XLA's own triangular solve takes a hundred times as long on a CPU for this many small matrices.
    """
    factor = _cholesky(matrix)
    eye = jnp.eye(matrix.shape[-1])

    def row(k: Int[jax.Array, ""], done: Float[jax.Array, "N F F"]) -> Float[jax.Array, "N F F"]:
        rest = eye[k] - jnp.einsum("nj,njm->nm", factor[:, k], done)
        return done.at[:, k].set(rest / factor[:, k, k][:, None])

    start = jnp.zeros(matrix.shape, matrix.dtype)
    return jax.lax.fori_loop(0, len(eye), row, start)  # pyright: ignore[reportUnknownVariableType]
