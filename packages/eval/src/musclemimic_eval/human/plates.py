"""Force plates: what each measured, and which foot stood on it."""

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError

from musclemimic_eval.kinetics.ground_reaction import (
    UNLOADED_BELOW,
    GroundReaction,
    ground_reaction,
)
from musclemimic_eval.signals import interpolated, runs

logger = logging.getLogger(__name__)

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
# A centre of pressure farther than this from a foot's ankle, m, horizontally, is not under it.
_UNDER_FOOT = 0.35
# Share of a stretch of load that may be nearer to the other foot while both feet stand: move
# slower than this against each other, m/s, at heights that differ by less than this, m.
_SHARED, _TOGETHER, _LEVEL = 0.05, 0.5, 0.05
# Vertical force that makes a stretch of signal a foot's load rather than drift, N.
_STEP = 50.0


@dataclass(frozen=True)
class Plate:
    """One force record: a plate, or what a file attributes to one foot. z up.

    Attributes:
        name: as in the file.
        side: the foot it belongs to, if the file says so.
        force: (T, 3) N, on the person. centre: (T, 3) centre of pressure, m.
        free_moment: (T, 3) N m, about the centre of pressure.
    """

    name: str
    side: Side | None
    force: Float[np.ndarray, "T 3"]
    centre: Float[np.ndarray, "T 3"]
    free_moment: Float[np.ndarray, "T 3"]


@dataclass(frozen=True)
class FootTrack:
    """Where both feet are, in the plates' frame.

    Attributes:
        time: (N,) s, the plates' clock.
        position: (N, 2, 3) m, about the middle of the left and the right foot.
    """

    time: Float[np.ndarray, " N"]
    position: Float[np.ndarray, "N 2 3"]

    def at(self, time: Float[np.ndarray, " T"]) -> Float[np.ndarray, "T 2 3"]:
        """Interpolated; the nearest known position outside the record."""
        return interpolated(self.time, self.position, time)


@dataclass(frozen=True)
class Step:
    """A stretch of load on one plate and whose it is.

    Attributes:
        plate: its name.
        start, end: s.
        foot: 0 left, 1 right.
        distance: of the centre of pressure from that foot (median), m; NaN without a track.
        shared: whether both feet were on the plate in this stretch: the centre of pressure is
            nearer to the other foot for a while. Its force then belongs to neither.
        contradicts: whether the file said the other side.
    """

    plate: str
    start: float
    end: float
    foot: int
    distance: float
    shared: bool
    contradicts: bool


def combine_plates(
    time: Float[np.ndarray, " T"],
    plates: tuple[Plate, ...],
    track: FootTrack | None = None,
    *,
    source: str,
) -> tuple[GroundReaction, tuple[Step, ...]]:
    """Give every stretch of load on every plate to a foot and add up.

    With a track, the foot nearest to the centre of pressure (median over the stretch) gets it,
    whatever the file says; a contradiction is reported in the step. Without one the file's side
    counts.

    Args:
        time: s.
        plates: on that clock.
        track: of the feet.
        source: for messages.

    Returns:
        The ground reaction (frame "laboratory") and the steps in order of time.

    Raises:
        InputError: no track and a plate without side; load that is not under either foot.
    """
    force, moment = np.zeros((len(time), 2, 3)), np.zeros((len(time), 2, 3))
    steps: list[Step] = []
    heights: list[list[float]] = [[], []]
    places = track.at(time) if track is not None else None
    for plate in plates:
        for start, end in runs(plate.force[:, 2] >= UNLOADED_BELOW):
            inside = slice(start, end)
            if plate.force[inside, 2].max() < _STEP:
                continue
            step = _step(time, plate, inside, places, source)
            steps.append(step)
            force[inside, step.foot] += plate.force[inside]
            moment[inside, step.foot] += (
                np.cross(plate.centre[inside], plate.force[inside]) + plate.free_moment[inside]
            )
            heights[step.foot].append(float(np.median(plate.centre[inside, 2])))
    level = np.array([np.median(values) if values else 0.0 for values in heights])
    reaction = ground_reaction(time, force, moment, height=level, frame="laboratory")
    return reaction, tuple(sorted(steps, key=lambda step: step.start))


def _step(
    time: Float[np.ndarray, " T"],
    plate: Plate,
    inside: slice,
    places: Float[np.ndarray, "T 2 3"] | None,
    source: str,
) -> Step:
    said = None if plate.side is None else SIDES.index(plate.side)
    if places is None:
        if said is None:
            raise InputError(
                source,
                plate.name,
                found="load of an unnamed foot",
                expected="columns that name the side, or the feet's positions (markers)",
            )
        foot, distance, shared = said, float("nan"), False
    else:
        offset = places[inside, :, :2] - plate.centre[inside, None, :2]
        away = np.linalg.norm(offset, axis=2)  # (n, 2)
        middle = np.median(away, axis=0)
        foot, distance = int(np.argmin(middle)), float(middle.min())
        if distance > _UNDER_FOOT:
            raise InputError(
                source,
                plate.name,
                found=f"load {distance:.2f} m from the nearest foot "
                f"({time[inside][0]:.2f} to {time[inside][-1]:.2f} s)",
                expected=f"within {_UNDER_FOOT} m: axes, units or clocks of forces and markers "
                "may differ",
            )
        nearer = (away.argmin(axis=1) != foot) & _both_stand(time, places)[inside]
        shared = bool(nearer.mean() > _SHARED)
    return Step(
        plate=plate.name,
        start=float(time[inside.start]),
        end=float(time[inside.stop - 1]),
        foot=foot,
        distance=distance,
        shared=shared,
        contradicts=said is not None and foot != said,
    )


def _both_stand(
    time: Float[np.ndarray, " T"], places: Float[np.ndarray, "T 2 3"]
) -> Bool[np.ndarray, " T"]:
    """Whether the feet rest against each other, on the floor or on a treadmill's belt."""
    between = places[:, 1] - places[:, 0]
    speed = np.linalg.norm(np.gradient(between[:, :2], time, axis=0), axis=1)
    return (speed < _TOGETHER) & (np.abs(between[:, 2]) < _LEVEL)
