"""Command lines to dataclasses, with the nearest right name for a wrong one."""

import dataclasses
import difflib
from collections.abc import Iterator, Sequence
from typing import TypeVar, get_args, get_type_hints

import tyro
from musclemimic_sim import InputError

_T = TypeVar("_T")


def parse(
    cls: type[_T],
    argv: Sequence[str],
    *,
    prog: str,
    description: str | None = None,
    default: _T | None = None,
) -> _T:
    """Parse a command line by tyro; --help and ill-typed values end the process as usual.

    Raises:
        InputError: an option that does not exist, with the one that was probably meant.
    """
    # tyro's stub passes on the default's None.
    args, unknown = tyro.cli(
        cls,
        args=list(argv),
        prog=prog,
        description=description,
        default=default,
        return_unknown_args=True,
        config=(tyro.conf.AvoidSubcommands,),
    )
    if unknown:
        known = ["--help", *(f"--{name}" for name in _option_names(cls))]
        raise InputError(
            prog, unknown[0], found="no such option", expected=_nearest(unknown[0], known)
        )
    assert args is not None
    return args


def nearest(name: str, known: Sequence[str]) -> str:
    """What was probably meant by `name`, or all that there is."""
    close = difflib.get_close_matches(name, known, n=1)
    return close[0] if close else "one of " + ", ".join(known)


def _nearest(option: str, known: Sequence[str]) -> str:
    """The option whose whole name, or else whose last part, is most like `option`."""
    wanted = option.split("=", maxsplit=1)[0].replace("_", "-")
    close = difflib.get_close_matches(wanted, known, n=1, cutoff=0.75)
    if close:
        return close[0]
    ends: dict[str, list[str]] = {}
    for name in known:
        ends.setdefault(name.removeprefix("--").rpartition(".")[2], []).append(name)
    last = wanted.removeprefix("--").rpartition(".")[2]
    close = difflib.get_close_matches(last, list(ends), n=1)
    return " or ".join(ends[close[0]]) if close else "an option that --help lists"


def _option_names(cls: type, prefix: str = "") -> Iterator[str]:
    """Names of all options of a nested dataclass, as tyro spells them."""
    hints = get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        name = field.name.replace("_", "-")
        marks: tuple[object, ...] = getattr(hints[field.name], "__metadata__", ())
        if tyro.conf.Positional in marks:
            continue
        for mark in marks:
            own: str | None = getattr(mark, "name", None)
            name = name if own is None else own
        nested = _dataclass_in(hints[field.name])
        if nested is None:
            yield prefix + name
        else:
            yield from _option_names(nested, f"{prefix}{name}." if name else prefix)


def _dataclass_in(hint: object) -> type | None:
    """The dataclass that a hint is, is one choice of, or annotates."""
    origin: object = getattr(hint, "__origin__", None)
    for kind in (hint, origin, *get_args(hint)):
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return kind
    return None
