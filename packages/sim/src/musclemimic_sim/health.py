"""Counting the worlds whose physics failed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from musclemimic_sim.types import Array


class Health(NamedTuple):
    """What went wrong so far, world by world.

    Attributes:
        diverged: how often a world left the finite numbers.
        overflowed: how often physics ran out of room for contacts or constraints and dropped some.
        bad, full: whether that is so now, and the world not yet restarted.
    """

    diverged: Int[jax.Array, " N"]
    overflowed: Int[jax.Array, " N"]
    bad: Bool[jax.Array, " N"]
    full: Bool[jax.Array, " N"]


def healthy(worlds: int) -> Health:
    """Nothing went wrong yet."""
    zero, no = jnp.zeros(worlds, dtype=jnp.int32), jnp.zeros(worlds, dtype=bool)
    return Health(zero, zero, no, no)


def note(
    before: Health, bad: Bool[Array, " N"], overflow: Int[Array, " N"]
) -> tuple[Health, dict[str, Float[jax.Array, " N"]]]:
    """Count what is new in a simulator's flags, which stay up until a world restarts.

    Returns:
        The new counts; and as terms of the step, 1 where a world has just failed.
    """
    bad, full = jnp.asarray(bad), jnp.asarray(overflow) != 0
    diverged, overflowed = bad & ~before.bad, full & ~before.full
    after = Health(before.diverged + diverged, before.overflowed + overflowed, bad, full)
    terms = {"health/diverged": diverged, "health/overflow": overflowed}
    return after, {name: value.astype(jnp.float32) for name, value in terms.items()}


def restarted(health: Health, mask: Bool[jax.Array, " N"]) -> Health:
    """The flags of restarted worlds are down."""
    return health._replace(bad=health.bad & ~mask, full=health.full & ~mask)
