"""Frozen dataclasses back from JSON; knows none of them, and does without JAX."""

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from musclemimic_models.errors import InputError

_T = TypeVar("_T")


def from_dict(cls: type[_T], values: object, *, source: object, place: str = "") -> _T:
    """Rebuild nested frozen dataclasses from `dataclasses.asdict` or its JSON.

    Unknown keys are errors: a misspelt option must not silently become a default. Fields left
    out keep their defaults, so that a run of an older version can be read.

    Raises:
        InputError: naming source and field.
    """
    if not isinstance(values, Mapping):
        raise InputError(source, place or "top", found=repr(values), expected="an object")
    names = [item.name for item in dataclasses.fields(cls)]  # pyright: ignore[reportArgumentType]
    hints = get_type_hints(cls)  # without extras: Annotated[T, …] reads as T
    arguments: dict[str, object] = {}
    given: dict[str, object] = {str(key): value for key, value in values.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    for name, value in given.items():
        if name not in names:
            expected = "one of " + ", ".join(names)
            raise InputError(source, place + name, found="an unknown field", expected=expected)
        arguments[name] = _convert(hints[name], value, source=source, place=place + name)
    return cls(**arguments)


def _convert(hint: object, value: object, *, source: object, place: str) -> object:
    """`value` as the annotated type; JSON has no tuples, paths or integral floats."""
    origin, options = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_dict(hint, value, source=source, place=f"{place}.")
    if origin in (Union, types.UnionType):
        if value is None and type(None) in options:
            return None
        hint = next(option for option in options if option is not type(None))
        return _convert(hint, value, source=source, place=place)
    if origin is tuple and isinstance(value, list | tuple):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return tuple(_convert(options[0], item, source=source, place=place) for item in items)
    if origin is Literal and value in options:
        return value
    return _plain(hint, value, source=source, place=place)


def _plain(hint: object, value: object, *, source: object, place: str) -> object:
    """`value` if it is of the annotated plain type."""
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    if not isinstance(hint, type) or type(value) is not hint:
        raise InputError(source, place, found=repr(value), expected=str(hint))
    return value
