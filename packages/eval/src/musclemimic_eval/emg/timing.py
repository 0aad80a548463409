"""Timing of muscle activity: bursts of one curve, lag between two."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError

# Two curves must share this part of the shorter one at every lag that is tried.
_LEAST_OVERLAP = 0.5
# A curve that varies by less than this share of its size is rounding noise.
_CONSTANT = 1e-12


class Burst(NamedTuple):
    """A stretch of activity, s; `whole` is False where the recording's end cut it."""

    onset_s: float
    offset_s: float
    whole: bool

    @property
    def duration_s(self) -> float:
        """Seconds from onset to offset."""
        return self.offset_s - self.onset_s


@dataclass(frozen=True)
class Correlation:
    """Likeness of two curves.

    Attributes:
        r: Pearson's coefficient without shift.
        best_r: the largest over the lags tried.
        lag_s: the lag of `best_r`; positive where the second curve comes later.
    """

    r: float
    best_r: float
    lag_s: float


def burst_threshold(
    curve: Float[np.ndarray, " T"], *, quiet: Bool[np.ndarray, " T"], deviations: float = 3.0
) -> float:
    """Mean of the quiet samples plus some standard deviations.

    Hodges & Bui 1996 (Electroencephalogr Clin Neurophysiol 101:511) compare such thresholds.

    Raises:
        InputError: fewer than two quiet samples.
    """
    if quiet.sum() < 2:
        raise InputError("burst_threshold", "quiet", found=int(quiet.sum()), expected="2 or more")
    return float(curve[quiet].mean() + deviations * curve[quiet].std(ddof=1))


def find_bursts(
    curve: Float[np.ndarray, " T"],
    time: Float[np.ndarray, " T"],
    *,
    threshold: float,
    shortest_s: float = 0.05,
    gap_s: float = 0.03,
) -> list[Burst]:
    """Stretches where the curve exceeds a threshold, in order.

    Gaps shorter than `gap_s` are closed first, then bursts shorter than `shortest_s` (by default
    about 5 % of a walking cycle) dropped. Onset and offset are interpolated between samples.

    Args:
        curve: an envelope or activation.
        time: s, increasing.
        threshold: in the curve's unit.
        shortest_s: least duration of a burst cut by nothing.
        gap_s: longest gap within one burst.
    """
    above = curve > threshold
    edges = np.flatnonzero(above[1:] != above[:-1])
    stretches: list[list[float]] = []
    start = float(time[0]) if above[0] else None
    for edge in edges.tolist():
        share = (threshold - curve[edge]) / (curve[edge + 1] - curve[edge])
        crossing = float(time[edge] + share * (time[edge + 1] - time[edge]))
        if start is None:
            start = crossing
        else:
            stretches.append([start, crossing])
            start = None
    if start is not None:
        stretches.append([start, float(time[-1])])
    joined: list[list[float]] = []
    for stretch in stretches:
        if joined and stretch[0] - joined[-1][1] < gap_s:
            joined[-1][1] = stretch[1]
        else:
            joined.append(stretch)
    bursts = [Burst(a, b, bool(a > time[0] and b < time[-1])) for a, b in joined]
    return [burst for burst in bursts if burst.duration_s >= shortest_s]


def activity_overlap(first: Bool[np.ndarray, " T"], second: Bool[np.ndarray, " T"]) -> float:
    """Samples on in both over samples on in either (Jaccard index); NaN if none is on."""
    either = int((first | second).sum())
    return float((first & second).sum() / either) if either else np.nan


def active(bursts: list[Burst], time: Float[np.ndarray, " T"]) -> Bool[np.ndarray, " T"]:
    """Which samples lie within a burst."""
    return np.array(
        [any(b.onset_s <= t <= b.offset_s for b in bursts) for t in time.tolist()], bool
    )


def correlate(
    first: Float[np.ndarray, " T"],
    second: Float[np.ndarray, " T"],
    *,
    rate_hz: float,
    max_lag_s: float = 0.2,
) -> Correlation:
    """Pearson's r of two curves without shift, and the shift that makes it largest.

    At every lag the coefficient is that of the samples both curves then share, so a shift is not
    punished for its missing ends. Curves that rise and fall together have r = 1 whatever their
    units and offsets.

    Args:
        first: on the same clock as `second`; NaN where not measured.
        second: the curve whose lateness is reported.
        rate_hz: of both.
        max_lag_s: largest shift tried to either side.

    Raises:
        InputError: under three samples in common, or lags beyond half of them.
    """
    known = int((np.isfinite(first) & np.isfinite(second)).sum())
    reach = round(max_lag_s * rate_hz)
    if known < 3 or reach > _LEAST_OVERLAP * known:
        raise InputError(
            "correlate",
            "samples",
            found=f"{known} in common at {rate_hz:g} Hz",
            expected=f"more than {max(3, round(reach / _LEAST_OVERLAP))} for {max_lag_s:g} s lags",
        )
    lags = range(-reach, reach + 1)
    scores = np.array([_pearson(*_overlap(first, second, lag)) for lag in lags])
    if np.isnan(scores).all():
        return Correlation(np.nan, np.nan, np.nan)
    best = int(np.nanargmax(scores))
    return Correlation(float(scores[reach]), float(scores[best]), lags[best] / rate_hz)


def correlate_cyclic(
    first: Float[np.ndarray, " P"], second: Float[np.ndarray, " P"], *, max_lag: int
) -> Correlation:
    """`correlate` of two curves over a cycle that repeats itself; lags in samples.

    Args:
        first: over one cycle, its end not repeated.
        second: the curve whose lateness is reported.
        max_lag: largest shift tried to either side, samples.
    """
    lags = range(-max_lag, max_lag + 1)
    scores = np.array([_pearson(first, np.roll(second, -lag)) for lag in lags])
    if np.isnan(scores).all():
        return Correlation(np.nan, np.nan, np.nan)
    best = int(np.nanargmax(scores))
    return Correlation(float(scores[max_lag]), float(scores[best]), float(lags[best]))


def _overlap(
    first: Float[np.ndarray, " T"], second: Float[np.ndarray, " T"], lag: int
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The samples that coincide when `second` is moved `lag` samples earlier."""
    a = first[max(-lag, 0) : len(first) - max(lag, 0)]
    b = second[max(lag, 0) : len(second) - max(-lag, 0)]
    both = np.isfinite(a) & np.isfinite(b)
    return a[both], b[both]


def _pearson(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """Pearson's r; NaN where a curve is constant."""
    if len(a) < 2 or any(x.std() <= _CONSTANT * np.abs(x).max() for x in (a, b)):
        return np.nan
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))
