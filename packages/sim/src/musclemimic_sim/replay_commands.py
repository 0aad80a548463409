"""`musclemimic sim replay | diverged`."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import tyro
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip, MusculoModel
from musclemimic_models.files import jsonable
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from musclemimic_sim.divergence import Divergence, DivergenceReplay, replay_divergence
from musclemimic_sim.excitations import load_excitation
from musclemimic_sim.loading import load_clips
from musclemimic_sim.native import NativeSimulator
from musclemimic_sim.replay import (
    Trajectory,
    play_excitations,
    posed_trajectory,
    replay_clip,
    replay_moments,
)

R = TypeVar("R")
_WORLDS = 64
# Rows of the table of a divergence.
_SHOWN = 12


@dataclass(frozen=True)
class ReplayArguments:
    """What a clip means for the muscles, or what excitations do without feedback.

    Without --excitation, the body is posed in every frame of the clip, and the result holds
    muscle lengths, velocities and passive forces, site poses and the centre of mass. With it, the
    body starts in a frame of the clip and the excitations act.

    Attributes:
        clip: a motion clip file.
        excitation: a .csv with a column for every muscle (and `time`, in s, if you like), or an
            .npz with `excitation` (T, muscles), such as one written by this command.
        out: .npz to write, with one array a quantity and the muscles' names.
        start_frame: of the clip, where playback starts.
        activation: of every muscle at that moment; by default the first row of the excitations.
        moments: also write `moments` (T, muscles, velocities): the change of muscle length with
            every velocity coordinate, the negative of the moment arm.
        json: print one JSON document instead of a table.
    """

    clip: Annotated[Path, tyro.conf.Positional]
    excitation: Path | None = None
    out: Path | None = None
    start_frame: int = 0
    activation: float | None = None
    moments: bool = False
    json: bool = False


@dataclass(frozen=True)
class DivergedArguments:
    """Repeat a diverged world in plain MuJoCo, physics step by physics step.

    Attributes:
        file: written by an environment with `divergence.folder` set.
        json: print one JSON document instead of a table.
    """

    file: Annotated[Path, tyro.conf.Positional]
    json: bool = False


def replay(arguments: ReplayArguments) -> int:
    """Run `musclemimic sim replay`.

    Raises:
        InputError: options that exclude each other, or files that cannot be used.
    """
    _check(arguments)
    model, clips = load_clips([arguments.clip])
    clip, moments = clips[0], None
    if arguments.excitation is None:
        trajectory, moments = _pose(model, clip, with_moments=arguments.moments)
        reference = clip.site_pos
    else:
        trajectory = _play(model, clip, arguments, arguments.excitation)
        reference = clip.site_pos[arguments.start_frame :]
    if arguments.out is not None:
        trajectory.save(arguments.out, moments=moments)
    _show(_summary(model, trajectory, reference), title=str(arguments.clip), as_json=arguments.json)
    return 0


def _check(arguments: ReplayArguments) -> None:
    if arguments.moments and (arguments.excitation is not None or arguments.out is None):
        found = "no --out" if arguments.out is None else "--excitation"
        expected = "--out, and a clip alone"
        raise InputError("sim replay", "--moments", found=found, expected=expected)
    level = arguments.activation
    if level is not None and not 0 <= level <= 1:
        raise InputError("sim replay", "--activation", found=level, expected="0 to 1")


def diverged(arguments: DivergedArguments) -> int:
    """Run `musclemimic sim diverged`."""
    record = Divergence.load(arguments.file)
    result = replay_divergence(record)
    if arguments.json:
        steps = [dict(zip(_COLUMNS, row, strict=True)) for row in _rows(result)]
        head = {"model": record.model_name, "world": record.world, "diverged": result.diverged}
        sys.stdout.write(json.dumps(jsonable(head | {"steps": steps}), indent=2) + "\n")
        return 0
    table = Table(*_COLUMNS, title=f"world {record.world} of {record.model_name}, its last moments")
    for row in _rows(result)[-_SHOWN:]:
        table.add_row(*(f"{x:.4g}" if isinstance(x, float) else str(x) for x in row))
    console = Console()
    console.print(table)
    ending = "diverged" if result.diverged else "stayed finite to the end of the record"
    console.print(f"In C MuJoCo it {ending}, after {1000 * result.time[-1]:.0f} ms.")
    return 0


_COLUMNS = ("time, s", "largest velocity", "joint", "largest force, N", "muscle", "contacts")


def _rows(result: DivergenceReplay) -> list[tuple[float, float, str, float, str, int]]:
    return list(
        zip(
            result.time.tolist(),
            result.velocity.tolist(),
            result.fastest,
            result.force.tolist(),
            result.strongest,
            result.contacts.tolist(),
            strict=True,
        )
    )


def _pose(
    model: MusculoModel, clip: MotionClip, *, with_moments: bool
) -> tuple[Trajectory, Float[np.ndarray, "T nu nv"] | None]:
    worlds = min(_WORLDS, len(clip))
    simulator = NativeSimulator(model, num_worlds=worlds, substeps=1, moments=with_moments)
    output = _tracked(
        "posing", len(clip), lambda done: replay_clip(simulator, model, clip, progress=done)
    )
    moments = None
    if with_moments:
        moments = _tracked(
            "moments", len(clip), lambda done: replay_moments(simulator, model, clip, progress=done)
        )
    return posed_trajectory(model, output), moments


def _play(
    model: MusculoModel, clip: MotionClip, arguments: ReplayArguments, path: Path
) -> Trajectory:
    excitation = load_excitation(path, model, dt=clip.dt)
    level = arguments.activation
    activation = None if level is None else np.full(len(model.muscle_names), level)
    return _tracked(
        "playing",
        len(excitation),
        lambda done: play_excitations(
            model,
            clip,
            excitation,
            start_frame=arguments.start_frame,
            activation=activation,
            progress=done,
        ),
    )


def _tracked(label: str, total: int, work: Callable[[Callable[[int], object]], R]) -> R:
    """Work with a progress bar on stderr."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        return work(lambda done: bar.update(task, completed=done))


def _summary(
    model: MusculoModel, trajectory: Trajectory, reference: Float[np.ndarray, "T S 3"]
) -> dict[str, object]:
    """Figures of a trajectory, with how far its sites are from the clip's."""
    output, frames = trajectory.output, len(trajectory.healthy)
    healthy = int(trajectory.healthy.sum())
    shared = min(healthy, len(reference))
    away = np.linalg.norm(output.site_pos[:shared] - reference[:shared], axis=2).mean(axis=1)
    low, high = model.muscles.length_range.T
    length = np.asarray(output.actuator_length)[:healthy]
    outside = (length < low) | (length > high)
    return {
        "model": trajectory.model_name,
        "frames": frames,
        "seconds": float(output.time[-1]),
        "healthy_frames": healthy,
        "mean_site_distance_m": float(away.mean()),
        "last_site_distance_m": float(away[-1]),
        "largest_muscle_force_n": float(np.abs(output.actuator_force[:healthy]).max()),
        "muscle_lengths_outside_range_percent": float(100 * outside.mean()),
    }


def _show(summary: dict[str, object], *, title: str, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(jsonable(summary), indent=2) + "\n")
        return
    table = Table(show_header=False, title=title)
    for name, value in summary.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    Console().print(table)
