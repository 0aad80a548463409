"""`musclemimic models list | info | validate | export | view`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import tyro
from rich.console import Console

from musclemimic_models.errors import unknown_name
from musclemimic_models.export import export_mjcf


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


def _export(arguments: ExportArguments) -> int:
    path = export_mjcf(
        arguments.model, arguments.out, fingers=arguments.fingers, visual=arguments.visual
    )
    Console().print(f"wrote {path}")
    return 0


def _list(rest: list[str], prog: str) -> int:
    from musclemimic_models.commands.listing import ListArguments, list_models

    return list_models(tyro.cli(ListArguments, args=rest, prog=prog))


def _info(rest: list[str], prog: str) -> int:
    from musclemimic_models.commands.listing import InfoArguments, info

    return info(tyro.cli(InfoArguments, args=rest, prog=prog))


def _validate(rest: list[str], prog: str) -> int:
    from musclemimic_models.commands.validate import ValidateArguments, validate

    return validate(tyro.cli(ValidateArguments, args=rest, prog=prog))


def _view(rest: list[str], prog: str) -> int:
    from musclemimic_models.view.command import ViewArguments, view

    return view(tyro.cli(ViewArguments, args=rest, prog=prog))


_COMMANDS: Mapping[str, tuple[str, Callable[[list[str], str], int]]] = MappingProxyType(
    {
        "list": ("the available models", _list),
        "info": ("what a model consists of", _info),
        "validate": ("check symmetry, continuity, curves and published moment arms", _validate),
        "export": (
            "write a self-contained MJCF folder",
            lambda rest, prog: _export(tyro.cli(ExportArguments, args=rest, prog=prog)),
        ),
        "view": ("pose it, see its muscles, play a motion", _view),
    }
)


def main(argv: Sequence[str]) -> int:
    """Run `musclemimic models …`; returns the exit code.

    Raises:
        InputError: an unknown subcommand or model.
    """
    if not argv or argv[0] in ("-h", "--help"):
        lines = ["usage: musclemimic models COMMAND [options]", "", "commands:"]
        lines += [f"  {name:<10}{text}" for name, (text, _) in _COMMANDS.items()]
        sys.stdout.write("\n".join(lines) + "\n")
        return 0
    if argv[0] not in _COMMANDS:
        raise unknown_name("models", "command", argv[0], list(_COMMANDS))
    return _COMMANDS[argv[0]][1](list(argv[1:]), f"musclemimic models {argv[0]}")
