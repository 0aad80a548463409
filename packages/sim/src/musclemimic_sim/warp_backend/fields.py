"""Per-world values of model fields on the device."""

# Warp and MuJoCo Warp annotate their arrays with parameters that they leave open.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false
# pyright: reportArgumentType=false

import dataclasses

import mujoco_warp as mjw
import numpy as np
import warp as wp
from musclemimic_models import InputError

from musclemimic_sim.types import Array
from musclemimic_sim.warp_backend import kernels
from musclemimic_sim.warp_backend.bridge import Bridge

# What `mujoco_warp.set_const` derives from masses; it does not make them per-world itself:
# without this every world gets the constants of the last one written.
_DERIVED = (
    "body_subtreemass",
    "body_invweight0",
    "dof_invweight0",
    "tendon_length0",
    "tendon_invweight0",
    "actuator_acc0",
)


def widen(model: mjw.Model, field: str, *, worlds: int) -> None:
    """Give a field of the model on the current device a row for every world.

    Later writes go into the same memory, so that a captured CUDA graph stays valid.

    Raises:
        InputError: MuJoCo Warp has no such field, or none that can differ between worlds.
    """
    owner, name = _place(model, field)
    # MuJoCo Warp names the sizes of its arrays; a star stands for one row, or one a world.
    sizes = {spec.name: getattr(spec.type, "shape", ()) for spec in dataclasses.fields(owner)}
    if sizes.get(name, ())[:1] != ("*",):
        raise InputError(
            "randomize",
            "field",
            found=repr(field),
            expected="a field that MuJoCo Warp keeps for every world",
        )
    shared: wp.array = getattr(owner, name)
    if shared.shape[0] != worlds:
        rows = wp.array(np.repeat(shared.numpy(), worlds, axis=0), dtype=shared.dtype)
        setattr(owner, name, rows)


def widen_derived(model: mjw.Model, *, worlds: int) -> None:
    """The same for the constants that follow from masses."""
    for name in _DERIVED:
        widen(model, name, worlds=worlds)


def write_field(
    model: mjw.Model, field: str, values: Array, *, chosen: wp.array, bridge: Bridge
) -> object:
    """Copy the rows of the worlds in `chosen` into a widened field.

    Returns:
        What must stay alive for a while, see `Bridge.write`.
    """
    owner, name = _place(model, field)
    rows = _flat(getattr(owner, name))
    source = wp.empty_like(rows)
    kept = bridge.write(source, values.reshape(rows.shape))
    wp.launch(kernels.write_rows, rows.shape, inputs=[chosen, source], outputs=[rows])
    return kept


def read_field(model: mjw.Model, field: str) -> np.ndarray:
    """A copy of a field on the host, in MjModel's shape a world."""
    owner, name = _place(model, field)
    rows: wp.array = getattr(owner, name)
    return np.array(rows.numpy())


def _place(model: mjw.Model, field: str) -> tuple[mjw.Model | mjw.Option, str]:
    return (model.opt, field[4:]) if field.startswith("opt.") else (model, field)


def _flat(rows: wp.array) -> wp.array:
    """The same memory as (N, k) floats: vectors and further axes unrolled."""
    size = rows.size * wp.types.type_size_in_bytes(rows.dtype) // 4
    shape = (rows.shape[0], size // rows.shape[0])
    return wp.array(ptr=rows.ptr, dtype=wp.float32, shape=shape, device=rows.device)
