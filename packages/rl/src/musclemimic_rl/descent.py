"""Gradient steps over the samples of a rollout; those that are not finite are left out."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, Key

from musclemimic_rl.loss import Batch, LossInfo, ppo_loss
from musclemimic_rl.networks import Actor, ActorCritic
from musclemimic_rl.parallel import split_batch
from musclemimic_rl.ppo import PPOConfig
from musclemimic_rl.trees import add, choose, scaled


class Descent(NamedTuple):
    """What gradient steps change, and how many of them were left out."""

    params: ActorCritic
    opt_state: optax.OptState
    skipped: Int[Array, ""]


def descend(
    config: PPOConfig,
    optimiser: optax.GradientTransformation,
    start: Descent,
    samples: Batch,
    *,
    rate: Float[Array, ""],
    actor_learns: Bool[Array, ""],
    key: Key[Array, ""],
    mesh: Mesh | None = None,
) -> tuple[Descent, tuple[LossInfo, Float[Array, "E M"]]]:
    """`epochs` passes over the samples, each in a new order, one gradient step a minibatch."""
    size = samples.log_prob.shape[0]

    def one_step(
        carry: Descent, rows: Int[Array, " B"]
    ) -> tuple[Descent, tuple[LossInfo, Float[Array, ""]]]:
        batch = split_batch(Batch(*(x[rows] for x in samples)), mesh)
        gradient = jax.value_and_grad(ppo_loss, has_aux=True)
        (loss, info), grads = gradient(carry.params, batch, config.loss)
        held = scaled(grads.actor, jnp.where(actor_learns, 1.0, 0.0))
        grads = eqx.tree_at(_actor, grads, held)
        norm = optax.tree.norm(grads)
        direction, opt_state = optimiser.update(grads, carry.opt_state, carry.params)  # pyright: ignore[reportArgumentType]
        params = add(carry.params, scaled(direction, rate))
        finite = jnp.isfinite(loss) & jnp.isfinite(norm)
        tried = Descent(params, opt_state, carry.skipped)
        skipped = carry._replace(skipped=carry.skipped + 1)
        return choose(finite, tried, skipped), (info, norm)

    def one_epoch(
        carry: Descent, epoch_key: Key[Array, ""]
    ) -> tuple[Descent, tuple[LossInfo, Float[Array, " M"]]]:
        order = jax.random.permutation(epoch_key, size)
        return jax.lax.scan(one_step, carry, order.reshape(-1, config.minibatch_size))

    return jax.lax.scan(one_epoch, start, jax.random.split(key, config.epochs))


def _actor(params: ActorCritic) -> Actor:
    return params.actor
