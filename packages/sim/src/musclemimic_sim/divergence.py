"""Black box of diverged worlds: model, state and controls that led there, and their replay."""

import copy
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from musclemimic_models import InputError, MusculoModel
from musclemimic_models.files import read_npz, write_npz
from musclemimic_models.quiet import quiet_mujoco

from musclemimic_sim.model_fields import SAVED
from musclemimic_sim.types import Array, Simulator, State

_LOG = logging.getLogger(__name__)
_SPEC = int(mujoco.mjtState.mjSTATE_INTEGRATION)
_NAMED = ("qpos", "qvel", "act", "qacc_warmstart", "xfrc_applied")
# As in the backends: beyond this a state has diverged.
_HUGE = 1e4


@dataclass(frozen=True)
class DivergenceConfig:
    """Whether and how the last moments of diverged worlds are kept.

    Attributes:
        folder: where to write 000.npz and so on; none to write nothing. Recording copies every
            world's state to the host in each step, which costs time on a GPU.
        limit: most files in the folder; later divergences are counted, not written.
        history: control steps kept before the divergence.
    """

    folder: str | None = None
    limit: int = 20
    history: int = 10

    def __post_init__(self) -> None:
        """Refuse to record nothing.

        Raises:
            InputError: naming the field.
        """
        for name in ("limit", "history"):
            if getattr(self, name) < 1:
                found = getattr(self, name)
                raise InputError("DivergenceConfig", name, found=found, expected=">= 1")


@dataclass(frozen=True)
class Divergence:
    """A world's way into divergence, enough to repeat it with plain MuJoCo.

    Attributes:
        model: the world's own model, randomised fields included, as MuJoCo saves it (.mjb).
        state: at the start, MuJoCo's mjSTATE_INTEGRATION.
        ctrl: (T, nu) excitations of each control step.
        xfrc: (T, nbody, 6) external forces of each control step, N and N m.
        substeps: physics steps per control step.
        world: which one it was.
        model_name, model_sha256: the body.
    """

    model: UInt8[np.ndarray, " bytes"]
    state: Float[np.ndarray, " size"]
    ctrl: Float[np.ndarray, "T nu"]
    xfrc: Float[np.ndarray, "T nbody 6"]
    substeps: int
    world: int
    model_name: str
    model_sha256: str

    def save(self, path: Path | str) -> None:
        """Write as .npz, atomically."""
        write_npz(Path(path), {name: np.asarray(value) for name, value in vars(self).items()})

    @classmethod
    def load(cls, path: Path | str) -> "Divergence":
        """Read what `save` wrote.

        Raises:
            InputError: another kind of file, or contents that do not fit the model in it.
        """
        arrays = read_npz(Path(path))
        missing = sorted(set(cls.__annotations__) - set(arrays))
        if missing:
            expected = "a file that the environment wrote about a diverged world"
            raise InputError(path, missing[0], found="nothing", expected=expected)
        plain = {"substeps": int, "world": int, "model_name": str, "model_sha256": str}
        values = {name: kind(arrays[name].item()) for name, kind in plain.items()}
        blocks = {name: arrays[name] for name in ("model", "state", "ctrl", "xfrc")}
        divergence = cls(**blocks, **values)  # pyright: ignore[reportArgumentType]
        m = divergence.mj_model(path)
        shapes = {
            "state": (mujoco.mj_stateSize(m, _SPEC),),
            "ctrl": (len(divergence.ctrl), m.nu),
            "xfrc": (len(divergence.ctrl), m.nbody, 6),
        }
        for name, shape in shapes.items():
            if blocks[name].shape != shape:
                raise InputError(path, name, found=blocks[name].shape, expected=shape)
        return divergence

    def mj_model(self, source: object = "Divergence") -> mujoco.MjModel:
        """The world's model.

        Raises:
            InputError: not a model that this MuJoCo can read.
        """
        name = "model.mjb"
        try:
            return mujoco.MjModel.from_binary_path(name, {name: self.model.tobytes()})
        except ValueError as error:
            expected = f"a model of MuJoCo {mujoco.__version__}"
            raise InputError(source, "model", found=str(error), expected=expected) from error


@dataclass(frozen=True)
class DivergenceReplay:
    """What plain MuJoCo does with a recorded world; S physics steps at most.

    Attributes:
        time: (S,) s from the start of the record, after each physics step.
        velocity: (S,) largest |qvel|, m/s or rad/s. fastest: its joint.
        force: (S,) largest muscle force, N. strongest: its muscle.
        contacts: (S,) number of contacts.
        diverged: whether the last step left the finite numbers; otherwise it ran to the end.
    """

    time: Float[np.ndarray, " S"]
    velocity: Float[np.ndarray, " S"]
    fastest: tuple[str, ...]
    force: Float[np.ndarray, " S"]
    strongest: tuple[str, ...]
    contacts: Int[np.ndarray, " S"]
    diverged: bool


