"""Running statistics of observations and returns, as explicit state that is saved and restored."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

OBS_CLIP = 10.0
_EPSILON = 1e-8


class Moments(NamedTuple):
    """Mean and variance of all samples seen so far.

    Attributes:
        total: number of samples.
        mean: per component.
        var: population variance per component; 1 before the first sample, so that
            normalisation starts as the identity.
    """

    total: Float[Array, ""]
    mean: Float[Array, "*S"]
    var: Float[Array, "*S"]


def empty_moments(shape: tuple[int, ...]) -> Moments:
    """Statistics before the first sample."""
    return Moments(jnp.zeros(()), jnp.zeros(shape), jnp.ones(shape))


def merge_moments(moments: Moments, batch: Float[Array, "B *S"]) -> Moments:
    """Add a batch (Chan, Golub & LeVeque 1983, eq. 2.1: parallel merge of two sample sets)."""
    size = batch.shape[0]
    total = moments.total + size
    mean = jnp.mean(batch, axis=0)
    shift = mean - moments.mean
    share = size / total
    var = (
        (1.0 - share) * moments.var
        + share * jnp.var(batch, axis=0)
        + share * (1.0 - share) * shift**2
    )
    return Moments(total, moments.mean + share * shift, var)


def normalise(moments: Moments, x: Float[Array, "*B O"]) -> Float[Array, "*B O"]:
    """Standardise observations and clip them to ±10 standard deviations."""
    z = (x - moments.mean) / jnp.sqrt(moments.var + _EPSILON)
    return jnp.clip(z, -OBS_CLIP, OBS_CLIP)


class ReturnScale(NamedTuple):
    """Running spread of the discounted return, by which rewards are divided.

    Attributes:
        running: discounted sum of the rewards so far in each environment's present episode.
        moments: of those sums, over all steps and environments.
    """

    running: Float[Array, " N"]
    moments: Moments


def empty_return_scale(num_envs: int) -> ReturnScale:
    """Statistics before the first reward."""
    return ReturnScale(jnp.zeros(num_envs), empty_moments(()))


def scale_rewards(
    scale: ReturnScale,
    rewards: Float[Array, "T N"],
    ended: Bool[Array, "T N"],
    *,
    gamma: float,
) -> tuple[ReturnScale, Float[Array, "T N"]]:
    """Update the statistics with one rollout, then divide its rewards by the return's std.

    R_t = γ R_{t−1} + r_t within an episode (Engstrom et al. 2020, "reward scaling"); rewards are
    not centred, which would change what is optimal.
    """

    def forward(
        running: Float[Array, " N"], step: tuple[Float[Array, " N"], Bool[Array, " N"]]
    ) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
        reward, end = step
        running = gamma * running + reward
        return jnp.where(end, 0.0, running), running

    running, sums = jax.lax.scan(forward, scale.running, (rewards, ended))
    moments = merge_moments(scale.moments, sums.reshape(-1))
    return ReturnScale(running, moments), rewards / jnp.sqrt(moments.var + _EPSILON)
