"""`musclemimic models list | info | validate | export`."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from musclemimic_models.errors import InputError, unknown_name
from musclemimic_models.export import export_mjcf
from musclemimic_models.files import jsonable
from musclemimic_models.musculo import MusculoModel, get_musculo_model
from musclemimic_models.registry import REGISTRY
from musclemimic_models.validation import Check, validate_model


@dataclass(frozen=True)
class ListArguments:
    """The available models.

    Attributes:
        json: print one JSON document instead of a table.
    """

    json: bool = False


@dataclass(frozen=True)
class InfoArguments:
    """What a model consists of.

    Attributes:
        model: model name or alias.
        fingers: with finger joints and muscles.
        json: print one JSON document instead of tables.
    """

    model: Annotated[str, tyro.conf.Positional]
    fingers: bool = False
    json: bool = False


@dataclass(frozen=True)
class ValidateArguments:
    """Check a model's symmetry, couplings and moment arms; exit code 1 if a check fails.

    Attributes:
        model: model name or alias.
        fingers: with finger joints and muscles.
        poses: random feasible poses a check looks at.
        seed: of the poses.
        json: print one JSON document instead of a table.
    """

    model: Annotated[str, tyro.conf.Positional]
    fingers: bool = False
    poses: int = 20
    seed: int = 0
    json: bool = False


@dataclass(frozen=True)
class ExportArguments:
    """Write one folder with the model as MJCF and all its meshes.

    Attributes:
        model: model name or alias.
        out: folder to make; must not exist or be empty.
        fingers: with finger joints and muscles.
        visual: with meshes.
    """

    model: Annotated[str, tyro.conf.Positional]
    out: Path
    fingers: bool = False
    visual: bool = True


def _list(arguments: ListArguments) -> int:
    if arguments.json:
        _print_json({name: entry.summary for name, entry in REGISTRY.items()})
        return 0
    table = Table("model", "joints / muscles", "without fingers", "aliases", "what it is")
    for entry in REGISTRY.values():
        counts = ("{} / {}".format(*c[:2]) for c in (entry.counts, entry.counts_without_fingers))
        table.add_row(entry.name, *counts, ", ".join(entry.aliases), entry.summary)
    Console().print(table)
    return 0


def describe(model: MusculoModel) -> dict[str, object]:
    """The figures `musclemimic models info` shows, as plain values with units in the keys."""
    m, muscles = model.mj_model, model.muscles
    strongest = np.argsort(-muscles.max_isometric_force)[:10]
    groups = sorted(set(muscles.group), key=muscles.group.index)
    return {
        "model": model.label,
        "joints": int(m.njnt),
        "muscles": int(m.nu),
        "couplings": int(m.neq),
        "independent_coordinates": len(model.couplings.free_dof),
        "mass_kg": float(m.body_mass.sum()),
        "timestep_s": float(m.opt.timestep),
        "mimic_sites": list(model.mimic_sites),
        "muscles_per_group": {group: muscles.group.count(group) for group in groups},
        "strongest_muscles_n": {
            muscles.names[i]: float(muscles.max_isometric_force[i]) for i in strongest
        },
        "content_sha256": model.content_sha256,
        "provenance": list(model.provenance),
    }


def _info(arguments: InfoArguments) -> int:
    values = describe(get_musculo_model(arguments.model, fingers=arguments.fingers))
    if arguments.json:
        _print_json(values)
        return 0
    table = Table(show_header=False)
    for name, value in values.items():
        match value:
            case Mapping():
                pairs: Mapping[str, float] = value  # pyright: ignore[reportUnknownVariableType]
                text = "\n".join(f"{key}: {number:.6g}" for key, number in pairs.items())
            case list():
                items: list[str] = value  # pyright: ignore[reportUnknownVariableType]
                text = "\n".join(items) if name == "provenance" else ", ".join(items)
            case _:
                text = f"{value:.6g}" if isinstance(value, float) else str(value)
        table.add_row(name, text)
    Console().print(table)
    return 0


def _validate(arguments: ValidateArguments) -> int:
    if arguments.poses < 1:
        raise InputError("models validate", "poses", found=arguments.poses, expected=">= 1")
    model = get_musculo_model(arguments.model, fingers=arguments.fingers)
    checks = validate_model(model, poses=arguments.poses, seed=arguments.seed)
    if arguments.json:
        _print_json({check.name: check.__dict__ | {"passed": check.passed} for check in checks})
    else:
        Console().print(_check_table(model, checks))
    return 0 if all(check.passed for check in checks) else 1


def _check_table(model: MusculoModel, checks: Sequence[Check]) -> Table:
    table = Table("check", "worst", "limit", "unit", "where", "", title=model.label)
    for check in checks:
        verdict = "[green]passed[/]" if check.passed else "[red]FAILED[/]"
        numbers = (f"{check.worst:.3g}", f"{check.limit:.3g}")
        table.add_row(check.name, *numbers, check.unit, check.where, verdict)
    return table


def _export(arguments: ExportArguments) -> int:
    path = export_mjcf(
        arguments.model, arguments.out, fingers=arguments.fingers, visual=arguments.visual
    )
    Console().print(f"wrote {path}")
    return 0


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(jsonable(value), indent=2) + "\n")


_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "list": "the available models",
        "info": "what a model consists of",
        "validate": "check symmetry, couplings and moment arms",
        "export": "write a self-contained MJCF folder",
    }
)


def main(argv: Sequence[str]) -> int:
    """Run `musclemimic models …`; returns the exit code.

    Raises:
        InputError: an unknown subcommand or model.
    """
    if not argv or argv[0] in ("-h", "--help"):
        lines = ["usage: musclemimic models COMMAND [options]", "", "commands:"]
        lines += [f"  {name:<10}{text}" for name, text in _COMMANDS.items()]
        sys.stdout.write("\n".join(lines) + "\n")
        return 0
    name, rest, prog = argv[0], list(argv[1:]), f"musclemimic models {argv[0]}"
    run: Callable[[], int]
    match name:
        case "list":
            run = lambda: _list(tyro.cli(ListArguments, args=rest, prog=prog))  # noqa: E731
        case "info":
            run = lambda: _info(tyro.cli(InfoArguments, args=rest, prog=prog))  # noqa: E731
        case "validate":
            run = lambda: _validate(tyro.cli(ValidateArguments, args=rest, prog=prog))  # noqa: E731
        case "export":
            run = lambda: _export(tyro.cli(ExportArguments, args=rest, prog=prog))  # noqa: E731
        case _:
            raise unknown_name("models", "command", name, list(_COMMANDS))
    return run()
