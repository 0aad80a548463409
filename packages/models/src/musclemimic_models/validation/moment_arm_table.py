"""Tables of measured moment arms: the shipped one, and a reader for a user's own.

Publications mostly print magnitudes; the shipped table gives each the sign of the muscle's known
action, in the models' convention (see `published`).
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from musclemimic_models.errors import InputError
from musclemimic_models.files import require_file

REQUIRED_COLUMNS = ("muscle", "joint", "angle_deg", "moment_arm_mm", "source")
OPTIONAL_COLUMNS = ("sd_mm", "read_at", "method", "note")
RELATIVE_TOLERANCE = 0.4
SMALLEST_TOLERANCE_MM = 10.0
LARGEST_MM = 500.0
SMALLEST_PEAK_MM = 0.5


@dataclass(frozen=True)
class PublishedMomentArm:
    """One measured value.

    Attributes:
        muscle, joint: names without side; muscles joined by + mean their strength-weighted mean.
        angle_deg: joint angle, °; None for the largest moment arm over the joint's range.
        moment_arm_mm: mm, positive if the muscle turns the joint towards positive angles.
        source, sd_mm: author, year and journal; standard deviation between subjects, mm.
        read_at, method, note, where: page read, how it was measured, remarks, file and row.
    """

    muscle: str
    joint: str
    angle_deg: float | None
    moment_arm_mm: float
    source: str
    sd_mm: float | None = None
    read_at: str = ""
    method: str = ""
    note: str = ""
    where: str = "row"

    @property
    def tolerance_mm(self) -> float:
        """How far a model may lie from the value, mm.

        Two standard deviations if given, else 40 %, at least 10 mm: published means scatter that
        much (Achilles tendon, 36 to 57 mm by method, Manal et al. 2013). So a model beyond one
        study's 2 SD is a reason to look, not proof of an error; arms below 10 mm are hardly tested.
        """
        if self.sd_mm is not None:
            return 2 * self.sd_mm
        return max(RELATIVE_TOLERANCE * abs(self.moment_arm_mm), SMALLEST_TOLERANCE_MM)


def shipped_moment_arms() -> tuple[PublishedMomentArm, ...]:
    """The published values that come with the package."""
    with as_file(files("musclemimic_models") / "data" / "moment_arms.csv") as path:
        return read_moment_arms(path)


def read_moment_arms(path: Path) -> tuple[PublishedMomentArm, ...]:
    """Read a UTF-8 CSV table of published values, its columns in any order.

    It needs muscle, joint, angle_deg (° or "peak"), moment_arm_mm and source; it may have sd_mm,
    read_at, method and note.

    Raises:
        InputError: not such a file; the message names file, row, column, found and expected.
    """
    require_file(path)
    try:
        reader = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), ""), strict=True)
        stripped = ([cell.strip() for cell in cells] for cells in reader)
        lines = [(f"{path}: row {reader.line_num}", cells) for cells in stripped if any(cells)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, "text", found=error, expected="a UTF-8 CSV table") from error
    columns = lines[0][1] if lines else []
    if missing := [name for name in REQUIRED_COLUMNS if name not in columns]:
        raise InputError(path, "header", found=columns, expected="also " + ", ".join(missing))
    known = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
    if len(set(columns)) < len(columns) or not set(columns) <= set(known):
        raise InputError(path, "header", found=columns, expected="once each " + ", ".join(known))
    rows = tuple(_read_row(where, columns, cells) for where, cells in lines[1:])
    if not rows:
        raise InputError(path, "rows", found="none", expected="at least one below the header")
    if max(abs(row.moment_arm_mm) for row in rows) < SMALLEST_PEAK_MM:
        raise InputError(path, "moment_arm_mm", found="metres, it seems", expected="millimetres")
    return rows


def _read_row(where: str, columns: Sequence[str], cells: Sequence[str]) -> PublishedMomentArm:
    if len(cells) != len(columns):
        raise InputError(where, "cells", found=len(cells), expected=f"{len(columns)}, as columns")
    field = dict.fromkeys(OPTIONAL_COLUMNS, "") | dict(zip(columns, cells, strict=True))
    for name in REQUIRED_COLUMNS:
        if not field[name]:
            raise InputError(where, name, found="nothing", expected="a value")
    for name in (*field["muscle"].split("+"), field["joint"]):
        if not name or name != name.strip() or name.endswith(("_l", "_r")):
            raise InputError(where, "name", found=repr(name), expected="one without side or space")

    def number(name: str, lowest: float, largest: float) -> float:
        try:
            value = float(field[name])
        except ValueError:
            value = math.nan
        if not lowest <= value <= largest:
            expected = f"a number from {lowest:g} to {largest:g}"
            raise InputError(where, name, found=repr(field[name]), expected=expected)
        return value

    return PublishedMomentArm(
        muscle=field["muscle"],
        joint=field["joint"],
        angle_deg=None if field["angle_deg"] == "peak" else number("angle_deg", -360.0, 360.0),
        moment_arm_mm=number("moment_arm_mm", -LARGEST_MM, LARGEST_MM),
        source=field["source"],
        sd_mm=number("sd_mm", 1e-3, LARGEST_MM) if field["sd_mm"] else None,
        read_at=field["read_at"],
        method=field["method"],
        note=field["note"],
        where=where,
    )
