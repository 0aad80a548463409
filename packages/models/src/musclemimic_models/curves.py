"""Force–length, force–velocity and activation curves of the muscles, in NumPy.

Formulas: MuJoCo documentation, "Muscle actuators", after Millard et al. 2013 (J Biomech Eng
135:021005). `validation` holds them against MuJoCo's own functions for every muscle.
"""

import numpy as np
from jaxtyping import Float

from musclemimic_models.muscles import MuscleTable


def normalised_length(
    muscles: MuscleTable, length: Float[np.ndarray, "*b M"]
) -> Float[np.ndarray, "*b M"]:
    """Fibre length in optimal lengths, for muscle-tendon lengths in m."""
    return muscles.normalised_range[:, 0] + (
        (length - muscles.length_range[:, 0]) / muscles.optimal_length
    )


def force_length(
    muscles: MuscleTable, normalised: Float[np.ndarray, "*b M"]
) -> Float[np.ndarray, "*b M"]:
    """Active force at rest, in isometric strengths: four parabolas with their top at 1."""
    shortest, longest = muscles.active_bounds[:, 0], muscles.active_bounds[:, 1]
    rising = (normalised - shortest) / (0.5 * (1 - shortest))
    falling = (longest - normalised) / (0.5 * (longest - 1))
    x = np.maximum(np.where(normalised <= 1, rising, falling), 0)
    return np.where(x <= 1, 0.5 * x**2, 1 - 0.5 * (2 - x) ** 2)


def force_velocity(
    muscles: MuscleTable, velocity: Float[np.ndarray, "*b M"]
) -> Float[np.ndarray, "*b M"]:
    """Factor on the active force at a muscle-tendon velocity, m/s (negative: shortening)."""
    v = velocity / muscles.max_velocity
    y = muscles.eccentric_force - 1
    lengthening = muscles.eccentric_force - np.maximum(y - v, 0) ** 2 / y
    return np.where(v <= 0, np.maximum(v + 1, 0) ** 2, lengthening)


def active_force(
    muscles: MuscleTable, length: Float[np.ndarray, "*b M"], velocity: Float[np.ndarray, "*b M"]
) -> Float[np.ndarray, "*b M"]:
    """Pull of the fully active muscle without its passive part, N (positive)."""
    along = force_length(muscles, normalised_length(muscles, length))
    return muscles.max_isometric_force * along * force_velocity(muscles, velocity)


def passive_force(
    muscles: MuscleTable, length: Float[np.ndarray, "*b M"]
) -> Float[np.ndarray, "*b M"]:
    """Pull of the stretched, inactive muscle, N (positive)."""
    half = 0.5 * (muscles.active_bounds[:, 1] - 1)
    x = np.maximum((normalised_length(muscles, length) - 1) / half, 0)
    curve = np.where(x <= 1, 0.5 * x**2, x - 0.5)
    return muscles.max_isometric_force * muscles.passive_force * curve


def activation_rate(
    muscles: MuscleTable,
    activation: Float[np.ndarray, "*b M"],
    excitation: Float[np.ndarray, "*b M"],
) -> Float[np.ndarray, "*b M"]:
    """Change of activation per second, for activations and excitations in [0, 1]."""
    scale = 0.5 + 1.5 * activation
    tau = np.where(
        excitation > activation,
        muscles.activation_time * scale,
        muscles.deactivation_time / scale,
    )
    return (excitation - activation) / tau
