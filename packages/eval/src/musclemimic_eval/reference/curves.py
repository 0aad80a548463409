"""Reference curves over the gait cycle, and the CSV files they are kept in."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.errors import unknown_name
from musclemimic_models.files import require_file

from musclemimic_eval.gait.cycles import POINTS

PACKAGED = ("schwartz2008_children", "falisse2019_adult")
_GROUPS = ("speed", "centre", "side", "group")
_COLUMNS = ("variable", "gait_pct", "mean", "sd")
_ALL = "all"


@dataclass(frozen=True)
class ReferenceCurve:
    """Mean and standard deviation of a group over the gait cycle, 0 % the foot's contact.

    Attributes:
        variable: name as in `QUANTITIES`, clinical sign.
        unit: of the values. sign: what positive means, as the source says; may be empty.
        mean, sd: (101,) at 0, 1 … 100 %; sd is NaN where the source gives none.
    """

    variable: str
    unit: str
    sign: str
    mean: Float[np.ndarray, "P"]
    sd: Float[np.ndarray, "P"]


@dataclass(frozen=True)
class ReferenceGroup:
    """People at one speed.

    Attributes:
        name: "free", "slow", …
        speed: m/s, NaN if unknown. dimensionless_speed: v/√(gL), NaN if unknown.
        foot_off: % of the cycle, NaN if unknown.
        n: number of people, 0 if unknown.
        curves: variable to curve.
    """

    name: str
    speed: float
    dimensionless_speed: float
    foot_off: float
    n: int
    curves: Mapping[str, ReferenceCurve]


@dataclass(frozen=True)
class ReferenceTable:
    """A published or own data set.

    Attributes:
        name: for messages.
        citation: where it was published; "unknown" if the file does not say.
        population: who was measured.
        adults: whether they were; None if unknown.
        gait: "walking" or "running".
        notes: known flaws.
        groups: by name.
    """

    name: str
    citation: str
    population: str
    adults: bool | None
    gait: str
    notes: str
    groups: Mapping[str, ReferenceGroup]


def load_reference(name: str | Path) -> ReferenceTable:
    """A packaged table by name, or the user's own CSV file.

    The file has columns variable, gait_pct, mean and sd (sd may be empty), and may have unit,
    sign and one of speed, centre, side or group, which separates groups. Lines before the header
    that begin with "#" say where it comes from: `# citation: …`, `# population: …`,
    `# adults: yes|no`, `# gait: walking|running`, `# notes: …`, and for a group
    `# group free: speed=1.28 dimensionless=0.43 foot_off=59 n=82`.

    Raises:
        InputError: no such table or file, a column missing, a value that is no number, curves
            that do not run over the cycle.
    """
    if isinstance(name, str) and name in PACKAGED:
        text = (files("musclemimic_eval.reference") / "tables" / f"{name}.csv").read_text("utf-8")
        return parse_reference(text, name)
    path = Path(name)
    if not path.suffix:
        raise unknown_name("reference", "name", str(name), [*PACKAGED, "or a .csv file"])
    require_file(path)
    try:
        return parse_reference(path.read_text("utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise InputError(path, "file", found="binary data", expected="a CSV table") from error


def parse_reference(text: str, name: str) -> ReferenceTable:
    """A table from its CSV text; see `load_reference`."""
    lines = text.splitlines()
    comments = [line[1:].strip() for line in lines if line.startswith("#")]
    facts = {
        key.strip().lower(): value.strip()
        for key, _, value in (comment.partition(":") for comment in comments)
    }
    reader = csv.DictReader(line for line in lines if not line.startswith("#"))
    header = tuple(reader.fieldnames or ())
    missing = [column for column in _COLUMNS if column not in header]
    if missing:
        raise InputError(
            name, "header", found=", ".join(header) or "nothing", expected=", ".join(_COLUMNS)
        )
    column = next((known for known in _GROUPS if known in header), None)
    grouped: dict[str, dict[str, list[dict[str, str]]]] = {}
    for row in reader:
        group = row[column] if column else _ALL
        grouped.setdefault(group, {}).setdefault(row["variable"], []).append(row)
    if not grouped:
        raise InputError(name, "rows", found="none", expected="one a variable and percentage")
    return ReferenceTable(
        name=name,
        citation=facts.get("citation", "unknown"),
        population=facts.get("population", "unknown"),
        adults={"yes": True, "no": False}.get(facts.get("adults", "").lower()),
        gait=facts.get("gait", "walking"),
        notes=facts.get("notes", ""),
        groups=MappingProxyType(
            {
                group: _group(name, group, facts.get(f"group {group.lower()}", ""), variables)
                for group, variables in grouped.items()
            }
        ),
    )


def _group(
    source: str, name: str, facts: str, variables: Mapping[str, list[dict[str, str]]]
) -> ReferenceGroup:
    values = dict(re.findall(r"(\w+)=(\S+)", facts))
    try:
        numbers = {key: float(value) for key, value in values.items()}
    except ValueError as error:
        raise InputError(source, f"group {name}", found=facts, expected="key=number") from error
    return ReferenceGroup(
        name=name,
        speed=numbers.get("speed", np.nan),
        dimensionless_speed=numbers.get("dimensionless", np.nan),
        foot_off=numbers.get("foot_off", np.nan),
        n=int(numbers.get("n", 0)),
        curves=MappingProxyType(
            {variable: _curve(source, variable, rows) for variable, rows in variables.items()}
        ),
    )


def _curve(source: str, variable: str, rows: list[dict[str, str]]) -> ReferenceCurve:
    percent = _numbers(source, variable, "gait_pct", rows)
    if (np.diff(percent) <= 0).any() or percent[0] > 0 or percent[-1] < 99.5:
        raise InputError(
            source,
            f"{variable}: gait_pct",
            found=f"{len(percent)} rows, {len(np.unique(percent))} percentages, "
            f"{percent[0]:g} to {percent[-1]:g} %",
            expected="0 to 100 %, increasing, each once",
        )
    grid = np.linspace(0.0, 100.0, POINTS)
    mean, sd = (
        np.interp(grid, percent, _numbers(source, variable, column, rows))
        for column in ("mean", "sd")
    )
    if not np.isfinite(mean).all() or (sd < 0).any():
        raise InputError(
            source, f"{variable}: mean, sd", found="a gap or SD < 0", expected="numbers"
        )
    mean.flags.writeable = sd.flags.writeable = False
    return ReferenceCurve(variable, rows[0].get("unit") or "", rows[0].get("sign") or "", mean, sd)


def _numbers(
    source: str, variable: str, column: str, rows: Iterable[dict[str, str]]
) -> Float[np.ndarray, " N"]:
    values: list[float] = []
    for row in rows:
        cell = (row[column] or "").strip()
        try:
            values.append(float(cell) if cell or column != "sd" else np.nan)
        except ValueError as error:
            raise InputError(
                source, f"{variable}: {column}", found=repr(cell), expected="a number"
            ) from error
    return np.array(values)
