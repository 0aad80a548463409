"""Curves on uniform time grids: spline resampling and zero-phase smoothing."""

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.linalg import solveh_banded

from musclemimic_retarget.rotations import continuous, normalized

_ORDER = 3
_HALVINGS = 8


def uniform_times(duration: float, rate: float) -> Float[np.ndarray, " N"]:
    """Times 0, 1/rate, 2/rate … up to and including `duration` (to rounding), s."""
    return np.arange(int(np.floor(duration * rate + 1e-6)) + 1) / rate


def resample(
    values: Float[np.ndarray, "T *rest"],
    times: Float[np.ndarray, " T"],
    new_times: Float[np.ndarray, " N"],
) -> Float[np.ndarray, "N *rest"]:
    """Cubic-spline interpolation along the first axis (linear for fewer than four frames)."""
    new_times = np.clip(new_times, times[0], times[-1])
    if len(times) < 4:
        flat = values.reshape(len(times), -1)
        columns = [np.interp(new_times, times, column) for column in flat.T]
        return np.stack(columns, axis=1).reshape(len(new_times), *values.shape[1:])
    return CubicSpline(times, values, axis=0)(new_times)


def resample_rotations(
    quaternions: Float[np.ndarray, "T *rest 4"],
    times: Float[np.ndarray, " T"],
    new_times: Float[np.ndarray, " N"],
) -> Float[np.ndarray, "N *rest 4"]:
    """Spline through sign-continuous quaternion components, normalised.

    Interpolating components commutes with any fixed rotation of the world or of the body, and
    unlike Slerp it leaves no steps in angular velocity.
    """
    return normalized(resample(continuous(quaternions), times, new_times))


def smooth(
    values: Float[np.ndarray, "T *rest"],
    *,
    rate: float,
    cutoff: float,
    trust: Float[np.ndarray, " T"] | None = None,
) -> Float[np.ndarray, "T *rest"]:
    """Whittaker–Henderson smoothing with a third-order difference penalty (Eilers 2003).

    Minimises Σ trust (x − y)² + λ‖D³x‖² over the whole curve: zero phase, no end padding,
    straight and parabolic stretches unchanged. In the interior its gain is
    1 / (1 + λ (2 sin(π f / rate))⁶), a zero-phase Butterworth shape, one half at `cutoff`.

    Args:
        values: the curve, one row a frame.
        rate: frames per second.
        cutoff: frequency of half gain where trust is 1, Hz.
        trust: weight of each frame, positive; 1 everywhere if None. Frames of little trust are
            bridged smoothly.
    """
    trust = np.ones(len(values)) if trust is None else trust
    if len(values) <= _ORDER or cutoff >= rate / 2:
        return values.copy()
    weight = (2.0 * np.sin(np.pi * cutoff / rate)) ** (-2 * _ORDER)
    flat = values.reshape(len(values), -1)
    bands = _banded(len(values), weight)
    bands[_ORDER] += trust
    return solveh_banded(bands, trust[:, None] * flat).reshape(values.shape)


def smooth_rotations(
    quaternions: Float[np.ndarray, "T 4"], *, rate: float, cutoff: float
) -> Float[np.ndarray, "T 4"]:
    """`smooth` on sign-continuous quaternion components, normalised."""
    return normalized(smooth(continuous(quaternions), rate=rate, cutoff=cutoff))


def acceleration_rms(values: Float[np.ndarray, " T"], rate: float) -> float:
    """RMS of the second difference quotient, units/s²; 0 for fewer than three frames."""
    if len(values) < 3:
        return 0.0
    return float(np.sqrt((np.diff(values, 2) ** 2).mean()) * rate**2)


def calmed(
    values: Float[np.ndarray, " T"], *, rate: float, limit: float, lowest_hz: float
) -> Float[np.ndarray, " T"]:
    """The curve, smoothed no more than its RMS acceleration takes to come down to a limit.

    Args:
        values: the curve.
        rate: frames per second.
        limit: RMS acceleration, units/s².
        lowest_hz: cutoff below which it is not smoothed even if the limit is then missed.
    """
    if acceleration_rms(values, rate) <= limit:
        return values
    low, high = lowest_hz, rate / 2
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        calm = acceleration_rms(smooth(values, rate=rate, cutoff=middle), rate) <= limit
        low, high = (middle, high) if calm else (low, middle)
    return smooth(values, rate=rate, cutoff=low)


def upper_envelope(values: Float[np.ndarray, " T"], *, width: int) -> Float[np.ndarray, " T"]:
    """A smooth curve that is nowhere below `values`.

    A running maximum over 2·width + 1 frames, then a Hann-weighted mean over as many: each mean
    only sees maxima of windows that contain its own frame.
    """
    padded = np.pad(values, 2 * width, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * width + 1)
    weights = np.hanning(2 * width + 3)[1:-1]
    return np.convolve(windows.max(axis=1), weights / weights.sum(), mode="valid")


def _banded(frames: int, weight: float) -> Float[np.ndarray, "4 T"]:
    """The penalty weight · D³ᵀD³ in the upper banded form of `scipy.linalg.solveh_banded`."""
    stencil = np.array([-1.0, 3.0, -3.0, 1.0])
    bands = np.zeros((_ORDER + 1, frames))
    rows = frames - _ORDER
    for first in range(_ORDER + 1):
        for second in range(first, _ORDER + 1):
            offset = second - first
            bands[_ORDER - offset, second : second + rows] += stencil[first] * stencil[second]
    return weight * bands
