"""`musclemimic eval`: a policy and clips in, a validation table and a report out."""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from musclemimic_models import InputError
from musclemimic_models.files import jsonable
from musclemimic_sim import load_clips
from rich.console import Console

from musclemimic_eval.policy_rollout import evaluate, load_policy
from musclemimic_eval.progress import counting
from musclemimic_eval.report import ReportInputs, write_report


@dataclass(frozen=True)
class EvalConfig:
    """Evaluate a policy on motion clips.

    Attributes:
        checkpoint: a policy file, or the folder of a training run.
        clips: clip files the policy shall imitate.
        model: name of the body; by default the one the first clip was made for.
        fingers: of the named model.
        episodes: per clip, started at frames spread over it.
        stochastic: sample actions as in training instead of using their mean.
        horizon: longest episode in control steps; by default the clip's end.
        seed: of sampling and of the bootstrap.
        out: folder for index.html, report.json, film.png and the rollouts.
        json: print the numbers as one JSON document.
    """

    checkpoint: Annotated[Path, tyro.conf.Positional]
    clips: tuple[Path, ...]
    model: str | None = None
    fingers: bool = False
    episodes: int = 32
    stochastic: bool = False
    horizon: int | None = None
    seed: int = 0
    out: Path | None = None
    json: bool = False


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code.

    Raises:
        InputError: a file or option that cannot be used.
    """
    config = tyro.cli(EvalConfig, args=list(argv), prog="musclemimic eval")
    policy = load_policy(policy_file(config.checkpoint))
    model, loaded = load_clips(config.clips, config.model, fingers=config.fingers)
    clips = dict(zip(_unique_stems(config.clips), loaded, strict=True))
    with counting("episodes") as show:
        evaluation = evaluate(
            policy,
            clips,
            model=model,
            episodes=config.episodes,
            seed=config.seed,
            deterministic=not config.stochastic,
            horizon=config.horizon,
            on_progress=show,
        )
    page = None
    if config.out is not None:
        inputs = ReportInputs(
            model=model,
            clips=clips,
            rollouts=evaluation.rollouts,
            table=evaluation.table,
            command=f"musclemimic eval {shlex.join(argv)}",
            training=policy.provenance,
            title="Evaluation of a policy",
        )
        page = write_report(config.out, inputs)
        for number, rollout in enumerate(evaluation.rollouts):
            rollout.save(config.out / "rollouts" / f"{number:03d}.npz")
    if config.json:
        document = {"validation": evaluation.table.to_dict(), "report": page}
        sys.stdout.write(json.dumps(jsonable(document)) + "\n")
    else:
        console = Console()
        console.print(evaluation.table.to_rich())
        if page is not None:
            console.print(f"report: {page}", highlight=False)
    return 0


def policy_file(checkpoint: Path) -> Path:
    """The policy file of a run folder, or the file itself.

    Raises:
        InputError: a folder without a policy.
    """
    if not checkpoint.is_dir():
        return checkpoint
    file = checkpoint / "policy.npz"
    if not file.exists():
        raise InputError(checkpoint, "policy.npz", found="nothing", expected="a training run")
    return file


def _unique_stems(paths: Sequence[Path]) -> list[str]:
    """File names without extension, numbered where two are equal."""
    names: list[str] = []
    for path in paths:
        name, number = path.stem, 2
        while name in names:
            name, number = f"{path.stem} #{number}", number + 1
        names.append(name)
    return names
