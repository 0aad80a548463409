"""What the first block of a C3D file promises, held against the size of the file.

ezc3d returns a file that ends early as if it were complete, so that is found out here, before it
reads. Format: the C3D file format user guide, Motion Lab Systems (c3d.org).
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from musclemimic_models import InputError
from musclemimic_models.files import require_file

_BLOCK = 512
_SIGNATURE = 0x50
_WORDS = 4  # x, y, z and a word of residual and cameras, for each point
_NO_16_BIT_COUNT = 0xFFFF
# Byte of the header's scale factor that holds its sign, by processor type (Intel, DEC).
_SIGN_BYTE = {84: 15, 85: 13}


@dataclass(frozen=True)
class C3DHeader:
    """Counts of a C3D file.

    Attributes:
        points: markers a frame.
        analogs: analog values a frame, all channels and samples.
        frames: frames, 0 where 16 bits do not hold the number.
        frame_bytes: size of a frame.
        room: frames that fit between the start of the data and the end of the file.
    """

    points: int
    analogs: int
    frames: int
    frame_bytes: int
    room: int


def read_c3d_header(path: Path) -> C3DHeader:
    """Read the first block and check it against the file's size.

    Raises:
        InputError: missing file, another kind of file, one written on a processor that ezc3d does
            not know, one shorter than its header says, or without anything recorded.
    """
    require_file(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_BLOCK)
        if len(header) < 2 or header[1] != _SIGNATURE:
            raise InputError(path, "file", found="no C3D signature", expected="a C3D file")
        parameters = (header[0] - 1) * _BLOCK
        if parameters < _BLOCK or size < parameters + 4:
            raise InputError(
                path,
                "file",
                found=f"{size} bytes, parameters from {parameters}",
                expected="a complete C3D file",
            )
        file.seek(parameters + 3)
        processor = file.read(1)[0]
    if processor not in _SIGN_BYTE:
        raise InputError(
            path,
            "file",
            found=f"processor type {processor}",
            expected="84 (Intel) or 85 (DEC); ezc3d does not read 86 (MIPS)",
        )
    return _checked(path, header, processor=processor, size=size)


def _checked(path: Path, header: bytes, *, processor: int, size: int) -> C3DHeader:
    """The counts, if the file is long enough for them."""
    points, analogs, first, last = struct.unpack_from("<4H", header, 2)
    (start_block,) = struct.unpack_from("<H", header, 16)
    in_floats = bool(header[_SIGN_BYTE[processor]] & 0x80)
    frame_bytes = (_WORDS * points + analogs) * (4 if in_floats else 2)
    if frame_bytes == 0:
        raise InputError(path, "points", found=0, expected="markers or analog channels")
    start = (start_block - 1) * _BLOCK
    room = max(size - start, 0) // frame_bytes if start >= _BLOCK else 0
    countless = last == _NO_16_BIT_COUNT or last < first
    frames = 0 if countless else last - first + 1
    if room < max(frames, 1):
        raise InputError(
            path,
            "frames",
            found=f"{room}, then the file ends",
            expected=f"{frames or 'some'}, from the header",
        )
    return C3DHeader(points, analogs, frames, frame_bytes, room)
