"""OpenSim joints as spatial transforms: three turns, then three shifts, of functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.errors import unknown_name
from scipy.spatial.transform import Rotation

from musclemimic_retarget.osim.frames import Frame, Frames, frame_at, offset_frames, turn_xyz
from musclemimic_retarget.osim.functions import Function, linear, read_function
from musclemimic_retarget.osim.xml import (
    Element,
    flag_of,
    name_of,
    number_of,
    numbers_of,
    text_of,
    vector_of,
)

# What a joint's coordinates do, in order: turn about or shift along these axes of its frame.
_SIMPLE: Mapping[str, str] = {
    "WeldJoint": "",
    "PinJoint": "Z",
    "SliderJoint": "x",
    "UniversalJoint": "XY",
    "BallJoint": "XYZ",
    "GimbalJoint": "XYZ",
    "PlanarJoint": "Zxy",
    "FreeJoint": "XYZxyz",
}
_TRANSFORM = tuple(f"{kind}{n}" for kind in ("rotation", "translation") for n in (1, 2, 3))
_IDENTITY = partial(linear, np.array([1.0, 0.0]))


@dataclass(frozen=True)
class Coordinate:
    """A generalised coordinate.

    Attributes:
        name: of the coordinate.
        default: rad or m.
        locked: whether it keeps its default.
        range: least and largest value, rad or m, as the model states them.
    """

    name: str
    default: float
    locked: bool
    range: tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """One turn or shift of a joint.

    Attributes:
        direction: (3,) in the joint's frame on the parent; of unit length for turns.
        coordinates: names of what the function is of.
        function: rad or m.
    """

    direction: Float[np.ndarray, " 3"]
    coordinates: tuple[str, ...]
    function: Function


@dataclass(frozen=True)
class Joint:
    """How a body is connected to its parent.

    The child's joint frame is the parent's, shifted by the sum of `shifts`, then turned about
    `turns` in this order, each about the axis as the ones before have turned it.

    Attributes:
        name: of the joint.
        parent, child: joint frames, fixed to the two bodies.
        turns, shifts: what moves them apart.
        coordinates: that the joint owns.
    """

    name: str
    parent: Frame
    child: Frame
    turns: tuple[Axis, ...]
    shifts: tuple[Axis, ...]
    coordinates: tuple[Coordinate, ...]

    def relative(
        self, values: Mapping[str, Float[np.ndarray, " T"]], frames: int
    ) -> tuple[Float[np.ndarray, "T 3 3"], Float[np.ndarray, "T 3"]]:
        """Rotation and position, m, of the child's joint frame in the parent's.

        Args:
            values: (T,) rad or m of every coordinate that moves the joint.
            frames: T.
        """
        turn = np.tile(np.eye(3), (frames, 1, 1))
        for axis in self.turns:
            angle = _amount(axis, values, frames)
            turn = turn @ Rotation.from_rotvec(np.outer(angle, axis.direction)).as_matrix()
        position = np.zeros((frames, 3))
        for axis in self.shifts:
            position += np.outer(_amount(axis, values, frames), axis.direction)
        return turn, position


def _amount(
    axis: Axis, values: Mapping[str, Float[np.ndarray, " T"]], frames: int
) -> Float[np.ndarray, " T"]:
    columns = [values[name] for name in axis.coordinates]
    return axis.function(np.stack(columns) if columns else np.zeros((0, frames)))


def read_joint(path: Path, element: Element, known: Frames, *, body: str | None = None) -> Joint:
    """A joint of either layout.

    Args:
        path: for messages.
        element: such as `CustomJoint`.
        known: frames of bodies and ground, and of what else has been read.
        body: whose joint it is in OpenSim 3, where joints stand within bodies; None for 4.

    Raises:
        InputError: a kind of joint, a body or a function that is not known; missing numbers.
    """
    name = name_of(path, element)
    kinds = ["CustomJoint", *_SIMPLE]
    if element.tag not in kinds:
        raise unknown_name(path, f"joint {name}", element.tag, kinds)
    where = f"joint {name}"
    if flag_of(path, where, element, "reverse", default=False):
        raise InputError(path, f"{where}: reverse", found="true", expected="false")
    parent, child = (
        _sockets(path, where, element, known)
        if body is None
        else _places(path, where, element, known, body)
    )
    coordinates = tuple(_coordinate(path, where, entry) for entry in element.iter("Coordinate"))
    if element.tag == "CustomJoint":
        turns, shifts = _custom(path, where, element)
    else:
        turns, shifts = _simple(path, where, element.tag, coordinates)
    return Joint(name, parent, child, turns, shifts, coordinates)


def _coordinate(path: Path, joint: str, element: Element) -> Coordinate:
    name = name_of(path, element)
    where = f"{joint}: {name}"
    limits = -np.inf, np.inf
    if text_of(element, "range"):
        low, high = numbers_of(path, where, element, "range", count=2)
        limits = float(low), float(high)
    return Coordinate(
        name,
        number_of(path, where, element, "default_value", default=0.0),
        flag_of(path, where, element, "locked", default=False),
        limits,
    )


def _sockets(path: Path, where: str, element: Element, known: Frames) -> tuple[Frame, Frame]:
    """Joint frames of OpenSim 4."""
    own = offset_frames(path, where, element, known)
    parent, child = (
        frame_at(path, f"{where}: {tag}", text_of(element, tag), {**known, **own})
        for tag in ("socket_parent_frame", "socket_child_frame")
    )
    return parent, child


def _places(
    path: Path, where: str, element: Element, known: Frames, body: str
) -> tuple[Frame, Frame]:
    """Joint frames of OpenSim 3."""
    base = frame_at(path, f"{where}: parent_body", text_of(element, "parent_body"), known)
    parent, child = (
        frame.offset(
            turn_xyz(vector_of(path, where, element, f"orientation{end}")),
            vector_of(path, where, element, f"location{end}"),
        )
        for frame, end in ((base, "_in_parent"), (known[body], ""))
    )
    return parent, child


def _simple(
    path: Path, where: str, kind: str, coordinates: tuple[Coordinate, ...]
) -> tuple[tuple[Axis, ...], tuple[Axis, ...]]:
    """Turns (capital letters) and shifts of a joint without functions of its own."""
    letters = _SIMPLE[kind]
    if len(coordinates) != len(letters):
        raise InputError(
            path,
            f"{where}: coordinates",
            found=len(coordinates),
            expected=f"{len(letters)} of a {kind}",
        )
    axes = [
        Axis(np.eye(3)["xyz".index(letter.lower())], (coordinate.name,), _IDENTITY)
        for letter, coordinate in zip(letters, coordinates, strict=True)
    ]
    turning = sum(letter.isupper() for letter in letters)
    return tuple(axes[:turning]), tuple(axes[turning:])


def _custom(path: Path, where: str, element: Element) -> tuple[tuple[Axis, ...], tuple[Axis, ...]]:
    """Turns and shifts of a `CustomJoint`."""
    entries = {entry.get("name", ""): entry for entry in element.iter("TransformAxis")}
    if set(entries) != set(_TRANSFORM):
        raise InputError(
            path,
            f"{where}: SpatialTransform",
            found=", ".join(entries) or "nothing",
            expected=", ".join(_TRANSFORM),
        )
    axes = [_axis(path, f"{where}: {name}", entries[name]) for name in _TRANSFORM]
    for index, axis in enumerate(axes[:3]):
        length = float(np.linalg.norm(axis.direction))
        if length < 1e-6:
            raise InputError(
                path, f"{where}: {_TRANSFORM[index]}: axis", found="zero", expected="a direction"
            )
        axes[index] = Axis(axis.direction / length, axis.coordinates, axis.function)
    return tuple(axes[:3]), tuple(axes[3:])


def _axis(path: Path, where: str, element: Element) -> Axis:
    coordinates = tuple(text_of(element, "coordinates").split())
    function = read_function(path, where, element, coordinates=len(coordinates))
    return Axis(numbers_of(path, where, element, "axis", count=3), coordinates, function)
