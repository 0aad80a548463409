"""OpenSim force files (.mot, .sto) and the external loads that explain them."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.files import require_file

from musclemimic_eval.gait.contacts import LEAST_STEP
from musclemimic_eval.human.files import Table, read_table
from musclemimic_eval.human.plates import FootTrack, Plate, Side, Step, combine_plates
from musclemimic_eval.kinetics.ground_reaction import GroundReaction

logger = logging.getLogger(__name__)

# OpenSim's ground (x forward, y up, z right) to z up, x forward.
FROM_OPENSIM = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
_AXES = "xyz"
# No laboratory is 20 m long in m; in mm every centre of pressure soon is.
_LONGEST_LABORATORY = 20.0
# Free moment over vertical force: friction on a sole of a few cm. More than this is N mm.
_LARGEST_LEVER = 0.5
_SAME_VERTICAL = 0.9
_LARGEST_FORCE, _SMALLEST_PEAK = 20_000.0, 50.0
# Less than this, but not nothing, is body weights or kN.
_NOISE = 0.2


@dataclass(frozen=True)
class Columns:
    """Where a force file keeps one reaction.

    Attributes:
        name: for messages. side: None if unsaid.
        force, point, torque: column names without their final axis letter; torque None if absent.
    """

    name: str
    side: Side | None
    force: str
    point: str
    torque: str | None


def read_ground_reaction(
    path: Path,
    *,
    loads: Path | None = None,
    track: FootTrack | None = None,
    turn: Float[np.ndarray, "3 3"] | None = None,
) -> tuple[GroundReaction, tuple[Step, ...]]:
    """Read the ground reaction of a walk or run from an OpenSim force file.

    Understood are the usual styles of columns (`ground_force_r_vx`, `R_ground_force_vx`,
    `1_ground_force_vx`, `ground_force_1_vx` with `_px` and torque or moment columns). Forces on
    the ground are turned into forces on the person, mm into m and N mm into N m, and any vertical
    axis into z up; all that is logged.

    Args:
        path: .mot or .sto.
        loads: an OpenSim ExternalLoads file that names columns and bodies.
        track: the feet in the resulting frame, to find or check sides.
        turn: rotation from the file's axes to the resulting frame, z up (that of the markers of
            the same laboratory). By default the vertical is told from the forces, and OpenSim's
            ground becomes x forward, y left (`FROM_OPENSIM`).

    Returns:
        Ground reaction in the frame "laboratory" and the steps it was made of.

    Raises:
        InputError: no force columns, sides that cannot be known, implausible forces, or whatever
            is wrong with the table.
    """
    table = read_table(path)
    columns = _from_loads(loads, table) if loads is not None else _from_names(path, table.labels)
    raw = [_triples(path, table, entry) for entry in columns]
    _require_steps(path, raw)
    upright = _upright(path, raw)
    if turn is None:
        turn = upright
    elif (turn @ upright.T)[2, 2] < _SAME_VERTICAL:
        raise InputError(
            path,
            "vertical axis",
            found="another one than the markers'",
            expected="forces and markers in the same axes",
        )
    plates = tuple(
        _plate(path, entry, values, turn) for entry, values in zip(columns, raw, strict=True)
    )
    return combine_plates(table.values[:, 0], plates, track, source=str(path))


_FORCE = re.compile(r"^(?P<stem>.*force.*?)_?[vf]x$", re.IGNORECASE)
_RIGHT, _LEFT = (
    re.compile(rf"(^|_)({one}|{word})(_|$)", re.I)
    for one, word in (
        ("r", "right"),
        ("l", "left"),
    )
)


def _from_names(path: Path, labels: tuple[str, ...]) -> tuple[Columns, ...]:
    found: list[Columns] = []
    for label in labels:
        match = _FORCE.match(label)
        if match is None:
            continue
        prefix, stem = label[:-1], match["stem"]
        if not _has_axes(labels, prefix):
            continue
        point = _first(labels, [stem + "_p", stem + "p"])
        if point is None:
            raise InputError(
                path, label, found="no point of application", expected=f"{stem}_px, _py, _pz"
            )
        side = _side(stem)
        found.append(Columns(stem, side, prefix, point, _torque(labels, stem)))
    if not found:
        raise InputError(
            path,
            "columns",
            found=", ".join(labels[1:7]) or "only time",
            expected="forces such as ground_force_r_vx, with _px and torque columns",
        )
    return tuple(found)


def _torque(labels: tuple[str, ...], stem: str) -> str | None:
    names = [stem, *(re.sub("force", word, stem, flags=re.I) for word in ("torque", "moment"))]
    return _first(labels, [name + end for name in names for end in ("_m", "_", "m", "_t", "")])


def _first(labels: tuple[str, ...], prefixes: list[str]) -> str | None:
    return next((prefix for prefix in prefixes if _has_axes(labels, prefix)), None)


def _has_axes(labels: tuple[str, ...], prefix: str) -> bool:
    return all(prefix + axis in labels for axis in _AXES)


def _side(name: str) -> Side | None:
    right, left = _RIGHT.search(name), _LEFT.search(name)
    if bool(right) == bool(left):
        return None
    return "right" if right else "left"


def _from_loads(path: Path, table: Table) -> tuple[Columns, ...]:
    """Columns as an ExternalLoads file names them."""
    require_file(path)
    try:
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise InputError(path, "XML", found=str(error), expected="ExternalLoads") from error
    found: list[Columns] = []
    for entry in root.iter("ExternalForce"):
        name = entry.get("name", "ExternalForce")
        fields = {child.tag: (child.text or "").strip() for child in entry}
        for field in ("force_expressed_in_body", "point_expressed_in_body"):
            if fields.get(field, "ground") not in ("ground", "/ground"):
                raise InputError(path, f"{name}: {field}", found=fields[field], expected="ground")
        force, point = (_identifier(path, table, name, fields, key) for key in ("force", "point"))
        torque = fields.get("torque_identifier", "")
        found.append(
            Columns(
                name=name,
                side=_side(fields.get("applied_to_body", "").rpartition("/")[2]),
                force=force,
                point=point,
                torque=torque if torque and _has_axes(table.labels, torque) else None,
            )
        )
    if not found:
        raise InputError(path, "ExternalForce", found="none", expected="one a foot")
    return tuple(found)


def _identifier(path: Path, table: Table, name: str, fields: Mapping[str, str], kind: str) -> str:
    prefix = fields.get(f"{kind}_identifier", "")
    if not prefix or not _has_axes(table.labels, prefix):
        raise InputError(
            path,
            f"{name}: {kind}_identifier",
            found=repr(prefix),
            expected="the columns' name without x, y, z: " + ", ".join(table.labels[1:5]),
        )
    return prefix


_Triples = tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T 3"], Float[np.ndarray, "T 3"]]


def _triples(path: Path, table: Table, entry: Columns) -> _Triples:
    """Force N, point m and torque N m on the person, in the file's axes."""

    def of(prefix: str) -> Float[np.ndarray, "T 3"]:
        return table.values[:, [table.labels.index(prefix + axis) for axis in _AXES]]

    force, point = of(entry.force), of(entry.point)
    torque = of(entry.torque) if entry.torque is not None else np.zeros_like(force)
    peak = float(np.abs(force).max())
    if peak > _LARGEST_FORCE:
        raise InputError(
            path, entry.force, found=f"up to {peak:.3g}", expected="newtons of one person"
        )
    size = np.abs(force).max(axis=1)
    loaded = size > _SMALLEST_PEAK
    if not loaded.any():
        if peak > _NOISE:
            raise InputError(
                path,
                entry.force,
                found=f"at most {peak:.3g}",
                expected="newtons; body weights or kN have to be converted",
            )
        return force, point, torque
    if float(np.median(np.abs(point[loaded]).max(axis=1))) > _LONGEST_LABORATORY:
        logger.warning("%s: %s in mm, converted to m", path.name, entry.point)
        point = point / 1000.0
    if float(np.median(np.abs(torque[loaded]).max(axis=1) / size[loaded])) > _LARGEST_LEVER:
        logger.warning("%s: %s in N mm, converted to N m", path.name, entry.torque)
        torque = torque / 1000.0
    return force, point, torque


