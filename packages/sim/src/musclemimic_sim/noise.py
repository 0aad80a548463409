"""Sensor noise: independent Gaussian errors on what the observation measures."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError


@dataclass(frozen=True)
class SensorNoise:
    """Standard deviation of the error on every number of a field, in the field's unit.

    The fields are those of the observation (`musclemimic sim describe` prints their units); what
    the controller knows without measuring (reference, phase, its own action) has none.
    """

    root_height: float = 0.0
    root_up: float = 0.0
    root_linear_velocity: float = 0.0
    root_angular_velocity: float = 0.0
    joint_position: float = 0.0
    joint_velocity: float = 0.0
    muscle_length: float = 0.0
    muscle_velocity: float = 0.0
    muscle_force: float = 0.0
    activation: float = 0.0
    touch: float = 0.0
    site_state: float = 0.0
    goal_root: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no standard deviation.

        Raises:
            InputError: naming the field.
        """
        for name, value in dataclasses.asdict(self).items():
            if not 0 <= value < float("inf"):
                raise InputError("sensor_noise", name, found=value, expected=">= 0")

    @property
    def silent(self) -> bool:
        """Whether there is no noise at all."""
        return not any(dataclasses.asdict(self).values())


def noise_deviation(
    config: SensorNoise, widths: Mapping[str, int], source: str
) -> Float[np.ndarray, " O"]:
    """Standard deviation for every number of the observation.

    Args:
        config: the noise.
        widths: size of each observation field, in order.
        source: named in errors.

    Raises:
        InputError: noise on a field that this body's observation does not have.
    """
    deviations = dataclasses.asdict(config)
    for name, value in deviations.items():
        if value and name not in widths:
            raise InputError(
                source,
                f"sensor_noise.{name}",
                found=value,
                expected="0, or one of the fields " + ", ".join(widths),
            )
    parts = [np.full(width, deviations.get(name, 0.0)) for name, width in widths.items()]
    return np.concatenate(parts).astype(np.float32)
