"""`OsimModel`: the skeleton of an OpenSim model, and its reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from musclemimic_models import InputError
from musclemimic_models.errors import unknown_name

from musclemimic_retarget.osim.frames import (
    GROUND,
    Frame,
    Frames,
    body_frames,
    frame_at,
    offset_frames,
)
from musclemimic_retarget.osim.functions import Function, read_function
from musclemimic_retarget.osim.joints import Coordinate, Joint, read_joint
from musclemimic_retarget.osim.xml import (
    Element,
    flag_of,
    name_of,
    number_of,
    read_model_element,
    text_of,
    vector_of,
)


@dataclass(frozen=True)
class Coupling:
    """A coordinate that others determine.

    Attributes:
        dependent: its name.
        independent: names of the others.
        function: of the others.
        scale: factor of the function's value.
    """

    dependent: str
    independent: tuple[str, ...]
    function: Function
    scale: float


@dataclass(frozen=True)
class OsimModel:
    """The kinematics of an OpenSim model: no masses, muscles or contacts.

    Attributes:
        source: the file.
        joints: parents before children; each body is the child of one.
        coordinates: by name.
        couplings: of which each depends on coordinates that those before it determine, or that
            none does.
        markers: name to place: a frame whose position is the marker's on its body.
    """

    source: Path
    joints: tuple[Joint, ...]
    coordinates: Mapping[str, Coordinate]
    couplings: tuple[Coupling, ...]
    markers: Mapping[str, Frame]

    @property
    def bodies(self) -> tuple[str, ...]:
        """Names, parents before children."""
        return tuple(joint.child.body for joint in self.joints)

    def joint_of(self, body: str) -> Joint:
        """The joint that carries a body.

        Raises:
            InputError: there is no such body.
        """
        if body not in self.bodies:
            raise unknown_name(self.source, "body", body, list(self.bodies))
        return self.joints[self.bodies.index(body)]


def read_osim(path: Path | str) -> OsimModel:
    """Read the skeleton of an .osim file of OpenSim 3 or 4.

    Understood are custom, pin, weld, slider, universal, ball, gimbal, planar and free joints,
    the functions of `osim.functions`, coupled and locked coordinates, offset frames and markers.

    Raises:
        InputError: wrong or oversized XML, another version, a kind of joint or function that is
            not known, a reference to a body or coordinate that the model lacks, bodies that do
            not hang on the ground, each in one line that names the place.
    """
    path = Path(path)
    model = read_model_element(path)
    bodies = [body for body in _objects(model, "BodySet") if name_of(path, body) != GROUND]
    names = [name_of(path, body) for body in bodies]
    if not names:
        raise InputError(path, "BodySet", found="no body", expected="the bodies of a person")
    _require_unique(path, "BodySet", names)
    frames: dict[str, Frame] = body_frames(tuple(names))
    for body in bodies:
        components = body.find("components")
        if components is not None:
            frames |= offset_frames(path, name_of(path, body), components, frames)
    joints = _in_order(path, names, _joints(path, model, bodies, frames))
    coordinates = [coordinate for joint in joints for coordinate in joint.coordinates]
    _require_unique(path, "coordinates", [coordinate.name for coordinate in coordinates])
    known = {coordinate.name: coordinate for coordinate in coordinates}
    for joint in joints:
        for axis in (*joint.turns, *joint.shifts):
            _require_known(path, f"joint {joint.name}", axis.coordinates, known)
    return OsimModel(
        source=path,
        joints=joints,
        coordinates=MappingProxyType(known),
        couplings=_couplings(path, model, known),
        markers=MappingProxyType(_markers(path, model, frames)),
    )


def _objects(model: Element, group: str) -> list[Element]:
    found = model.find(f"{group}/objects")
    return [] if found is None else list(found)


def _joints(path: Path, model: Element, bodies: list[Element], frames: Frames) -> list[Joint]:
    """Joints of the JointSet (OpenSim 4) or within the bodies (OpenSim 3)."""
    listed = _objects(model, "JointSet")
    if listed:
        return [read_joint(path, element, frames) for element in listed]
    return [
        read_joint(path, element, frames, body=name_of(path, body))
        for body in bodies
        for holder in body.findall("Joint")
        for element in holder
    ]


def _in_order(path: Path, bodies: list[str], joints: list[Joint]) -> tuple[Joint, ...]:
    """Parents before children.

    Raises:
        InputError: a body without a joint or with two, or bodies that hang on each other.
    """
    carried = [joint.child.body for joint in joints]
    for body in bodies:
        if carried.count(body) != 1:
            found = ", ".join(joint.name for joint in joints if joint.child.body == body)
            raise InputError(path, f"body {body}", found=found or "no joint", expected="one joint")
    placed: dict[str, Joint] = {}
    waiting = list(joints)
    while waiting:
        ready = [joint for joint in waiting if joint.parent.body in (GROUND, *placed)]
        if not ready:
            raise InputError(
                path,
                "joints",
                found=f"{', '.join(joint.name for joint in waiting)} in a circle",
                expected="bodies that hang on the ground",
            )
        placed |= {joint.child.body: joint for joint in ready}
        waiting = [joint for joint in waiting if joint not in ready]
    return tuple(placed.values())


def _couplings(path: Path, model: Element, known: Mapping[str, Coordinate]) -> tuple[Coupling, ...]:
    """Enforced coordinate couplers, in the order in which they can be evaluated.

    Raises:
        InputError: a coordinate that several determine, or coordinates that determine each other.
    """
    found: list[Coupling] = []
    for element in _objects(model, "ConstraintSet"):
        if element.tag != "CoordinateCouplerConstraint":
            continue
        where = f"constraint {name_of(path, element)}"
        disabled = flag_of(path, where, element, "isDisabled", default=False)
        if disabled or not flag_of(path, where, element, "isEnforced", default=True):
            continue
        independent = tuple(text_of(element, "independent_coordinate_names").split())
        dependent = text_of(element, "dependent_coordinate_name")
        _require_known(path, where, (*independent, dependent), known)
        function = read_function(path, where, element, coordinates=len(independent))
        scale = number_of(path, where, element, "scale_factor", default=1.0)
        found.append(Coupling(dependent, independent, function, scale))
    _require_unique(path, "dependent coordinates", [coupling.dependent for coupling in found])
    ordered: list[Coupling] = []
    while found:
        open_ = {coupling.dependent for coupling in found}
        ready = [coupling for coupling in found if not open_.intersection(coupling.independent)]
        if not ready:
            raise InputError(
                path,
                "ConstraintSet",
                found=f"{', '.join(sorted(open_))} coupled in a circle",
                expected="coordinates that are independent in the end",
            )
        ordered += ready
        found = [coupling for coupling in found if coupling not in ready]
    return tuple(ordered)


def _markers(path: Path, model: Element, frames: Frames) -> dict[str, Frame]:
    found: dict[str, Frame] = {}
    for element in _objects(model, "MarkerSet"):
        if element.tag == "Marker":
            name = name_of(path, element)
            where = f"marker {name}"
            address = text_of(element, "socket_parent_frame") or text_of(element, "body")
            base = frame_at(path, where, address, frames)
            location = vector_of(path, where, element, "location")
            found[name] = Frame(base.body, base.turn, base.position + base.turn @ location)
    return found


def _require_known(
    path: Path, where: str, names: tuple[str, ...], known: Mapping[str, Coordinate]
) -> None:
    for name in names:
        if name not in known:
            raise unknown_name(path, f"{where}: coordinate", name, sorted(known))


def _require_unique(path: Path, where: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(path, where, found=f"{', '.join(twice)} twice", expected="unique names")
