"""Skeleton maps: which joint of a BVH file is which SMPL joint, and how it stands in the T-pose."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeGuard

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.errors import unknown_name
from musclemimic_models.files import require_file

from musclemimic_retarget.bvh.parse import BvhFile
from musclemimic_retarget.smpl import JOINT_NAMES

# Without these there is no motion to retarget; the others are placed between their neighbours.
OPTIONAL_JOINTS = (
    *("spine1", "spine2", "neck"),
    *(f"{side}_{joint}" for side in ("left", "right") for joint in ("collar", "foot")),
)
# Directions of the canonical frame (forward, left, up).
_WORDS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "forward": (1.0, 0.0, 0.0),
        "back": (-1.0, 0.0, 0.0),
        "left": (0.0, 1.0, 0.0),
        "right": (0.0, -1.0, 0.0),
        "up": (0.0, 0.0, 1.0),
        "down": (0.0, 0.0, -1.0),
    }
)
_AXES = "xyz"


@dataclass(frozen=True)
class SkeletonMap:
    """How one kind of BVH file names and orients its joints.

    Attributes:
        name: of the map.
        joints: SMPL joint name to BVH joint name.
        up: the world's vertical axis where the motion does not tell; None if not declared.
        t_pose: SMPL joint name to (3, 3), from the joint's own axes to (forward, left, up) in
            the T-pose; None where the pose with all channels zero is a standing figure.
    """

    name: str
    joints: Mapping[str, str]
    up: Literal["y", "z"] | None
    t_pose: Mapping[str, Float[np.ndarray, "3 3"]] | None

    def columns(self, file: BvhFile) -> dict[str, int]:
        """Index in the file's joints of every mapped SMPL joint, in SMPL's order."""
        return {name: file.index(self.joints[name]) for name in JOINT_NAMES if name in self.joints}


def skeleton_of(file: BvhFile, own: Path | None = None) -> SkeletonMap:
    """The first map whose joints are all in the file: the user's, then the packaged ones.

    Args:
        file: parsed.
        own: TOML file of the user, in the form of the packaged `skeletons.toml`.

    Raises:
        InputError: no map fits, or the user's file is wrong.
    """
    packaged = files("musclemimic_retarget.bvh").joinpath("skeletons.toml")
    known = _parse_maps("skeletons.toml", packaged.read_text(encoding="utf-8"))
    if own is not None:
        known = [*load_skeletons(own), *known]
    names = {joint.name for joint in file.joints}
    for skeleton in known:
        if names.issuperset(skeleton.joints.values()):
            return skeleton
    closest = max(known, key=lambda skeleton: len(names & set(skeleton.joints.values())))
    missing = [name for name in closest.joints.values() if name not in names]
    raise InputError(
        file.path,
        "joints",
        found=f"no {', '.join(missing[:4])}{' …' if len(missing) > 4 else ''}",
        expected=f"those of {', '.join(skeleton.name for skeleton in known)}, or a skeleton map",
    )


def load_skeletons(path: Path) -> list[SkeletonMap]:
    """The maps of a TOML file.

    Raises:
        InputError: missing or unreadable file, or the table and key that is wrong.
    """
    require_file(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(path, "file", found="binary data", expected="TOML") from error
    return _parse_maps(path, text)


def _parse_maps(source: Path | str, text: str) -> list[SkeletonMap]:
    try:
        content: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(source, "file", found=str(error), expected="TOML") from error
    if not content:
        raise InputError(source, "file", found="no table", expected="a table for each skeleton")
    return [_parse_map(source, name, value) for name, value in content.items()]


def _parse_map(source: Path | str, name: str, value: object) -> SkeletonMap:
    table = _table(source, name, value)
    for key in table:
        if key not in ("joints", "up", "t_pose"):
            raise unknown_name(source, name, key, ["joints", "up", "t_pose"])
    up = table.get("up")
    if up not in (None, "y", "z"):
        raise InputError(source, f"{name}.up", found=repr(up), expected="'y' or 'z'")
    joints = _joints(source, f"{name}.joints", table.get("joints"))
    if "t_pose" not in table:
        return SkeletonMap(name, joints, up, None)
    field = f"{name}.t_pose"
    given = _table(source, field, table["t_pose"])
    for joint in (*joints, *given):
        if joint not in given or joint not in joints:
            found = f"{joint!r} in one only"
            raise InputError(source, field, found=found, expected="the same joints as in 'joints'")
    frames = {joint: _frame(source, f"{field}.{joint}", given[joint]) for joint in given}
    return SkeletonMap(name, joints, up, MappingProxyType(frames))


def _joints(source: Path | str, field: str, value: object) -> Mapping[str, str]:
    joints: dict[str, str] = {}
    for name, joint in _table(source, field, value).items():
        if name not in JOINT_NAMES:
            raise unknown_name(source, field, name, list(JOINT_NAMES))
        if not isinstance(joint, str) or joint in joints.values():
            raise InputError(
                source, f"{field}.{name}", found=repr(joint), expected="a BVH joint, used once"
            )
        joints[name] = joint
    missing = [name for name in JOINT_NAMES if name not in (*joints, *OPTIONAL_JOINTS)]
    if missing:
        raise InputError(
            source, field, found=f"no {', '.join(missing)}", expected="these SMPL joints"
        )
    return MappingProxyType(joints)


def _frame(source: Path | str, field: str, value: object) -> Float[np.ndarray, "3 3"]:
    """Columns are the canonical directions of the joint's x, y and z axes."""
    given = _table(source, field, value)
    if len(given) != 2 or not set(given) <= set(_AXES):
        raise InputError(
            source, field, found=", ".join(given) or "nothing", expected="two of x, y and z"
        )
    (first, a), (second, b) = ((key, _direction(source, field, given[key])) for key in given)
    b = b - (a @ b) * a
    if np.linalg.norm(b) < 0.1:
        raise InputError(source, field, found="parallel axes", expected="two directions")
    b /= np.linalg.norm(b)
    i, j = _AXES.index(first), _AXES.index(second)
    frame = np.empty((3, 3))
    frame[:, i], frame[:, j] = a, b
    # The third axis of a right-handed frame: x × y, y × z or z × x.
    frame[:, 3 - i - j] = np.cross(a, b) if (j - i) % 3 == 1 else np.cross(b, a)
    frame.flags.writeable = False
    return frame


def _direction(source: Path | str, field: str, value: object) -> Float[np.ndarray, " 3"]:
    if isinstance(value, str) and value in _WORDS:
        return np.array(_WORDS[value])
    if _is_list(value) and len(value) == 3:
        numbers = [float(item) for item in value if isinstance(item, int | float)]
        length = math.hypot(*numbers)
        if len(numbers) == 3 and 0 < length < math.inf:
            return np.array(numbers) / length
    raise InputError(
        source,
        field,
        found=repr(value),
        expected=f"{', '.join(_WORDS)}, or [forward, left, up]",
    )


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    """TOML's keys are always strings."""
    return isinstance(value, dict)


def _table(source: Path | str, field: str, value: object) -> dict[str, object]:
    if not _is_table(value):
        found = "nothing" if value is None else repr(value)
        raise InputError(source, field, found=found, expected="a table")
    return value
