"""Actor and critic networks: Dense → LayerNorm → SiLU trunks with linear heads."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from musclemimic_sim import InputError

from musclemimic_rl.distribution import Gaussian

TRUNK_GAIN = math.sqrt(2.0)
ACTOR_HEAD_GAIN = 0.01
CRITIC_HEAD_GAIN = 1.0


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the actor and of the critic, which share no weights.

    Attributes:
        hidden: widths of the trunk's layers.
        initial_std: standard deviation of the first policy's actions. Excitations live in
            [0, 1]: 0.3 explores most of that range without saturating at both ends.
    """

    hidden: tuple[int, ...] = (512, 512, 512)
    initial_std: float = 0.3

    def __post_init__(self) -> None:
        """Refuse shapes no network can have.

        Raises:
            InputError: naming the field.
        """
        if not self.hidden or min(self.hidden) < 1:
            raise InputError(
                "NetworkConfig", "hidden", found=self.hidden, expected="one or more widths >= 1"
            )
        if not 0.0 < self.initial_std < math.inf:
            raise InputError(
                "NetworkConfig", "initial_std", found=self.initial_std, expected="a number > 0"
            )


NETWORKS: Mapping[str, NetworkConfig] = MappingProxyType(
    {
        "cpu": NetworkConfig(hidden=(512, 512, 512)),
        "base": NetworkConfig(hidden=(1024, 1024, 1024, 1024)),
    }
)


class Trunk(eqx.Module):
    """Repeated Dense → LayerNorm → SiLU."""

    layers: tuple[eqx.nn.Linear, ...]
    norms: tuple[eqx.nn.LayerNorm, ...]

    def __init__(self, in_size: int, hidden: tuple[int, ...], *, key: Key[Array, ""]) -> None:
        sizes = (in_size, *hidden)
        keys = jax.random.split(key, len(hidden))
        self.layers = tuple(
            _linear(sizes[i], sizes[i + 1], gain=TRUNK_GAIN, key=keys[i])
            for i in range(len(hidden))
        )
        self.norms = tuple(eqx.nn.LayerNorm(width) for width in hidden)

    def __call__(self, x: Float[Array, " I"]) -> Float[Array, " H"]:
        """Features of one input vector."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = jax.nn.silu(norm(layer(x)))
        return x


class Actor(eqx.Module):
    """Observation to action distribution."""

    trunk: Trunk
    head: eqx.nn.Linear
    log_std: Float[Array, " A"]

    def __init__(
        self, config: NetworkConfig, *, obs_size: int, action_size: int, key: Key[Array, ""]
    ) -> None:
        trunk_key, head_key = jax.random.split(key)
        width = (obs_size, *config.hidden)[-1]
        self.trunk = Trunk(obs_size, config.hidden, key=trunk_key)
        self.head = _linear(width, action_size, gain=ACTOR_HEAD_GAIN, key=head_key)
        self.log_std = jnp.full(action_size, math.log(config.initial_std), jnp.float32)

    def __call__(self, obs: Float[Array, "B O"]) -> Gaussian:
        """The action distribution for normalised observations."""
        return Gaussian(jax.vmap(self._mean)(obs), self.log_std)

    def _mean(self, obs: Float[Array, " O"]) -> Float[Array, " A"]:
        return self.head(self.trunk(obs))


class Critic(eqx.Module):
    """Observation to expected discounted (scaled) return."""

    trunk: Trunk
    head: eqx.nn.Linear

    def __init__(self, config: NetworkConfig, *, obs_size: int, key: Key[Array, ""]) -> None:
        trunk_key, head_key = jax.random.split(key)
        width = (obs_size, *config.hidden)[-1]
        self.trunk = Trunk(obs_size, config.hidden, key=trunk_key)
        self.head = _linear(width, 1, gain=CRITIC_HEAD_GAIN, key=head_key)

    def __call__(self, obs: Float[Array, "B O"]) -> Float[Array, " B"]:
        """The value of normalised observations."""
        return jax.vmap(self._value)(obs)

    def _value(self, obs: Float[Array, " O"]) -> Float[Array, ""]:
        return self.head(self.trunk(obs))[0]


class ActorCritic(eqx.Module):
    """Everything that gradient descent changes."""

    actor: Actor
    critic: Critic

    def __init__(
        self, config: NetworkConfig, *, obs_size: int, action_size: int, key: Key[Array, ""]
    ) -> None:
        actor_key, critic_key = jax.random.split(key)
        self.actor = Actor(config, obs_size=obs_size, action_size=action_size, key=actor_key)
        self.critic = Critic(config, obs_size=obs_size, key=critic_key)


def parameter_count(module: eqx.Module) -> int:
    """Number of trainable scalars."""
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(module, eqx.is_array)))


def _linear(in_size: int, out_size: int, *, gain: float, key: Key[Array, ""]) -> eqx.nn.Linear:
    """Dense layer with an orthogonal weight (Saxe et al. 2014) times `gain` and zero bias."""
    layer = eqx.nn.Linear(in_size, out_size, key=key)
    weight = jax.nn.initializers.orthogonal(gain)(key, (out_size, in_size), jnp.float32)
    return eqx.tree_at(_weight_and_bias, layer, (weight, jnp.zeros(out_size)))


def _weight_and_bias(layer: eqx.nn.Linear) -> tuple[object, object]:
    return layer.weight, layer.bias
