"""TRC files: tab-separated marker tables of OpenSim, Cortex and AddBiomechanics."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.files import require_file

from musclemimic_retarget.markers.trajectories import (
    MarkerTrajectories,
    metres_per,
    unique_labels,
)

_HEADER_LINES = 5


def read_trc_markers(path: Path) -> MarkerTrajectories:
    """Read the markers of a .trc file, in the axes of the laboratory.

    An empty cell, "nan" or a marker at exactly the origin is a gap.

    Raises:
        InputError: missing, binary or truncated file; header without rate or units, or at odds
            with the rows; ragged or non-numeric rows; uneven time.
    """
    lines = _lines(path)
    header = _header(path, lines)
    labels = [label for label in lines[3].split("\t")[2:] if label.strip()]
    if len(labels) != _count(path, header, "NumMarkers"):
        raise InputError(
            path,
            "NumMarkers",
            found=header["NumMarkers"],
            expected=f"{len(labels)}, the labels in line 4",
        )
    scale = metres_per(header.get("Units", ""), str(path))
    table = _table(path, lines[_HEADER_LINES:], len(labels))
    if len(table) != _count(path, header, "NumFrames"):
        raise InputError(
            path, "NumFrames", found=header["NumFrames"], expected=f"{len(table)}, the rows"
        )
    return MarkerTrajectories(
        source=str(path),
        fps=_rate(path, header, table[:, 1]),
        names=unique_labels(labels),
        positions=scale * table[:, 2:].reshape(len(table), len(labels), 3),
        start=float(table[0, 1]),
    )


def _lines(path: Path) -> list[str]:
    require_file(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(path, "file", found="binary data", expected="a text table") from error
    if not lines or not lines[0].startswith("PathFileType"):
        raise InputError(
            path, "line 1", found=(lines or [""])[0][:40] or "nothing", expected="PathFileType ..."
        )
    if len(lines) < _HEADER_LINES:
        raise InputError(
            path, "header", found=f"{len(lines)} lines", expected=f"{_HEADER_LINES} and the data"
        )
    return lines


def _header(path: Path, lines: list[str]) -> dict[str, str]:
    keys, values = lines[1].split(), lines[2].split()
    if len(keys) != len(values):
        raise InputError(
            path,
            "header",
            found=f"{len(values)} values in line 3",
            expected=f"{len(keys)}, one for each name in line 2",
        )
    return dict(zip(keys, values, strict=True))


def _count(path: Path, header: dict[str, str], key: str) -> int:
    if not header.get(key, "").isdecimal():
        raise InputError(path, key, found=header.get(key, "nothing"), expected="a whole number")
    return int(header[key])


def _table(path: Path, lines: list[str], markers: int) -> Float[np.ndarray, "T C"]:
    """Frame number, time and coordinates of every row; NaN in empty cells."""
    width = 2 + 3 * markers
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=_HEADER_LINES + 1):
        if not line.strip():
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            raise InputError(
                path,
                f"line {number}",
                found=f"{len(cells)} values",
                expected=f"{width}: frame, time and three for each of {markers} markers",
            )
        try:
            rows.append([float(cell) if cell.strip() else np.nan for cell in cells[:width]])
        except ValueError as error:
            raise InputError(
                path, f"line {number}", found=str(error), expected="numbers"
            ) from error
    if not rows:
        raise InputError(path, "rows", found="none", expected="at least 2 frames")
    return np.array(rows)


def _rate(path: Path, header: dict[str, str], times: Float[np.ndarray, " T"]) -> float:
    """Frames per second of the header, which the time column must confirm."""
    try:
        rate = float(header.get("DataRate", ""))
    except ValueError as error:
        found = header.get("DataRate", "nothing")
        raise InputError(path, "DataRate", found=found, expected="frames per second") from error
    if not (np.isfinite(rate) and rate > 0):
        raise InputError(path, "DataRate", found=rate, expected="frames per second > 0")
    expected = times[0] + np.arange(len(times)) / rate
    wrong = ~(np.abs(times - expected) < 0.5 / rate)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            path,
            f"time in row {row + 1}",
            found=times[row],
            expected=f"{expected[row]:.4f}, from DataRate {rate:g}",
        )
    return rate
