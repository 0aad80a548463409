"""Reader of OpenSim coordinate files: .mot and .sto tables of joint angles."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError
from musclemimic_models.files import require_file

from musclemimic_retarget.motion import CoordinateMotion, MotionSource

logger = logging.getLogger(__name__)

TRANSLATIONS = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
_PELVIS = ("pelvis_tilt", "pelvis_list", "pelvis_rotation", *TRANSLATIONS)
_LEG = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle")
_FOOT = ("subtalar_angle", "mtp_angle")
_TRUNK = ("lumbar_extension", "lumbar_bending", "lumbar_rotation")
_ARM = ("arm_flex", "arm_add", "arm_rot", "elbow_flex", "pro_sup")


def _both(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}_{side}" for side in "rl" for name in names)


LEG_COORDINATES = (*_PELVIS, *_both(_LEG))
ARM_COORDINATES = _both(_ARM[:4])
KNOWN_COORDINATES = (*_PELVIS, *_both(_LEG + _FOOT), *_TRUNK, *_both(_ARM))
# No lower-limb joint angle in radians gets here; in degrees every gait does (data sets whose
# `inDegrees` is missing).
_LARGEST_RADIANS = 2.5
# Limbs that all stay within that many degrees, and yet move by this, are in radians.
_MOVING_RADIANS = 0.3
# A knee whose mean is beyond this is bent, not stretched, rad.
_BENT = 0.1


@dataclass(frozen=True)
class Table:
    """An OpenSim storage table: header fields (lower case), column labels and numbers."""

    header: dict[str, str]
    labels: tuple[str, ...]
    values: Float[np.ndarray, "T C"]


def read_opensim(path: Path) -> CoordinateMotion:
    """Read joint coordinates of a Rajagopal-type (or gait2392-type) model.

    Columns may be bare names or state paths; speeds, muscle states and coordinates that no model
    here has are left out. Angles come out in radians whatever the header says or omits, and a
    knee that bends in the negative direction (gait2392) is turned round; both are logged.

    Raises:
        InputError: missing file, no `endheader`, ragged or non-numeric rows, time that does not
            increase, no coordinate of the body, value that is not finite.
    """
    table = read_table(path)
    fps = frame_rate(path, table.values[:, 0])
    columns = coordinate_columns(table)
    names = tuple(name for name in KNOWN_COORDINATES if name in columns)
    if not any(name in columns for name in (*LEG_COORDINATES, *ARM_COORDINATES)):
        raise InputError(
            path,
            "columns",
            found=", ".join(table.labels[1:6]) or "only time",
            expected="joint coordinates such as hip_flexion_r or arm_flex_r",
        )
    ignored = sorted(set(columns) - set(names) - {"time"})
    if ignored:
        logger.info("%s: columns left out: %s", path.name, ", ".join(ignored))
    values = table.values[:, [columns[name] for name in names]]
    angles = np.array([name not in TRANSLATIONS for name in names])
    values = in_radians(path, table.header, names, values, angles)
    values = _flexion_positive(path, names, values)
    return CoordinateMotion(source=MotionSource(path.name), fps=fps, names=names, values=values)


def frame_rate(path: Path, times: Float[np.ndarray, " T"]) -> float:
    """Frames per second of a time column, s.

    Raises:
        InputError: time that does not increase, or in uneven steps.
    """
    if not (np.diff(times) > 0).all():
        row = int(np.argmin(np.diff(times) > 0)) + 1
        raise InputError(
            path, f"time in row {row + 1}", found=times[row], expected=f"> {times[row - 1]}"
        )
    fps = float((len(times) - 1) / (times[-1] - times[0]))
    even = np.linspace(float(times[0]), float(times[-1]), len(times))
    if np.abs(times - even).max() > 0.5 / fps:
        raise InputError(path, "time", found="uneven steps", expected="a constant frame rate")
    return fps


def read_table(path: Path) -> Table:
    """Read the header, labels and numbers of a .sto or .mot file.

    Raises:
        InputError: as `read_opensim`, as far as the table itself is concerned.
    """
    require_file(path)
    try:
        lines = path.read_text(encoding="utf-8", errors="strict").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(path, "file", found="binary data", expected="a text table") from error
    ends = [i for i, line in enumerate(lines) if line.strip().lower() == "endheader"]
    if not ends:
        raise InputError(path, "header", found="no endheader line", expected="one before the data")
    fields = [line.lower().partition("=") for line in lines[: ends[0]] if "=" in line]
    header = {key.strip(): value.strip() for key, _, value in fields}
    rows = [line.split() for line in lines[ends[0] + 1 :] if line.strip()]
    if not rows:
        raise InputError(path, "columns", found="nothing", expected="a line of labels")
    labels = tuple(rows[0])
    if labels[0].lower() != "time":
        raise InputError(path, "columns", found=f"first {labels[0]!r}", expected="'time'")
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise InputError(path, "columns", found=f"{twice!r} twice", expected="unique labels")
    return Table(header, labels, _numbers(path, labels, rows[1:], first_line=ends[0] + 3))


def _numbers(
    path: Path, labels: tuple[str, ...], rows: list[list[str]], first_line: int
) -> Float[np.ndarray, "T C"]:
    if len(rows) < 2:
        raise InputError(path, "rows", found=f"{len(rows)} frames", expected="at least 2")
    values = np.empty((len(rows), len(labels)))
    for index, row in enumerate(rows):
        where = f"row {index + 1} (about line {first_line + index})"
        # Some writers leave extra values at the end of a row; too few is an error.
        if len(row) < len(labels):
            raise InputError(
                path, where, found=f"{len(row)} values", expected=f"{len(labels)}, one per label"
            )
        try:
            values[index] = [float(cell) for cell in row[: len(labels)]]
        except ValueError as error:
            raise InputError(path, where, found=str(error), expected="numbers") from error
    if not np.isfinite(values).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise InputError(
            path,
            f"{labels[column]} in row {row + 1}",
            found=values[row, column],
            expected="a number",
        )
    return values


def coordinate_columns(table: Table) -> dict[str, int]:
    """Columns of the coordinates by bare name, whether labels are state paths or not.

    Speeds and other states are left out; what else has a bare name ("time") is not.
    """
    return {_bare(label): index for index, label in enumerate(table.labels) if _bare(label)}


def _bare(label: str) -> str:
    """Coordinate name of a column label; empty for speeds and other states."""
    parts = label.strip("/").split("/")
    if len(parts) == 1:
        return parts[0]
    is_coordinate = parts[0] == "jointset" and parts[-1] == "value" and len(parts) >= 3
    return parts[-2] if is_coordinate else ""


def in_radians(
    path: Path,
    header: dict[str, str],
    names: tuple[str, ...],
    values: Float[np.ndarray, "T C"],
    angles: Bool[np.ndarray, " C"],
) -> Float[np.ndarray, "T C"]:
    """Columns of a table with those that are angles in rad, by header and range; it is logged."""
    limbs = np.array([name.startswith(("hip_", "knee_", "arm_", "elbow_")) for name in names])
    range_says_degrees = bool(np.abs(values[:, limbs]).max(initial=0.0) > _LARGEST_RADIANS)
    declared = header.get("indegrees")
    degrees = range_says_degrees if declared is None else declared.startswith("y")
    if degrees and not range_says_degrees and _moves_in_radians(values[:, limbs]):
        logger.warning("%s: header says degrees, the values are radians", path.name)
        degrees = False
    if declared is not None and range_says_degrees and not degrees:
        logger.warning("%s: header says radians, the values are degrees", path.name)
        degrees = True
    if declared is None:
        logger.info("%s: no inDegrees, read as %s", path.name, "degrees" if degrees else "radians")
    return np.where(angles, np.deg2rad(values), values) if degrees else values


def _moves_in_radians(limbs: Float[np.ndarray, "T C"]) -> bool:
    """Whether limbs of small numbers move: as degrees, less than anyone who stands still sways."""
    return limbs.size > 0 and float(np.ptp(limbs, axis=0).max()) > _MOVING_RADIANS


def _flexion_positive(
    path: Path, names: tuple[str, ...], values: Float[np.ndarray, "T C"]
) -> Float[np.ndarray, "T C"]:
    knees = [names.index(knee) for knee in ("knee_angle_r", "knee_angle_l") if knee in names]
    if not knees:
        return values
    mean = values[:, knees].mean(axis=0)
    negative = float(mean.mean()) < 0 and float(mean.max()) < _BENT
    bent_back = [k for k, one in zip(knees, mean, strict=True) if negative or one < -_BENT]
    if not bent_back:
        return values
    if len(bent_back) == len(knees):
        logger.info("%s: knee angles are negative in flexion (gait2392), turned round", path.name)
    else:
        wrong = names[bent_back[0]]
        logger.warning("%s: %s alone is negative in flexion, turned round", path.name, wrong)
    result = values.copy()
    result[:, bent_back] *= -1.0
    return result
