"""The whole-body gains as a vector for a search: which, how far apart, within what bounds."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from musclemimic_sim import WholeBodyConfig, WholeBodyGains

# A change of a gain that matters about as much as a change of another by its own, and its least
# value.
_SCALES: dict[str, tuple[float, float]] = {
    "root_horizontal": (15.0, 2.0),
    "root_vertical": (30.0, 5.0),
    "root_rotation": (60.0, 5.0),
    "joint": (50.0, 20.0),
    "root_damping": (0.3, 0.3),
    "joint_damping": (0.3, 0.3),
    "root_weight": (2.0, 0.2),
    "step_velocity": (0.12, 0.0),
    "step_position": (0.15, 0.0),
    "side_velocity": (0.12, 0.0),
    "side_position": (0.15, 0.0),
    "step_pitch": (0.15, -np.inf),
    "step_yaw": (0.15, -np.inf),
    "step_roll": (0.15, -np.inf),
    "lift": (0.12, 0.0),
    "apart": (0.02, -np.inf),
}
NAMES = tuple(_SCALES)
_SCALE = np.array([scale for scale, _ in _SCALES.values()])
_LEAST = np.array([least for _, least in _SCALES.values()])


def gain_values(
    start: WholeBodyConfig, points: Float[np.ndarray, "P G"]
) -> Float[np.ndarray, "P G"]:
    """WholeBodyGains of points of the search space, whose origin is `start`."""
    origin = np.array([getattr(start, name) for name in NAMES])
    return np.maximum(origin + _SCALE * points, _LEAST)


def gains_of_worlds(values: Float[np.ndarray, "N G"]) -> WholeBodyGains:
    """One row of gains for each world."""
    columns = jnp.asarray(values.T, jnp.float32)
    return WholeBodyGains(**dict(zip(NAMES, columns, strict=True)))


def config_with(start: WholeBodyConfig, values: Float[np.ndarray, " G"]) -> WholeBodyConfig:
    """The settings with these gains."""
    return dataclasses.replace(start, **dict(zip(NAMES, values.tolist(), strict=True)))
