"""`musclemimic models validate`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from musclemimic_models.commands.output import print_json
from musclemimic_models.errors import InputError
from musclemimic_models.musculo import MusculoModel, get_musculo_model
from musclemimic_models.validation import Check, validate_model
from musclemimic_models.validation.moment_arm_table import read_moment_arms, shipped_moment_arms
from musclemimic_models.validation.published import MomentArmComparison, compare_moment_arms

_SHOWN_DETAILS = 10


@dataclass(frozen=True)
class ValidateArguments:
    """Check a model; exit code 1 if a check fails.

    Symmetry of lengths, moment arms and forces; continuity of every moment arm over every joint's
    feasible range; moment arms against finite differences and published human values; force and
    activation curves and couplings against MuJoCo's own; a passive fall.

    Attributes:
        model: model name or alias.
        fingers: with finger joints and muscles.
        poses: random feasible poses for symmetry and derivatives.
        postures: postures of the other joints while one is swept; the first is neutral.
        seed: of poses and postures.
        moment_arms: your own published or measured values (CSV: muscle, joint, angle_deg,
            moment_arm_mm, source; optional sd_mm, method, note), shown beside the model's.
        plots: folder for figures of every joint's moment arms and of the comparison.
        json: print one JSON document instead of tables.
    """

    model: Annotated[str, tyro.conf.Positional]
    fingers: bool = False
    poses: int = 20
    postures: int = 3
    seed: int = 0
    moment_arms: Path | None = None
    plots: Path | None = None
    json: bool = False


def validate(arguments: ValidateArguments) -> int:
    """Run the checks; returns 1 if one fails.

    Raises:
        InputError: bad arguments, an unreadable table, or plots without the extra.
    """
    for name, value in (("poses", arguments.poses), ("postures", arguments.postures)):
        if value < 1:
            raise InputError("models validate", name, found=value, expected=">= 1")
    if arguments.plots:
        require_plots(arguments.plots)
    model = get_musculo_model(arguments.model, fingers=arguments.fingers)
    rows = shipped_moment_arms()
    if arguments.moment_arms:
        rows = read_moment_arms(arguments.moment_arms)
    comparisons = compare_moment_arms(model, rows)
    checks = _run(model, arguments)
    if arguments.plots:
        from musclemimic_models.validation.plots import save_plots

        save_plots(model, comparisons, arguments.plots)
    if arguments.json:
        print_json(
            {
                "model": model.label,
                "checks": {c.name: c.__dict__ | {"passed": c.passed} for c in checks},
                "moment_arms": [_plain(comparison) for comparison in comparisons],
            }
        )
    else:
        console = Console()
        console.print(check_table(model, checks))
        _print_details(console, checks)
        if arguments.moment_arms:
            console.print(comparison_table(comparisons))
        if arguments.plots:
            console.print(f"figures in {arguments.plots}")
    return 0 if all(check.passed for check in checks) else 1


def require_plots(folder: Path) -> None:
    """Raise InputError unless figures can be drawn and put there."""
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        raise InputError(
            "models validate",
            "plots",
            found="matplotlib is not installed",
            expected="pip install 'musclemimic_models[plots]'",
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(folder, "plots", found="a file", expected="a folder")


def _run(model: MusculoModel, arguments: ValidateArguments) -> list[Check]:
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        return validate_model(
            model,
            poses=arguments.poses,
            postures=arguments.postures,
            seed=arguments.seed,
            progress=lambda name, share: bar.update(task, description=name, completed=share),
        )


def _plain(comparison: MomentArmComparison) -> Mapping[str, object]:
    return comparison.__dict__ | {"published": comparison.published.__dict__}


def check_table(model: MusculoModel, checks: Sequence[Check]) -> Table:
    """The checks, one row each."""
    table = Table("check", "worst", "limit", "unit", "where", "", title=model.label)
    for check in checks:
        verdict = "[green]passed[/]" if check.passed else "[red]FAILED[/]"
        numbers = (f"{check.worst:.3g}", f"{check.limit:.3g}")
        table.add_row(check.name, *numbers, check.unit, check.where, verdict)
    return table


def comparison_table(comparisons: Sequence[MomentArmComparison]) -> Table:
    """Model beside published moment arms, one row each."""
    table = Table("muscle", "joint", "angle °", "model mm", "published mm", "", "source")
    for comparison in comparisons:
        row = comparison.published
        angle = "peak" if row.angle_deg is None else f"{row.angle_deg:g}"
        verdict = {True: "[green]within[/]", False: "[red]outside[/]", None: comparison.reason}
        model = "" if comparison.model_mm is None else f"{comparison.model_mm:.1f}"
        published = f"{row.moment_arm_mm:g} ± {row.tolerance_mm:.3g}"
        table.add_row(
            row.muscle,
            row.joint,
            angle,
            model,
            published,
            verdict[comparison.within],
            row.source,
        )
    return table


def _print_details(console: Console, checks: Sequence[Check]) -> None:
    for check in checks:
        if check.details:
            console.print(f"\n[bold]{check.name}[/]")
            for line in check.details[:_SHOWN_DETAILS]:
                console.print(f"  {line}")
            if len(check.details) > _SHOWN_DETAILS:
                console.print(f"  and {len(check.details) - _SHOWN_DETAILS} more (--json has all)")
