"""Native backend: MuJoCo's C thread pool on all CPU cores (`mujoco.batch.Batch`)."""

import copy
from collections.abc import Callable, Mapping
from typing import cast

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int
from mujoco.batch import Batch, SimulationError
from musclemimic_models import MusculoModel
from musclemimic_models.quiet import quiet_mujoco

from musclemimic_sim.dynamics import root_body
from musclemimic_sim.ground import GroundContacts
from musclemimic_sim.model_fields import DERIVING, SAVED, check_rows, saved_fields
from musclemimic_sim.sensors import quaternion_matrix, sensor_layout
from musclemimic_sim.types import Array, Dynamics, SimOutput, State

STAGE_NONE = int(mujoco.mjtStage.mjSTAGE_NONE)
STAGE_VEL = int(mujoco.mjtStage.mjSTAGE_VEL)
STAGE_ACC = int(mujoco.mjtStage.mjSTAGE_ACC)
# Copy of the last substep's derived values that the state alone does not determine.
_CARRIED = ("actuator_force", "touch")


class NativeSimulator:
    """N worlds of one model on the CPU; implements `Simulator`.

    Derived fields are those of the new state, except muscle force and touch, which belong to the
    last substep (2 ms earlier) as in `mj_step`. Results do not depend on the number of threads.
    """

    def __init__(
        self,
        model: MusculoModel,
        *,
        num_worlds: int,
        substeps: int,
        num_threads: int = 0,
        moments: bool = False,
        dynamics: bool = False,
    ) -> None:
        """Allocate the worlds at the model's reference pose.

        Args:
            model: the body.
            num_worlds: N.
            substeps: physics steps (of the model's timestep) per control step.
            num_threads: 0 for all cores.
            moments: keep muscle moments and bias forces, for `muscle_moments`, `bias_force`.
            dynamics: keep all that `dynamics` gives, muscle moments included.
        """
        # Divergence must be seen by the environment, not hidden by an automatic reset.
        self._model = copy.copy(model.mj_model)
        self._model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
        self._substeps = substeps
        self._batch = Batch(self._model, num_worlds, num_threads, persistent=True)
        self._layout = sensor_layout(self._model, tuple(model.mimic_sites))
        self._fields = {
            name: self._batch.bind(name)
            for name in (
                "time",
                "qpos",
                "qvel",
                "act",
                "ctrl",
                "xfrc_applied",
                "actuator_length",
                "actuator_velocity",
                "actuator_force",
                "sensordata",
                *(_MOMENT_FIELDS if moments or dynamics else ()),
                *(_DYNAMICS_FIELDS if dynamics else ()),
            )
        }
        self._moment_index = _moment_index(self._model) if moments or dynamics else None
        self._root = root_body(self._model) if dynamics else None
        # Bound on first use: what is bound is copied at every call.
        self._varied: dict[str, np.ndarray] = {}
        self._bad = np.zeros(num_worlds, dtype=bool)
        self._moving = _moving(self._model, self._batch)
        self._contacts = GroundContacts(self._model) if model.has_free_root else None
        # Force and centre of pressure of the present state; None until asked for.
        self._felt: tuple[np.ndarray, np.ndarray] | None = None
        # One for all worlds in turn: to allocate one costs more than the physics done in it.
        self._scratch = mujoco.MjData(self._model)
        self._batch.forward()
        self._output = self._read()

    @property
    def num_worlds(self) -> int:
        """Number of worlds stepped together."""
        return self._batch.nsim

    def step(self, ctrl: Float[Array, "N nu"]) -> SimOutput:
        """Advance every world by one control step with the given excitations in [0, 1]."""
        self._fields["ctrl"][:] = np.asarray(ctrl)
        self._run(lambda: self._batch.step(nstep=self._substeps, stage=STAGE_VEL))
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
        ids = np.flatnonzero(np.asarray(mask)).astype(np.int32)
        if len(ids) == 0:
            return self._output
        self._batch.reset(ids, stage=STAGE_NONE)
        for name, values in (("qpos", qpos), ("qvel", qvel), ("act", act)):
            self._fields[name][ids] = np.asarray(values)[ids]
        self._bad[ids] = False
        # All stages, so that muscle forces belong to the new pose too.
        self._run(lambda: self._batch.forward(ids, stage=STAGE_ACC))
        self._output = self._read()
        return self._output

    def get_state(self) -> State:
        """Everything needed to continue bit for bit."""
        carried = {name: getattr(self._output, name).copy() for name in _CARRIED}
        varied = {f"{SAVED}{name}": rows.copy() for name, rows in self._varied.items()}
        return {"rows": self._batch.state.copy(), "bad": self._bad.copy(), **carried, **varied}

    def set_state(self, state: State) -> SimOutput:
        """Restore what `get_state` returned."""
        fields = saved_fields(self._model, state, list(self._varied))
        if fields:
            self.randomize(fields)
        self._batch.state[:] = state["rows"]
        self._run(lambda: self._batch.forward(stage=STAGE_VEL))
        self._bad[:] = state["bad"]
        self._output = self._read(**{name: state[name].copy() for name in _CARRIED})
        return self._output

    def randomize(self, fields: Mapping[str, Array], mask: Bool[Array, " N"] | None = None) -> None:
        """Give model fields per-world values (N, …) in the worlds in `mask` (None: in all).

        Raises:
            InputError: an unknown field, or values of another shape.
        """
        check_rows(self._model, fields, worlds=self.num_worlds)
        chosen = np.ones(self.num_worlds, dtype=bool) if mask is None else np.asarray(mask)
        ids = np.flatnonzero(chosen).astype(np.int32)
        if len(ids) == 0:
            return
        everyone = np.arange(self.num_worlds, dtype=np.int32)
        deriving = ids
        for field, rows in fields.items():
            if field not in self._varied:
                self._varied[field] = self._batch.expand(field)
                # From now on every world has its own derived constants.
                deriving = everyone
            self._varied[field][ids] = np.asarray(rows)[ids]
        with quiet_mujoco():
            if DERIVING & set(fields):
                self._batch.set_const(deriving)
            self._run(lambda: self._batch.forward(ids, stage=STAGE_VEL))
        self._output = self._read()

    def apply_force(self, xfrc: Float[Array, "N B 6"]) -> None:
        """Push the bodies from outside, see `Simulator`."""
        self._fields["xfrc_applied"][:] = np.asarray(xfrc)
        self._felt = None

    def health(self) -> tuple[Bool[np.ndarray, " N"], Int[np.ndarray, " N"]]:
        """Per world, since its last reset: state not finite or diverged; no overflow here."""
        return self._bad.copy(), np.zeros(self.num_worlds, dtype=np.int32)

    def muscle_moments(self) -> Float[np.ndarray, "N nu nv"]:
        """Change of every muscle's length with every velocity coordinate (dL/dq), m per rad or m.

        Raises:
            ValueError: the simulator was made without `moments`.
        """
        if self._moment_index is None:
            raise ValueError("NativeSimulator was made with moments=False")
        dense = np.zeros((self.num_worlds, self._model.nu, self._model.nv), dtype=np.float32)
        rows, columns = self._moment_index
        dense[:, rows, columns] = self._fields["actuator_moment"]
        return dense

    def bias_force(self) -> Float[np.ndarray, "N nv"]:
        """Gravity, Coriolis and centrifugal generalised forces, N m or N (MuJoCo's qfrc_bias).

        Raises:
            ValueError: the simulator was made without `moments`.
        """
        if self._moment_index is None:
            raise ValueError("NativeSimulator was made with moments=False")
        return _float32(self._fields["qfrc_bias"])

    def dynamics(self) -> Dynamics:
        """The equations of motion in the present state.

        Raises:
            ValueError: the simulator was made without `dynamics`.
        """
        if self._root is None:
            raise ValueError("NativeSimulator was made with dynamics=False")
        values = {name: _float32(self._fields[name]) for name in (*_DYNAMICS_FIELDS, "qfrc_bias")}
        return Dynamics(
            mass=values["M"],
            bias_force=values["qfrc_bias"],
            passive_force=values["qfrc_passive"],
            axes=values["cdof"],
            centre=values["subtree_com"][:, self._root],
            body_pos=values["xpos"],
            body_mat=values["xmat"].reshape(self.num_worlds, -1, 3, 3),
        )

    def ground_force(self) -> Float[np.ndarray, "N 2 3"]:
        """Force of the ground on the left and right foot in the present state, N, world frame."""
        return self._ground()[0]

    def ground_pressure_centre(self) -> Float[np.ndarray, "N 2 3"]:
        """Centre of pressure under each foot, m; NaN without contact."""
        return self._ground()[1]

    def close(self) -> None:
        """Nothing to free beyond Python's own references."""

    def _ground(self) -> tuple[Float[np.ndarray, "N 2 3"], Float[np.ndarray, "N 2 3"]]:
        if self._felt is None:
            self._felt = self._feel()
        force, centre = self._felt
        return force.copy(), centre.copy()

    def _feel(self) -> tuple[Float[np.ndarray, "N 2 3"], Float[np.ndarray, "N 2 3"]]:
        force = np.zeros((self.num_worlds, 2, 3))
        centre = np.full((self.num_worlds, 2, 3), np.nan)
        if self._contacts is not None:
            for world in range(self.num_worlds):
                data = self._batch.get_data(world, self._scratch)
                model = self._batch.get_model(world) if self._varied else self._model
                # The stored contact forces belong to the last substep; bring them up to date.
                mujoco.mj_forward(model, data)
                force[world], centre[world] = self._contacts.measure(model, data)
        return force, centre

    def _run(self, call: Callable[[], None]) -> None:
        """Run physics; note the worlds that raised or left the finite numbers."""
        with quiet_mujoco():
            try:
                call()
            except SimulationError as error:
                self._bad[error.ids] = True
        # NaN is not within bounds either.
        sound = np.abs(self._moving) <= _HUGE
        if not sound.all():
            self._bad |= ~sound.all(axis=1)

    def _read(self, **carried: np.ndarray) -> SimOutput:
        self._felt = None
        sensors, at = _float32(self._fields["sensordata"]), self._layout
        names = (*_STATE_OUTPUTS, "actuator_force")
        values = {name: _float32(self._fields[name]) for name in names}
        values |= {
            "site_pos": sensors[:, at.pos],
            "site_mat": quaternion_matrix(sensors[:, at.quat]),
            "site_linvel": sensors[:, at.linvel],
            "site_angvel": sensors[:, at.angvel],
            "com": sensors[:, at.com],
            "touch": sensors[:, at.touch],
        }
        return SimOutput(**(values | carried))


