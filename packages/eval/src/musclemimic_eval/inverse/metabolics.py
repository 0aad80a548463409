"""Metabolic power of muscles, after Bhargava, Pandy & Anderson 2004 (J Biomech 37:81).

docs/muscles.md has the formulas. Constants are those of the paper; the muscles' masses follow
from strength and fibre length.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MuscleTable
from musclemimic_models.curves import force_length, normalised_length

# W/kg, slow and fast fibres: activation heat and maintenance heat (Bhargava et al. 2004).
ACTIVATION_HEAT = (40.0, 133.0)
MAINTENANCE_HEAT = (74.0, 111.0)
# Shortening heat per force and speed: of the isometric force, of the present force; lengthening.
SHORTENING = (0.16, 0.18)
LENGTHENING = 0.157
# Maintenance heat over normalised fibre length: piecewise linear.
_LENGTHS, _FACTORS = (0.5, 1.0, 1.5), (0.5, 1.0, 0.0)
SPECIFIC_TENSION = 0.25e6  # N/m²
DENSITY = 1059.7  # kg/m³
# The model's optimal lengths span the whole operating range of muscle and stiff tendon, longer than
# fibres are: taken as fibres they make 69.7 kg of muscle in an 84.3 kg body. This factor makes it
# 38.4 % of the body, the mean of men (Janssen et al. 2000, J Appl Physiol 89:81).
FIBRE_SHARE = 0.464
# Basal power of the whole body, W per kg of body mass (Umberger, Gerritsen & Martin 2003).
BASAL = 1.2


@dataclass(frozen=True)
class MetabolicPower:
    """Where the energy of every muscle goes, W (T, nu).

    Attributes:
        activation: heat of activation. maintenance: of holding force.
        shortening: of moving (the absorbed work too, where it exceeds all heat).
        work: mechanical work of the contractile element, negative when stretched.
        basal: of the body at rest, W.
        body_mass: kg.
    """

    activation: Float[np.ndarray, "T nu"]
    maintenance: Float[np.ndarray, "T nu"]
    shortening: Float[np.ndarray, "T nu"]
    work: Float[np.ndarray, "T nu"]
    basal: float
    body_mass: float

    @property
    def per_muscle(self) -> Float[np.ndarray, "T nu"]:
        """All of it, W; never negative."""
        return self.activation + self.maintenance + self.shortening + self.work

    @property
    def total(self) -> Float[np.ndarray, " T"]:
        """Of the whole body, basal power included, W."""
        return self.per_muscle.sum(axis=1) + self.basal

    @property
    def mean_per_kg(self) -> float:
        """Mean over the motion, W/kg of body mass, basal power included."""
        return float(self.total.mean()) / self.body_mass


def muscle_mass(muscles: MuscleTable) -> Float[np.ndarray, " nu"]:
    """Strength / specific tension × fibre length × density, kg; see `FIBRE_SHARE`."""
    fibre = FIBRE_SHARE * muscles.optimal_length
    return muscles.max_isometric_force / SPECIFIC_TENSION * fibre * DENSITY


def slow_fibres(
    muscles: MuscleTable, given: Mapping[str, float] | None = None, *, otherwise: float = 0.5
) -> Float[np.ndarray, " nu"]:
    """Share of slow fibres of every muscle: as given by name, else one value for all.

    Raises:
        InputError: an unknown muscle or a share outside [0, 1].
    """
    given = given or {}
    unknown = sorted(set(given) - set(muscles.names))
    if unknown:
        raise InputError("slow fibres", "muscle", found=unknown[0], expected="a muscle's name")
    shares = np.array([given.get(name, otherwise) for name in muscles.names])
    if (shares < 0).any() or (shares > 1).any():
        raise InputError("slow fibres", "share", found=shares.min(), expected="0 to 1")
    return shares


def metabolic_power(
    muscles: MuscleTable,
    *,
    excitation: Float[np.ndarray, "T nu"],
    activation: Float[np.ndarray, "T nu"],
    length: Float[np.ndarray, "T nu"],
    velocity: Float[np.ndarray, "T nu"],
    active_force: Float[np.ndarray, "T nu"],
    body_mass: float,
    slow: Float[np.ndarray, " nu"] | None = None,
) -> MetabolicPower:
    """Metabolic power of muscles in known states.

    Args:
        muscles: of the model.
        excitation: in [0, 1].
        activation: in [0, 1].
        length: of muscle and tendon, m.
        velocity: m/s, negative when shortening. The model's tendons are stiff, so these changes
            are the fibres' own.
        active_force: pull of the contractile element, N, positive.
        body_mass: kg.
        slow: share of slow fibres; None for one half everywhere.
    """
    slow = slow_fibres(muscles) if slow is None else slow
    mass = muscle_mass(muscles)
    slow_on = slow * np.sin(np.pi / 2 * excitation)
    fast_on = (1 - slow) * (1 - np.cos(np.pi / 2 * excitation))
    fibre = normalised_length(muscles, length)
    heat_of_activation = mass * (ACTIVATION_HEAT[0] * slow_on + ACTIVATION_HEAT[1] * fast_on)
    held = MAINTENANCE_HEAT[0] * slow_on + MAINTENANCE_HEAT[1] * fast_on
    maintenance = mass * np.interp(fibre, _LENGTHS, _FACTORS) * held
    isometric = activation * muscles.max_isometric_force * force_length(muscles, fibre)
    alpha = np.where(
        velocity <= 0,
        SHORTENING[0] * isometric + SHORTENING[1] * active_force,
        LENGTHENING * active_force,
    )
    # Lengthening takes heat up, by the paper's sign; what that leaves below zero is heat, too.
    shortening = -alpha * velocity
    work = -active_force * velocity
    lacking = np.maximum(-(heat_of_activation + maintenance + shortening + work), 0)
    return MetabolicPower(
        activation=heat_of_activation,
        maintenance=maintenance,
        shortening=shortening + lacking,
        work=work,
        basal=BASAL * body_mass,
        body_mass=body_mass,
    )
