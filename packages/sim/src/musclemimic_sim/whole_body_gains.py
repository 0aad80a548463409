"""Gains of the whole-body coordination: how the body is brought back to its reference."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from musclemimic_sim.whole_body_config import WholeBodyConfig

Value = Float[jax.Array, " N"] | Float[jax.Array, ""] | float


class WholeBodyGains(NamedTuple):
    """How the wanted acceleration follows the reference; see `WholeBodyConfig` for each.

    Numbers, or one for each world, so that many settings can be tried side by side.
    """

    root_horizontal: Value
    root_vertical: Value
    root_rotation: Value
    joint: Value
    root_damping: Value
    joint_damping: Value
    root_weight: Value
    step_velocity: Value
    step_position: Value
    side_velocity: Value
    side_position: Value
    step_pitch: Value
    step_yaw: Value
    step_roll: Value
    lift: Value
    apart: Value


def gains_of(config: WholeBodyConfig) -> WholeBodyGains:
    """The same gains in all worlds."""
    values: dict[str, float] = {name: getattr(config, name) for name in WholeBodyGains._fields}
    return WholeBodyGains(**values)


def column(value: Value) -> Float[jax.Array, "#N 1"]:
    """A gain as a column, one row for each world or one for all."""
    return jnp.reshape(jnp.asarray(value, dtype=jnp.float32), (-1, 1))
