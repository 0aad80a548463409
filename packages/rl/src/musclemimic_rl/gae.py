"""Generalised advantage estimation that tells failure from the end of a recording."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


class Advantages(NamedTuple):
    """What the policy and the value function learn from."""

    advantages: Float[Array, "T N"]
    returns: Float[Array, "T N"]


def successor_values(
    values: Float[Array, "T N"],
    last_value: Float[Array, " N"],
    final_values: Float[Array, "T N"],
    truncated: Bool[Array, "T N"],
) -> Float[Array, "T N"]:
    """The value of the state each step led to.

    Within an episode that is the next row. Where an episode was truncated the next row belongs
    to a fresh episode (of perhaps another clip), so the value of the final observation stands in.

    Args:
        values: V(obs[t]).
        last_value: V of the observation after the last step.
        final_values: V(final_obs[t]), read only where `truncated`.
        truncated: the episode ended at this step without failing.
    """
    following = jnp.concatenate([values[1:], last_value[None]])
    return jnp.where(truncated, final_values, following)


def gae(
    rewards: Float[Array, "T N"],
    values: Float[Array, "T N"],
    next_values: Float[Array, "T N"],
    terminated: Bool[Array, "T N"],
    truncated: Bool[Array, "T N"],
    *,
    gamma: float,
    lam: float,
) -> Advantages:
    """Generalised advantage estimation (Schulman et al. 2016, eq. 16), episode by episode.

    δ_t = r_t + γ V(s_{t+1}) − V(s_t), with V(s_{t+1}) = 0 where the episode terminated;
    A_t = δ_t + γλ A_{t+1}, with A_{t+1} = 0 where it ended for either reason.

    Args:
        rewards: reward of step t.
        values: V(s_t).
        next_values: V(s_{t+1}) of the true successor (see `successor_values`).
        terminated: the episode failed at step t; wins over `truncated`.
        truncated: the episode ended at step t for another reason.
        gamma: discount per step.
        lam: λ, 0 for one-step errors, 1 for whole returns.

    Returns:
        Advantages, and returns A_t + V(s_t) as targets of the value function.
    """
    ended = terminated | truncated
    # where, not a product: a diverged state may carry NaN, and NaN * 0 is NaN.
    deltas = rewards + gamma * jnp.where(terminated, 0.0, next_values) - values
    decay = jnp.where(ended, 0.0, gamma * lam)

    def backward(
        carry: Float[Array, " N"], step: tuple[Float[Array, " N"], Float[Array, " N"]]
    ) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
        delta, keep = step
        advantage = delta + keep * carry
        return advantage, advantage

    start = jnp.zeros_like(deltas[0])
    _, advantages = jax.lax.scan(backward, start, (deltas, decay), reverse=True)
    return Advantages(advantages, advantages + values)
