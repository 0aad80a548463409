"""A soft mixture of experts: every expert sees every input, a gate says how much each counts."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from musclemimic_rl.layers import TRUNK_GAIN, dense

# Nearly even shares at the start.
GATE_GAIN = 0.01
# Of the way from one expert in use to all; below it a mixture has collapsed.
LEAST_USED = 0.25


class SoftMixture(eqx.Module):
    """Σ_e p_e(x) · SiLU(LN(Dense_e(x))), p = softmax(gate(x)) (dense mixture, Jacobs et al. 1991).

    Attributes:
        gate: input to one logit an expert.
        layers: of the experts, stacked on a leading axis.
        norms: of the experts, stacked likewise.
    """

    gate: eqx.nn.Linear
    layers: eqx.nn.Linear
    norms: eqx.nn.LayerNorm

    def __init__(self, width: int, experts: int, *, key: Key[Array, ""]) -> None:
        gate_key, expert_key = jax.random.split(key)

        def one_layer(key: Key[Array, ""]) -> eqx.nn.Linear:
            return dense(width, width, gain=TRUNK_GAIN, key=key)

        keys = jax.random.split(expert_key, experts)
        self.gate = dense(width, experts, gain=GATE_GAIN, key=gate_key)
        self.layers = eqx.filter_vmap(one_layer)(keys)
        self.norms = eqx.filter_vmap(_norm_of(width))(jnp.arange(experts))

    def __call__(self, x: Float[Array, " H"]) -> tuple[Float[Array, " H"], Float[Array, " E"]]:
        """Features of one input vector, and the experts' shares in them (they sum to 1)."""
        shares = jax.nn.softmax(self.gate(x))
        each = eqx.filter_vmap(_expert, in_axes=(eqx.if_array(0), eqx.if_array(0), None))(
            self.layers, self.norms, x
        )
        return shares @ each, shares


def _norm_of(width: int) -> Callable[[Int[Array, ""]], eqx.nn.LayerNorm]:
    return lambda _index: eqx.nn.LayerNorm(width)


def _expert(
    layer: eqx.nn.Linear, norm: eqx.nn.LayerNorm, x: Float[Array, " H"]
) -> Float[Array, " H"]:
    return jax.nn.silu(norm(layer(x)))


def balance_loss(load: Float[Array, " E"]) -> Float[Array, ""]:
    """E Σ load² − 1: 0 where all experts carry the same, E − 1 where one carries everything.

    The importance loss of Shazeer et al. 2017 (eq. 7: squared coefficient of variation) for
    loads that sum to 1. Without experts 0.

    Args:
        load: mean share of each expert over a batch.
    """
    return jnp.sum(load.size * load**2) - (1.0 if load.size else 0.0)


def experts_used(load: Float[Array, " E"]) -> Float[Array, ""]:
    """Effective number of experts, exp of the load's entropy: between 1 and E."""
    return jnp.exp(-jnp.sum(load * jnp.log(jnp.maximum(load, 1e-12))))


def has_collapsed(load: Float[Array, " E"]) -> bool:
    """Whether few experts carry nearly everything: below 1.25 of 2, 2.75 of 8 in effect."""
    return load.size > 0 and float(experts_used(load)) < 1.0 + LEAST_USED * (load.size - 1)


def load_scalars(part: str, load: Float[Array, " E"]) -> dict[str, float]:
    """Share of each expert of the actor or the critic, and their effective number; for logs."""
    if not load.size:
        return {}
    shares = {f"experts/{part}_load_{e}": float(share) for e, share in enumerate(load)}
    return {f"experts/{part}_used": float(experts_used(load)), **shares}


def collapse_warnings(part: str, load: Float[Array, " E"]) -> list[str]:
    """What to tell when few experts of the actor or the critic carry nearly everything."""
    if not has_collapsed(load):
        return []
    shares = ", ".join(f"{100 * float(share):.0f} %" for share in load)
    return [f"the {part}'s experts have collapsed (shares {shares}): raise ppo.loss.balance_coef"]
