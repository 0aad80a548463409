"""The text of a BVH file to joints and channel values."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.files import require_file

from musclemimic_retarget.bvh.hierarchy import (
    LARGEST_NUMBER,
    BvhJoint,
    Tokens,
    parse_hierarchy,
    parse_number,
    quoted,
)

_FRAME_TIMES = (1e-4, 1.0)  # s; larger ones are milliseconds or frames per second


@dataclass(frozen=True)
class BvhFile:
    """A parsed file.

    Attributes:
        path: where it was read.
        joints: (J) parents before children.
        frame_time: s.
        values: (T, C) channel values in the joints' order; degrees and file units; read-only.
    """

    path: Path
    joints: tuple[BvhJoint, ...]
    frame_time: float
    values: Float[np.ndarray, "T C"]

    def index(self, name: str) -> int:
        """Index of the joint of this name.

        Raises:
            ValueError: there is none.
        """
        return [joint.name for joint in self.joints].index(name)


def parse_bvh(path: Path) -> BvhFile:
    """Parse one figure's hierarchy and motion.

    Raises:
        InputError: missing, empty or binary file, or the line that breaks the format: unknown
            keyword or channel, more than one root, wrong number of values or frames, a value
            that is no finite number.
    """
    require_file(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(path, "file", found="binary data", expected="BVH text") from error
    if "\0" in text:
        raise InputError(path, "file", found="binary data", expected="BVH text")
    lines = text.split("\n")
    starts = [index for index, line in enumerate(lines) if line.strip().upper() == "MOTION"]
    tokens = Tokens(path, lines[: starts[0]] if starts else lines)
    tokens.require("HIERARCHY")
    if not starts:
        raise InputError(path, "MOTION", found="no such line", expected="one after the hierarchy")
    joints = parse_hierarchy(tokens)
    frame_time, values = _motion(
        path, lines, starts[0] + 1, channels=sum(len(joint.channels) for joint in joints)
    )
    return BvhFile(path, joints, frame_time, values)


def _motion(
    path: Path, lines: list[str], first: int, *, channels: int
) -> tuple[float, Float[np.ndarray, "T C"]]:
    """Frame time, s, and channel values; `first` is the index of the line after MOTION."""
    rows = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    rows = [(number, line) for number, line in rows if number > first]
    count = _header(path, rows[:1], "Frames")
    frame_time = _header(path, rows[1:2], "Frame Time")
    if not _FRAME_TIMES[0] <= frame_time <= _FRAME_TIMES[1]:
        raise InputError(path, "Frame Time", found=frame_time, expected="seconds, 0.0001 to 1")
    if count != round(count):
        raise InputError(path, "Frames", found=count, expected="a whole number")
    rows = rows[2:]
    if len(rows) != count:
        raise InputError(
            path, "Frames", found=f"{len(rows)} lines of values", expected=f"{round(count)}"
        )
    if len(rows) < 2:
        raise InputError(path, "Frames", found=len(rows), expected="at least 2")
    values = np.empty((len(rows), channels))
    for index, (number, line) in enumerate(rows):
        words = line.split()
        if len(words) != channels:
            raise InputError(
                path, f"line {number}", found=f"{len(words)} values", expected=f"{channels}"
            )
        values[index] = [parse_number(word) for word in words]
        wrong = ~(np.abs(values[index]) < LARGEST_NUMBER)
        if wrong.any():
            word = words[int(wrong.argmax())]
            raise InputError(path, f"line {number}", found=quoted(word), expected="finite numbers")
    values.flags.writeable = False
    return frame_time, values


def _header(path: Path, rows: list[tuple[int, str]], name: str) -> float:
    """The positive number of a line such as "Frame Time: 0.0333333"."""
    number, line = rows[0] if rows else (0, "")
    field = f"line {number}" if rows else name
    key, colon, text = line.partition(":")
    if key.strip().lower() != name.lower() or not colon:
        found = quoted(line) if line else "nothing"
        raise InputError(path, field, found=found, expected=f"'{name}: …'")
    value = parse_number(text)
    if not 0 < value < LARGEST_NUMBER:
        raise InputError(path, name, found=quoted(text.strip()), expected="a number > 0")
    return value
