"""The hierarchy section of a BVH file: words to joints."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from musclemimic_models import InputError

ROTATIONS = ("Xrotation", "Yrotation", "Zrotation")
POSITIONS = ("Xposition", "Yposition", "Zposition")
_CHANNELS = {name.lower(): name for name in (*ROTATIONS, *POSITIONS)}
_LONGEST_HIERARCHY_LINE = 4096  # characters
_MOST_JOINTS = 1000
LARGEST_NUMBER = 1e9  # more than any length in mm or angle in degrees


@dataclass(frozen=True)
class BvhJoint:
    """One joint of the hierarchy.

    Attributes:
        name: as in the file.
        parent: index of the parent, −1 for the root.
        offset: from the parent joint, in the parent's axes, file units.
        channels: such as "Xposition" or "Zrotation", in the file's order.
        end: offset of the joint's end site in the joint's axes, file units; None without one.
    """

    name: str
    parent: int
    offset: tuple[float, float, float]
    channels: tuple[str, ...]
    end: tuple[float, float, float] | None = None


class Tokens:
    """The words of the hierarchy, with line numbers for messages."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        self._path, self._line = path, 1
        self._words = self._split(lines)

    def _split(self, lines: list[str]) -> Iterator[str]:
        for number, line in enumerate(lines, start=1):
            self._line = number
            if len(line) > _LONGEST_HIERARCHY_LINE:
                raise self.error(f"{len(line)} characters", "lines of BVH text")
            yield from line.split()

    def error(self, found: str, expected: str) -> InputError:
        """The error for what stands at the current line."""
        return InputError(self._path, f"line {self._line}", found=found, expected=expected)

    def take(self, expected: str) -> str:
        """The next word; InputError at the end of the hierarchy."""
        word = next(self._words, None)
        if word is None:
            raise self.error("the end of the hierarchy", expected)
        return word

    def require(self, keyword: str) -> None:
        """Take one keyword."""
        word = self.take(repr(keyword))
        if word.upper() != keyword.upper():
            raise self.error(quoted(word), repr(keyword))

    def finish(self) -> None:
        """Raise InputError if words are left."""
        word = next(self._words, None)
        if word is not None:
            raise self.error(quoted(word), "MOTION after one figure's hierarchy")

    def vector(self) -> tuple[float, float, float]:
        """Three numbers."""
        words = [self.take("three numbers") for _ in range(3)]
        x, y, z = (parse_number(word) for word in words)
        if not all(abs(value) < LARGEST_NUMBER for value in (x, y, z)):
            raise self.error(quoted(" ".join(words)), "three finite numbers")
        return x, y, z

    def channels(self) -> tuple[str, ...]:
        """A count and as many channel names."""
        count = self.take("the number of channels")
        if count not in tuple("0123456"):
            raise self.error(quoted(count), "a number of channels from 0 to 6")
        names: list[str] = []
        for _ in range(int(count)):
            word = self.take("a channel name")
            name = _CHANNELS.get(word.lower())
            if name is None:
                raise self.error(quoted(word), "one of " + ", ".join(_CHANNELS.values()))
            if name in names:
                raise self.error(f"{name} twice", "every channel once")
            names.append(name)
        return tuple(names)


def parse_hierarchy(tokens: Tokens) -> tuple[BvhJoint, ...]:
    """One figure's joints, parents first.

    Raises:
        InputError: the line that breaks the format.
    """
    joints: list[BvhJoint] = []
    open_joints: list[int] = []
    tokens.require("ROOT")
    keyword = "ROOT"
    while True:
        match keyword.upper():
            case "ROOT" | "JOINT" if (keyword.upper() == "JOINT") == bool(open_joints):
                joints.append(_joint(tokens, open_joints[-1] if open_joints else -1, joints))
                open_joints.append(len(joints) - 1)
            case "END" if open_joints:
                last = open_joints[-1]
                joints[last] = _with_end(tokens, joints[last])
            case "}" if open_joints:
                open_joints.pop()
            case _:
                raise tokens.error(quoted(keyword), "JOINT, End Site or }")
        if not open_joints:
            tokens.finish()
            return tuple(joints)
        keyword = tokens.take("JOINT, End Site or }")


def _joint(tokens: Tokens, parent: int, joints: list[BvhJoint]) -> BvhJoint:
    name = tokens.take("a joint name")
    if any(joint.name == name for joint in joints):
        raise tokens.error(f"joint {quoted(name)} twice", "distinct joint names")
    if len(joints) >= _MOST_JOINTS:
        raise tokens.error(f"more than {_MOST_JOINTS} joints", "a human skeleton")
    tokens.require("{")
    tokens.require("OFFSET")
    offset = tokens.vector()
    tokens.require("CHANNELS")
    return BvhJoint(name, parent, offset, tokens.channels())


def _with_end(tokens: Tokens, joint: BvhJoint) -> BvhJoint:
    for keyword in ("Site", "{", "OFFSET"):
        tokens.require(keyword)
    end = tokens.vector()
    tokens.require("}")
    return BvhJoint(joint.name, joint.parent, joint.offset, joint.channels, end)


def parse_number(word: str) -> float:
    """The number, NaN for what is none."""
    try:
        return float(word)
    except ValueError:
        return float("nan")


def quoted(text: str) -> str:
    """Text from the file, short and on one line, for a message."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
