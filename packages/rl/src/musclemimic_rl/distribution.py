"""The policy's action distribution: a diagonal Gaussian."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

_LOG_2PI = math.log(2.0 * math.pi)


class Gaussian(NamedTuple):
    """N(mean, diag(exp(2 log_std))) over unbounded actions; the environment clips what it acts on.

    Attributes:
        mean: one row per observation.
        log_std: natural logarithm of the standard deviation, the same for every observation.
    """

    mean: Float[Array, "B A"]
    log_std: Float[Array, " A"]

    def sample(self, key: Key[Array, ""]) -> Float[Array, "B A"]:
        """One action per row, by reparameterisation: mean + std * noise."""
        noise = jax.random.normal(key, self.mean.shape, self.mean.dtype)
        return self.mean + jnp.exp(self.log_std) * noise

    def log_prob(self, action: Float[Array, "B A"]) -> Float[Array, " B"]:
        """Log-density of each row, summed over the action's components."""
        z = (action - self.mean) * jnp.exp(-self.log_std)
        return -0.5 * jnp.sum(z**2 + 2.0 * self.log_std + _LOG_2PI, axis=-1)

    def entropy(self) -> Float[Array, ""]:
        """Differential entropy in nats, the same for every row."""
        return jnp.sum(self.log_std + 0.5 * (1.0 + _LOG_2PI))
