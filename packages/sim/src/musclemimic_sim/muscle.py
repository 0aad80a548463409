"""Muscle force and activation in JAX, equal to MuJoCo's, for a whole batch at once.

Formulas: MuJoCo documentation, "Muscle actuators" (after Millard et al. 2013, J Biomech Eng
135:021005), and its functions mju_muscleGain, mju_muscleBias, mju_muscleDynamics.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float
from musclemimic_models import MusculoModel

# The smallest activation span or time used as a divisor.
_TINY = 1e-6


class MuscleParameters(NamedTuple):
    """One value a muscle; lengths in units of the optimal length unless said otherwise.

    Attributes:
        low, unit: m; normalised length is `first` + (length − low) / unit.
        first: normalised length at `low`.
        shortest, longest: bounds of active force. v_max: optimal lengths per s.
        passive, eccentric: passive force at `longest`, largest eccentric force; of strength.
        strength: N. tau_act, tau_deact: s.
    """

    low: Float[jax.Array, " nu"]
    unit: Float[jax.Array, " nu"]
    first: Float[jax.Array, " nu"]
    shortest: Float[jax.Array, " nu"]
    longest: Float[jax.Array, " nu"]
    v_max: Float[jax.Array, " nu"]
    passive: Float[jax.Array, " nu"]
    eccentric: Float[jax.Array, " nu"]
    strength: Float[jax.Array, " nu"]
    tau_act: Float[jax.Array, " nu"]
    tau_deact: Float[jax.Array, " nu"]


def muscle_parameters(model: MusculoModel) -> MuscleParameters:
    """Read the parameters from the model."""
    muscles = model.muscles
    columns = (
        muscles.length_range[:, 0],
        muscles.optimal_length,
        muscles.normalised_range[:, 0],
        *muscles.active_bounds.T,
        muscles.max_velocity / muscles.optimal_length,
        muscles.passive_force,
        muscles.eccentric_force,
        muscles.max_isometric_force,
        muscles.activation_time,
        muscles.deactivation_time,
    )
    return MuscleParameters(*(jnp.array(column) for column in columns))


def gain(
    p: MuscleParameters, length: Float[jax.Array, "*b nu"], velocity: Float[jax.Array, "*b nu"]
) -> Float[jax.Array, "*b nu"]:
    """Force per unit of activation, N (negative: pulling), at a length, m, and speed, m/s."""
    L = p.first + (length - p.low) / p.unit
    V = velocity / (p.unit * p.v_max)
    return -p.strength * _force_length(p, L) * _force_velocity(p, V)


def gain_slope(
    p: MuscleParameters, length: Float[jax.Array, "*b nu"], velocity: Float[jax.Array, "*b nu"]
) -> Float[jax.Array, "*b nu"]:
    """Rate of change of `gain` with speed, N s/m (negative: a muscle resists being stretched)."""

    def at(speed: Float[jax.Array, "*b nu"]) -> Float[jax.Array, "*b nu"]:
        return gain(p, length, speed)

    return jax.jvp(at, (velocity,), (jnp.ones_like(velocity),))[1]


def bias(p: MuscleParameters, length: Float[jax.Array, "*b nu"]) -> Float[jax.Array, "*b nu"]:
    """Passive force, N (negative: pulling), at a length, m."""
    L = p.first + (length - p.low) / p.unit
    half = 0.5 * (p.longest - 1)
    x = (L - 1) / half
    curve = jnp.where(x <= 1, 0.5 * jnp.square(jnp.maximum(x, 0)), x - 0.5)
    return -p.strength * p.passive * curve


def _force_length(p: MuscleParameters, L: Float[jax.Array, "*b nu"]) -> Float[jax.Array, "*b nu"]:
    """Four parabolas from `shortest` over 1 to `longest`."""
    rising = (L - p.shortest) / (0.5 * (1 - p.shortest))
    falling = (p.longest - L) / (0.5 * (p.longest - 1))
    x = jnp.where(L <= 1, rising, falling)
    inside = (p.shortest <= L) & (p.longest >= L)
    curve = jnp.where(x <= 1, 0.5 * x * x, 1 - 0.5 * jnp.square(2 - x))
    return jnp.where(inside, curve, 0.0)


def _force_velocity(p: MuscleParameters, V: Float[jax.Array, "*b nu"]) -> Float[jax.Array, "*b nu"]:
    """Zero at full shortening speed, 1 at rest, `eccentric` when stretched fast."""
    y = p.eccentric - 1
    shortening = jnp.square(jnp.maximum(V + 1, 0))
    lengthening = p.eccentric - jnp.square(jnp.maximum(y - V, 0)) / y
    return jnp.where(V <= 0, shortening, lengthening)


def advance(
    p: MuscleParameters,
    act: Float[jax.Array, "*b nu"],
    excitation: Float[jax.Array, "*b nu"],
    *,
    timestep: float,
    substeps: int,
) -> Float[jax.Array, "*b nu"]:
    """Activation after some Euler steps at constant excitation."""
    for _ in range(substeps):
        rising = p.tau_act * (0.5 + 1.5 * act)
        falling = p.tau_deact / (0.5 + 1.5 * act)
        tau = jnp.where(excitation > act, rising, falling)
        act = jnp.clip(act + timestep * (excitation - act) / tau, 0, 1)
    return act


def reach(
    p: MuscleParameters, act: Float[jax.Array, "*b nu"], *, timestep: float, substeps: int
) -> tuple[Float[jax.Array, "*b nu"], Float[jax.Array, "*b nu"]]:
    """Least and largest activation after some Euler steps: at excitation 0 and at 1."""
    none, full = jnp.zeros_like(act), jnp.ones_like(act)
    low = advance(p, act, none, timestep=timestep, substeps=substeps)
    return low, advance(p, act, full, timestep=timestep, substeps=substeps)


def excitation_for(
    target: Float[jax.Array, "*b nu"],
    *,
    act: Float[jax.Array, "*b nu"],
    low: Float[jax.Array, "*b nu"],
    high: Float[jax.Array, "*b nu"],
) -> Float[jax.Array, "*b nu"]:
    """Excitation that moves activation to `target`, between the reach of excitation 0 and 1.

    Linear between the present activation and the end of its reach on that side; exact at 0, at
    `act` and at 1.
    """
    up = act + (target - act) * (1 - act) / jnp.maximum(high - act, _TINY)
    down = act - (act - target) * act / jnp.maximum(act - low, _TINY)
    return jnp.clip(jnp.where(target > act, up, down), 0, 1)
