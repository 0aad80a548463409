"""Sampled signals: filtering, interpolation, runs of a condition."""

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError
from scipy.signal import butter, sosfiltfilt


def low_pass(
    values: Float[np.ndarray, "T *c"], *, rate: float, cutoff_hz: float
) -> Float[np.ndarray, "T *c"]:
    """Butterworth of 2nd order run both ways along the first axis: 4th order, no lag.

    Running twice makes the gain at `cutoff_hz` one half. Ends are padded by odd reflection.

    Raises:
        InputError: a cut-off at or above half the rate.
    """
    if not 0 < cutoff_hz < rate / 2:
        raise InputError(
            "low-pass filter",
            "cutoff_hz",
            found=f"{cutoff_hz:g} at {rate:g} samples/s",
            expected="above 0, below half the rate",
        )
    sos = butter(2, cutoff_hz, fs=rate, output="sos")
    pad = min(len(values) - 1, round(rate / cutoff_hz))
    return np.asarray(sosfiltfilt(sos, values, axis=0, padlen=pad))


def interpolated(
    old: Float[np.ndarray, " T"], values: Float[np.ndarray, "T *c"], new: Float[np.ndarray, " N"]
) -> Float[np.ndarray, "N *c"]:
    """Linear interpolation along the first axis; the nearest value outside."""
    flat = values.reshape(len(old), -1)
    result = np.empty((len(new), flat.shape[1]))
    for column in range(flat.shape[1]):
        result[:, column] = np.interp(new, old, flat[:, column])
    return result.reshape(len(new), *values.shape[1:])


def runs(condition: Bool[np.ndarray, " T"]) -> list[tuple[int, int]]:
    """First sample and one past the last of every run of True."""
    edges = np.diff(np.concatenate([[0], condition.astype(np.int8), [0]]))
    starts: list[int] = np.flatnonzero(edges == 1).tolist()
    ends: list[int] = np.flatnonzero(edges == -1).tolist()
    return list(zip(starts, ends, strict=True))


def settled(
    condition: Bool[np.ndarray, " T"], *, gap: int, shortest: int
) -> Bool[np.ndarray, " T"]:
    """Close inner gaps of up to `gap` samples, then drop inner runs shorter than `shortest`.

    Gaps and runs that touch an end of the record stay: nothing says how long they are.
    """
    result = condition.copy()
    for value, longest in ((False, gap), (True, shortest - 1)):
        for start, end in runs(result == value):
            if start > 0 and end < len(result) and end - start <= longest:
                result[start:end] = not value
    return result
