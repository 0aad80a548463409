"""Many worlds on one device with MuJoCo Warp; implements `Simulator`."""

import dataclasses

import jax
import jax.numpy as jnp
import mujoco_warp as mjw
import numpy as np
import warp as wp
from jaxtyping import Bool, Float, Int
from musclemimic_models import MusculoModel

from musclemimic_sim.ground import feet_and_floor
from musclemimic_sim.sensors import SensorLayout, sensor_layout
from musclemimic_sim.types import Array, SimOutput, State
from musclemimic_sim.warp_backend import kernels
from musclemimic_sim.warp_backend.exchange import reader, writer
from musclemimic_sim.warp_backend.randomise import put_field
from musclemimic_sim.warp_backend.versions import require_same_minor

# Constraint rows and contacts to allocate a world. Measured at most, 64 worlds thrown about and
# falling for 6 s in C MuJoCo: full body 292 rows and 58 contacts, arms 52 and 3
# (tests/parity/test_buffers.py). Warp's own guess of 64 rows drops constraints silently.
BUFFERS = {"free root": (384, 128), "fixed trunk": (96, 16)}
_STATE = ("time", "qpos", "qvel", "act", "ctrl", "qacc_warmstart", "xfrc_applied")
_CARRIED = ("actuator_force", "touch")
# As in the native backend: beyond this a state has diverged.
_HUGE = 1e4
# A solver that stops at its iteration limit loses accuracy, not constraints: C MuJoCo does the
# same without a word, so it is not counted as overflow.
_SOLVER_LIMITS = int(mjw.OverflowType.ITERATIONS | mjw.OverflowType.LS_ITERATIONS)


