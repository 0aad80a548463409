"""From raw electromyograms to envelopes, and envelopes to comparable units."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from scipy import signal

from musclemimic_eval.emg.recording import EmgRecording

Normalisation = Literal["max", "mvc", "mean"]
# Periods of the slowest band that a recording must hold for the filters to settle.
_LEAST_PERIODS = 3.0


def linear_envelope(
    recording: EmgRecording,
    *,
    band_hz: tuple[float, float] = (20.0, 400.0),
    smooth_hz: float = 6.0,
    order: int = 4,
) -> EmgRecording:
    """Linear envelopes: mean removed, band-pass, full-wave rectification, low-pass.

    Both filters are Butterworth filters run forwards and backwards (`scipy.signal.sosfiltfilt`),
    so nothing is delayed; each halves the amplitude at its corner (−6 dB, twice the −3 dB of one
    pass). The defaults: the band recommended for surface electrodes (De Luca et al. 2010,
    J Biomech 43:1573, for the lower corner; Merletti & Di Torino 1999, ISEK standards, for the
    upper) and 6 Hz, as is usual for the envelopes of walking.

    Args:
        recording: raw.
        band_hz: corners of the band-pass.
        smooth_hz: corner of the low-pass.
        order: of each filter in one pass.

    Returns:
        The envelopes, in the recorder's unit; they may ring slightly below zero.

    Raises:
        InputError: not raw; the rate does not reach above twice the band (the band-pass would be
            no filter and the signal is likely aliased or already filtered); corners out of order;
            a recording shorter than three periods of the low-pass.
    """
    source, rate = recording.source, recording.rate_hz
    low, high = band_hz
    if recording.kind != "raw":
        raise InputError(source, "kind", found=recording.kind, expected="raw signals")
    if not 0 < smooth_hz < low < high:
        raise InputError(
            source,
            "filter",
            found=f"low-pass {smooth_hz:g}, band {low:g} to {high:g} Hz",
            expected="0 < low-pass < lower < upper corner",
        )
    if rate <= 2 * high:
        raise InputError(
            source,
            "sampling rate",
            found=f"{rate:g} Hz",
            expected=f"above {2 * high:g} Hz, twice the upper corner of the band-pass",
        )
    if len(recording.time) < _LEAST_PERIODS * rate / smooth_hz:
        raise InputError(
            source,
            "duration",
            found=f"{len(recording.time) / rate:.2f} s",
            expected=f"at least {_LEAST_PERIODS / smooth_hz:.2f} s for a {smooth_hz:g} Hz low-pass",
        )
    band = signal.butter(order, (low, high), btype="bandpass", fs=rate, output="sos")
    smooth = signal.butter(order, smooth_hz, fs=rate, output="sos")
    centred = recording.values - recording.values.mean(axis=0)
    longest = len(centred) - 1
    reach = [min(longest, int(_LEAST_PERIODS * rate / corner)) for corner in (low, smooth_hz)]
    rectified = np.abs(_both_ways(band, centred, reach[0]))
    # Mirrored ends: turned round as well, a rectified signal would go on below zero.
    envelopes = np.asarray(
        signal.sosfiltfilt(smooth, rectified, axis=0, padtype="even", padlen=reach[1])
    )
    return replace(recording, values=envelopes, kind="envelope")


def _both_ways(
    sos: Float[np.ndarray, "sections 6"], values: Float[np.ndarray, "T C"], pad: int
) -> Float[np.ndarray, "T C"]:
    filtered = signal.sosfiltfilt(sos, values, axis=0, padlen=pad)  # pyright: ignore[reportUnknownVariableType]
    return np.asarray(filtered)  # pyright: ignore[reportUnknownArgumentType]


def normalise(
    recording: EmgRecording,
    method: Normalisation = "max",
    *,
    mvc: Mapping[str, float] | None = None,
) -> EmgRecording:
    """Envelopes in units of their own maximum, of a maximal voluntary contraction, or their mean.

    Args:
        recording: envelopes.
        method: "max" (largest value of the recording; shapes only), "mvc" (given values; levels
            too, as activations are), "mean".
        mvc: envelope value of each channel in the maximal contraction, same unit and filter.

    Raises:
        InputError: raw signals, a channel without (or with a useless) reference value.
    """
    source = recording.source
    if recording.kind != "envelope":
        raise InputError(
            source, "kind", found="raw signals", expected="envelopes (see linear_envelope)"
        )
    if method == "mvc":
        missing = [label for label in recording.labels if label not in (mvc or {})]
        if mvc is None or missing:
            raise InputError(
                source, "mvc", found=f"none for {', '.join(missing)}", expected="one per channel"
            )
        scale = np.array([mvc[label] for label in recording.labels])
    else:
        scale = recording.values.max(axis=0) if method == "max" else recording.values.mean(axis=0)
    for label, value in zip(recording.labels, scale.tolist(), strict=True):
        if not (np.isfinite(value) and value > 0):
            raise InputError(
                source,
                f"{label} ({method})",
                found=value,
                expected="a value above 0: a dead channel?",
            )
    return replace(recording, values=recording.values / scale)


def resampled(
    values: Float[np.ndarray, "T C"],
    time: Float[np.ndarray, " T"],
    at: Float[np.ndarray, " N"],
) -> Float[np.ndarray, "N C"]:
    """Values at other times by linear interpolation; NaN outside the recording.

    Linear because envelopes are sampled far above their bandwidth; it invents no overshoot.
    """
    result = np.empty((len(at), values.shape[1]))
    for column in range(values.shape[1]):
        result[:, column] = np.interp(at, time, values[:, column], left=np.nan, right=np.nan)
    return result
