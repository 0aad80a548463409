"""The plain trunk, and dense layers as all networks start them."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

TRUNK_GAIN = math.sqrt(2.0)


class Trunk(eqx.Module):
    """Repeated Dense → LayerNorm → SiLU."""

    layers: tuple[eqx.nn.Linear, ...]
    norms: tuple[eqx.nn.LayerNorm, ...]

    def __init__(self, in_size: int, hidden: tuple[int, ...], *, key: Key[Array, ""]) -> None:
        sizes = (in_size, *hidden)
        keys = jax.random.split(key, len(hidden))
        self.layers = tuple(
            dense(sizes[i], sizes[i + 1], gain=TRUNK_GAIN, key=keys[i]) for i in range(len(hidden))
        )
        self.norms = tuple(eqx.nn.LayerNorm(width) for width in hidden)

    def __call__(self, x: Float[Array, " I"]) -> Float[Array, " H"]:
        """Features of one input vector."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = jax.nn.silu(norm(layer(x)))
        return x


def dense(in_size: int, out_size: int, *, gain: float, key: Key[Array, ""]) -> eqx.nn.Linear:
    """Dense layer with an orthogonal weight (Saxe et al. 2014) times `gain` and zero bias."""
    layer = eqx.nn.Linear(in_size, out_size, key=key)
    weight = jax.nn.initializers.orthogonal(gain)(key, (out_size, in_size), jnp.float32)
    return eqx.tree_at(_weight_and_bias, layer, (weight, jnp.zeros(out_size)))


def _weight_and_bias(layer: eqx.nn.Linear) -> tuple[object, object]:
    return layer.weight, layer.bias
