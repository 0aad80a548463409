"""Reading and writing files: all or nothing, with errors that name file and field."""

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from musclemimic_models.errors import InputError

# An hour of full-body motion at 120 Hz unpacks to under 1 GB; more is a mistake or an attack.
LARGEST_ARCHIVE = 4_000_000_000

# NotImplementedError: a zip version or compression that does not exist; RuntimeError: a password.
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError),
    *(NotImplementedError, RuntimeError, OverflowError, MemoryError, SyntaxError),
)


def atomic_write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it over `path`.

    A crash, a full disk or Ctrl-C leaves the old file (or none), never half of a new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; give it the permissions a plain open() would.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    atomic_write(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: object) -> None:
    """Write indented JSON atomically; NaN and infinity become null."""
    write_text(path, json.dumps(jsonable(value), indent=2) + "\n")


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a compressed .npz atomically."""

    def write(file: IO[bytes]) -> None:
        np.savez_compressed(file, allow_pickle=False, **arrays)

    atomic_write(path, write)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a .npz file, read without unpickling anything.

    Raises:
        InputError: no such file, a truncated or foreign file, one that unpacks to more than
            `LARGEST_ARCHIVE` bytes, or an array of Python objects.
    """
    require_file(path)
    field = "archive"
    if not zipfile.is_zipfile(path):
        raise InputError(
            path,
            field,
            found="another kind of file, or a truncated one",
            expected="a complete .npz archive",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > LARGEST_ARCHIVE:
            raise InputError(
                path,
                field,
                found=f"{unpacked / 1e9:.1f} GB unpacked",
                expected=f"at most {LARGEST_ARCHIVE / 1e9:g} GB",
            )
        with np.load(path, allow_pickle=False) as archive:
            arrays: dict[str, np.ndarray] = {}
            for field in archive.files:
                value: object = archive[field]  # pyright: ignore[reportUnknownVariableType]
                if not isinstance(value, np.ndarray):
                    raise InputError(path, field, found="not an array", expected="an array")
                arrays[field] = value
            return arrays
    except _UNREADABLE as error:
        if isinstance(error, InputError):
            raise
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            raise InputError(
                path, field, found="pickled Python objects", expected="plain arrays"
            ) from error
        raise InputError(
            path, field, found=f"unreadable ({error})", expected="a complete .npz archive"
        ) from error


def require_file(path: Path) -> None:
    """Raise InputError unless `path` is a readable, non-empty file."""
    if not path.exists():
        raise InputError(path, "file", found="nothing there", expected="an existing file")
    if not path.is_file():
        raise InputError(path, "file", found="a directory", expected="a file")
    if path.stat().st_size == 0:
        raise InputError(path, "file", found="0 bytes", expected="content")


def jsonable(value: object) -> object:
    """Turn nested mappings, sequences, NumPy values and paths into what JSON can hold."""
    match value:
        case Mapping():
            items: list[tuple[object, object]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
            return {str(key): jsonable(item) for key, item in items}
        case np.ndarray() | np.generic():
            return jsonable(value.tolist())  # pyright: ignore[reportUnknownArgumentType]
        case list() | tuple():
            sequence: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
            return [jsonable(item) for item in sequence]
        case float() if not np.isfinite(value):
            return None
        case _:
            return str(value) if isinstance(value, Path) else value
