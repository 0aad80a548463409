"""Excitations from files."""

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MusculoModel
from musclemimic_models.files import read_npz, require_file

Excitation = Float[np.ndarray, "T nu"]


def load_excitation(path: Path | str, model: MusculoModel, *, dt: float) -> Excitation:
    """Read excitations: a .csv with a column for every muscle, or an .npz.

    The .npz holds `excitation` (T, nu), as a saved `Trajectory` does, and may hold `muscle_names`;
    with names, columns may come in any order. The .csv may have one more column, `time`, in s.

    Args:
        path: of the file.
        model: whose muscles are meant.
        dt: s between rows that the reader wants; a `time` column must agree.

    Raises:
        InputError: an unreadable file, a muscle missing, unknown or there twice, values outside
            [0, 1], or other times.
    """
    path = Path(path)
    names, values = _read_csv(path) if path.suffix.lower() == ".csv" else _read_archive(path)
    if names is not None:
        _check_unique(path, names)
        if "time" in names:
            _check_times(path, values[:, names.index("time")], dt)
        missing = [name for name in model.muscle_names if name not in names]
        unknown = [name for name in names if name not in (*model.muscle_names, "time")]
        if missing or unknown:
            found = f"no {missing[0]!r}" if missing else repr(unknown[0])
            expected = f"the {len(model.muscle_names)} muscles of {model.label}"
            raise InputError(path, "muscle_names", found=found, expected=expected)
        values = values[:, [names.index(name) for name in model.muscle_names]]
    check_excitation(path, values, model)
    return values


def check_excitation(
    source: object, excitation: Float[np.ndarray, "T columns"], model: MusculoModel
) -> None:
    """Refuse excitations that are not one in [0, 1] for every muscle.

    Raises:
        InputError: naming `source`.
    """
    muscles = len(model.muscle_names)
    if excitation.ndim != 2 or excitation.shape[1] != muscles or len(excitation) == 0:
        found, expected = f"shape {excitation.shape}", f"(T, {muscles}) for {model.label}"
    elif not ((excitation >= 0) & (excitation <= 1)).all():
        found = f"values from {excitation.min():g} to {excitation.max():g}"
        expected = "0 to 1"
    else:
        return
    raise InputError(source, "excitation", found=found, expected=expected)


def _read_archive(path: Path) -> tuple[list[str] | None, Float[np.ndarray, "T nu"]]:
    arrays = read_npz(path)
    if "excitation" not in arrays:
        found = ", ".join(arrays) or "nothing"
        raise InputError(path, "excitation", found=found, expected="an array of that name")
    names = arrays.get("muscle_names")
    listed = None if names is None else [str(name) for name in names.ravel()]
    values = arrays["excitation"]
    if listed is not None and values.ndim == 2 and len(listed) != values.shape[1]:
        found = f"{values.shape[1]} columns"
        raise InputError(path, "excitation", found=found, expected=f"{len(listed)}, one a name")
    return listed, _floats(path, values)


def _read_csv(path: Path) -> tuple[list[str], Float[np.ndarray, "T columns"]]:
    require_file(path)
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            found, expected = f"{len(line)} values", f"{len(header)}, as in the header"
            raise InputError(path, f"line {number}", found=found, expected=expected)
    if not lines:
        raise InputError(path, "rows", found="none", expected="a row for every control step")
    return [name.strip() for name in header], _floats(path, np.array(lines))


def _floats(path: Path, values: np.ndarray) -> Float[np.ndarray, "T columns"]:
    try:
        return values.astype(np.float64)
    except ValueError as error:
        raise InputError(path, "excitation", found=str(error), expected="numbers") from error


def _check_unique(path: Path, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        expected = "every column once"
        raise InputError(path, "columns", found=f"{twice[0]!r} more than once", expected=expected)


def _check_times(path: Path, time: Float[np.ndarray, " T"], dt: float) -> None:
    steps = np.diff(time)
    # Files round times: a tenth of a step is another rate.
    if not (np.abs(steps - dt) < 0.1 * dt).all():
        found = f"steps of {steps.min():g} to {steps.max():g} s"
        raise InputError(path, "time", found=found, expected=f"steps of {dt:g} s, as in the clip")
