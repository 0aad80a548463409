"""Model fields that may differ between worlds: their nominal values and checks."""

from collections.abc import Mapping

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_sim.types import Array

# Of the fields that are worth randomising, those that MuJoCo derives other constants from.
DERIVING = frozenset({"body_mass", "body_inertia", "body_ipos", "body_iquat", "dof_armature"})
# Prefix of a randomised field in a simulator's saved state.
SAVED = "model/"


def nominal(model: mujoco.MjModel, field: str) -> Float[np.ndarray, "..."]:
    """The model's own value of a field, named as in MjModel or "opt.<name>".

    Raises:
        InputError: the model has no such field of numbers.
    """
    owner, name = (model.opt, field[4:]) if field.startswith("opt.") else (model, field)
    value: object = getattr(owner, name, None)
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise InputError(
            "randomize",
            "field",
            found=repr(field),
            expected="a floating-point field of MjModel, or opt.<a field of MjOption>",
        )
    return np.asarray(value, dtype=np.float64)


def check_rows(model: mujoco.MjModel, fields: Mapping[str, Array], *, worlds: int) -> None:
    """Refuse values that do not fit, before any is written.

    Raises:
        InputError: an unknown field, or values not (N, …) in the model's shape.
    """
    for field, rows in fields.items():
        shape = (worlds, *nominal(model, field).shape)
        if rows.shape != shape:
            raise InputError("randomize", field, found=f"shape {rows.shape}", expected=f"{shape}")


def saved_fields(
    model: mujoco.MjModel, state: Mapping[str, np.ndarray], present: "list[str]"
) -> dict[str, np.ndarray]:
    """Per-world fields to put back: those saved, and nominal values for the others in use.

    Args:
        model: the model.
        state: what a simulator saved.
        present: fields that differ between worlds now.
    """
    worlds = len(state["bad"])
    fields = {
        name.removeprefix(SAVED): rows for name, rows in state.items() if name.startswith(SAVED)
    }
    for field in present:
        value = nominal(model, field)
        fields.setdefault(field, np.broadcast_to(value, (worlds, *value.shape)))
    return fields
