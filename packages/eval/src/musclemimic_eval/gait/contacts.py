"""When each foot is on the ground."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_eval.signals import runs, settled

Source = Literal["force", "kinematics"]
# Usual thresholds of force-plate events, N: for walking (e.g. Zeni et al. 2008, Gait Posture
# 27:710), and for running, where instrumented treadmills shake.
THRESHOLD_N, RUNNING_THRESHOLD_N = 20.0, 50.0
# A dip or peak of force shorter than this, s, is noise.
_NOISE = 0.04
# Fewer complete contacts than this do not tell a run from plates that missed a step.
_RUNNING_CONTACTS = 3
# A stretch of force that never gets this large, N, is no step.
LEAST_STEP = 100.0


@dataclass(frozen=True)
class Contact:
    """One contact of one foot with the ground.

    Attributes:
        foot: 0 left, 1 right.
        start, end: s; NaN where the record (or the plate's) begins or ends within the contact.
        source: what it was seen in.
    """

    foot: int
    start: float
    end: float
    source: Source

    @property
    def complete(self) -> bool:
        """Whether both ends were seen."""
        return bool(np.isfinite(self.start) and np.isfinite(self.end))


def contacts_from_force(
    ground: GroundReaction, *, threshold: float | None = None
) -> tuple[Contact, ...]:
    """Contacts from the vertical force, in order of time.

    Start and end are where the force crosses the threshold, interpolated between samples.

    Args:
        ground: of both feet.
        threshold: N; by default 20, and 50 for running (both feet loaded, but never together).
    """
    if threshold is None:
        loaded = ground.force[..., 2] >= THRESHOLD_N
        runs_on = bool(loaded.any(axis=0).all() and not loaded.all(axis=1).any())
        complete = [c for c in contacts_from_force(ground, threshold=THRESHOLD_N) if c.complete]
        # Two plates far apart may miss a walker's double support; a runner's flight is seen.
        flies = runs_on and len(complete) >= _RUNNING_CONTACTS
        threshold = RUNNING_THRESHOLD_N if flies else THRESHOLD_N
    found: list[Contact] = []
    gap = max(round(_NOISE * ground.rate), 1)
    for foot in (0, 1):
        load = ground.force[:, foot, 2]
        on = settled(load >= threshold, gap=gap, shortest=gap)
        for first, end in runs(on):
            if load[first:end].max() < LEAST_STEP:
                continue
            start = _crossing(ground.time, load, first, threshold) if first > 0 else np.nan
            stop = _crossing(ground.time, load, end, threshold) if end < len(load) else np.nan
            found.append(Contact(foot, start, stop, "force"))
    return in_order(found)


def in_order(contacts: list[Contact]) -> tuple[Contact, ...]:
    """By time: of the start, or of the end where the start was not seen."""
    return tuple(sorted(contacts, key=_known_time))


def merged(
    kinematic: tuple[Contact, ...], forced: tuple[Contact, ...], *, tolerance: float = 0.1
) -> tuple[Contact, ...]:
    """Kinematic contacts, with the plates' word for each start and end that a plate saw.

    What the plates did not see is shifted by the median difference of those that both saw, so
    that a stride between an event of each kind is not longer or shorter for it. Contacts that
    only the plates saw are added.

    Args:
        kinematic: contacts from motion.
        forced: contacts from force.
        tolerance: s, within which events of a foot are the same.
    """
    offsets = disagreement(kinematic, forced, tolerance=tolerance)
    shift = [_median(column) for column in offsets.T]
    result = [
        dataclasses.replace(c, start=c.start - shift[0], end=c.end - shift[1]) for c in kinematic
    ]
    for contact in forced:
        match = next((i for i, have in enumerate(result) if _same(have, contact, tolerance)), None)
        if match is None:
            result.append(contact)
            continue
        have = result[match]
        start = contact.start if np.isfinite(contact.start) else have.start
        end = contact.end if np.isfinite(contact.end) else have.end
        if end <= start:  # What motion knows of the other end is of another contact.
            start, end = contact.start, contact.end
        source = "force" if contact.complete else have.source
        result[match] = Contact(have.foot, start, end, source)
    return in_order(result)


def _median(values: Float[np.ndarray, " N"]) -> float:
    """Median of the known values, 0 if none is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def disagreement(
    kinematic: tuple[Contact, ...], forced: tuple[Contact, ...], *, tolerance: float = 0.1
) -> Float[np.ndarray, "N 2"]:
    """Kinematic minus force times, s, of start and end of every contact that both saw.

    NaN where one of them did not see that end.
    """
    rows = [
        (have.start - contact.start, have.end - contact.end)
        for contact in forced
        for have in kinematic
        if _same(have, contact, tolerance)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def unmatched(
    kinematic: tuple[Contact, ...],
    forced: tuple[Contact, ...],
    time: Float[np.ndarray, " T"],
    *,
    tolerance: float = 0.1,
) -> int:
    """How many whole contacts of force have none of the same foot in a motion over these times."""
    lost = [
        contact
        for contact in forced
        if contact.complete
        and contact.start > time[0] + tolerance
        and contact.end < time[-1] - tolerance
        and not any(_same(have, contact, tolerance) for have in kinematic)
    ]
    return len(lost)


def _same(one: Contact, other: Contact, tolerance: float) -> bool:
    return one.foot == other.foot and (
        _near(one.start, other.start, tolerance) or _near(one.end, other.end, tolerance)
    )


def _near(one: float, other: float, tolerance: float) -> bool:
    # NaN is near nothing.
    return abs(one - other) <= tolerance


def _known_time(contact: Contact) -> float:
    return contact.start if np.isfinite(contact.start) else contact.end


def _crossing(
    time: Float[np.ndarray, " T"], load: Float[np.ndarray, " T"], after: int, threshold: float
) -> float:
    """Time between samples after − 1 and `after` at which the load crosses the threshold."""
    low, high = float(load[after - 1]), float(load[after])
    if low == high:
        return float(time[after])
    share = min(max((threshold - low) / (high - low), 0.0), 1.0)
    return float(time[after - 1] + share * (time[after] - time[after - 1]))
