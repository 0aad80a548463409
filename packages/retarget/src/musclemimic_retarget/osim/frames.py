"""Fixed frames of an OpenSim model: where offset frames lie on bodies."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.errors import unknown_name
from scipy.spatial.transform import Rotation

from musclemimic_retarget.osim.xml import Element, name_of, text_of, vector_of

GROUND = "ground"


@dataclass(frozen=True)
class Frame:
    """A frame fixed to a body.

    Attributes:
        body: its name, or "ground".
        turn: (3, 3) frame to body.
        position: (3,) m, its origin in the body's frame.
    """

    body: str
    turn: Float[np.ndarray, "3 3"]
    position: Float[np.ndarray, " 3"]

    @staticmethod
    def of(body: str) -> "Frame":
        """A body's own frame."""
        return Frame(body, np.eye(3), np.zeros(3))

    def offset(self, turn: Float[np.ndarray, "3 3"], position: Float[np.ndarray, " 3"]) -> "Frame":
        """A frame that is fixed to this one."""
        return Frame(self.body, self.turn @ turn, self.position + self.turn @ position)


Frames = Mapping[str, Frame]


def turn_xyz(angles: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "3 3"]:
    """Rotation by angles, rad, about x, the new y and the new z: OpenSim's orientations."""
    return Rotation.from_euler("XYZ", angles).as_matrix()


def body_frames(names: tuple[str, ...]) -> dict[str, Frame]:
    """The frames of ground and bodies."""
    return {name: Frame.of(name) for name in (GROUND, *names)}


def offset_frames(path: Path, where: str, parent: Element, known: Frames) -> dict[str, Frame]:
    """Offset frames that are listed within an element, by name; each may stand on another.

    Args:
        path: the file, for messages.
        where: what is read, for messages.
        parent: a joint (OpenSim 4) or any component with `PhysicalOffsetFrame` inside.
        known: frames that they may stand on.

    Raises:
        InputError: a frame on something unknown, or frames that stand on each other in a circle.
    """
    waiting = {name_of(path, element): element for element in parent.iter("PhysicalOffsetFrame")}
    found: dict[str, Frame] = {}
    while waiting:
        ready = [
            name
            for name, element in waiting.items()
            if last_part(text_of(element, "socket_parent")) not in waiting
        ]
        if not ready:
            raise InputError(
                path,
                f"{where}: frames",
                found=f"{', '.join(waiting)} on each other",
                expected="frames on bodies",
            )
        for name in ready:
            element = waiting.pop(name)
            spot = f"{where}: {name}"
            base = frame_at(path, spot, text_of(element, "socket_parent"), {**known, **found})
            turn = turn_xyz(vector_of(path, spot, element, "orientation"))
            found[name] = base.offset(turn, vector_of(path, spot, element, "translation"))
    return found


def frame_at(path: Path, where: str, address: str, known: Frames) -> Frame:
    """The frame at a component path such as `/bodyset/tibia_r` or `pelvis_offset`.

    Raises:
        InputError: it is not known.
    """
    name = last_part(address)
    if name not in known:
        raise unknown_name(path, where, address, sorted(known))
    return known[name]


def last_part(address: str) -> str:
    """Name of the component at a path."""
    return address.strip().rpartition("/")[2]
