"""Gait cycles: from one contact of a foot to its next."""

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_eval.gait.contacts import Contact, Source
from musclemimic_eval.gait.feet import FEET, FootMotion, heading, overground
from musclemimic_eval.signals import interpolated

POINTS = 101  # samples of a normalised cycle, 0 to 100 %
# A stride this much longer than the median one misses a contact; shorter, it has one too many.
_LONGEST, _SHORTEST = 1.6, 0.6
# Heading that changes this much in a stride, rad, is a turn; speed that differs this much from
# the median of the trial, a start or a stop.
_TURN, _UNSTEADY = np.deg2rad(20.0), 0.2


@dataclass(frozen=True)
class Cycle:
    """One stride of one foot, and what the other foot did meanwhile. Times in s.

    Attributes:
        foot: 0 left, 1 right.
        start, end: this foot's contact and its next.
        foot_off: this foot leaves the ground; NaN if unseen.
        opposite_off, opposite_contact: of the other foot within the stride; NaN if unseen. In
            running the other foot has left before `start`: opposite_off is then that time.
        source: "force" if the whole stance was seen by a force plate.
        flags: why it may not be steady gait ("turning", "speed change", …); empty if it is.
        inferred: whether its end was not seen, but is a stride after its beginning.
    """

    foot: int
    start: float
    end: float
    foot_off: float
    opposite_off: float
    opposite_contact: float
    source: Source
    flags: tuple[str, ...] = ()
    inferred: bool = False

    @property
    def duration(self) -> float:
        """Stride time, s."""
        return self.end - self.start

    @property
    def stance(self) -> float:
        """Share of the stride that the foot is on the ground; NaN if unseen."""
        return (self.foot_off - self.start) / self.duration

    @property
    def overlap(self) -> float:
        """Share of the stride with both feet on the ground; negative: with none. NaN if unseen."""
        first = self.opposite_off - self.start
        second = self.foot_off - self.opposite_contact
        return (first + second) / self.duration


@dataclass(frozen=True)
class Partial:
    """A stride that cannot be used, and why."""

    foot: int
    time: float
    reason: str


def find_cycles(
    contacts: tuple[Contact, ...], feet: FootMotion | None = None
) -> tuple[tuple[Cycle, ...], tuple[Partial, ...]]:
    """All whole strides, in order of time, and what is left over.

    Args:
        contacts: of both feet.
        feet: to flag turns and changes of speed; None leaves those flags out.
    """
    gaps = [
        later.start - earlier.start
        for foot in (0, 1)
        for earlier, later in _pairs(contacts, foot)
        if np.isfinite(earlier.start) and np.isfinite(later.start)
    ]
    usual = float(np.median(gaps)) if gaps else np.nan
    cycles: list[Cycle] = []
    left_over: list[Partial] = []
    for foot in (0, 1):
        for earlier, later in _pairs(contacts, foot):
            reason = _unusable(earlier, later, contacts, usual)
            if reason is None:
                cycles.append(_cycle(earlier, later, contacts))
            else:
                left_over.append(Partial(foot, _time(earlier), reason))
        own = [contact for contact in contacts if contact.foot == foot]
        if own:
            left_over.append(Partial(foot, _time(own[-1]), "no further contact in the record"))
    cycles.sort(key=lambda cycle: cycle.start)
    left_over.sort(key=lambda partial: partial.time)
    if feet is not None:
        cycles = _with_flags(cycles, feet)
    return tuple(cycles), tuple(left_over)


def inferred_cycle(contacts: tuple[Contact, ...], foot: int, stride: float) -> Cycle | None:
    """A cycle of a foot that was seen to land and leave, but not to land again.

    A record with one step on a plate is often no longer. Its curves are to be wrapped by a
    stride; steady gait repeats itself.

    Args:
        contacts: of both feet.
        foot: 0 left, 1 right.
        stride: stride time, s, known from other events.

    Returns:
        The cycle of the foot's first whole contact, one felt by a plate if there is one; None
        without any.
    """
    whole = [c for c in contacts if c.foot == foot and c.complete and c.end - c.start < stride]
    if not whole:
        return None
    chosen = next((contact for contact in whole if contact.source == "force"), whole[0])

    def repeated(times: list[float]) -> float:
        """The first of these times, moved by strides into this cycle; NaN without any."""
        known = [time for time in times if np.isfinite(time)]
        return chosen.start + (known[0] - chosen.start) % stride if known else np.nan

    other = [contact for contact in contacts if contact.foot != foot]
    landing, off = repeated([c.start for c in other]), repeated([c.end for c in other])
    return Cycle(
        foot=foot,
        start=chosen.start,
        end=chosen.start + stride,
        foot_off=chosen.end,
        # A runner's other foot has left before.
        opposite_off=off if not off > landing else off - stride,
        opposite_contact=landing,
        source=chosen.source,
        flags=("next contact not seen: a stride later",),
        inferred=True,
    )


def with_flag(cycle: Cycle, flag: str) -> Cycle:
    """The cycle with one more reason for doubt."""
    return dataclasses.replace(cycle, flags=(*cycle.flags, flag))


