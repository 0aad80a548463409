"""`musclemimic retarget bounds`: how well a body could follow a motion at all, and why so."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from musclemimic_models import InputError, get_musculo_model
from musclemimic_models.files import jsonable
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from musclemimic_retarget.batch import find_jobs
from musclemimic_retarget.bounds import ANGLE_BAR, RMSE_BAR, ClipBounds, clip_bounds
from musclemimic_retarget.gmr_fit import GMRFit, GMRFitConfig
from musclemimic_retarget.jump_causes import JumpCause
from musclemimic_retarget.methods import ReaderOptions, read_with, require_use
from musclemimic_retarget.range_ends import JointAtEnd
from musclemimic_retarget.trade_off import FitError

# So many joints get into the table; the JSON document has them all.
_NAMED = 4
_CAPTION = (
    "RMS distance from the targets, mm, and mean angle to them, °: as made; the least when only "
    "places count, when only turns do, and both by the usual weights (no floor, no smoothing). "
    "Floor: how far standing soles of the latter are from it, mm RMS. Joints: share of frames at "
    "an end of the range, that end, and where the targets ask them to go. Bars: on the floor, the "
    f"least ° at {1e3 * RMSE_BAR:.0f} mm and the least mm at {ANGLE_BAR:.0f}° (- if out of reach). "
    "Jumps of tendons: when, the joint, its speed, and the person's own there."
)


@dataclass(frozen=True)
class BoundsCommand:
    """Show why clips miss their targets: the best that the model's joints could do at all.

    Retargets every motion by gmr-fit, then looks for the poses nearest to the same targets frame
    by frame, with no smoothing: by positions alone, by orientations alone, by both with the
    method's weights (no floor), and on the floor for every balance of the two. Names the joints
    that spend their time at an end of their range, how far beyond it the person went, and why
    tendons jump. Writes nothing.

    Examples:
        musclemimic retarget bounds dance.npz
        musclemimic retarget bounds mocap/ --json
        musclemimic retarget bounds run.trc --belt-speed 3
    """

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Motion files and folders of them."""
    model: str = "MyoFullBody"
    """MyoFullBody or BimanualMuscle."""
    fingers: bool = False
    """Keep the finger joints (they stay at rest)."""
    json: bool = False
    """Print one JSON document instead of a table."""
    reading: tyro.conf.OmitArgPrefixes[ReaderOptions] = field(default_factory=ReaderOptions)
    """What a file does not say of itself."""
    config: GMRFitConfig = field(default_factory=GMRFitConfig)
    """Details of gmr-fit."""


def show_bounds(command: BoundsCommand) -> int:
    """Print the bounds of every motion, the worst first; returns the exit code.

    Raises:
        InputError: a file or option is wrong.
    """
    jobs, _ = find_jobs(command.files)
    if not jobs:
        raise InputError("command line", "FILE", found="no motions there", expected="some")
    require_use(command.reading, {job.source.suffix.lower() for job in jobs})
    model = get_musculo_model(command.model, fingers=command.fingers)
    fit = GMRFit(model, command.config)
    motions = {job.name: read_with(job.source, command.reading) for job in jobs}
    for motion in motions.values():
        fit.check(motion)
    rows = {
        name: clip_bounds(model, fit.solve(motion), command.config.ik)
        for name, motion in track(
            motions.items(), "looking for bounds", console=Console(stderr=True), transient=True
        )
    }
    worst = dict(sorted(rows.items(), key=lambda row: -row[1].achieved.rmse_m))
    if command.json:
        document = {name: bounds.to_dict() for name, bounds in worst.items()}
        sys.stdout.write(json.dumps(jsonable(document), indent=2) + "\n")
    else:
        Console().print(bounds_table(worst))
    return 0


def bounds_table(rows: Mapping[str, ClipBounds]) -> Table:
    """One row a clip."""
    titles = ("made", "places", "turns", "both", "floor", "bars")
    table = Table(
        Column("clip", overflow="fold"),
        *(Column(title, justify="right", no_wrap=True) for title in titles),
        "joints at their ends",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption=_CAPTION,
    )
    for name, bounds in rows.items():
        fits = (bounds.achieved, bounds.positions, bounds.orientations, bounds.both)
        floor = bounds.soles_off_floor_m
        table.add_row(
            name,
            *(_fit(fit) for fit in fits),
            "-" if floor is None else f"{1e3 * floor:.0f}",
            _bars(bounds),
            "\n".join(_joint(joint) for joint in bounds.joints[:_NAMED])
            + "".join(f"\n{_jump(jump)}" for jump in bounds.jumps[:_NAMED]),
        )
    return table


def _fit(fit: FitError) -> str:
    return f"{1e3 * fit.rmse_m:.1f}\n{fit.orientation_deg:.1f}°"


def _bars(bounds: ClipBounds) -> str:
    angle, rmse = bounds.least_angle_deg, bounds.least_rmse_m
    return ("-" if rmse is None else f"{1e3 * rmse:.1f}") + (
        "\n-" if angle is None else f"\n{angle:.1f}°"
    )


def _jump(jump: JumpCause) -> str:
    return (
        f"{jump.tendon} jumps {jump.change_percent:.1f} % at {jump.time_s:.2f} s: {jump.joint} "
        f"{jump.speed_deg_per_s:.0f}°/s, person {jump.source_deg_per_s:.0f}°/s"
    )


def _joint(joint: JointAtEnd) -> str:
    return f"{joint.joint} {joint.share_percent:.0f} % {joint.end_deg:.0f}→{joint.asked_deg:.0f}°"
