"""Muscle activations over the gait cycle against electromyograms of others: shape and timing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import MuscleTable

from musclemimic_eval.emg.agreement import ON_SHARE
from musclemimic_eval.emg.channels import Side, map_channels
from musclemimic_eval.emg.timing import (
    active,
    activity_overlap,
    correlate_cyclic,
    find_bursts,
)
from musclemimic_eval.gait.analysis import per_cycle
from musclemimic_eval.gait.cycles import Cycle
from musclemimic_eval.reference.curves import ReferenceGroup

# Variables of reference tables that are EMG envelopes: emg_ and the site's name.
PREFIX = "emg_"
_SIDES: tuple[Side, Side] = ("left", "right")
_MAX_LAG = 15  # % of the cycle
_SHORTEST, _GAP = 5.0, 3.0  # % of the cycle


@dataclass(frozen=True)
class CycleAgreement:
    """One muscle group of one leg against a reference envelope, over the gait cycle.

    Attributes:
        site: place of measurement. foot: 0 left, 1 right.
        muscles: names in the model.
        ours: (101,) mean activation over the cycles. peak: its largest value.
        reference: (101,) envelope, in units of its own maximum.
        r: Pearson's coefficient without shift.
        best_r, lag: the largest over cyclic shifts up to 15 %, and its shift, % of the cycle;
            positive: ours comes later.
        overlap: time on in both over time on in either, at 30 % of the own maximum.
        on, reference_on: (onset, offset) of the bursts, % of the cycle.
    """

    site: str
    foot: int
    muscles: tuple[str, ...]
    ours: Float[np.ndarray, "P"]
    reference: Float[np.ndarray, "P"]
    peak: float
    r: float
    best_r: float
    lag: float
    overlap: float
    on: tuple[tuple[float, float], ...]
    reference_on: tuple[tuple[float, float], ...]


def cycle_agreement(
    time: Float[np.ndarray, " T"],
    activation: Float[np.ndarray, "T nu"],
    cycles: Sequence[Cycle],
    muscles: MuscleTable,
    group: ReferenceGroup,
) -> tuple[CycleAgreement, ...]:
    """Compare the muscles under every electrode of a reference with its envelopes.

    Args:
        time: s, the clock of the cycles.
        activation: of all muscles.
        cycles: of both feet; the steady ones are used if there are any.
        muscles: of the model.
        group: of a reference table; its variables emg_SITE are used.

    Returns:
        One result a site and leg that has a cycle; sites whose muscles the model lacks, or that
        are never active, are left out.
    """
    envelopes = {
        name.removeprefix(PREFIX): curve.mean
        for name, curve in group.curves.items()
        if name.startswith(PREFIX)
    }
    results: list[CycleAgreement] = []
    for foot, side in enumerate(_SIDES):
        mapped = map_channels(tuple(envelopes), muscles, default_side=side)
        for channel in mapped.channels:
            curves = per_cycle(time, channel.activation(activation), cycles, foot)
            if curves is None or curves.mean(axis=0).max() <= 0:
                continue
            columns: list[int] = channel.muscles.tolist()
            results.append(
                _agreement(
                    channel.site,
                    foot,
                    tuple(muscles.names[column] for column in columns),
                    curves.mean(axis=0),
                    envelopes[channel.label],
                )
            )
    return tuple(results)


def _agreement(
    site: str,
    foot: int,
    muscles: tuple[str, ...],
    ours: Float[np.ndarray, "P"],
    reference: Float[np.ndarray, "P"],
) -> CycleAgreement:
    percent = np.linspace(0.0, 100.0, len(ours))
    scaled = [curve / curve.max() for curve in (ours, reference)]
    bursts = [
        find_bursts(curve, percent, threshold=ON_SHARE, shortest_s=_SHORTEST, gap_s=_GAP)
        for curve in scaled
    ]
    # 0 and 100 % are the same moment.
    likeness = correlate_cyclic(scaled[1][:-1], scaled[0][:-1], max_lag=_MAX_LAG)
    on = [tuple((burst.onset_s, burst.offset_s) for burst in found) for found in bursts]
    return CycleAgreement(
        site=site,
        foot=foot,
        muscles=muscles,
        ours=ours,
        reference=scaled[1],
        peak=float(ours.max()),
        r=likeness.r,
        best_r=likeness.best_r,
        lag=likeness.lag_s,
        overlap=activity_overlap(active(bursts[0], percent), active(bursts[1], percent)),
        on=on[0],
        reference_on=on[1],
    )


def plain(row: CycleAgreement) -> Mapping[str, object]:
    """For JSON."""
    return {
        "site": row.site,
        "foot": _SIDES[row.foot],
        "muscles": row.muscles,
        "r": row.r,
        "best_r": row.best_r,
        "lag_percent": row.lag,
        "overlap": row.overlap,
        "peak_activation": row.peak,
        "on_percent": row.on,
        "reference_on_percent": row.reference_on,
    }
