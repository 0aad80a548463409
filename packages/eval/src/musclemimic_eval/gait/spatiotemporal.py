"""Spatiotemporal gait parameters."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from musclemimic_eval.gait.contacts import Contact
from musclemimic_eval.gait.cycles import Cycle, covered
from musclemimic_eval.gait.feet import (
    FootMotion,
    backwards,
    heading,
    overground,
    smooth_heading,
    travel_speed,
)
from musclemimic_eval.gait.turning_points import stride_times
from musclemimic_eval.kinetics.ground_reaction import GRAVITY
from musclemimic_eval.signals import interpolated

Kind = Literal["walking", "running", "no gait"]


@dataclass(frozen=True)
class Measure:
    """A parameter over strides.

    Attributes:
        mean: of all strides. sd: sample standard deviation, NaN for fewer than two.
        n: number of strides.
    """

    mean: float
    sd: float
    n: int


@dataclass(frozen=True)
class SpatioTemporal:
    """Parameters of a trial.

    Attributes:
        kind: "running" if strides (the median one) have no double support but flight, "no gait"
            without any stride.
        backward: whether the person moves towards their heels.
        speed: m/s, of the pelvis against the ground (or belt), over the whole record.
        cadence: steps per minute.
        heading_change: of the whole record, rad, positive to the left.
        dimensionless_speed: v / √(g L), L the leg length; NaN if L is not known.
        left, right: parameter (see `UNITS`) to measure, strides from that foot's contact.
        both: of both feet's strides together.
    """

    kind: Kind
    backward: bool
    speed: float
    cadence: float
    heading_change: float
    dimensionless_speed: float
    left: Mapping[str, Measure]
    right: Mapping[str, Measure]
    both: Mapping[str, Measure]


# Intervals within this of the strides between contacts are strides.
_SAME_STRIDE = 0.25

# A way whose heading varies by less, rad, is straight.
_STRAIGHT = np.deg2rad(40.0)

# Definitions: stride and step of a foot end at that foot's contact (Whittle 2014, ch. 2).
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "stride time": "s",
        "stride length": "m",
        "step time": "s",
        "step length": "m",
        "step width": "m",
        "stance": "%",
        "double support": "%",
        "flight": "%",
    }
)


def spatiotemporal(
    cycles: tuple[Cycle, ...],
    contacts: tuple[Contact, ...],
    feet: FootMotion,
    *,
    leg_length: float = np.nan,
) -> SpatioTemporal:
    """Speed, cadence, lengths, widths and phases.

    Stride times are taken from contact to contact and from foot-off to foot-off, or, without
    force, between the feet's turning points. Without a single whole stride, stance is that of
    contacts seen whole, over the stride time.

    Args:
        cycles: from the contacts; flagged ones are left out if others remain.
        contacts: of both feet.
        feet: on the same clock.
        leg_length: hip to ankle, m.
    """
    ground = overground(feet)
    steady = [cycle for cycle in cycles if not cycle.flags] or list(cycles)
    rows = {foot: _of_foot(foot, steady, contacts, ground) for foot in (0, 1)}
    both = {
        name: rows[0][name] + rows[1][name] for name in UNITS if name in rows[0] or name in rows[1]
    }
    stride = float(np.mean(both["stride time"])) if both["stride time"] else np.nan
    speed = mean_speed(ground)
    return SpatioTemporal(
        kind=_kind(cycles, both),
        backward=backwards(ground),
        speed=speed,
        cadence=120.0 / stride,
        heading_change=_heading_change(ground),
        dimensionless_speed=speed / float(np.sqrt(GRAVITY * leg_length)),
        left=_measures(rows[0]),
        right=_measures(rows[1]),
        both=_measures(both),
    )


def mean_speed(ground: FootMotion) -> float:
    """Speed of progression over the whole record, m/s: sway to the sides does not count.

    Straight on it is the distance from start to end over the time; of a way that turns, the
    length of the pelvis' path, low-passed.
    """
    if float(np.ptp(smooth_heading(ground))) > _STRAIGHT:
        return travel_speed(ground)
    way = np.linalg.norm((ground.pelvis[-1] - ground.pelvis[0])[:2])
    return float(way / (ground.time[-1] - ground.time[0]))


def _of_foot(
    foot: int, cycles: list[Cycle], contacts: tuple[Contact, ...], ground: FootMotion
) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {name: [] for name in UNITS}
    own = [cycle for cycle in cycles if cycle.foot == foot]
    for cycle in own:
        values["step time"].append(cycle.end - cycle.opposite_contact)
        stride, step, width = _lengths(cycle, ground)
        values["stride length"].append(stride)
        values["step length"].append(step)
        values["step width"].append(width)
        values["stance"].append(100 * cycle.stance)
        values["double support"].append(100 * max(cycle.overlap, 0.0))
        values["flight"].append(100 * max(-cycle.overlap, 0.0))
    values["stride time"] = _stride_times(foot, own, contacts, ground)
    if not values["stance"] and (values["stride time"] or cycles):
        stride = values["stride time"] or [cycle.duration for cycle in cycles]
        share = [
            (contact.end - contact.start) / float(np.mean(stride))
            for contact in contacts
            if contact.foot == foot and contact.complete
        ]
        # Longer than a stride is none: an event was missed.
        values["stance"] = [100 * one for one in share if one < 1]
    return {name: [x for x in column if np.isfinite(x)] for name, column in values.items()}


def _stride_times(
    foot: int, cycles: list[Cycle], contacts: tuple[Contact, ...], ground: FootMotion
) -> list[float]:
    """Two measurements of every stride.

    From contact to contact and from foot-off to foot-off; where no force was felt, between the
    foot's turning points, if there are two (`turning_points`).
    """
    own = [contact for contact in contacts if contact.foot == foot]
    ends = [contact.end for contact in own if np.isfinite(contact.end)]
    between = [later - earlier for earlier, later in itertools.pairwise(ends)]
    known = [cycle.duration for cycle in cycles]
    if not known and not between:
        return []
    usual = float(np.median(known or between))
    if not any(contact.source == "force" for contact in contacts):
        turned = [float(gap) for gap in np.concatenate(stride_times(ground, foot, usual=usual))]
        strides = _strides_among(turned, usual)
        if strides:
            return strides
    return known + _strides_among(between, usual)


def _strides_among(gaps: list[float], usual: float) -> list[float]:
    """Without those that an event is missing from, or that have one too many."""
    return [gap for gap in gaps if abs(gap / usual - 1) < _SAME_STRIDE]


def _lengths(cycle: Cycle, ground: FootMotion) -> tuple[float, float, float]:
    """Stride and step length along the stride, step width across it, m.

    From the heels; along the pelvis' way over the stride. NaN where motion was not recorded over
    all of the stride (plates may see more).
    """
    if not covered(ground.time, cycle):
        return np.nan, np.nan, np.nan
    times = np.array([cycle.start, cycle.opposite_contact, cycle.end])
    heel = interpolated(ground.time, ground.heel[..., :2], times)  # (3, 2, 2)
    pelvis = interpolated(ground.time, ground.pelvis[:, :2], times)
    way = pelvis[2] - pelvis[0]
    length = float(np.linalg.norm(way))
    if length < 1e-6:
        return np.nan, np.nan, np.nan
    ahead = way / length
    stride = heel[2, cycle.foot] - heel[0, cycle.foot]
    step = heel[2, cycle.foot] - heel[1, 1 - cycle.foot]
    across = ahead[0] * step[1] - ahead[1] * step[0]
    # A left foot's step ends to the left of the right foot.
    outward = 1.0 if cycle.foot == 0 else -1.0
    return float(stride @ ahead), float(step @ ahead), float(outward * across)


def _kind(cycles: tuple[Cycle, ...], both: Mapping[str, list[float]]) -> Kind:
    overlaps = [cycle.overlap for cycle in cycles if np.isfinite(cycle.overlap)]
    if overlaps:
        return "running" if float(np.median(overlaps)) < 0 else "walking"
    if not both["stride time"]:
        return "no gait"
    stance = both["stance"]
    return "running" if stance and float(np.mean(stance)) < 50 else "walking"


def _heading_change(ground: FootMotion) -> float:
    angle = heading(ground)
    tenth = max(len(angle) // 10, 1)
    return float(angle[-tenth:].mean() - angle[:tenth].mean())


def _measures(values: Mapping[str, list[float]]) -> Mapping[str, Measure]:
    return MappingProxyType(
        {
            name: Measure(
                mean=float(np.mean(column)),
                sd=float(np.std(column, ddof=1)) if len(column) > 1 else np.nan,
                n=len(column),
            )
            for name, column in values.items()
            if column
        }
    )
