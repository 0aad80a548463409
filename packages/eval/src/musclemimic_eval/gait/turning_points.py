"""Strides from when each foot is farthest ahead of the pelvis and farthest behind it."""

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.signal import find_peaks

from musclemimic_eval.gait.feet import FootMotion, smooth_heading

_FINER = 1000.0  # Hz, at which the spline of the excursion is searched
# A turning point lies beyond this share of the excursion's largest deviation from its mean.
_FAR = 0.3
# Turning points of one kind are at least this share of a stride apart.
_APART = 0.6


def stride_times(
    ground: FootMotion, foot: int, *, usual: float
) -> tuple[Float[np.ndarray, " A"], Float[np.ndarray, " B"]]:
    """Intervals, s, between successive turning points: farthest ahead, and farthest behind.

    The foot's middle against the pelvis, along the heading (Zeni et al. 2008, Gait Posture
    27:710, who take these for contact and foot off). As events they are early or late by a share
    of the step, but alike in every stride; and feet that slide, or whose contact falls between
    two frames, do not move them.

    Args:
        ground: overground.
        foot: 0 left, 1 right.
        usual: how long a stride is, roughly, s.
    """
    smooth = ground.smooth()
    middle = (smooth.heel[:, foot] + smooth.toe[:, foot]) / 2
    angle = smooth_heading(ground)
    ahead = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    excursion = np.sum((middle - smooth.pelvis)[:, :2] * ahead, axis=1)
    since = ground.time - ground.time[0]
    fine = np.arange(0.0, float(since[-1]), 1.0 / _FINER)
    curve = np.asarray(CubicSpline(since, excursion - excursion.mean())(fine))
    front, back = (
        find_peaks(side, height=_FAR * float(side.max()), distance=_APART * usual * _FINER)[0]
        for side in (curve, -curve)
    )
    return np.diff(fine[front]), np.diff(fine[back])
