"""The learner's state: everything that an update changes."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.networks import ActorCritic
from musclemimic_rl.normalise import Moments, ReturnScale, empty_moments, empty_return_scale
from musclemimic_rl.optim import OptimConfig, make_optimiser


class LearnerState(NamedTuple):
    """Everything that learning changes. An update consumes (donates) the state it is given.

    Attributes:
        params: actor and critic.
        opt_state: of the optimiser.
        obs_moments: observation statistics; constant within a rollout and its update.
        return_scale: reward scaling statistics.
        lr_scale: factor on the learning rate, moved by the KL rule.
        key: source of all randomness of the learner.
        updates: updates done.
        skipped: gradient steps left out so far because loss or gradient was not finite.
    """

    params: ActorCritic
    opt_state: optax.OptState
    obs_moments: Moments
    return_scale: ReturnScale
    lr_scale: Float[Array, ""]
    key: Key[Array, ""]
    updates: Int[Array, ""]
    skipped: Int[Array, ""]


# Jitted as a whole: one compilation, and Linear's own initial weights are never computed.
_build = eqx.filter_jit(ActorCritic)


def init_learner(
    network: NetworkConfig,
    optim: OptimConfig,
    *,
    obs_size: int,
    action_size: int,
    num_envs: int,
    seed: int,
) -> LearnerState:
    """The state before the first update."""
    key, network_key = jax.random.split(jax.random.key(seed))
    params = _build(network, obs_size=obs_size, action_size=action_size, key=network_key)
    return LearnerState(
        params=params,
        opt_state=make_optimiser(optim).init(params),  # pyright: ignore[reportArgumentType]
        obs_moments=empty_moments((obs_size,)),
        return_scale=empty_return_scale(num_envs),
        lr_scale=jnp.ones(()),
        key=key,
        updates=jnp.zeros((), jnp.int32),
        skipped=jnp.zeros((), jnp.int32),
    )


class UpdateKeys(NamedTuple):
    """The randomness of one iteration."""

    next: Key[Array, ""]
    rollout: Key[Array, ""]
    shuffle: Key[Array, ""]


def update_keys(key: Key[Array, ""]) -> UpdateKeys:
    """Split the learner's key into those of the present rollout and update, and the next."""
    following, rollout, shuffle = jax.random.split(key, 3)
    return UpdateKeys(following, rollout, shuffle)
