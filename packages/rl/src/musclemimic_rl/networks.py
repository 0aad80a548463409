"""Actor and critic: a trunk, perhaps a mixture of experts behind it, and a linear head."""

import math
from collections.abc import Mapping
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from musclemimic_rl.distribution import Gaussian
from musclemimic_rl.experts import SoftMixture
from musclemimic_rl.layers import Trunk, dense
from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.residual import ResidualTrunk

ACTOR_HEAD_GAIN = 0.01
CRITIC_HEAD_GAIN = 1.0


class Actor(eqx.Module):
    """Observation to action distribution."""

    trunk: Trunk | ResidualTrunk
    experts: SoftMixture | None
    head: eqx.nn.Linear
    log_std: Float[Array, " A"]

    def __init__(
        self, config: NetworkConfig, *, obs_size: int, action_size: int, key: Key[Array, ""]
    ) -> None:
        trunk_key, head_key = jax.random.split(key)
        self.trunk = _trunk(config, obs_size, key=trunk_key)
        self.experts = _experts(config, key=trunk_key)
        self.head = dense(config.hidden[-1], action_size, gain=ACTOR_HEAD_GAIN, key=head_key)
        self.log_std = jnp.full(action_size, math.log(config.initial_std), jnp.float32)

    def __call__(self, obs: Float[Array, "B O"]) -> Gaussian:
        """The action distribution for normalised observations."""
        return self.with_load(obs)[0]

    def with_load(self, obs: Float[Array, "B O"]) -> tuple[Gaussian, Float[Array, " E"]]:
        """The same, and the mean share of each expert (an empty array without experts)."""
        mean, load = _forward(self.trunk, self.experts, self.head, obs)
        return Gaussian(mean, self.log_std), load


class Critic(eqx.Module):
    """Observation to expected discounted (scaled) return."""

    trunk: Trunk | ResidualTrunk
    experts: SoftMixture | None
    head: eqx.nn.Linear

    def __init__(self, config: NetworkConfig, *, obs_size: int, key: Key[Array, ""]) -> None:
        trunk_key, head_key = jax.random.split(key)
        self.trunk = _trunk(config, obs_size, key=trunk_key)
        self.experts = _experts(config, key=trunk_key)
        self.head = dense(config.hidden[-1], 1, gain=CRITIC_HEAD_GAIN, key=head_key)

    def __call__(self, obs: Float[Array, "B O"]) -> Float[Array, " B"]:
        """The value of normalised observations."""
        return self.with_load(obs)[0]

    def with_load(self, obs: Float[Array, "B O"]) -> tuple[Float[Array, " B"], Float[Array, " E"]]:
        """The same, and the mean share of each expert (an empty array without experts)."""
        value, load = _forward(self.trunk, self.experts, self.head, obs)
        return value[:, 0], load


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
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(module, _is_array)))


def parameter_counts(
    config: NetworkConfig, *, obs_size: int, action_size: int
) -> Mapping[str, int]:
    """Trainable scalars of the actor and of the critic, without making them."""
    build = partial(ActorCritic, config, obs_size=obs_size, action_size=action_size)
    net: ActorCritic = eqx.filter_eval_shape(build, key=jax.random.key(0))  # pyright: ignore[reportUnknownVariableType]
    return {
        "actor": parameter_count(net.actor),  # pyright: ignore[reportUnknownArgumentType]
        "critic": parameter_count(net.critic),  # pyright: ignore[reportUnknownArgumentType]
    }


def _is_array(leaf: object) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)


def _trunk(config: NetworkConfig, in_size: int, *, key: Key[Array, ""]) -> Trunk | ResidualTrunk:
    kind = Trunk if config.kind == "plain" else ResidualTrunk
    return kind(in_size, config.hidden, key=key)


def _experts(config: NetworkConfig, *, key: Key[Array, ""]) -> SoftMixture | None:
    if not config.experts:
        return None
    return SoftMixture(config.hidden[-1], config.experts, key=jax.random.fold_in(key, 1))


def _forward(
    trunk: Trunk | ResidualTrunk,
    experts: SoftMixture | None,
    head: eqx.nn.Linear,
    obs: Float[Array, "B O"],
) -> tuple[Float[Array, "B D"], Float[Array, " E"]]:
    """The head's output for every row, and the experts' mean shares."""

    def one(x: Float[Array, " O"]) -> tuple[Float[Array, " D"], Float[Array, " E"]]:
        features, shares = trunk(x), jnp.zeros(0)
        if experts is not None:
            features, shares = experts(features)
        return head(features), shares

    output, shares = jax.vmap(one)(obs)
    return output, jnp.mean(shares, axis=0)