def replay_divergence(record: Divergence) -> DivergenceReplay:
    """Repeat a recorded world in C MuJoCo, physics step by physics step, until it diverges."""
    m = record.mj_model()
    m.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    d = mujoco.MjData(m)
    mujoco.mj_setState(m, d, record.state, _SPEC)
    start = d.time
    rows: list[tuple[float, float, str, float, str, int]] = []
    finite = True
    with quiet_mujoco():
        for ctrl, xfrc in zip(record.ctrl, record.xfrc, strict=True):
            d.ctrl[:], d.xfrc_applied[:] = ctrl, xfrc
            for _ in range(record.substeps):
                if finite:
                    mujoco.mj_step(m, d)
                    rows.append(_look(m, d, start))
                    state = np.concatenate([d.qpos, d.qvel, d.act])
                    finite = bool((np.abs(state) <= _HUGE).all())
    time, velocity, fastest, force, strongest, contacts = zip(*rows, strict=True)
    return DivergenceReplay(
        time=np.array(time),
        velocity=np.array(velocity),
        fastest=fastest,
        force=np.array(force),
        strongest=strongest,
        contacts=np.array(contacts),
        diverged=not finite,
    )


class DivergenceRecorder:
    """Keeps the last control steps of every world, and writes them out where one diverges."""

    def __init__(
        self, model: MusculoModel, simulator: Simulator, config: DivergenceConfig, *, substeps: int
    ) -> None:
        """Start with an empty memory."""
        self._model, self._simulator, self._config = model, simulator, config
        self._substeps = substeps
        self._steps: deque[tuple[State, np.ndarray]] = deque(maxlen=config.history)

    def before_step(self, ctrl: Float[Array, "N nu"]) -> None:
        """Remember the state (with its external forces) and what the muscles are about to get."""
        if self._config.folder is not None:
            self._steps.append((self._simulator.get_state(), np.array(ctrl)))

    def forget(self) -> None:
        """Start anew: the simulator was set to another state."""
        self._steps.clear()

    def write(self, diverged: Bool[np.ndarray, " N"], steps: Int[np.ndarray, " N"]) -> None:
        """Write the worlds that have just diverged, as far as the folder has room.

        Args:
            diverged: which.
            steps: control steps since each world's start; earlier ones were another episode's.
        """
        if self._config.folder is None:
            return
        folder = Path(self._config.folder)
        for world in np.flatnonzero(diverged).tolist():
            number = _next_number(folder)
            if number >= self._config.limit:
                return
            path = folder / f"{number:03d}.npz"
            self._record(world, steps=max(1, int(steps[world]))).save(path)
            _LOG.warning("world %d diverged: wrote %s", world, path)

    def _record(self, world: int, *, steps: int) -> Divergence:
        kept = list(self._steps)[-steps:]
        first, mj_model = kept[0][0], self._model.mj_model
        rows = [_integration_state(mj_model, state, world) for state, _ in kept]
        data = mujoco.MjData(mj_model)
        xfrc: list[np.ndarray] = []
        for row in rows:
            mujoco.mj_setState(mj_model, data, row, _SPEC)
            xfrc.append(data.xfrc_applied.copy())
        return Divergence(
            model=_saved_model(mj_model, first, world),
            state=rows[0],
            ctrl=np.stack([ctrl[world] for _, ctrl in kept]).astype(np.float64),
            xfrc=np.stack(xfrc),
            substeps=self._substeps,
            world=world,
            model_name=self._model.label,
            model_sha256=self._model.content_sha256,
        )


def _next_number(folder: Path) -> int:
    """After the highest numbered file; files of earlier runs count too."""
    numbers = [int(path.stem) for path in folder.glob("*.npz") if path.stem.isdigit()]
    return max(numbers, default=-1) + 1


def _integration_state(
    model: mujoco.MjModel, state: Mapping[str, np.ndarray], world: int
) -> Float[np.ndarray, " size"]:
    """One world's row of a saved state of either backend, as MuJoCo's own state vector."""
    if "rows" in state:
        return state["rows"][world].copy()
    data = mujoco.MjData(model)
    data.time = float(state["time"][world])
    for name in _NAMED:
        getattr(data, name)[:] = state[name][world]
    row = np.zeros(mujoco.mj_stateSize(model, _SPEC))
    mujoco.mj_getState(model, data, row, _SPEC)
    return row


def _saved_model(
    model: mujoco.MjModel, state: Mapping[str, np.ndarray], world: int
) -> UInt8[np.ndarray, " bytes"]:
    """The world's model with its own values of randomised fields."""
    own = copy.copy(model)
    for key, rows in state.items():
        if key.startswith(SAVED):
            name = key.removeprefix(SAVED)
            owner, name = (own.opt, name[4:]) if name.startswith("opt.") else (own, name)
            getattr(owner, name)[:] = rows[world]
    mujoco.mj_setConst(own, mujoco.MjData(own))
    buffer: UInt8[np.ndarray, " bytes"] = np.zeros(mujoco.mj_sizeModel(own), dtype=np.uint8)
    mujoco.mj_saveModel(own, None, buffer)
    return buffer


def _look(
    model: mujoco.MjModel, data: mujoco.MjData, start: float
) -> tuple[float, float, str, float, str, int]:
    """Time, largest velocity and its joint, largest force and its muscle, contacts."""
    # NaN is larger than anything.
    speed = np.nan_to_num(np.abs(data.qvel), nan=np.inf)
    pull = np.nan_to_num(np.abs(data.actuator_force), nan=np.inf)
    fastest, strongest = int(speed.argmax()), int(pull.argmax())
    joint: str = model.joint(int(model.dof_jntid[fastest])).name
    muscle: str = model.actuator(strongest).name
    elapsed = float(data.time - start)
    return elapsed, float(speed[fastest]), joint, float(pull[strongest]), muscle, int(data.ncon)
