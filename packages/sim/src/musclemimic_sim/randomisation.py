"""Domain randomisation: bodies that differ between worlds, drawn from a seed.

Pure sampling; the simulators write the values, see `Simulator.randomize`.
"""

from dataclasses import dataclass, field
from typing import Literal

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Float, UInt32
from musclemimic_models import InputError

from musclemimic_sim.model_fields import nominal

Factors = dict[str, Float[jax.Array, "N _"]]


@dataclass(frozen=True)
class Spread:
    """Factors on a model's own values, uniform between two bounds; 1 to 1 leaves them alone.

    Attributes:
        low: smallest factor.
        high: largest factor.
        shared: one factor for the whole body, or one for each of its parts.
    """

    low: float = 1.0
    high: float = 1.0
    shared: bool = False

    def __post_init__(self) -> None:
        """Refuse bounds that make no body.

        Raises:
            InputError: a negative factor, or bounds in the wrong order.
        """
        if not 0 <= self.low <= self.high < np.inf:
            found = f"{self.low:g} to {self.high:g}"
            raise InputError("Spread", "low, high", found=found, expected="0 <= low <= high")

    @property
    def is_active(self) -> bool:
        """Whether anything is drawn."""
        return not self.low == self.high == 1


@dataclass(frozen=True)
class RandomisationConfig:
    """What differs between worlds. Nothing does by default.

    Attributes:
        strength: of muscles: MuJoCo's peak force in both the active and the passive part, as a
            change of cross-section does.
        mass: of bodies, with their inertia: a change of density. Factors must be above 0.
        friction: sliding friction of geoms; a contact takes the larger one of its two.
        damping: of joints.
        gravity: always one factor a world.
        redraw: "reset" for every episode anew, "once" for the life of the environment.
    """

    strength: Spread = field(default_factory=Spread)
    mass: Spread = field(default_factory=Spread)
    friction: Spread = field(default_factory=lambda: Spread(shared=True))
    damping: Spread = field(default_factory=Spread)
    gravity: Spread = field(default_factory=Spread)
    redraw: Literal["reset", "once"] = "reset"

    def __post_init__(self) -> None:
        """Refuse what physics cannot run with.

        Raises:
            InputError: a massless body.
        """
        if self.mass.low <= 0:
            raise InputError("RandomisationConfig", "mass.low", found=self.mass.low, expected="> 0")

    @property
    def active(self) -> tuple[str, ...]:
        """Quantities that are drawn, in a fixed order."""
        return tuple(name for name in _FIELDS if self.spread(name).is_active)

    def spread(self, quantity: str) -> Spread:
        """The spread of a quantity."""
        value: Spread = getattr(self, quantity)
        return value


# Model fields that a quantity's factors multiply, and in which column (None: in all).
_FIELDS: dict[str, tuple[tuple[str, int | None], ...]] = {
    "strength": (("actuator_gainprm", 2), ("actuator_biasprm", 2)),
    "mass": (("body_mass", None), ("body_inertia", None)),
    "friction": (("geom_friction", 0),),
    "damping": (("dof_damping", None),),
    "gravity": (("opt.gravity", None),),
}


def draw_factors(
    config: RandomisationConfig, model: mujoco.MjModel, key: UInt32[jax.Array, "2"], *, worlds: int
) -> Factors:
    """Factors (N, K) of every active quantity; K is 1 or the number of parts.

    A quantity's factors do not depend on which others are active.
    """
    parts = {
        "strength": model.nu,
        "mass": model.nbody,
        "friction": model.ngeom,
        "damping": model.nv,
        "gravity": 1,
    }
    factors: Factors = {}
    for index, name in enumerate(_FIELDS):
        spread = config.spread(name)
        if spread.is_active:
            shape = (worlds, 1 if spread.shared else parts[name])
            own_key = jax.random.fold_in(key, index)
            factors[name] = jax.random.uniform(
                own_key, shape, minval=spread.low, maxval=spread.high
            )
    return factors


def model_values(model: mujoco.MjModel, factors: Factors) -> dict[str, Float[jax.Array, "N ..."]]:
    """Per-world values of the model fields: nominal ones times factors, in float32.

    Both backends are given these same numbers.
    """
    values: dict[str, Float[jax.Array, "N ..."]] = {}
    for name, factor in factors.items():
        for model_field, column in _FIELDS[name]:
            base = jnp.asarray(nominal(model, model_field), dtype=jnp.float32)
            if column is None:
                trailing = (1,) * (base.ndim - 1) if model_field != "opt.gravity" else ()
                values[model_field] = factor.reshape(*factor.shape, *trailing) * base
            else:
                whole = jnp.broadcast_to(base, (factor.shape[0], *base.shape))
                values[model_field] = whole.at[:, :, column].multiply(factor)
    return values
