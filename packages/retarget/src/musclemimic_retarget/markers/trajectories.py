"""`MarkerTrajectories`: what every marker file holds, whatever its format."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError

METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}


@dataclass(frozen=True)
class MarkerTrajectories:
    """Labelled points over time, in the laboratory's own axes. Arrays are read-only.

    Attributes:
        source: the file.
        fps: frames per second.
        names: (M) labels, unique; see `unique_labels`.
        positions: (T, M, 3) m; NaN in all three where the marker was not seen.
        start: time of the first frame on the recording's clock, s.
    """

    source: str
    fps: float
    names: tuple[str, ...]
    positions: Float[np.ndarray, "T M 3"]
    start: float = 0.0

    def __post_init__(self) -> None:
        """Validate and freeze; a marker at exactly (0, 0, 0) or half seen becomes a gap.

        Raises:
            InputError: fewer than two frames, no marker, a rate that is not positive, labels that
                do not match the data, an infinite value.
        """
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(
                self.source, "frame rate", found=self.fps, expected="frames per second > 0"
            )
        if len(self.positions) < 2:
            raise InputError(
                self.source, "frames", found=len(self.positions), expected="at least 2, a motion"
            )
        if len(self.names) != self.positions.shape[1] or not self.names:
            raise InputError(
                self.source,
                "markers",
                found=f"{len(self.names)} labels for {self.positions.shape[1]} points",
                expected="one label a point, at least one",
            )
        positions = np.array(self.positions, dtype=np.float64)
        if np.isinf(positions).any():
            raise InputError(self.source, "positions", found="infinity", expected="numbers or gaps")
        gone = ~np.isfinite(positions).all(axis=2) | (positions == 0.0).all(axis=2)
        positions[gone] = np.nan
        positions.flags.writeable = False
        object.__setattr__(self, "positions", positions)

    @property
    def seen(self) -> Bool[np.ndarray, "T M"]:
        """Whether a marker was seen in a frame."""
        return np.isfinite(self.positions[..., 0])

    @property
    def seen_names(self) -> tuple[str, ...]:
        """Labels of the markers that are seen at all."""
        columns = np.unique(np.nonzero(self.seen)[1])
        return tuple(self.names[int(column)] for column in columns)

    def columns(self, names: Sequence[str]) -> list[int]:
        """Columns of labels, all of which must exist."""
        return [self.names.index(name) for name in names]


def unique_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Labels without a subject's prefix ("Anna:LKNE"), repeated ones numbered: "LKNE#2"."""
    bare = [label.rpartition(":")[2].strip() for label in labels]
    counts: Counter[str] = Counter()
    result: list[str] = []
    for label in bare:
        counts[label] += 1
        result.append(label if counts[label] == 1 else f"{label}#{counts[label]}")
    return tuple(result)


def metres_per(unit: str, source: str) -> float:
    """Length of a file's unit, m.

    Raises:
        InputError: a missing or unknown unit.
    """
    if unit.strip().lower() not in METRES:
        raise InputError(
            source, "units", found=repr(unit.strip()), expected="one of " + ", ".join(METRES)
        )
    return METRES[unit.strip().lower()]
