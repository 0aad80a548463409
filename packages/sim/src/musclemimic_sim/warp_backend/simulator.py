"""Many worlds on one device with MuJoCo Warp; implements `Simulator`."""

# Warp and MuJoCo Warp annotate their arrays with parameters that they leave open.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false
# pyright: reportArgumentType=false

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import mujoco_warp as mjw
import numpy as np
import warp as wp
from jaxtyping import Bool, Float, Int
from musclemimic_models import MusculoModel

from musclemimic_sim.compiled import jit
from musclemimic_sim.dynamics import root_body
from musclemimic_sim.model_fields import DERIVING, SAVED, check_rows, saved_fields
from musclemimic_sim.sensors import sensor_layout
from musclemimic_sim.types import Array, Dynamics, SimOutput, State
from musclemimic_sim.warp_backend import fields as world_fields
from musclemimic_sim.warp_backend import kernels, outputs
from musclemimic_sim.warp_backend.bridge import Bridge
from musclemimic_sim.warp_backend.devices import allocated_bytes, find_device, working_on
from musclemimic_sim.warp_backend.feet import FootForces
from musclemimic_sim.warp_backend.versions import require_same_minor

# Constraint rows and contacts to allocate a world. Measured at most, 64 worlds thrown about and
# falling for 6 s in C MuJoCo: full body 292 rows and 58 contacts, arms 52 and 3
# (tests/parity/test_buffers.py). Warp's own guess of 64 rows drops constraints silently.
BUFFERS = {"free root": (384, 128), "fixed trunk": (96, 16)}
_STATE = ("time", "qpos", "qvel", "act", "ctrl", "qacc_warmstart", "xfrc_applied", "overflow")


