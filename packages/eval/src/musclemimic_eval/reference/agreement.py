"""How well a curve agrees with a reference."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from musclemimic_eval.reference.curves import ReferenceCurve


@dataclass(frozen=True)
class Agreement:
    """One curve against one reference. Differences are ours minus the reference's.

    Attributes:
        variable: as in `QUANTITIES`.
        r: Pearson's correlation over the cycle.
        rmse: root mean square difference, in the curve's unit.
        rmse_shape: the same after both means were taken out: what a neutral pose defined
            differently does not change.
        r2: 1 − Σ(ours − reference)² / Σ(reference − its mean)²; negative if worse than the mean.
        inside_1sd, inside_2sd: share of the cycle within ±1 and ±2 SD of the reference.
        peak, trough: difference of the largest and of the smallest value.
        peak_timing, trough_timing: their difference in time, % of the cycle, at most ±50.
    """

    variable: str
    r: float
    rmse: float
    rmse_shape: float
    r2: float
    inside_1sd: float
    inside_2sd: float
    peak: float
    trough: float
    peak_timing: float
    trough_timing: float


def agreement(ours: Float[np.ndarray, "P"], reference: ReferenceCurve) -> Agreement:
    """Compare a mean curve (clinical sign, 0 to 100 % of the cycle) with a reference."""
    mean, sd = reference.mean, reference.sd
    error = ours - mean
    shape = error - float(error.mean())
    away: Float[np.ndarray, "P"] = np.abs(error)
    known = bool(np.isfinite(sd).all())
    spread = float(np.sum((mean - float(mean.mean())) ** 2))
    flat = float(np.ptp(ours)) == 0 or spread == 0
    return Agreement(
        variable=reference.variable,
        r=np.nan if flat else float(np.corrcoef(ours, mean)[0, 1]),
        rmse=float(np.sqrt(np.mean(error**2))),
        rmse_shape=float(np.sqrt(np.mean(shape**2))),
        r2=np.nan if spread == 0 else 1.0 - float(np.sum(error**2)) / spread,
        inside_1sd=float(np.mean(away <= sd)) if known else np.nan,
        inside_2sd=float(np.mean(away <= 2 * sd)) if known else np.nan,
        peak=float(ours.max() - mean.max()),
        trough=float(ours.min() - mean.min()),
        peak_timing=_timing(int(np.argmax(ours)), int(np.argmax(mean)), len(mean)),
        trough_timing=_timing(int(np.argmin(ours)), int(np.argmin(mean)), len(mean)),
    )


def _timing(ours: int, theirs: int, points: int) -> float:
    """Difference of two places in a cycle, %, the short way round."""
    percent = 100.0 * (ours - theirs) / (points - 1)
    return (percent + 50.0) % 100.0 - 50.0