def normalised(
    time: Float[np.ndarray, " T"],
    values: Float[np.ndarray, "T *c"],
    cycle: Cycle,
    *,
    foot_off_percent: float | None = None,
    wrap: bool = False,
) -> Float[np.ndarray, "P *c"]:
    """Values over 0 to 100 % of a cycle, interpolated linearly.

    Args:
        time: s.
        values: at these times.
        cycle: on the same clock.
        foot_off_percent: None to run evenly from contact to contact; otherwise stance takes this
            share of the 100 % and swing the rest, each evenly, so that curves of people whose
            stances differ can be compared.
        wrap: where the cycle leaves the record, take the values one stride earlier or later
            (steady gait repeats itself).

    Raises:
        InputError: the record does not cover the cycle; unknown foot-off with `foot_off_percent`.
    """
    share = np.linspace(0.0, 1.0, POINTS)
    if foot_off_percent is not None:
        if not np.isfinite(cycle.stance):
            raise InputError(
                "gait cycle", "foot off", found="unseen", expected="it, to split stance and swing"
            )
        share = np.interp(100 * share, [0.0, foot_off_percent, 100.0], [0.0, cycle.stance, 1.0])
    at = cycle.start + share * cycle.duration
    step = float(np.median(np.diff(time)))
    if wrap:
        late = (at > time[-1]) & (at - cycle.duration >= time[0])
        early = (at < time[0]) & (at + cycle.duration <= time[-1])
        at = at + cycle.duration * (early.astype(float) - late.astype(float))
    if at.min() < time[0] - step or at.max() > time[-1] + step:
        raise InputError(
            "gait cycle",
            "time",
            found=f"{cycle.start:.2f} to {cycle.end:.2f} s",
            expected=f"within the record, {time[0]:.2f} to {time[-1]:.2f} s"
            + ("" if wrap else ", or wrapped"),
        )
    return interpolated(time, values, at)


def covered(time: Float[np.ndarray, " T"], cycle: Cycle) -> bool:
    """Whether a record holds all of a cycle."""
    step = float(np.median(np.diff(time)))
    return bool(cycle.start >= time[0] - step and cycle.end <= time[-1] + step)


def _pairs(contacts: tuple[Contact, ...], foot: int) -> list[tuple[Contact, Contact]]:
    own = [contact for contact in contacts if contact.foot == foot]
    return list(itertools.pairwise(own))


def _time(contact: Contact) -> float:
    return contact.start if np.isfinite(contact.start) else contact.end


def _unusable(
    earlier: Contact, later: Contact, contacts: tuple[Contact, ...], usual: float
) -> str | None:
    if not np.isfinite(earlier.start):
        return "its contact began before the record"
    if not np.isfinite(later.start):
        return "the next contact's beginning was not seen"
    if not _SHORTEST * usual <= later.start - earlier.start <= _LONGEST * usual:
        return f"{later.start - earlier.start:.2f} s long, others {usual:.2f} s"
    other = [
        contact
        for contact in contacts
        if contact.foot != earlier.foot and earlier.start < contact.start < later.start
    ]
    if len(other) != 1:
        return f"{len(other)} contacts of the {FEET[1 - earlier.foot]} foot meanwhile"
    return None


def _cycle(earlier: Contact, later: Contact, contacts: tuple[Contact, ...]) -> Cycle:
    other = [contact for contact in contacts if contact.foot != earlier.foot]
    inside = next(c for c in other if earlier.start < c.start < later.start)
    # The other foot's contact before: it ends early in this stride, or (running) before it.
    before = [c for c in other if c is not inside and c.end < inside.start]
    return Cycle(
        foot=earlier.foot,
        start=earlier.start,
        end=later.start,
        foot_off=earlier.end,
        opposite_off=before[-1].end if before else np.nan,
        opposite_contact=inside.start,
        source=earlier.source,
    )


def _with_flags(cycles: list[Cycle], feet: FootMotion) -> list[Cycle]:
    ground = overground(feet)
    ends = np.array([[cycle.start, cycle.end] for cycle in cycles]).reshape(-1, 2)
    way = interpolated(ground.time, ground.pelvis[:, :2], ends[:, 1]) - interpolated(
        ground.time, ground.pelvis[:, :2], ends[:, 0]
    )
    speeds = np.linalg.norm(way, axis=1) / np.diff(ends, axis=1)[:, 0]
    # A foot that swings out turns the mean of both; a stride later it is back.
    turns = np.diff(np.interp(ends, ground.time, heading(ground)), axis=1)[:, 0]
    flagged: list[Cycle] = []
    inside = [covered(ground.time, cycle) for cycle in cycles]
    usual = float(np.median(speeds[inside])) if any(inside) else 0.0
    for cycle, speed, turn, seen in zip(cycles, speeds, turns, inside, strict=True):
        marked = cycle
        if not seen:
            flagged.append(marked)
            continue
        if abs(turn) > _TURN:
            marked = with_flag(marked, f"turning {np.rad2deg(turn):+.0f}°")
        if usual > 0 and abs(speed / usual - 1.0) > _UNSTEADY:
            marked = with_flag(marked, f"{speed:.2f} m/s, others {usual:.2f} m/s")
        flagged.append(marked)
    return flagged