class WarpSimulator:
    """N worlds of one model on a CUDA device, or on Warp's CPU device; implements `Simulator`.

    Outputs are JAX arrays; where JAX runs on the same device nothing passes through the host, and
    no call waits for the device. There the control step is captured once as a CUDA graph. Derived
    fields are those of the new state, except muscle force and touch, which belong to the last
    substep, as in the native backend.
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
            moments: allow `muscle_moments`, `bias_force` and `dynamics` (they cost nothing here).
            rows_per_world: constraint rows to allocate; `health` tells when they ran out. None
                for `BUFFERS`.
            contacts_per_world: contacts to allocate, on average over the worlds.

        Raises:
            InputError: MuJoCo Warp is of another version than MuJoCo.
        """
        require_same_minor()
        self._device = find_device(device)
        self._mj_model = model.mj_model
        self._substeps, self._with_moments = substeps, moments
        self._bridge = Bridge(self._device)
        layout = sensor_layout(model.mj_model, tuple(model.mimic_sites))
        self._compiled_read = jit(partial(outputs.read, layout=layout))
        rows, contacts = BUFFERS["free root" if model.has_free_root else "fixed trunk"]
        with working_on(self._device):
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
            self._feet = FootForces(model.mj_model, worlds=num_worlds, contacts=self._data.naconmax)
            mjw.forward(self._model, self._data)
            wp.copy(self._touch, self._data.sensordata)
        self._graph: wp.Graph | None = None
        self._varied: list[str] = []
        # Memory of JAX that a queued copy still reads.
        self._alive: list[object] = []
        self._bad: Bool[jax.Array, " N"] = jnp.zeros(num_worlds, dtype=bool)
        self._output = self._read()

    @property
    def num_worlds(self) -> int:
        """Number of worlds stepped together."""
        return self._data.nworld

    @property
    def device(self) -> str:
        """Warp's name of the device."""
        return str(self._device)

    @property
    def allocated_bytes(self) -> int:
        """Memory of the worlds' and the model's arrays on the device."""
        return allocated_bytes(self._data) + allocated_bytes(self._model)

    def step(self, ctrl: Float[Array, "N nu"]) -> SimOutput:
        """Advance every world by one control step with the given excitations in [0, 1]."""
        self._wait()
        with working_on(self._device):
            self._alive.append(self._bridge.write(self._data.ctrl, ctrl))
            if self._device.is_cuda:
                self._launch_graph()
            else:
                self._control_step()
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
        self._wait()
        data, before, renewed = self._data, self._output, jnp.asarray(mask)
        with working_on(self._device):
            chosen = self._chosen(renewed)
            mjw.reset_data(self._model, data, chosen)
            for target, values in ((data.qpos, qpos), (data.qvel, qvel), (data.act, act)):
                source = wp.empty_like(target)
                self._alive.append(self._bridge.write(source, values))
                wp.launch(
                    kernels.write_rows, target.shape, inputs=[chosen, source], outputs=[target]
                )
            # All stages, so that muscle forces and touch belong to the new pose too.
            mjw.forward(self._model, data)
            wp.copy(self._touch, data.sensordata)
        self._bad = self._bad & ~renewed
        # `forward` gives the other worlds the force of their present state; keep the last step's.
        self._output = outputs.keep_carried(before, self._read(), renewed)
        return self._output

    def get_state(self) -> State:
        """Everything needed to continue (bit for bit on the CPU device)."""
        # On the CPU device `numpy()` is a view of what physics goes on writing into.
        state = {name: np.array(getattr(self._data, name).numpy()) for name in _STATE}
        carried = {name: np.array(getattr(self._output, name)) for name in outputs.CARRIED}
        varied = {f"{SAVED}{n}": world_fields.read_field(self._model, n) for n in self._varied}
        return state | carried | varied | {"bad": np.array(self._bad)}

    def set_state(self, state: State) -> SimOutput:
        """Restore what `get_state` returned."""
        fields = saved_fields(self._mj_model, state, self._varied)
        if fields:
            self.randomize(fields)
        self._wait()
        with working_on(self._device):
            for name in _STATE:
                target: wp.array = getattr(self._data, name)
                wp.copy(target, wp.array(state[name], dtype=target.dtype))
            mjw.step1(self._model, self._data)
        self._bad = jnp.array(state["bad"])
        carried = {name: jnp.array(state[name]) for name in outputs.CARRIED}
        self._output = SimOutput(**(vars(self._read()) | carried))
        return self._output

    def randomize(self, fields: Mapping[str, Array], mask: Bool[Array, " N"] | None = None) -> None:
        """Give model fields per-world values (N, …) in the worlds in `mask` (None: in all).

        Raises:
            InputError: an unknown field, one that MuJoCo Warp shares between worlds, or values of
                another shape.
        """
        check_rows(self._mj_model, fields, worlds=self.num_worlds)
        self._wait()
        everywhere = jnp.ones(self.num_worlds, dtype=bool)
        with working_on(self._device):
            chosen = self._chosen(everywhere if mask is None else mask)
            for field in [name for name in fields if name not in self._varied]:
                world_fields.widen(self._model, field, worlds=self.num_worlds)
                if field in DERIVING:
                    world_fields.widen_derived(self._model, worlds=self.num_worlds)
                self._varied.append(field)
                # The graph holds the address of the array just replaced.
                self._graph = None
            for field, rows in fields.items():
                kept = world_fields.write_field(
                    self._model, field, rows, chosen=chosen, bridge=self._bridge
                )
                self._alive.append(kept)
            if DERIVING & set(fields):
                mjw.set_const(self._model, self._data, restore=False)
            mjw.step1(self._model, self._data)
        self._output = outputs.keep_carried(self._output, self._read(), ~everywhere)

    def apply_force(self, xfrc: Float[Array, "N B 6"]) -> None:
        """Push the bodies from outside, see `Simulator`."""
        with working_on(self._device):
            self._alive.append(self._bridge.write(self._data.xfrc_applied, xfrc))

    def health(self) -> tuple[Bool[Array, " N"], Int[Array, " N"]]:
        """Per world, since its last reset: state not finite or diverged; bits of full buffers.

        The bits are `mujoco_warp.OverflowType`'s (rows, contacts, …), without its solver limits.
        """
        return self._bad, self._overflow

    def muscle_moments(self) -> Float[Array, "N nu nv"]:
        """Change of every muscle's length with every velocity coordinate (dL/dq), m per rad or m.

        Raises:
            ValueError: the simulator was made without `moments`.
        """
        self._require_moments()
        d, m = self._data, self._mj_model
        with working_on(self._device):
            full = wp.zeros((self.num_worlds, m.nu, m.nv), dtype=wp.float32)
            wp.launch(
                kernels.fill_moments,
                (self.num_worlds, m.nu),
                inputs=[d.moment_rownnz, d.moment_rowadr, d.moment_colind, d.actuator_moment],
                outputs=[full],
            )
        return self._copied(full)

    def bias_force(self) -> Float[Array, "N nv"]:
        """Gravity, Coriolis and centrifugal generalised forces, N m or N (MuJoCo's qfrc_bias).

        Raises:
            ValueError: the simulator was made without `moments`.
        """
        self._require_moments()
        return self._copied(self._data.qfrc_bias)

    def dynamics(self) -> Dynamics:
        """The equations of motion in the present state.

        Raises:
            ValueError: the simulator was made without `moments`.
        """
        self._require_moments()
        d = self._data
        return Dynamics(
            mass=self._copied(d.M),
            bias_force=self._copied(d.qfrc_bias),
            passive_force=self._copied(d.qfrc_passive),
            axes=self._copied(d.cdof),
            centre=self._copied(d.subtree_com)[:, root_body(self._mj_model)],
            body_pos=self._copied(d.xpos),
            body_mat=self._copied(d.xmat),
        )

    def ground_force(self) -> Float[Array, "N 2 3"]:
        """Force of the ground on the left and right foot in the present state, N, world frame."""
        self._measure_ground()
        return self._copied(self._feet.force)

    def ground_pressure_centre(self) -> Float[Array, "N 2 3"]:
        """Centre of pressure under each foot, m; NaN without contact."""
        self._measure_ground()
        force, moment = self._copied(self._feet.force), self._copied(self._feet.moment)
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

    def _wait(self) -> None:
        """Copies of the last output must leave the buffers before physics overwrites them."""
        self._bridge.wait_for([*vars(self._output).values(), self._bad, self._overflow])

    def _chosen(self, mask: Bool[Array, " N"]) -> wp.array:
        """The mask on the device."""
        chosen = wp.empty(self.num_worlds, dtype=wp.bool)
        self._alive.append(self._bridge.write(chosen, mask))
        return chosen

    def _read(self) -> SimOutput:
        views = {
            name: self._bridge.view(array)
            for name, array in outputs.buffers(self._data, self._touch).items()
        }
        fields, self._bad, overflow = self._compiled_read(views, self._bad)
        self._overflow: Int[jax.Array, " N"] = overflow
        # Later work of JAX now queues behind the copies that came from its memory.
        self._alive.clear()
        return SimOutput(**fields)

    def _copied(self, source: wp.array) -> jax.Array:
        copy = jnp.array(self._bridge.view(source), copy=True)
        self._bridge.wait_for([copy])
        return copy

    def _require_moments(self) -> None:
        if not self._with_moments:
            raise ValueError("WarpSimulator was made with moments=False")

    def _measure_ground(self) -> None:
        self._wait()
        with working_on(self._device):
            mjw.forward(self._model, self._data)
            self._feet.measure(self._model, self._data)