_MOMENT_FIELDS = ("actuator_moment", "qfrc_bias")
_DYNAMICS_FIELDS = ("M", "qfrc_passive", "cdof", "subtree_com", "xpos", "xmat")
_STATE_OUTPUTS = ("time", "qpos", "qvel", "act", "actuator_length", "actuator_velocity")
# Positions, velocities or activations beyond this have diverged (MuJoCo's own mjMAXVAL is 1e10;
# a body at 1e4 rad/s is lost long before).
_HUGE = 1e4


def _float32(values: np.ndarray) -> Float[np.ndarray, "..."]:
    """A float32 copy: the batch overwrites its own buffers at the next call."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _moving(model: mujoco.MjModel, batch: Batch) -> Float[np.ndarray, "N m"]:
    """The live part of the state rows that is qpos, qvel and act: side by side, after time."""
    first = mujoco.mj_stateSize(model, int(mujoco.mjtState.mjSTATE_TIME))
    return cast("np.ndarray", batch.state)[:, first : first + model.nq + model.nv + model.na]


def _moment_index(
    model: mujoco.MjModel,
) -> tuple[Int[np.ndarray, " nnz"], Int[np.ndarray, " nnz"]]:
    """Row (muscle) and column (velocity) of each stored moment; the pattern is the model's."""
    data = mujoco.MjData(model)
    mujoco.mj_fwdPosition(model, data)
    rows = np.repeat(np.arange(model.nu), data.moment_rownnz)
    within = np.arange(len(rows)) - np.repeat(
        np.cumsum(data.moment_rownnz) - data.moment_rownnz, data.moment_rownnz
    )
    entries = np.repeat(data.moment_rowadr, data.moment_rownnz) + within
    order = np.argsort(entries)
    if not np.array_equal(entries[order], np.arange(len(data.actuator_moment))):
        raise ValueError("the model's muscle moments are not stored contiguously")
    return rows[order], data.moment_colind[entries[order]]
