"""Counting the worlds whose physics failed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Int

from musclemimic_sim.types import State


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


def note(before: Health, bad: Bool[jax.Array, " N"], overflow: Int[jax.Array, " N"]) -> Health:
    """Count what is new in a simulator's flags, which stay up until a world restarts."""
    full = overflow != 0
    return Health(
        diverged=before.diverged + (bad & ~before.bad),
        overflowed=before.overflowed + (full & ~before.full),
        bad=bad,
        full=full,
    )


def restarted(health: Health, mask: Bool[jax.Array, " N"]) -> Health:
    """The flags of restarted worlds are down."""
    return health._replace(bad=health.bad & ~mask, full=health.full & ~mask)


def from_state(state: State) -> Health:
    """Back from the saved arrays."""
    return Health(*(jnp.array(state[name]) for name in Health._fields))
