"""Inverse use: what a motion means for the muscles, and what excitations do without feedback."""

import csv
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError, MotionClip, MusculoModel
from musclemimic_models.files import read_npz, require_file, write_npz

from musclemimic_sim.native import NativeSimulator
from musclemimic_sim.types import SimOutput, Simulator


@dataclass(frozen=True)
class Trajectory:
    """A recorded motion of one body: as many rows as frames, the first the start.

    Attributes:
        output: physics of every frame; its first axis is time here, `output.time` in s.
        excitation: (T, nu) that led to each frame; the first row is zero.
        healthy: (T,) whether physics was finite; rows after the first False mean nothing.
        muscle_names: columns of everything with nu columns.
        model_name, model_sha256: the body.
    """

    output: SimOutput
    excitation: Float[np.ndarray, "T nu"]
    healthy: Bool[np.ndarray, " T"]
    muscle_names: tuple[str, ...]
    model_name: str
    model_sha256: str

    def save(self, path: Path | str) -> None:
        """Write all arrays as .npz, atomically, under the names of the attributes."""
        arrays = {
            field.name: np.asarray(getattr(self.output, field.name))
            for field in dataclasses.fields(self.output)
        }
        arrays |= {"excitation": self.excitation, "healthy": self.healthy}
        texts = ("muscle_names", "model_name", "model_sha256")
        write_npz(Path(path), arrays | {name: np.array(getattr(self, name)) for name in texts})


def replay_clip(simulator: Simulator, model: MusculoModel, clip: MotionClip) -> SimOutput:
    """Physics in every frame of a clip, posed frame by frame: the first axis is time.

    Gives muscle lengths and velocities, site poses and velocities, centre of mass. Muscles are at
    rest, so their force is the passive one. For moment arms see `replay_moments`.

    Args:
        simulator: of the model, with any number of worlds; their states are overwritten.
        model: of the clip.
        clip: T frames.

    Raises:
        InputError: the clip was made for another model.
    """
    clip.require_model(model)
    output = replay_motion(simulator, model, clip.qpos, clip.qvel)
    return dataclasses.replace(output, time=_times(len(clip), clip.dt))


def replay_moments(
    simulator: Simulator, model: MusculoModel, clip: MotionClip
) -> Float[np.ndarray, "T nu nv"]:
    """Change of every muscle's length with every velocity coordinate, m/rad or m, per frame.

    The negative of the moment arm. A minute of the full body at 100 Hz takes 0.8 GB.

    Args:
        simulator: of the model, made to give moments; its states are overwritten.
        model: of the clip.
        clip: T frames.

    Raises:
        InputError: the clip was made for another model.
        ValueError: the simulator was made without moments.
    """
    clip.require_model(model)
    placed = _placed(simulator, model, clip.qpos, clip.qvel)
    return np.concatenate([np.array(simulator.muscle_moments())[:count] for _, count in placed])


def replay_motion(
    simulator: Simulator,
    model: MusculoModel,
    qpos: Float[np.ndarray, "T nq"],
    qvel: Float[np.ndarray, "T nv"],
) -> SimOutput:
    """As `replay_clip`, for any positions and velocities; all times are 0."""
    return _join([_rows(out, count) for out, count in _placed(simulator, model, qpos, qvel)])


def play_excitations(
    model: MusculoModel,
    clip: MotionClip,
    excitation: Float[np.ndarray, "T nu"],
    *,
    start_frame: int = 0,
    activation: Float[np.ndarray, " nu"] | None = None,
) -> Trajectory:
    """Start in a frame of a clip and let given excitations act, with no feedback.

    Each row acts for the clip's `dt`. The result has T+1 rows, the start included.

    Args:
        model: of the clip.
        clip: gives the start state and the time between rows.
        excitation: in [0, 1].
        start_frame: of the clip.
        activation: of every muscle at the start; None for the first row of `excitation`.

    Raises:
        InputError: another model, a frame that does not exist, excitations outside [0, 1], or a
            clip whose `dt` is no multiple of the physics timestep.
    """
    clip.require_model(model)
    _check_excitation("play_excitations", excitation, model)
    if not 0 <= start_frame < len(clip):
        expected = f"0 to {len(clip) - 1}"
        raise InputError("play_excitations", "start_frame", found=start_frame, expected=expected)
    first = excitation[0] if activation is None else activation
    simulator = NativeSimulator(model, num_worlds=1, substeps=_substeps(model, clip.dt))
    try:
        start = (clip.qpos[start_frame], clip.qvel[start_frame], first)
        parts = [simulator.reset(np.ones(1, dtype=bool), *(row[None] for row in start))]
        healthy = [not simulator.health()[0][0]]
        for row in excitation:
            parts.append(simulator.step(row[None].astype(np.float32)))
            healthy.append(healthy[-1] and not simulator.health()[0][0])
    finally:
        simulator.close()
    return Trajectory(
        output=dataclasses.replace(_join(parts), time=_times(len(parts), clip.dt)),
        excitation=np.concatenate([np.zeros((1, len(first))), excitation]),
        healthy=np.array(healthy),
        muscle_names=model.muscle_names,
        model_name=model.label,
        model_sha256=model.content_sha256,
    )