def _require_steps(path: Path, raw: list[_Triples]) -> None:
    """Raise InputError if nobody stood on any of the plates."""
    peak = max(float(np.abs(force).max()) for force, _, _ in raw)
    if peak < LEAST_STEP:
        raise InputError(
            path,
            "forces",
            found=f"at most {peak:.3g}",
            expected=f"steps of {LEAST_STEP:g} N and more; kg-force or pounds have to be converted",
        )


def _upright(path: Path, raw: list[_Triples]) -> Float[np.ndarray, "3 3"]:
    """The rotation (or the mirror image of reversed forces) from the file's axes to z up."""
    total = np.sum([force.sum(axis=0) for force, _, _ in raw], axis=0)
    axis = int(np.argmax(np.abs(total)))
    if np.abs(total[axis]) < 0.8 * np.linalg.norm(total):
        raise InputError(
            path,
            "vertical axis",
            found=f"a mean force along {np.round(total / np.linalg.norm(total), 2).tolist()}",
            expected="one axis that carries the weight",
        )
    if axis == 0:
        raise InputError(
            path, "vertical axis", found="x", expected="y up (OpenSim) or z up (laboratory)"
        )
    if axis == 2:
        logger.warning("%s: z is vertical here, not OpenSim's y", path.name)
        return np.eye(3)
    return FROM_OPENSIM


def _plate(path: Path, entry: Columns, values: _Triples, turn: Float[np.ndarray, "3 3"]) -> Plate:
    force, point, torque = (value @ turn.T for value in values)
    # A plate reports what it feels; a person feels the opposite.
    if force[:, 2].sum() < 0:
        logger.warning("%s: %s is the force on the ground, turned round", path.name, entry.name)
        force, torque = -force, -torque
    return Plate(entry.name, entry.side, force, point, torque)
