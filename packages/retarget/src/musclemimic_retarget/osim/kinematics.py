"""Where an OpenSim model's bodies and markers are, over all frames of a table at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.errors import unknown_name

from musclemimic_retarget.osim.coordinates import CoordinateTable
from musclemimic_retarget.osim.frames import GROUND
from musclemimic_retarget.osim.model import OsimModel

Poses = dict[str, tuple[Float[np.ndarray, "T 3 3"], Float[np.ndarray, "T 3"]]]


@dataclass(frozen=True)
class Placed:
    """Points of a model over time, in OpenSim's ground (y up as a rule). Arrays are read-only.

    Attributes:
        positions: name to (T, 3) m.
        at_default: coordinates that the table lacks and that were left at the model's default.
    """

    positions: Mapping[str, Float[np.ndarray, "T 3"]]
    at_default: tuple[str, ...]


def place(
    model: OsimModel,
    table: CoordinateTable,
    *,
    markers: Collection[str] = (),
    bodies: Collection[str] = (),
    may_lack: Collection[str] = (),
) -> Placed:
    """Positions of markers and body origins, m, by forward kinematics.

    Coupled coordinates follow their constraint, whatever the table says of them. Only those that
    the points depend on are asked for; locked ones that the table lacks keep their default.

    Args:
        model: whose points.
        table: its coordinates over time.
        markers: names in the model's MarkerSet.
        bodies: names of bodies.
        may_lack: coordinates that the table need not have even if they are not locked, since
            someone may have welded their joints.

    Raises:
        InputError: no such marker or body, a coordinate missing from the table, a point that gets
            out of the range of numbers.
    """
    for name in markers:
        if name not in model.markers:
            raise unknown_name(model.source, "marker", name, sorted(model.markers))
    wanted = {model.markers[name].body for name in markers} | set(bodies)
    chain = _chain(model, wanted)
    found: dict[str, Float[np.ndarray, "T 3"]] = {}
    with np.errstate(over="ignore", invalid="ignore"):  # said below, with the point's name
        values, at_default = _values(model, table, chain, may_lack)
        poses = _poses(model, values, chain, len(table))
        found |= {name: poses[name][1] for name in bodies}
        for name in markers:
            marker = model.markers[name]
            turn, position = poses[marker.body]
            found[name] = position + turn @ marker.position
    for name, points in found.items():
        if not np.isfinite(points).all():
            raise InputError(
                table.source,
                name,
                found="a position that is not finite",
                expected=f"coordinates within the reach of {model.source.name}",
            )
        points.flags.writeable = False
    return Placed(found, at_default)


def _chain(model: OsimModel, bodies: Collection[str]) -> set[str]:
    """The bodies and all that they hang on, without the ground."""
    chain: set[str] = set()
    for body in bodies:
        current = body
        while current != GROUND and current not in chain:
            chain.add(current)
            current = model.joint_of(current).parent.body
    return chain


def _values(
    model: OsimModel, table: CoordinateTable, chain: set[str], may_lack: Collection[str]
) -> tuple[dict[str, Float[np.ndarray, " T"]], tuple[str, ...]]:
    """Every coordinate that moves the chain, rad or m, and those that kept their default."""
    needed = {
        name
        for joint in model.joints
        if joint.child.body in chain
        for axis in (*joint.turns, *joint.shifts)
        for name in axis.coordinates
    }
    for coupling in reversed(model.couplings):
        if coupling.dependent in needed:
            needed.update(coupling.independent)
    used = [coupling for coupling in model.couplings if coupling.dependent in needed]
    free = needed.difference(coupling.dependent for coupling in used)
    lacking = [name for name in model.coordinates if name in free and name not in table.values]
    open_ = [name for name in lacking if not model.coordinates[name].locked]
    missing = [name for name in open_ if name not in may_lack]
    if missing:
        raise InputError(
            table.source,
            "columns",
            found=f"no {', '.join(missing)}",
            expected=f"the coordinates of {model.source.name} that are not locked in it",
        )
    values = {name: table.values[name] for name in free.difference(lacking)}
    values |= {name: np.full(len(table), model.coordinates[name].default) for name in lacking}
    for coupling in used:
        inputs = [values[name] for name in coupling.independent]
        given = np.stack(inputs) if inputs else np.zeros((0, len(table)))
        values[coupling.dependent] = coupling.scale * coupling.function(given)
    return values, tuple(open_)


def _poses(
    model: OsimModel,
    values: Mapping[str, Float[np.ndarray, " T"]],
    chain: set[str],
    frames: int,
) -> Poses:
    """Rotation and position in the ground of the bodies in the chain."""
    poses: Poses = {GROUND: (np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3)))}
    for joint in model.joints:
        if joint.child.body in chain:
            turn, position = poses[joint.parent.body]
            position = position + turn @ joint.parent.position
            turn = turn @ joint.parent.turn
            apart, shift = joint.relative(values, frames)
            position = position + np.einsum("tij,tj->ti", turn, shift)
            turn = turn @ apart @ joint.child.turn.T
            poses[joint.child.body] = (turn, position - turn @ joint.child.position)
    return poses
