"""Dictionaries of NumPy arrays out of pickles, without running anything that is in them.

Unpickling calls whatever functions a file names. Here the few names that arrays and NumPy numbers
need stand for small checked constructors, and every other name is refused.
"""

import pickle
import re
from pathlib import Path
from typing import cast

import numpy as np
from musclemimic_models import InputError
from musclemimic_models.files import LARGEST_ARCHIVE, require_file

# Numbers and text; no objects, no records.
_PLAIN_TYPE = re.compile(r"[<>|=]?[?biufcSU]\d*")
_ERRORS = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError),
    *(AttributeError, ImportError, OverflowError, MemoryError, RecursionError, LookupError),
)


def read_numpy_pickle(path: Path) -> dict[str, np.ndarray]:
    """The arrays, numbers and texts of a pickled dictionary, of Python 2 or 3, each as an array.

    A dictionary of one such dictionary (one motion under its name) is looked into. Values of any
    other type (lists, None) are left out.

    Raises:
        InputError: missing or huge file, one that is damaged, holds anything but plain values, or
            is not a dictionary.
    """
    require_file(path)
    size = path.stat().st_size
    if size > LARGEST_ARCHIVE:
        raise InputError(
            path, "file", found=f"{size / 1e9:.1f} GB", expected=f"<= {LARGEST_ARCHIVE / 1e9:g} GB"
        )
    try:
        with path.open("rb") as file:
            content: object = _ArraysOnly(file, encoding="latin1").load()
    except _ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            path, "pickle", found=f"unreadable ({reason})", expected="a dictionary of NumPy arrays"
        ) from error
    content = _only_motion(content)
    if not isinstance(content, dict):
        raise InputError(path, "pickle", found=type(content).__name__, expected="a dictionary")
    items = cast("dict[object, object]", content).items()
    return {str(key): array for key, value in items if (array := _plain(value)) is not None}


def _only_motion(content: object) -> object:
    """What is under the only key of a dictionary, if that is a dictionary."""
    if isinstance(content, dict) and len(cast("dict[object, object]", content)) == 1:
        (inner,) = cast("dict[object, object]", content).values()
        if isinstance(inner, dict):
            return cast("object", inner)
    return cast("object", content)


def _plain(value: object) -> np.ndarray | None:
    match value:
        case _Array():
            return value.array
        case bool() | int() | float() | str() | bytes() | np.generic():
            return np.asarray(value)
        case _:
            return None


class _ArraysOnly(pickle.Unpickler):
    """Knows only the names that plain arrays are made of."""

    def find_class(self, module: str, name: str) -> object:
        """The constructor that stands for a name.

        Raises:
            UnpicklingError: any other name.
        """
        # numpy.core became numpy._core in NumPy 2.
        known = _KNOWN.get((module.replace("numpy.core", "numpy._core"), name))
        if known is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return known


class _Type:
    """A dtype in the making: its code, and the byte order that its state brings."""

    def __init__(self, code: str, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: tuple[object, ...]) -> None:
        order = state[1]
        if order in ("<", ">"):
            self.code = f"{order}{self.code.lstrip('<>|=')}"

    @property
    def dtype(self) -> np.dtype:
        if not _PLAIN_TYPE.fullmatch(self.code):
            raise pickle.UnpicklingError(f"values of type {self.code!r}")
        return np.dtype(self.code)


class _Array:
    """An array in the making: its state brings everything."""

    array: np.ndarray

    def __init__(self) -> None:
        self.array = np.empty(0)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, shape, kind, fortran, data = state
        self.array = _shaped(data, kind, shape, "F" if fortran else "C")


def _shaped(data: object, kind: object, shape: object, order: object) -> np.ndarray:
    """Bytes as an array; their number has to fit."""
    if not isinstance(kind, _Type) or order not in ("C", "F"):
        raise pickle.UnpicklingError("an array of no type")
    raw = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(raw, bytes | bytearray) or not isinstance(shape, tuple):
        raise pickle.UnpicklingError("an array of Python objects")
    flat = np.frombuffer(bytes(raw), kind.dtype)
    return flat.reshape(cast("tuple[int, ...]", shape), order=order).copy()


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _scalar(kind: object, data: object) -> _Array:
    return _from_buffer(data, kind, (), "C")


def _from_buffer(data: object, kind: object, shape: object, order: object) -> _Array:
    result = _Array()
    result.array = _shaped(data, kind, shape, order)
    return result


def _encode(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How old protocols write an empty string of bytes."""
    return b""


class _NoInstances:
    """Stands for `numpy.ndarray`, which pickles name but never call."""

    def __new__(cls) -> "_NoInstances":
        raise pickle.UnpicklingError("an array made by hand")


_KNOWN: dict[tuple[str, str], object] = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _NoInstances,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
    ("collections", "OrderedDict"): dict,
}