def load_excitation(path: Path | str, model: MusculoModel) -> Float[np.ndarray, "T nu"]:
    """Read excitations: a .csv with a column for every muscle, or an .npz.

    The .npz holds `excitation` (T, nu) and may hold `muscle_names`; with names, columns may come
    in any order. Other columns (such as time) are an error unless they are called `time`.

    Raises:
        InputError: an unreadable file, a muscle missing or unknown, or values outside [0, 1].
    """
    path = Path(path)
    names, values = _read_csv(path) if path.suffix.lower() == ".csv" else _read_archive(path)
    if names is not None:
        missing = [name for name in model.muscle_names if name not in names]
        unknown = [name for name in names if name not in (*model.muscle_names, "time")]
        if missing or unknown:
            found = f"no {missing[0]!r}" if missing else repr(unknown[0])
            expected = f"the {len(model.muscle_names)} muscles of {model.label}"
            raise InputError(path, "muscle_names", found=found, expected=expected)
        values = values[:, [names.index(name) for name in model.muscle_names]]
    _check_excitation(path, values, model)
    return values


def _placed(
    simulator: Simulator,
    model: MusculoModel,
    qpos: Float[np.ndarray, "T nq"],
    qvel: Float[np.ndarray, "T nv"],
) -> Iterator[tuple[SimOutput, int]]:
    """Put frames into worlds, as many at a time as there are; yields outputs and rows used."""
    worlds = simulator.num_worlds
    everywhere, rest = np.ones(worlds, dtype=bool), np.zeros((worlds, len(model.muscle_names)))
    for start in range(0, len(qpos), worlds):
        count = min(worlds, len(qpos) - start)
        # Worlds without a frame of their own hold the last one.
        rows = start + np.minimum(np.arange(worlds), count - 1)
        yield simulator.reset(everywhere, qpos[rows], qvel[rows], rest), count


def _rows(output: SimOutput, count: int) -> SimOutput:
    return SimOutput(**{name: value[:count] for name, value in _arrays(output).items()})


def _join(parts: list[SimOutput]) -> SimOutput:
    arrays = [_arrays(part) for part in parts]
    return SimOutput(
        **{name: np.concatenate([part[name] for part in arrays]) for name in arrays[0]}
    )


def _arrays(output: SimOutput) -> dict[str, np.ndarray]:
    names = (field.name for field in dataclasses.fields(output))
    return {name: np.asarray(getattr(output, name)) for name in names}


def _times(frames: int, dt: float) -> Float[np.ndarray, " T"]:
    return (dt * np.arange(frames)).astype(np.float32)


def _substeps(model: MusculoModel, dt: float) -> int:
    timestep = float(model.mj_model.opt.timestep)
    substeps = round(dt / timestep)
    if substeps < 1 or abs(substeps * timestep - dt) > 1e-9:
        expected = f"a multiple of the physics timestep, {timestep:g} s"
        raise InputError("play_excitations", "dt", found=f"{dt:g} s", expected=expected)
    return substeps


def _check_excitation(
    source: object, excitation: Float[np.ndarray, "T nu"], model: MusculoModel
) -> None:
    muscles = len(model.muscle_names)
    if excitation.ndim != 2 or excitation.shape[1] != muscles or len(excitation) == 0:
        found, expected = f"shape {excitation.shape}", f"(T, {muscles}) for {model.label}"
    elif not ((excitation >= 0) & (excitation <= 1)).all():
        found = f"values from {excitation.min():g} to {excitation.max():g}"
        expected = "0 to 1"
    else:
        return
    raise InputError(source, "excitation", found=found, expected=expected)


def _read_archive(path: Path) -> tuple[list[str] | None, Float[np.ndarray, "T nu"]]:
    arrays = read_npz(path)
    if "excitation" not in arrays:
        found = ", ".join(arrays) or "nothing"
        raise InputError(path, "excitation", found=found, expected="an array of that name")
    names = arrays.get("muscle_names")
    listed = None if names is None else [str(name) for name in names.ravel()]
    values = arrays["excitation"]
    if listed is not None and values.ndim == 2 and len(listed) != values.shape[1]:
        found = f"{values.shape[1]} columns"
        raise InputError(path, "excitation", found=found, expected=f"{len(listed)}, one a name")
    return listed, _floats(path, values)


def _read_csv(path: Path) -> tuple[list[str], Float[np.ndarray, "T columns"]]:
    require_file(path)
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            found, expected = f"{len(line)} values", f"{len(header)}, as in the header"
            raise InputError(path, f"line {number}", found=found, expected=expected)
    return [name.strip() for name in header], _floats(path, np.array(lines))


def _floats(path: Path, values: np.ndarray) -> Float[np.ndarray, "T columns"]:
    try:
        return values.astype(np.float64)
    except ValueError as error:
        raise InputError(path, "excitation", found=str(error), expected="numbers") from error
