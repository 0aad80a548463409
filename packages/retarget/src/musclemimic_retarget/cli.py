"""`musclemimic retarget`: motion files in, clips and metrics out."""

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import tyro
from musclemimic_models import InputError
from musclemimic_models.files import jsonable, write_json
from musclemimic_models.help_text import help_text
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from musclemimic_retarget.batch import Job, Settings, convert_all, find_jobs, up_to_date
from musclemimic_retarget.bounds_command import BoundsCommand, show_bounds
from musclemimic_retarget.cycle_command import CycleCommand, repeat
from musclemimic_retarget.gmr_fit import GMRFitConfig
from musclemimic_retarget.manifest import Entry, Manifest, earlier_entries
from musclemimic_retarget.methods import ReaderOptions, read_with, require_use
from musclemimic_retarget.metrics import ClipMetrics, metrics_table
from musclemimic_retarget.metrics_command import FULL_TABLE, MetricsCommand, show_metrics
from musclemimic_retarget.mocap_body import MocapBodyConfig
from musclemimic_retarget.quality import quality_table
from musclemimic_retarget.splits import read_split

Command = TypeVar("Command")


@dataclass(frozen=True)
class RetargetCommand:
    """Turn human motion files into clips for a muscle model.

    Reads SMPL, SMPL-H and SMPL-X parameters (.npz, .pkl), BVH (.bvh), markers (.trc, .c3d) and
    OpenSim coordinates (.sto, .mot). Writes NAME.npz and NAME.metrics.json for every motion,
    config.json and manifest.json. A folder is searched to the bottom and converted in parallel; run
    the same command again to go on where it stopped.

    Examples:
        musclemimic retarget walk.npz --model MyoFullBody --out clips
        musclemimic retarget mocap/ --model full --out clips --jobs 8 --allow-failures 3
        musclemimic retarget run.trc --belt-speed 3 --model full --out clips
        musclemimic retarget --split kinesis-test --amass-root AMASS --model full --out clips

    Further commands (--help tells more):
        musclemimic retarget metrics clips/walk.npz     measure a clip
        musclemimic retarget bounds walk.npz            why a motion misses its targets
        musclemimic retarget view clips/walk.npz        play it, by --source beside the person
        musclemimic retarget cycle clips/walk.npz       repeat a stride for as long as you like
    """

    files: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Motion files and folders of them."""
    model: str = "MyoFullBody"
    """MyoFullBody or BimanualMuscle."""
    out: Path = Path("clips")
    """Folder for the clips."""
    method: Literal["gmr-fit", "mocap-body"] = "gmr-fit"
    """The retargeter: gmr-fit for quality, mocap-body for the published baseline."""
    fingers: bool = False
    """Keep the finger joints (they stay at rest)."""
    split: str | None = None
    """A published list (kinesis-train, kinesis-test, bimanual-train, bimanual-test,
    transition-train) or a text file with one motion a line."""
    amass_root: Path | None = None
    """Folder the list's names are relative to."""
    jobs: int = os.cpu_count() or 1
    """Processes for a folder or a list."""
    force: bool = False
    """Convert again what an earlier run has converted."""
    allow_failures: int = 0
    """Exit with 0 although so many motions failed."""
    plot: bool = False
    """Draw NAME.png for every clip: errors, foot heights, joints in their ranges."""
    json: bool = False
    """Print one JSON document instead of a table."""
    reading: tyro.conf.OmitArgPrefixes[ReaderOptions] = field(default_factory=ReaderOptions)
    """What a file does not say of itself."""
    config: GMRFitConfig = field(default_factory=GMRFitConfig)
    """Details of gmr-fit."""
    mocap: MocapBodyConfig = field(default_factory=MocapBodyConfig)
    """Details of mocap-body."""


def main(argv: Sequence[str]) -> int:
    """Entry point of the subcommand; returns the exit code.

    Raises:
        InputError: a file, field, name or option is wrong (the caller prints it in one line).
    """
    rest = argv[1:]
    match argv[0] if argv else "":
        case "metrics":
            return show_metrics(_parsed(MetricsCommand, rest, "musclemimic retarget metrics"))
        case "bounds":
            return show_bounds(_parsed(BoundsCommand, rest, "musclemimic retarget bounds"))
        case "view":
            return _view(rest)
        case "cycle":
            return repeat(_parsed(CycleCommand, rest, "musclemimic retarget cycle"))
        case _:
            return _retarget(_parsed(RetargetCommand, argv, "musclemimic retarget"))


def _parsed(command: type[Command], argv: Sequence[str], prog: str) -> Command:
    """The command line as a command; its help is the class's documentation, with the examples."""
    return tyro.cli(command, args=list(argv), prog=prog, description=help_text(command))


