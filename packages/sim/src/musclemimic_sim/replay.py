"""Inverse use: what a motion means for the muscles, and what excitations do without feedback."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError, MotionClip, MusculoModel
from musclemimic_models.files import read_npz, write_npz

from musclemimic_sim.excitations import check_excitation
from musclemimic_sim.native import NativeSimulator
from musclemimic_sim.types import SimOutput, Simulator

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Trajectory:
    """A recorded motion of one body of T frames, the first of them the start.

    Attributes:
        output: physics of every frame; its first axis is time here, `output.time` in s.
        excitation: (T − 1, nu); row t acts between frames t and t + 1. Empty for a motion that
            was posed and not simulated.
        healthy: (T,) whether physics was finite; rows after the first False mean nothing.
        muscle_names: columns of everything with nu columns.
        model_name, model_sha256: the body.
    """

    output: SimOutput
    excitation: Float[np.ndarray, "_ nu"]
    healthy: Bool[np.ndarray, " T"]
    muscle_names: tuple[str, ...]
    model_name: str
    model_sha256: str

    def save(
        self, path: Path | str, *, moments: Float[np.ndarray, "T nu nv"] | None = None
    ) -> None:
        """Write all arrays as .npz, atomically, under the names of the attributes.

        Args:
            path: of the file.
            moments: of `replay_moments`, written as `moments`.
        """
        arrays = _arrays(self.output)
        arrays |= {"excitation": self.excitation, "healthy": self.healthy}
        if moments is not None:
            arrays["moments"] = moments
        texts = ("muscle_names", "model_name", "model_sha256")
        write_npz(Path(path), arrays | {name: np.array(getattr(self, name)) for name in texts})

    @classmethod
    def load(cls, path: Path | str) -> "Trajectory":
        """Read what `save` wrote (moments stay in the file).

        Raises:
            InputError: another kind of file.
        """
        arrays = read_npz(Path(path))
        physics = [field.name for field in dataclasses.fields(SimOutput)]
        own = [field.name for field in dataclasses.fields(cls) if field.name != "output"]
        for name in (*physics, *own):
            if name not in arrays:
                raise InputError(path, name, found="nothing", expected="a saved Trajectory")
        return cls(
            output=SimOutput(**{name: arrays[name] for name in physics}),
            excitation=arrays["excitation"],
            healthy=arrays["healthy"],
            muscle_names=tuple(arrays["muscle_names"].tolist()),
            model_name=str(arrays["model_name"]),
            model_sha256=str(arrays["model_sha256"]),
        )


def replay_clip(
    simulator: Simulator, model: MusculoModel, clip: MotionClip, *, progress: Progress | None = None
) -> SimOutput:
    """Physics in every frame of a clip, posed frame by frame: the first axis is time.

    Gives muscle lengths and velocities, site poses and velocities, centre of mass. Muscles are at
    rest, so their force is the passive one; touch forces mean nothing in a posed motion. For
    moment arms see `replay_moments`.

    Args:
        simulator: of the model, with any number of worlds; their states are overwritten.
        model: of the clip.
        clip: T frames.
        progress: called with the number of frames done.

    Raises:
        InputError: the clip was made for another model.
    """
    clip.require_model(model)
    output = replay_motion(simulator, model, clip.qpos, clip.qvel, progress=progress)
    return dataclasses.replace(output, time=_times(len(clip), clip.dt))


def replay_moments(
    simulator: Simulator, model: MusculoModel, clip: MotionClip, *, progress: Progress | None = None
) -> Float[np.ndarray, "T nu nv"]:
    """Change of every muscle's length with every velocity coordinate, m/rad or m, per frame.

    The negative of the moment arm. A minute of the full body at 100 Hz takes 0.8 GB.

    Args:
        simulator: of the model, made to give moments; its states are overwritten.
        model: of the clip.
        clip: T frames.
        progress: called with the number of frames done.

    Raises:
        InputError: the clip was made for another model.
        ValueError: the simulator was made without moments.
    """
    clip.require_model(model)
    placed = _placed(simulator, model, clip.qpos, clip.qvel, progress)
    return np.concatenate([np.array(simulator.muscle_moments())[:count] for _, count in placed])


def replay_motion(
    simulator: Simulator,
    model: MusculoModel,
    qpos: Float[np.ndarray, "T nq"],
    qvel: Float[np.ndarray, "T nv"],
    *,
    progress: Progress | None = None,
) -> SimOutput:
    """As `replay_clip`, for any positions and velocities; all times are 0."""
    placed = _placed(simulator, model, qpos, qvel, progress)
    return _join([_rows(out, count) for out, count in placed])


def play_excitations(
    model: MusculoModel,
    clip: MotionClip,
    excitation: Float[np.ndarray, "T nu"],
    *,
    start_frame: int = 0,
    activation: Float[np.ndarray, " nu"] | None = None,
    progress: Progress | None = None,
) -> Trajectory:
    """Start in a frame of a clip and let given excitations act, with no feedback.

    Each row acts for the clip's `dt`. The result has T+1 rows, the start included.

    Args:
        model: of the clip.
        clip: gives the start state and the time between rows.
        excitation: in [0, 1].
        start_frame: of the clip.
        activation: of every muscle at the start; None for the first row of `excitation`.
        progress: called with the number of frames done.

    Raises:
        InputError: another model, a frame that does not exist, excitations outside [0, 1], or a
            clip whose `dt` is no multiple of the physics timestep.
    """
    clip.require_model(model)
    check_excitation("play_excitations", excitation, model)
    if not 0 <= start_frame < len(clip):
        expected = f"0 to {len(clip) - 1}"
        raise InputError("play_excitations", "start_frame", found=start_frame, expected=expected)
    first = excitation[0] if activation is None else activation
    simulator = NativeSimulator(model, num_worlds=1, substeps=_substeps(model, clip.dt))
    try:
        start = (clip.qpos[start_frame], clip.qvel[start_frame], first)
        # float32, as the environment starts: what it did plays back bit for bit.
        rows = (row[None].astype(np.float32) for row in start)
        parts = [simulator.reset(np.ones(1, dtype=bool), *rows)]
        healthy = [not simulator.health()[0][0]]
        for done, row in enumerate(excitation, start=1):
            parts.append(simulator.step(row[None].astype(np.float32)))
            healthy.append(healthy[-1] and not simulator.health()[0][0])
            if progress is not None:
                progress(done)
    finally:
        simulator.close()
    return Trajectory(
        output=dataclasses.replace(_join(parts), time=_times(len(parts), clip.dt)),
        excitation=np.asarray(excitation, dtype=np.float64),
        healthy=np.array(healthy),
        muscle_names=model.muscle_names,
        model_name=model.label,
        model_sha256=model.content_sha256,
    )


def posed_trajectory(model: MusculoModel, output: SimOutput) -> Trajectory:
    """The physics of a clip's frames (`replay_clip`) as a trajectory without excitations."""
    return Trajectory(
        output=output,
        excitation=np.zeros((0, len(model.muscle_names))),
        healthy=np.ones(len(output.time), dtype=bool),
        muscle_names=model.muscle_names,
        model_name=model.label,
        model_sha256=model.content_sha256,
    )


def _placed(
    simulator: Simulator,
    model: MusculoModel,
    qpos: Float[np.ndarray, "T nq"],
    qvel: Float[np.ndarray, "T nv"],
    progress: Progress | None,
) -> Iterator[tuple[SimOutput, int]]:
    """Put frames into worlds, as many at a time as there are; yields outputs and rows used."""
    worlds = simulator.num_worlds
    everywhere, rest = np.ones(worlds, dtype=bool), np.zeros((worlds, len(model.muscle_names)))
    for start in range(0, len(qpos), worlds):
        count = min(worlds, len(qpos) - start)
        # Worlds without a frame of their own hold the last one.
        rows = start + np.minimum(np.arange(worlds), count - 1)
        yield simulator.reset(everywhere, qpos[rows], qvel[rows], rest), count
        if progress is not None:
            progress(start + count)


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
