"""C3D files: markers, analog channels, force plates and events of a motion laboratory.

Read by ezc3d (Michaud & Begon 2021, J. Open Source Software 6:2911) in a short-lived process of its
own: on damaged files it crashed, hung, or returned less than was recorded.
"""

import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from musclemimic_models import InputError

from musclemimic_retarget.markers.c3d_file import C3DEvent, C3DFile, ForcePlate
from musclemimic_retarget.markers.c3d_header import C3DHeader, read_c3d_header
from musclemimic_retarget.markers.trajectories import (
    MarkerTrajectories,
    metres_per,
    unique_labels,
)

_logger = logging.getLogger(__name__)

# ezc3d takes 0.2 s and 60 MB for each MB of a file.
_SECONDS, _SECONDS_PER_MB = 20.0, 2.0
_MEMORY, _MEMORY_PER_BYTE = 3_000_000_000, 200

_PROGRAM = Path(__file__).with_name("c3d_child.py")

Arrays = dict[str, np.ndarray]


def read_c3d(path: Path | str) -> C3DFile:
    """Read all of a .c3d file.

    Points that the cameras did not see (negative residual, or exactly at the origin) are NaN. Force
    plates of a kind that ezc3d does not know are left out, which is logged.

    Raises:
        InputError: missing file, another kind of file, a truncated or damaged one, no points,
            units, labels or rate.
    """
    path = Path(path)
    header = read_c3d_header(path)
    arrays = _read_in_a_child(path)
    _check_counts(path, header, arrays)
    note = str(arrays["note"])
    if note:
        _logger.warning("%s: %s", path.name, note)
    points = arrays["points"]
    unseen = ~(arrays["residuals"] >= 0) | ~np.isfinite(points).all(axis=2)
    points[unseen | (points == 0.0).all(axis=2)] = np.nan
    count, channels = points.shape[1], arrays["analog"].shape[1]
    units = _texts(arrays, "point_units")
    rate = _first(arrays["point_rate"])
    return C3DFile(
        source=str(path),
        labels=_texts(arrays, "point_labels")[:count],
        points=metres_per(units[0] if units else "", str(path)) * points,
        rate=rate,
        analog_labels=_texts(arrays, "analog_labels")[:channels],
        analog=arrays["analog"],
        analog_units=(_texts(arrays, "analog_units") + ("",) * channels)[:channels],
        analog_rate=_first(arrays["analog_rate"]) if channels else rate,
        plates=_plates(arrays),
        events=_events(arrays, rate=rate),
    )


def read_c3d_markers(path: Path) -> MarkerTrajectories:
    """Read the markers of a .c3d file, in the axes of the laboratory; see `read_c3d`.

    Raises:
        InputError: as `read_c3d`; no markers, or fewer than two frames.
    """
    file = read_c3d(path)
    return MarkerTrajectories(
        source=file.source,
        fps=file.rate,
        names=unique_labels(file.labels),
        positions=file.points,
    )


def _read_in_a_child(path: Path) -> Arrays:
    """What `c3d_child.py` makes of the file.

    Raises:
        InputError: ezc3d refused the file, crashed, or did not come to an end.
    """
    size = path.stat().st_size
    seconds = _SECONDS + _SECONDS_PER_MB * size / 1e6
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "content.npz"
        # -P: the folder of the program, with this package's modules, is not for import.
        program = [sys.executable, "-P", str(_PROGRAM)]
        arguments = [str(path.resolve()), str(result), str(_MEMORY + _MEMORY_PER_BYTE * size)]
        try:
            ended = subprocess.run(
                [*program, *arguments],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _damaged(path, f"no end of reading after {seconds:.0f} s") from error
        if ended.returncode < 0:
            raise _damaged(path, f"ezc3d crashed (signal {-ended.returncode})")
        if ended.returncode > 0:
            lines = ended.stderr.strip().splitlines() or ["no reason given"]
            raise _damaged(path, f"ezc3d: {lines[-1].strip()}")
        with np.load(result, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}


def _damaged(path: Path, found: str) -> InputError:
    return InputError(path, "file", found=found, expected="a complete C3D file")


def _check_counts(path: Path, header: C3DHeader, arrays: Arrays) -> None:
    """Hold what came back against the first block and the size of the file.

    Raises:
        InputError: more or less than the file can hold or says it holds.
    """
    frames, points = arrays["points"].shape[:2]
    if points != header.points:
        raise InputError(
            path, "points", found=f"{points} in POINT:USED", expected=f"{header.points}, the header"
        )
    if header.frames not in (0, frames) or not 1 <= frames <= header.room:
        raise InputError(
            path,
            "frames",
            found=f"{frames}, and room for {header.room} in the file",
            expected=f"{header.frames or 'as many'}, from the header",
        )
    samples, channels = arrays["analog"].shape
    if channels and samples * channels != frames * header.analogs:
        raise InputError(
            path,
            "analog samples",
            found=f"{samples} of {channels} channels",
            expected=f"{header.analogs} values a frame, from the header",
        )


def _texts(arrays: Arrays, name: str) -> tuple[str, ...]:
    return tuple(str(text) for text in arrays[name])


def _first(numbers: np.ndarray) -> float:
    """The first number, NaN if there is none."""
    return float(numbers.flat[0]) if numbers.size else float("nan")


def _plates(arrays: Arrays) -> tuple[ForcePlate, ...]:
    fields = ("plate_force", "plate_cop", "plate_free_moment", "plate_corners")
    columns = [arrays[field] for field in fields]
    return tuple(ForcePlate(*plate) for plate in zip(*columns, strict=True))


def _events(arrays: Arrays, *, rate: float) -> tuple[C3DEvent, ...]:
    """The EVENT group; its times are minutes and seconds from the start of the trial."""
    labels, contexts = _texts(arrays, "event_labels"), _texts(arrays, "event_contexts")
    times = arrays["event_times"]
    if times.shape != (2, len(labels)):
        return ()
    seconds = 60.0 * times[0] + times[1] - float(arrays["first_frame"]) / rate
    padded = (contexts + ("",) * len(labels))[: len(labels)]
    events = [C3DEvent(*event) for event in zip(labels, padded, map(float, seconds), strict=True)]
    return tuple(sorted(events, key=lambda event: event.time_s))
