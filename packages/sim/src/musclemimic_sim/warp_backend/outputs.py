"""From Warp's buffers to a simulator's output, in one compiled function of JAX."""

# Warp and MuJoCo Warp annotate their arrays with parameters that they leave open.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false
# pyright: reportArgumentType=false

import jax
import jax.numpy as jnp
import mujoco_warp as mjw
import warp as wp
from jaxtyping import Bool, Float, Int

from musclemimic_sim.sensors import SensorLayout
from musclemimic_sim.types import SimOutput

# As in the native backend: beyond this a state has diverged.
HUGE = 1e4
# A solver that stops at its iteration limit loses accuracy, not constraints: C MuJoCo does the
# same without a word, so it is not counted as overflow.
_SOLVER_LIMITS = int(mjw.OverflowType.ITERATIONS | mjw.OverflowType.LS_ITERATIONS)
_COPIED = (
    "time",
    "qpos",
    "qvel",
    "act",
    "actuator_length",
    "actuator_velocity",
    "actuator_force",
)


def buffers(data: mjw.Data, touch: wp.array) -> dict[str, wp.array]:
    """What `read` reads; `touch` is sensordata as the last acceleration stage left it."""
    named = {name: getattr(data, name) for name in (*_COPIED, "sensordata", "overflow")}
    return named | {"touch": touch}


def read(
    views: dict[str, jax.Array], bad: Bool[jax.Array, " N"], *, layout: SensorLayout
) -> tuple[dict[str, Float[jax.Array, "..."]], Bool[jax.Array, " N"], Int[jax.Array, " N"]]:
    """Copies of the fields of `SimOutput`; worlds that have diverged so far; overflow bits.

    Args:
        views: of `buffers`.
        bad: worlds that had diverged before.
        layout: of sensordata.
    """
    copies = {name: jnp.copy(views[name]) for name in _COPIED}
    copies["touch"] = views["touch"][:, layout.touch]
    copies |= _frames(views["sensordata"], layout)
    for name in ("qpos", "qvel", "act"):
        # NaN compares false, so this catches it too.
        bad |= ~(jnp.abs(views[name]) <= HUGE).all(axis=1)
    return copies, bad, views["overflow"] & ~_SOLVER_LIMITS


def keep_carried(before: SimOutput, after: SimOutput, renewed: Bool[jax.Array, " N"]) -> SimOutput:
    """`after`, but with the last substep's muscle force and touch where nothing was renewed."""
    fields = dict(vars(after))
    for name in CARRIED:
        fields[name] = jnp.where(renewed[:, None], fields[name], getattr(before, name))
    return SimOutput(**fields)


# What the state alone does not determine: values of the last substep.
CARRIED = ("actuator_force", "touch")


def _frames(
    sensors: Float[jax.Array, "N D"], layout: SensorLayout
) -> dict[str, Float[jax.Array, "..."]]:
    """Site poses and velocities, and the centre of mass, from sensordata."""
    w, x, y, z = jnp.moveaxis(sensors[:, layout.quat], -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return {
        "site_pos": sensors[:, layout.pos],
        "site_mat": jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2),
        "site_linvel": sensors[:, layout.linvel],
        "site_angvel": sensors[:, layout.angvel],
        "com": sensors[:, layout.com],
    }
