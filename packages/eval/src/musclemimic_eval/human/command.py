"""`musclemimic eval motion`: a laboratory's recording in, gait analysis out."""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from musclemimic_models import InputError, get_musculo_model
from musclemimic_models.files import jsonable
from musclemimic_models.help_text import help_text
from rich.console import Console
from rich.table import Table

from musclemimic_eval.gait_page.grids import brief_agreement_grid, cycles_grid, parameters_grid
from musclemimic_eval.grids import Grid
from musclemimic_eval.human.analysis import MotionAnalysis, analyse
from musclemimic_eval.human.document import document
from musclemimic_eval.human.recording import read_recording
from musclemimic_eval.human.report import write_motion_report
from musclemimic_eval.progress import waiting
from musclemimic_eval.reference.choice import ReferenceChoice, compared
from musclemimic_eval.reference.comparison import Comparison
from musclemimic_eval.reference.curves import PACKAGED

_MODEL = "MyoFullBody"


@dataclass(frozen=True)
class MotionConfig:
    """Gait analysis of a human's recording: events, cycles, parameters, angles, moments.

    Reads C3D, TRC, OpenSim coordinates (.mot, .sto), BVH and SMPL parameters (.npz). A C3D file's
    own force plates are used; for the others give the force file. With --out a page, JSON and CSV.

    Examples:
        musclemimic eval motion walk.c3d --out report
        musclemimic eval motion walk.trc --grf walk_grf.mot --mass 72 --out report
        musclemimic eval motion walk.mot --grf walk_grf.mot --reference own.csv --split-phases

    Joint angles lack heels and toes; the OpenSim model that they were computed with has them.
    musclemimic eval motion walk_ik.mot --osim subject_scaled.osim --grf walk_grf.mot

    Attributes:
        file: the recording.
        grf: OpenSim force file (.mot, .sto) of the same trial, on the same clock.
        loads: OpenSim ExternalLoads file (.xml) that says what is what in the force file.
        osim: OpenSim model (.osim) of joint angles (.mot, .sto): the person's own heels, toes and
            leg length instead of the muscle model's.
        mass: of the person, kg; by default the weight on the plates.
        reference: a packaged table (schwartz2008_children, falisse2019_adult), a CSV file of your
            own, or none.
        group: of the reference; by default the one whose speed is nearest.
        split_phases: normalise stance and swing separately, stance to the reference's share.
        out: folder for index.html, motion.json and CSV tables.
        json: print all numbers as one JSON document.
    """

    file: Annotated[Path, tyro.conf.Positional]
    grf: Path | None = None
    loads: Path | None = None
    osim: Path | None = None
    mass: float | None = None
    reference: str = PACKAGED[0]
    group: str | None = None
    split_phases: bool = False
    out: Path | None = None
    json: bool = False


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code.

    Raises:
        InputError: a file or option that cannot be used.
    """
    config = tyro.cli(
        MotionConfig,
        args=list(argv),
        prog="musclemimic eval motion",
        description=help_text(MotionConfig),
    )
    with waiting(f"analysing {config.file.name}"):
        analysis, comparison = run(config)
        page = None
        if config.out is not None:
            command = f"musclemimic eval motion {shlex.join(argv)}"
            page = write_motion_report(config.out, analysis, comparison, command=command)
    if config.json:
        content = document(analysis, comparison) | {"report": page}
        sys.stdout.write(json.dumps(jsonable(content)) + "\n")
    else:
        _print(analysis, comparison, page)
    return 0


def run(config: MotionConfig) -> tuple[MotionAnalysis, Comparison | None]:
    """Read, analyse and compare.

    Raises:
        InputError: a file or option that cannot be used.
    """
    if config.loads is not None and config.grf is None:
        raise InputError("--loads", "option", found="no --grf", expected="the force file, too")
    choice = ReferenceChoice(config.reference, config.group, config.split_phases)
    table = choice.load()
    model = get_musculo_model(_MODEL, fingers=False)
    recording = read_recording(
        config.file, model, grf=config.grf, loads=config.loads, osim=config.osim
    )
    return compared(analyse(recording, model, mass=config.mass), table, choice)


def _print(analysis: MotionAnalysis, comparison: Comparison | None, page: Path | None) -> None:
    console = Console()
    console.print(
        f"[bold]{analysis.recording.source}[/bold]: {analysis.spatiotemporal.kind}", highlight=False
    )
    for note in analysis.notes:
        console.print(f"note: {note}", style="yellow", highlight=False)
    console.print(_table(parameters_grid(analysis)))
    if analysis.cycles:
        console.print(_table(cycles_grid(analysis)))
    if comparison is not None and comparison.agreement:
        for warning in comparison.warnings:
            console.print(f"unfair comparison: {warning}", style="yellow", highlight=False)
        console.print(_table(brief_agreement_grid(comparison)))
    if page is not None:
        console.print(f"report: {page}", highlight=False)


def _table(grid: Grid) -> Table:
    table = Table(box=None, caption=grid.note or None, caption_justify="left")
    for index, title in enumerate(grid.header):
        table.add_column(title, justify="left" if index == 0 else "right")
    for row in grid.rows:
        table.add_row(*row)
    return table
