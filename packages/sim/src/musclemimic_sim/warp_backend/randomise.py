"""Per-world values of model fields."""

import mujoco_warp as mjw
import numpy as np
import warp as wp
from musclemimic_models import InputError

# What `mujoco_warp.set_const` derives from other fields; it does not make them per-world itself:
# without this every world gets the constants of the last one written.
_DERIVED = (
    "body_subtreemass",
    "body_invweight0",
    "dof_invweight0",
    "tendon_length0",
    "tendon_invweight0",
    "actuator_acc0",
)


def put_field(model: mjw.Model, field: str, values: np.ndarray, *, worlds: int) -> None:
    """Replace a shared field of the model on the current device by one with a value a world.

    Args:
        model: on the device; changed.
        field: named as in MjModel, or "opt.<name>" for options.
        values: (N, …) in MjModel's shape a world.
        worlds: N.

    Raises:
        InputError: MuJoCo Warp has no such field, or none that can differ between worlds.
    """
    owner, name = (model.opt, field[4:]) if field.startswith("opt.") else (model, field)
    present: object = vars(owner).get(name)
    if not isinstance(present, wp.array) or values.shape[0] != worlds:
        raise InputError(
            "randomize",
            field,
            found=f"{type(present).__name__}, values {values.shape}",
            expected=f"a field of MuJoCo Warp's model, values ({worlds}, …)",
        )
    setattr(owner, name, wp.array(np.ascontiguousarray(values), dtype=present.dtype))
    for derived in _DERIVED:
        shared: wp.array = getattr(model, derived)
        if derived != name and shared.shape[0] != worlds:
            repeated = np.repeat(shared.numpy(), worlds, axis=0)
            setattr(model, derived, wp.array(repeated, dtype=shared.dtype))