class WarpSimulator:
    """N worlds of one model on a CUDA device, or on Warp's CPU device; implements `Simulator`.

    Outputs are JAX arrays; where JAX runs on the same device nothing passes through the host. On a
    CUDA device the control step is captured once as a CUDA graph. Derived fields are those of
    the new state, except muscle force and touch, which belong to the last substep, as in the
    native backend.
    """

    def __init__(
        self,
        model: MusculoModel,
        *,
        num_worlds: int,
        substeps: int,
        device: str | None = None,
        moments: bool = False,
        rows_per_world: int | None = None,
        contacts_per_world: int | None = None,
    ) -> None:
        """Allocate the worlds at the model's reference pose.

        Args:
            model: the body.
            num_worlds: N.
            substeps: physics steps (of the model's timestep) per control step.
            device: Warp's name, such as "cuda:0" or "cpu"; None for the first CUDA device, or
                the CPU without one.
            moments: allow `muscle_moments` and `bias_force` (they cost nothing here).
            rows_per_world: constraint rows to allocate; `health` tells when they ran out. None
                for `BUFFERS`.
            contacts_per_world: contacts to allocate, on average over the worlds.

        Raises:
            InputError: MuJoCo Warp is of another version than MuJoCo.
        """
        require_same_minor()
        wp.config.quiet = True
        self._device = wp.get_device(device or ("cuda:0" if wp.is_cuda_available() else "cpu"))
        self._mj_model = model.mj_model
        self._substeps, self._with_moments = substeps, moments
        self._read_array, self._write_array = reader(self._device), writer(self._device)
        self._layout = sensor_layout(model.mj_model, tuple(model.mimic_sites))
        rows, contacts = BUFFERS["free root" if model.has_free_root else "fixed trunk"]
        with wp.ScopedDevice(self._device):
            self._model = mjw.put_model(model.mj_model)
            # Reported by `health`, world by world, instead of printed.
            self._model.opt.warn_overflow = 0
            self._data = mjw.make_data(
                model.mj_model,
                nworld=num_worlds,
                nconmax=contacts_per_world or contacts,
                njmax=rows_per_world or rows,
            )
            self._touch = wp.zeros_like(self._data.sensordata)
            mjw.forward(self._model, self._data)
            wp.copy(self._touch, self._data.sensordata)
        self._graph: wp.Graph | None = None
        self._alive: object = None
        self._bad: Bool[jax.Array, " N"] = jnp.zeros(num_worlds, dtype=bool)
        self._overflow: Int[jax.Array, " N"] = jnp.zeros(num_worlds, dtype=jnp.int32)
        self._output = self._read()

    @property
    def num_worlds(self) -> int:
        """Number of worlds stepped together."""
        return self._data.nworld

    @property
    def device(self) -> str:
        """Warp's name of the device."""
        return str(self._device)

    def step(self, ctrl: Float[Array, "N nu"]) -> SimOutput:
        """Advance every world by one control step with the given excitations in [0, 1]."""
        # Copies of the last output must have left the buffers that physics now overwrites.
        jax.block_until_ready(dataclasses.astuple(self._output))
        with wp.ScopedDevice(self._device):
            self._alive = self._write_array(self._data.ctrl, ctrl)
            if self._device.is_cuda:
                self._launch_graph()
            else:
                self._control_step()
        self._note_health()
        self._output = self._read()
        return self._output

    def reset(
        self,
        mask: Bool[Array, " N"],
        qpos: Float[Array, "N nq"],
        qvel: Float[Array, "N nv"],
        act: Float[Array, "N nu"],
    ) -> SimOutput:
        """Set the worlds in `mask` to their rows of the given state; others stay as they are."""
        jax.block_until_ready(dataclasses.astuple(self._output))
        data, before = self._data, self._output
        with wp.ScopedDevice(self._device):
            chosen = wp.zeros(self.num_worlds, dtype=wp.bool)
            keep = [self._write_array(chosen, mask)]
            mjw.reset_data(self._model, data, chosen)
            for target, values in ((data.qpos, qpos), (data.qvel, qvel), (data.act, act)):
                source = wp.empty_like(target)
                keep.append(self._write_array(source, values))
                wp.launch(
                    kernels.write_rows, target.shape, inputs=[chosen, source], outputs=[target]
                )
            # All stages, so that muscle forces and touch belong to the new pose too.
            mjw.forward(self._model, data)
            wp.copy(self._touch, data.sensordata)
        self._alive = keep
        renewed = jnp.asarray(mask)
        self._bad = self._bad & ~renewed
        self._overflow = jnp.where(renewed, 0, self._overflow)
        self._note_health()
        # `forward` gives the other worlds the force of their present state; keep the last step's.
        after = self._read()
        carried = {
            name: jnp.where(renewed[:, None], getattr(after, name), getattr(before, name))
            for name in _CARRIED
        }
        self._output = dataclasses.replace(after, **carried)
        return self._output

    def get_state(self) -> State:
        """Everything needed to continue (bit for bit on the CPU device)."""
        # On the CPU device `numpy()` is a view of what physics goes on writing into.
        state = {name: np.array(getattr(self._data, name).numpy()) for name in _STATE}
        carried = {name: np.array(getattr(self._output, name)) for name in _CARRIED}
        flags = {"bad": np.array(self._bad), "overflow": np.array(self._overflow)}
        return state | carried | flags

    def set_state(self, state: State) -> SimOutput:
        """Restore what `get_state` returned."""
        jax.block_until_ready(dataclasses.astuple(self._output))
        with wp.ScopedDevice(self._device):
            for name in _STATE:
                target: wp.array = getattr(self._data, name)
                wp.copy(target, wp.array(state[name], dtype=target.dtype))
            mjw.step1(self._model, self._data)
        self._bad, self._overflow = jnp.array(state["bad"]), jnp.array(state["overflow"])
        carried = {name: jnp.array(state[name]) for name in _CARRIED}
        self._output = dataclasses.replace(self._read(), **carried)
        return self._output

    def randomize(self, field: str, values: np.ndarray) -> None:
        """Give a model field per-world values, (N, …), and refresh what derives from it."""
        with wp.ScopedDevice(self._device):
            put_field(self._model, field, values, worlds=self.num_worlds)
            mjw.set_const(self._model, self._data)
            mjw.step1(self._model, self._data)
        # The graph holds the addresses of the arrays just replaced.
        self._graph = None

    def health(self) -> tuple[Bool[Array, " N"], Int[Array, " N"]]:
        """Per world: state not finite (or diverged) since its reset; overflow bits since then.

        The bits are `mujoco_warp.OverflowType`'s (rows, contacts, …), without its solver limits.
        """
        return self._bad, self._overflow

    def muscle_moments(self) -> Float[Array, "N nu nv"]:
        """Change of every muscle's length with every velocity coordinate (dL/dq), m per rad or m.

        Raises:
            ValueError: the simulator was made without `moments`.
        """
        if not self._with_moments:
            raise ValueError("WarpSimulator was made with moments=False")
        d = self._data
        with wp.ScopedDevice(self._device):
            full = wp.zeros((self.num_worlds, self._mj_model.nu, self._mj_model.nv), dtype=float)
            wp.launch(
                kernels.fill_moments,
                (self.num_worlds, self._mj_model.nu),
                inputs=[d.moment_rownnz, d.moment_rowadr, d.moment_colind, d.actuator_moment],
                outputs=[full],
            )
        return self._read_array(full)

    def bias_force(self) -> Float[Array, "N nv"]:
        """Gravity, Coriolis and centrifugal generalised forces, N m or N (MuJoCo's qfrc_bias).

        Raises:
            ValueError: the simulator was made without `moments`.
        """
        if not self._with_moments:
            raise ValueError("WarpSimulator was made with moments=False")
        return self._read_array(self._data.qfrc_bias)

    def ground_force(self) -> Float[Array, "N 2 3"]:
        """Force of the ground on the left and right foot in the present state, N, world frame."""
        return self._ground()[0]

    def ground_pressure_centre(self) -> Float[Array, "N 2 3"]:
        """Centre of pressure under each foot, m; NaN without contact."""
        force, moment = self._ground()
        load = force[..., 2:]
        return jnp.where(load > 1e-6, moment / jnp.maximum(load, 1e-6), jnp.nan)

    def close(self) -> None:
        """Free the worlds (Warp frees memory with the last reference)."""
        self._graph = None

    def _control_step(self) -> None:
        """Substeps that start and end with fresh position and velocity stages."""
        for _ in range(self._substeps):
            mjw.step2(self._model, self._data)
            # step1 zeroes sensordata: keep the acceleration stage's touch.
            wp.copy(self._touch, self._data.sensordata)
            mjw.step1(self._model, self._data)

    def _launch_graph(self) -> None:
        if self._graph is None:
            # Modules must be loaded before capture; what the dry run changes is put back.
            state = {name: wp.clone(getattr(self._data, name)) for name in _STATE}
            self._control_step()
            for name, value in state.items():
                wp.copy(getattr(self._data, name), value)
            mjw.step1(self._model, self._data)
            with wp.ScopedCapture(self._device) as capture:
                self._control_step()
            self._graph = capture.graph
        wp.capture_launch(self._graph)

    def _note_health(self) -> None:
        """Add what the last call found; flags stay until a world is reset."""
        d, read = self._data, self._read_array
        self._bad = _add_bad(self._bad, read(d.qpos), read(d.qvel), read(d.act))
        self._overflow = self._overflow | (read(d.overflow) & ~_SOLVER_LIMITS)
        d.overflow.zero_()

    def _read(self) -> SimOutput:
        d, read = self._data, self._read_array
        touch = read(self._touch)[:, self._layout.touch]
        return SimOutput(
            time=read(d.time),
            qpos=read(d.qpos),
            qvel=read(d.qvel),
            act=read(d.act),
            actuator_length=read(d.actuator_length),
            actuator_velocity=read(d.actuator_velocity),
            actuator_force=read(d.actuator_force),
            touch=touch,
            **_frames(read(d.sensordata), self._layout),
        )

    def _ground(self) -> tuple[Float[jax.Array, "N 2 3"], Float[jax.Array, "N 2 3"]]:
        """Force on each foot, and contact points weighted by their vertical force, N m."""
        jax.block_until_ready(dataclasses.astuple(self._output))
        data = self._data
        with wp.ScopedDevice(self._device):
            feet, is_floor = feet_and_floor(self._mj_model)
            mjw.forward(self._model, data)
            ids = wp.array(np.arange(data.naconmax, dtype=np.int32))
            wrench = wp.zeros(data.naconmax, dtype=wp.spatial_vector)
            mjw.contact_force(self._model, data, ids, True, wrench)
            force = wp.zeros((self.num_worlds, 2), dtype=wp.vec3)
            moment = wp.zeros_like(force)
            wp.launch(
                kernels.sum_by_foot,
                data.naconmax,
                inputs=[
                    data.nacon,
                    data.contact.worldid,
                    data.contact.geom,
                    data.contact.pos,
                    wrench,
                    wp.array(feet, dtype=wp.int32),
                    wp.array(is_floor, dtype=wp.bool),
                ],
                outputs=[force, moment],
            )
        return self._read_array(force), self._read_array(moment)


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


@jax.jit
def _add_bad(bad: Bool[jax.Array, " N"], *state: Float[jax.Array, "N _"]) -> Bool[jax.Array, " N"]:
    for values in state:
        # NaN compares false, so this catches it too.
        bad = bad | ~(jnp.abs(values) <= _HUGE).all(axis=1)
    return bad
