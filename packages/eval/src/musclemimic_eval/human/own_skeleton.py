"""The person's own skeleton of a motion known by joint angles, from their OpenSim model."""

import dataclasses
import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_eval.human.files import (
    CoordinateTable,
    Frame,
    OsimModel,
    load_marker_sets,
    place,
    read_coordinates,
    read_osim,
)
from musclemimic_eval.human.force_files import FROM_OPENSIM

logger = logging.getLogger(__name__)

_SIDES = {"left": "l", "right": "r"}
# Distal joints that laboratories weld before they compute, so that angles lack them.
_MAY_LACK = tuple(f"{name}_angle_{side}" for side in "lr" for name in ("subtalar", "mtp"))
# Without markers on the foot the heel is the heel bone's origin, its rear end, and the toes' tip
# lies this share of the way from there to their joint in front of that (6 of 18 cm in an adult).
_TOES = 1 / 3
# Knees may leave their model's range by this, rad; those of another sign do by more.
_BEYOND = np.deg2rad(25)


@dataclass(frozen=True)
class OwnSkeleton:
    """A person's points over time; z up, x as OpenSim's ground.

    Attributes:
        time: (T,) s, of the file's frames.
        heel, toe: (T, 2, 3) m, left and right.
        pelvis: (T, 3) m, origin of the pelvis.
        ankles: (T, 2, 3) m, centres of the left and the right ankle joint.
        leg_length: hip to knee to ankle, mean of both sides, m.
        notes: what a reader of the results has to know.
    """

    time: Float[np.ndarray, " T"]
    heel: Float[np.ndarray, "T 2 3"]
    toe: Float[np.ndarray, "T 2 3"]
    pelvis: Float[np.ndarray, "T 3"]
    ankles: Float[np.ndarray, "T 2 3"]
    leg_length: float
    notes: tuple[str, ...]


def own_skeleton(coordinates: Path, osim: Path) -> OwnSkeleton:
    """Heels, toes, ankles and pelvis by forward kinematics of the person's OpenSim model.

    Heel and toe are the model's markers there, under the labels of any known marker set; bones,
    if it has none.

    Args:
        coordinates: .mot or .sto.
        osim: the model that they were computed with.

    Raises:
        InputError: whatever is wrong with either file; a body of the legs that is not there; a
            coordinate that the model needs and the file lacks; knees that bend the other way.
    """
    model = read_osim(osim)
    table = read_coordinates(coordinates, model)
    _require_knees(model, table)
    feet = _feet(model)
    model = dataclasses.replace(model, markers=MappingProxyType({**model.markers, **feet}))
    bones = [f"{bone}_{side}" for side in "lr" for bone in ("femur", "tibia", "talus")]
    placed = place(model, table, markers=feet, bodies=["pelvis", *bones], may_lack=_MAY_LACK)
    points = {name: point @ FROM_OPENSIM.T for name, point in placed.positions.items()}
    heel, toe = (
        np.stack([points[f"{side} {part}"] for side in _SIDES], axis=1) for part in ("heel", "toe")
    )
    legs = [
        np.linalg.norm(points[f"{top}_{side}"] - points[f"{bottom}_{side}"], axis=1).mean()
        for side in "lr"
        for top, bottom in (("femur", "tibia"), ("tibia", "talus"))
    ]
    return OwnSkeleton(
        time=table.time,
        heel=heel,
        toe=toe,
        pelvis=points["pelvis"],
        ankles=np.stack([points[f"talus_{side}"] for side in "lr"], axis=1),
        leg_length=float(np.sum(legs)) / 2,
        notes=_notes(osim, placed.at_default),
    )


def _require_knees(model: OsimModel, table: CoordinateTable) -> None:
    """Raise InputError if knees bend the way that the model's cannot: angles of another model."""
    for name in (f"knee_angle_{side}" for side in "lr"):
        if name in table.values and name in model.coordinates:
            low, high = model.coordinates[name].range
            least, most = float(table.values[name].min()), float(table.values[name].max())
            if least < low - _BEYOND or most > high + _BEYOND:
                found, allowed = (
                    f"{np.rad2deg(one):.0f} to {np.rad2deg(other):.0f}°"
                    for one, other in ((least, most), (low, high))
                )
                raise InputError(
                    table.source,
                    name,
                    found=found,
                    expected=f"{allowed}, the knee of {model.source.name}: the model that these "
                    "angles were computed with",
                )


def _notes(osim: Path, at_default: Collection[str]) -> tuple[str, ...]:
    if not at_default:
        return ()
    return (
        f"{', '.join(at_default)} of {osim.name} are not in the file: kept as the model has them, "
        "as if welded",
    )


def _feet(model: OsimModel) -> dict[str, Frame]:
    """Places of heels and toes on the model's bodies, under "left heel" and the like."""
    labels = _foot_labels(model)
    if labels is not None:
        return {name: model.markers[label] for name, label in labels.items()}
    logger.info("%s: no known markers on heels and toes: bones instead", model.source.name)
    found: dict[str, Frame] = {}
    for side, letter in _SIDES.items():
        joint = model.joint_of(f"toes_{letter}")
        if joint.parent.body != f"calcn_{letter}":
            raise InputError(
                model.source,
                f"joint {joint.name}",
                found=f"on {joint.parent.body}",
                expected=f"on calcn_{letter}, or markers of a known set on heels and toes",
            )
        found[f"{side} heel"] = Frame.of(f"calcn_{letter}")
        tip = np.array([_TOES * float(np.linalg.norm(joint.parent.position)), 0.0, 0.0])
        found[f"{side} toe"] = Frame.of(f"toes_{letter}").offset(np.eye(3), tip)
    return found


def _foot_labels(model: OsimModel) -> dict[str, str] | None:
    """The model's labels of heels and toes: of the known set that has most markers in common."""
    best: dict[str, str] | None = None
    most = 0
    for known in load_marker_sets():
        names = {
            f"{side} {part}": known.landmarks[f"{side}_{part}"]
            for side in _SIDES
            for part in ("heel", "toe")
        }
        if not all(len(label) == 1 and label[0] in model.markers for label in names.values()):
            continue
        shared = sum(label in model.markers for tag in known.landmarks.values() for label in tag)
        if shared > most:
            best, most = {name: label[0] for name, label in names.items()}, shared
    return best
