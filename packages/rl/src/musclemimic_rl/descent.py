"""Gradient steps over samples; those that are not finite are left out."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, Key

from musclemimic_rl.networks import Actor, ActorCritic
from musclemimic_rl.parallel import split_batch
from musclemimic_rl.trees import add, choose, scaled

Samples = TypeVar("Samples")
Info = TypeVar("Info")


class Descent(NamedTuple):
    """What gradient steps change, and how many of them were left out."""

    params: ActorCritic
    opt_state: optax.OptState
    skipped: Int[Array, ""]


def descend(
    loss: Callable[[ActorCritic, Samples], tuple[Float[Array, ""], Info]],
    optimiser: optax.GradientTransformation,
    start: Descent,
    samples: Samples,
    *,
    epochs: int,
    minibatch_size: int,
    rate: Float[Array, ""],
    actor_learns: Bool[Array, ""] | bool,
    key: Key[Array, ""],
    mesh: Mesh | None = None,
) -> tuple[Descent, tuple[Info, Float[Array, "E M"]]]:
    """`epochs` passes over the samples, each in a new order, one gradient step a minibatch.

    Args:
        loss: of the parameters on some of the samples, with whatever else it tells.
        optimiser: gradient to direction.
        start: where to begin.
        samples: arrays with one row a sample.
        epochs: passes.
        minibatch_size: a divisor of the number of samples.
        rate: by which directions are multiplied.
        actor_learns: whether the actor moves at all.
        key: of the orders.
        mesh: the devices that share the work; None for one.

    Returns:
        Where it ends; what the loss told at each step, and the gradient's norm.
    """
    (size,) = {len(leaf) for leaf in jax.tree.leaves(samples)}

    def one_step(
        carry: Descent, rows: Int[Array, " B"]
    ) -> tuple[Descent, tuple[Info, Float[Array, ""]]]:
        batch = split_batch(jax.tree.map(partial(_rows, rows=rows), samples), mesh)
        gradient = jax.value_and_grad(loss, has_aux=True)
        (value, info), grads = gradient(carry.params, batch)
        held = scaled(grads.actor, jnp.where(actor_learns, 1.0, 0.0))
        grads = eqx.tree_at(_actor, grads, held)
        norm = optax.tree.norm(grads)
        direction, opt_state = optimiser.update(grads, carry.opt_state, carry.params)  # pyright: ignore[reportArgumentType]
        params = add(carry.params, scaled(direction, rate))
        finite = jnp.isfinite(value) & jnp.isfinite(norm)
        tried = Descent(params, opt_state, carry.skipped)
        skipped = carry._replace(skipped=carry.skipped + 1)
        return choose(finite, tried, skipped), (info, norm)

    def one_epoch(
        carry: Descent, epoch_key: Key[Array, ""]
    ) -> tuple[Descent, tuple[Info, Float[Array, " M"]]]:
        order = jax.random.permutation(epoch_key, size)
        return jax.lax.scan(one_step, carry, order.reshape(-1, minibatch_size))

    return jax.lax.scan(one_epoch, start, jax.random.split(key, epochs))


def _rows(x: Float[Array, "S *D"], rows: Int[Array, " B"]) -> Float[Array, "B *D"]:
    return x[rows]


def _actor(params: ActorCritic) -> Actor:
    return params.actor
