"""Means with their uncertainty, and how they are written."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A mean over n episodes with its 95 % interval; NaN where the data do not give it."""

    value: float
    low: float
    high: float
    n: int


def estimate_mean(values: Float[np.ndarray, " n"], *, seed: int = 0) -> Estimate:
    """Mean with its percentile-bootstrap interval; NaN values are left out and not counted.

    Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13; 2,000 resamples.
    """
    known = values[np.isfinite(values)]
    if len(known) < 2:
        mean = float(known[0]) if len(known) else np.nan
        return Estimate(mean, np.nan, np.nan, len(known))
    interval = stats.bootstrap(
        (known,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(float(known.mean()), float(interval.low), float(interval.high), len(known))


def estimate_rate(values: Float[np.ndarray, " n"]) -> Estimate:
    """Share of ones with Wilson's score interval (Wilson 1927, J Am Stat Assoc 22:209)."""
    hits, n = int(values.sum()), len(values)
    interval = stats.binomtest(hits, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(hits / n, float(interval.low), float(interval.high), n)


def estimate_difference(
    first: Float[np.ndarray, " n"], second: Float[np.ndarray, " m"], *, paired: bool, seed: int = 0
) -> Estimate:
    """Mean of `second` less mean of `first`, with its percentile-bootstrap interval.

    Args:
        first: values of the first policy's episodes.
        second: of the second's.
        paired: entries belong together (same clip, same start); pairs with a NaN are left out.
            Otherwise both sides are resampled independently.
        seed: of the bootstrap.
    """
    if paired:
        return estimate_mean(second - first, seed=seed)
    a, b = first[np.isfinite(first)], second[np.isfinite(second)]
    if min(len(a), len(b)) < 2:
        value = float(b.mean() - a.mean()) if len(a) and len(b) else np.nan
        return Estimate(value, np.nan, np.nan, min(len(a), len(b)))
    rng = np.random.default_rng(seed)
    means = [rng.choice(side, (RESAMPLES, len(side)), replace=True).mean(axis=1) for side in (a, b)]
    low, high = np.quantile(means[1] - means[0], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(b.mean() - a.mean()), float(low), float(high), min(len(a), len(b)))


def format_number(value: float) -> str:
    """Three significant digits, plain up to thousands; n/a for NaN."""
    if np.isnan(value):
        return "n/a"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def format_estimate(estimate: Estimate) -> str:
    """Value and interval, as in `0.12 [0.10, 0.14]`."""
    if np.isnan(estimate.low):
        return format_number(estimate.value)
    low, high = format_number(estimate.low), format_number(estimate.high)
    return f"{format_number(estimate.value)} [{low}, {high}]"
