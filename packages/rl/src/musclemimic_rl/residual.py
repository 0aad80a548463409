"""The gated residual trunk: deep networks that start out close to shallow ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from musclemimic_rl.layers import TRUNK_GAIN, dense

# σ(−2) = 0.12: a block starts as little more than its skip path.
GATE_START = -2.0


class ResidualBlock(eqx.Module):
    """SiLU(skip(x) + σ(g) · LN(Dense(SiLU(LN(Dense(x)))))).

    The skip path is the identity, or a dense layer where the width changes (He et al. 2016,
    eq. 2); g is one learnt number.
    """

    layers: tuple[eqx.nn.Linear, eqx.nn.Linear]
    norms: tuple[eqx.nn.LayerNorm, eqx.nn.LayerNorm]
    gate: Float[Array, ""]
    skip: eqx.nn.Linear | None

    def __init__(self, in_size: int, out_size: int, *, key: Key[Array, ""]) -> None:
        first, second, across = jax.random.split(key, 3)
        self.layers = (
            dense(in_size, out_size, gain=TRUNK_GAIN, key=first),
            dense(out_size, out_size, gain=TRUNK_GAIN, key=second),
        )
        self.norms = (eqx.nn.LayerNorm(out_size), eqx.nn.LayerNorm(out_size))
        self.gate = jnp.full((), GATE_START)
        self.skip = (
            None if in_size == out_size else dense(in_size, out_size, gain=TRUNK_GAIN, key=across)
        )

    def __call__(self, x: Float[Array, " I"]) -> Float[Array, " H"]:
        """Features of one input vector."""
        inner = jax.nn.silu(self.norms[0](self.layers[0](x)))
        inner = self.norms[1](self.layers[1](inner))
        passed = x if self.skip is None else self.skip(x)
        return jax.nn.silu(passed + jax.nn.sigmoid(self.gate) * inner)


class ResidualTrunk(eqx.Module):
    """Residual blocks one behind the other."""

    blocks: tuple[ResidualBlock, ...]

    def __init__(self, in_size: int, hidden: tuple[int, ...], *, key: Key[Array, ""]) -> None:
        sizes = (in_size, *hidden)
        keys = jax.random.split(key, len(hidden))
        self.blocks = tuple(
            ResidualBlock(sizes[i], sizes[i + 1], key=keys[i]) for i in range(len(hidden))
        )

    def __call__(self, x: Float[Array, " I"]) -> Float[Array, " H"]:
        """Features of one input vector."""
        for block in self.blocks:
            x = block(x)
        return x
