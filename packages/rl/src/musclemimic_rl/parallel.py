"""Data parallelism: every device holds the whole learner and its share of the environments.

Arrays that know where they live (jax.sharding) make the compiled update insert the sums over
devices by itself; nothing in the algorithm changes, only the order of its sums.
"""

from typing import TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float
from musclemimic_sim import InputError

from musclemimic_rl.learner import LearnerState
from musclemimic_rl.samples import Rollout

_AXIS = "worlds"
_Tree = TypeVar("_Tree")


def device_mesh(count: int) -> Mesh | None:
    """The first `count` devices; None for one, which needs no bookkeeping.

    Raises:
        InputError: there are not so many devices.
    """
    there = jax.device_count()
    if not 1 <= count <= there:
        raise InputError("TrainConfig", "devices", found=count, expected=f"1 to {there}")
    if count == 1:
        return None
    return Mesh(np.array(jax.devices()[:count]), (_AXIS,))  # pyright: ignore[reportUnknownArgumentType]


def replicated(mesh: Mesh) -> NamedSharding:
    """The whole array on every device."""
    return NamedSharding(mesh, PartitionSpec())


def by_row(mesh: Mesh) -> NamedSharding:
    """The leading axis split over the devices."""
    return NamedSharding(mesh, PartitionSpec(_AXIS))


def replicate(state: LearnerState, mesh: Mesh | None) -> LearnerState:
    """The learner on every device."""
    return state if mesh is None else jax.device_put(state, replicated(mesh))


def spread(rows: Float[Array, "N *S"], mesh: Mesh | None) -> Float[Array, "N *S"]:
    """Rows of environments, dealt out to the devices."""
    return rows if mesh is None else jax.device_put(rows, by_row(mesh))


def gather(rows: Float[Array, "N *S"], mesh: Mesh | None) -> Float[Array, "N *S"]:
    """Rows of all environments on the first device, where the environment works."""
    return rows if mesh is None else jax.device_put(rows, mesh.devices.flat[0])


def spread_rollout(rollout: Rollout, mesh: Mesh | None) -> Rollout:
    """A rollout with its environments dealt out to the devices."""
    if mesh is None:
        return rollout
    columns = NamedSharding(mesh, PartitionSpec(None, _AXIS))
    shardings = Rollout(*[columns] * len(Rollout._fields))._replace(last_obs=by_row(mesh))  # pyright: ignore[reportArgumentType]
    return jax.device_put(rollout, shardings)


def split_batch(batch: _Tree, mesh: Mesh | None) -> _Tree:
    """Inside compiled code: keep a minibatch's rows dealt out."""
    return batch if mesh is None else jax.lax.with_sharding_constraint(batch, by_row(mesh))
