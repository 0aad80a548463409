"""C3D files: binary marker (and analog) recordings of camera systems. Only points are read.

Format: the C3D file format user guide, C-Motion / Motion Lab Systems (c3d.org). Parsed here
because a damaged file must give an error, and libraries in C++ crash or hang on some.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.files import require_file

from musclemimic_retarget.markers.c3d_parameters import (
    BLOCK,
    Encoding,
    Parameters,
    read_encoding,
    read_parameters,
)
from musclemimic_retarget.markers.trajectories import (
    MarkerTrajectories,
    metres_per,
    unique_labels,
)

_NO_16_BIT_COUNT = 0xFFFF
_WORDS = 4  # x, y, z and a word of residual and cameras, for each point


def read_c3d_markers(path: Path) -> MarkerTrajectories:
    """Read the markers of a .c3d file, in the axes of the laboratory.

    Points that the cameras did not see (negative residual, or exactly at the origin) are gaps.

    Raises:
        InputError: missing file, another kind of file, a truncated or damaged one, no points,
            units, labels or rate.
    """
    require_file(path)
    content = path.read_bytes()
    encoding = read_encoding(path, content)
    parameters = read_parameters(path, content, encoding)
    points = encoding.integer(content, 2)
    if points == 0:
        raise InputError(path, "points", found=0, expected="markers")
    labels = parameters.texts("POINT", "LABELS")
    # More than 255 labels go on in LABELS2, LABELS3 ...
    number = 2
    while len(labels) < points and parameters.has("POINT", f"LABELS{number}"):
        labels += parameters.texts("POINT", f"LABELS{number}")
        number += 1
    units = parameters.texts("POINT", "UNITS")
    scale = metres_per(units[0] if units else "", str(path))
    positions = _points(path, content, encoding, parameters, points=points)
    rate = parameters.numbers("POINT", "RATE")
    return MarkerTrajectories(
        source=str(path),
        fps=float(rate[0]) if rate.size else encoding.real(content, 20),
        names=unique_labels(labels[:points]),
        positions=scale * positions,
    )


def _points(
    path: Path, content: bytes, encoding: Encoding, parameters: Parameters, *, points: int
) -> Float[np.ndarray, "T M 3"]:
    """Coordinates in the file's unit, NaN where the residual is negative."""
    scale = parameters.numbers("POINT", "SCALE")
    factor = float(scale[0]) if scale.size else encoding.real(content, 12)
    in_floats = factor < 0
    stride = _WORDS * points + encoding.integer(content, 4)
    start = (encoding.integer(content, 16) - 1) * BLOCK
    frames = _frames(content, encoding, parameters)
    size = stride * (4 if in_floats else 2)
    there = max(len(content) - start, 0) // size if start >= BLOCK else 0
    if frames < 1 or there < frames:
        raise InputError(
            path,
            "frames",
            found=f"{there}, then the file ends",
            expected=f"{frames}, from the header",
        )
    data = content[start : start + frames * size]
    words = encoding.reals(data) if in_floats else encoding.integers(data)
    values = words.reshape(frames, stride)[:, : _WORDS * points].reshape(frames, points, _WORDS)
    positions = values[..., :3] * (1.0 if in_floats else factor)
    positions[~(values[..., 3] >= 0)] = np.nan
    return positions


def _frames(content: bytes, encoding: Encoding, parameters: Parameters) -> int:
    """Number of frames; 16 bits of the header do not hold long recordings."""
    first, last = encoding.integer(content, 6), encoding.integer(content, 8)
    start = parameters.numbers("TRIAL", "ACTUAL_START_FIELD")
    end = parameters.numbers("TRIAL", "ACTUAL_END_FIELD")
    if start.size == end.size == 2 and np.isfinite([*start, *end]).all():
        # Two unsigned 16-bit words each, the lower first.
        low = np.mod(np.stack([start, end]), 2.0**16)
        spans = low[:, 0] + low[:, 1] * 2.0**16
        return int(spans[1] - spans[0]) + 1
    counted = parameters.numbers("POINT", "FRAMES")
    if last == _NO_16_BIT_COUNT and counted.size and 0 < counted[0] < np.inf:
        return int(counted[0])
    return last - first + 1
