"""Long motions a window at a time: where windows lie, and what stands for the whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# Windows reach this far beyond their share, s: the slowest of all filters (0.6 Hz) has forgotten
# its end by then.
_MARGIN_S = 4.0
# Neighbours are blended over this long about their border, s.
_BLEND_S = 1.0
# A motion teaches its alignment by so many stretches of this length, s, spread over it.
_SAMPLES, _SAMPLE_S = 8, 10.0


@dataclass(frozen=True)
class Window:
    """A stretch of solving-rate frames, and the output frames it is to give.

    Attributes:
        frames: to solve. output: to make, all of them within `frames`.
    """

    frames: slice
    output: slice


def split(frames: int, rate: float, output_rate: float, seconds: float) -> list[Window]:
    """Windows over a motion; a single one if it lasts up to one and a half.

    Neighbours share the output frames of the blend, which lie far inside both.

    Args:
        frames: of the motion.
        rate: their rate, Hz.
        output_rate: of the clip, Hz.
        seconds: length of a window.
    """
    duration = (frames - 1) / rate
    last = int(np.floor(duration * output_rate + 1e-6)) + 1
    count = max(round(duration / seconds), 1)
    borders = duration * np.arange(count + 1) / count
    windows: list[Window] = []
    for start, end in pairwise(borders.tolist()):
        first = max(int(np.floor((start - _MARGIN_S) * rate)), 0)
        stop = min(int(np.ceil((end + _MARGIN_S) * rate)) + 1, frames)
        begin = 0 if start == 0.0 else round((start - _BLEND_S / 2) * output_rate)
        finish = last if end == float(borders[-1]) else round((end + _BLEND_S / 2) * output_rate)
        windows.append(Window(slice(first, stop), slice(begin, finish)))
    return windows


def samples(frames: int, rate: float) -> Iterator[slice]:
    """Stretches of frames spread evenly over a motion, from its start to its end."""
    length = min(round(_SAMPLE_S * rate) + 1, frames)
    for first in np.linspace(0, frames - length, _SAMPLES).round().astype(int).tolist():
        yield slice(first, first + length)
