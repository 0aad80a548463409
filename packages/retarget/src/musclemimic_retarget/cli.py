"""`musclemimic retarget`: motion files in, clips and metrics out."""

import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import tyro
from musclemimic_models import REGISTRY, InputError, MotionClip, get_musculo_model
from musclemimic_models.files import jsonable, write_json
from rich.console import Console
from rich.progress import Progress

from musclemimic_retarget.gmr_fit import GMRFit, GMRFitConfig
from musclemimic_retarget.metrics import ClipMetrics, clip_metrics, metrics_table
from musclemimic_retarget.motion import HumanMotion
from musclemimic_retarget.readers import read_motion

_PROGRESS_AFTER = 2.0  # s


@dataclass(frozen=True)
class RetargetCommand:
    """Turn human motion files into clips for a muscle model.

    Reads SMPL, SMPL-H and SMPL-X parameters (.npz) and OpenSim coordinates (.sto, .mot). Writes
    NAME.npz and NAME.metrics.json for every file, and config.json.
    `musclemimic retarget metrics CLIP` measures a clip again.
    """

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Motion files."""
    model: str
    """MyoFullBody or BimanualMuscle."""
    out: Path
    """Folder for the clips."""
    method: Literal["gmr-fit"] = "gmr-fit"
    """The retargeter."""
    fingers: bool = False
    """Keep the finger joints (they stay at rest)."""
    json: bool = False
    """Print one JSON document instead of a table."""
    config: GMRFitConfig = field(default_factory=GMRFitConfig)
    """Details of the method."""


@dataclass(frozen=True)
class MetricsCommand:
    """Measure clips. Errors against the source need its targets and are left out."""

    clips: tyro.conf.Positional[tuple[Path, ...]]
    """Clip files (.npz)."""
    json: bool = False
    """Print one JSON document instead of a table."""


def main(argv: Sequence[str]) -> int:
    """Entry point of the subcommand; returns the exit code.

    Raises:
        InputError: a file, field, name or option is wrong (the caller prints it in one line).
    """
    if argv and argv[0] == "metrics":
        return _metrics(
            tyro.cli(MetricsCommand, args=list(argv[1:]), prog="musclemimic retarget metrics")
        )
    return _retarget(tyro.cli(RetargetCommand, args=list(argv), prog="musclemimic retarget"))


def _retarget(command: RetargetCommand) -> int:
    retargeter = GMRFit(get_musculo_model(command.model, fingers=command.fingers), command.config)
    motions = _read_all(command, retargeter)
    metrics: dict[str, ClipMetrics] = {}
    began = time.perf_counter()
    with Progress(console=Console(stderr=True), transient=True, disable=command.json) as progress:
        # Shown only when the work takes long enough to wonder.
        progress.stop()
        task = progress.add_task("retargeting", total=len(motions))
        for name, motion in motions.items():
            result = retargeter.solve(motion)
            result.clip.save(command.out / f"{name}.npz")
            write_json(command.out / f"{name}.metrics.json", result.metrics.to_dict())
            metrics[name] = result.metrics
            progress.advance(task)
            if time.perf_counter() - began > _PROGRESS_AFTER:
                progress.start()
    write_json(
        command.out / "config.json",
        {
            "files": command.files,
            "model": retargeter.model.label,
            "model_sha256": retargeter.model.content_sha256,
            "method": command.method,
            "config": dataclasses.asdict(command.config),
            "version": version("musclemimic-retarget"),
        },
    )
    _report(metrics, as_json=command.json)
    return 0


def _read_all(command: RetargetCommand, retargeter: GMRFit) -> dict[str, HumanMotion]:
    """Every motion by its output name; nothing is written before all of them are valid."""
    if not command.files:
        raise InputError("command line", "FILE", found="none", expected="at least one motion file")
    if command.out.exists() and not command.out.is_dir():
        raise InputError(command.out, "--out", found="a file", expected="a folder")
    twice = [name for name, n in Counter(file.stem for file in command.files).items() if n > 1]
    if twice:
        raise InputError(
            "command line", "FILE", found=f"{twice[0]!r} twice", expected="distinct file names"
        )
    motions: dict[str, HumanMotion] = {}
    for file in command.files:
        motions[file.stem] = read_motion(file)
        retargeter.check(motions[file.stem])
    return motions


def _metrics(command: MetricsCommand) -> int:
    clips = {str(path): MotionClip.load(path) for path in command.clips}
    _report({name: _measure(name, clip) for name, clip in clips.items()}, as_json=command.json)
    return 0


def _measure(name: str, clip: MotionClip) -> ClipMetrics:
    """Metrics of a clip on the model it was made for."""
    for model_name in REGISTRY:
        for fingers in (False, True):
            if clip.model_name.startswith(model_name):
                model = get_musculo_model(model_name, fingers=fingers)
                if model.content_sha256 == clip.model_sha256:
                    return clip_metrics(model, clip)
    raise InputError(
        name, "model_sha256", found=clip.model_name, expected="a model of this installation"
    )


def _report(metrics: Mapping[str, ClipMetrics], *, as_json: bool) -> None:
    if as_json:
        document = jsonable({name: row.to_dict() for name, row in metrics.items()})
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        Console().print(metrics_table(metrics))