def _view(argv: Sequence[str]) -> int:
    if importlib.util.find_spec("viser") is None:
        expected = "pip install 'musclemimic_retarget[viewer]'"
        raise InputError("retarget view", "browser view", found="no viser", expected=expected)
    from musclemimic_retarget.view import ViewCommand, view

    return view(_parsed(ViewCommand, argv, "musclemimic retarget view"))


def _retarget(command: RetargetCommand) -> int:
    """0, or 1 if more motions failed than allowed."""
    config = command.config if command.method == "gmr-fit" else command.mocap
    settings = Settings(command.model, command.fingers, config, command.reading, command.plot)
    jobs, missing, ignored = _jobs(command)
    _require_sound(command, settings, jobs)
    manifest = Manifest(settings.sha256(), settings.description(), ignored=ignored)
    earlier = {} if command.force else earlier_entries(command.out, manifest.settings)
    manifest.entries.update(missing)
    todo: list[Job] = []
    for job in jobs:
        if up_to_date(job, command.out, earlier):
            manifest.entries[job.name] = earlier[job.name]
        else:
            todo.append(job)
    kept = len(jobs) - len(todo)
    write_json(command.out / "config.json", {"files": command.files, **settings.description()})
    _convert(command, settings, todo, manifest)
    manifest.save(command.out)
    _report(manifest, kept=kept, as_json=command.json)
    return 1 if manifest.failures() > command.allow_failures else 0


def _jobs(command: RetargetCommand) -> tuple[list[Job], dict[str, Entry], list[str]]:
    """Motions to convert, entries of those a list names in vain, and files nobody reads."""
    if command.split is None:
        if not command.files:
            raise InputError("command line", "FILE", found="none", expected="motion files")
        jobs, ignored = find_jobs(command.files)
        return jobs, {}, ignored
    if command.files or command.amass_root is None:
        found = "files too" if command.files else "no --amass-root"
        raise InputError("command line", "--split", found=found, expected="--amass-root only")
    if not command.amass_root.is_dir():
        raise InputError(command.amass_root, "--amass-root", found="no folder", expected="one")
    jobs: list[Job] = []
    missing: dict[str, Entry] = {}
    for name in read_split(command.split):
        source = command.amass_root / f"{name}.npz"
        if source.is_file():
            jobs.append(Job(source, name))
        else:
            missing[name] = Entry(str(source), "missing", reason="not there")
    return jobs, missing, []


def _require_sound(command: RetargetCommand, settings: Settings, jobs: Sequence[Job]) -> None:
    """Refuse what can be refused before any work. Files named one by one are read for that."""
    if command.out.exists() and not command.out.is_dir():
        raise InputError(command.out, "--out", found="a file", expected="a folder")
    if command.jobs < 1:
        raise InputError("command line", "--jobs", found=command.jobs, expected=">= 1")
    if not jobs and command.split is not None:
        found = f"none of the motions of {command.split}"
        raise InputError(str(command.amass_root), "--amass-root", found=found, expected="some")
    if not jobs:
        raise InputError("command line", "FILE", found="no motions there", expected="some")
    if command.plot and importlib.util.find_spec("matplotlib") is None:
        expected = "pip install 'musclemimic_retarget[plots]'"
        raise InputError("command line", "--plot", found="no matplotlib", expected=expected)
    retargeter = settings.retargeter()
    require_use(command.reading, {job.source.suffix.lower() for job in jobs})
    if command.split is None and not any(path.is_dir() for path in command.files):
        for job in jobs:
            retargeter.check(read_with(job.source, settings.reading))


def _convert(
    command: RetargetCommand, settings: Settings, todo: Sequence[Job], manifest: Manifest
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("retargeting", total=len(todo))
        for job, entry in convert_all(todo, command.out, settings, workers=command.jobs):
            manifest.entries[job.name] = entry
            manifest.save(command.out)
            failed = manifest.failures()
            bar.update(task, advance=1, description=f"retargeting ({failed} failed)")


def _report(manifest: Manifest, *, kept: int, as_json: bool) -> None:
    good = {name: e.metrics for name, e in manifest.entries.items() if e.status == "ok"}
    bad = {name: e for name, e in manifest.entries.items() if e.status != "ok"}
    if as_json:
        # A single document of metrics by name; what went wrong stands under its name too.
        failed = {name: {"status": e.status, "reason": e.reason} for name, e in bad.items()}
        sys.stdout.write(json.dumps(jsonable(good | failed), indent=2) + "\n")
        return
    console = Console()
    if 0 < len(good) <= FULL_TABLE:
        console.print(metrics_table({name: ClipMetrics(**row) for name, row in good.items()}))  # pyright: ignore[reportArgumentType]
    elif good:
        console.print(quality_table(good))
    for name, entry in bad.items():
        console.print(f"[red]{entry.status}[/] {name}: {entry.reason}", soft_wrap=True)
    if kept or bad or manifest.ignored:
        console.print(
            f"{len(good)} clips ({kept} from an earlier run), {len(bad)} failed or missing, "
            f"{len(manifest.ignored)} other files ignored"
        )
