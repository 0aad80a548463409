"""Agreement of muscle activations with electromyograms, channel by channel."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_eval.emg.channels import Channel, ChannelMap
from musclemimic_eval.emg.envelope import resampled
from musclemimic_eval.emg.recording import EmgRecording
from musclemimic_eval.emg.timing import Burst, active, activity_overlap, correlate, find_bursts

# Share of each curve's own maximum above which the muscle counts as on.
ON_SHARE = 0.30
_LEAST_SAMPLES = 20
MAX_LAG_S = 0.15  # largest shift tried by default


@dataclass(frozen=True)
class ChannelAgreement:
    """One channel against the activation of its muscles, over the time both cover.

    Attributes:
        label, site, side: of the channel.
        muscles: names in the model.
        r: Pearson's coefficient without shift.
        best_r, lag_s: the largest over shifts, and its shift; positive: the model comes later.
        rmse: of the two curves, each divided by its own maximum in the common time.
        overlap: time on in both over time on in either, at 30 % of the own maximum.
        emg_bursts, model_bursts: when they are on, s.
        peak_activation: largest activation of the model's muscles in the common time.
        seconds: length of the common time.
    """

    label: str
    site: str
    side: str
    muscles: tuple[str, ...]
    r: float
    best_r: float
    lag_s: float
    rmse: float
    overlap: float
    emg_bursts: tuple[Burst, ...]
    model_bursts: tuple[Burst, ...]
    peak_activation: float
    seconds: float


@dataclass(frozen=True)
class ChannelCurves:
    """What was compared, each divided by its own maximum: for the plots."""

    time: Float[np.ndarray, " T"]
    emg: Float[np.ndarray, " T"]
    model: Float[np.ndarray, " T"]


def common_curves(
    emg: EmgRecording,
    channel: Channel,
    activation: Float[np.ndarray, "T nu"],
    time: Float[np.ndarray, " T"],
) -> ChannelCurves:
    """EMG and activation of one channel on the activation's clock, in own maxima.

    Raises:
        InputError: raw EMG, too little common time, or a curve that never rises above zero.
    """
    if emg.kind != "envelope":
        raise InputError(emg.source, "kind", found="raw", expected="envelopes (linear_envelope)")
    measured = resampled(emg.channel(channel.label)[:, None], emg.time, time)[:, 0]
    known = np.isfinite(measured)
    if known.sum() < _LEAST_SAMPLES:
        raise InputError(
            emg.source,
            "time",
            found=f"{emg.time[0]:.2f} to {emg.time[-1]:.2f} s, {known.sum()} samples in common",
            expected=f"an overlap with the motion ({time[0]:.2f} to {time[-1]:.2f} s); "
            "other clock?",
        )
    model = channel.activation(activation)[known]
    measured = measured[known]
    for name, curve in (("EMG", measured), ("activation", model)):
        if curve.max() <= 0:
            raise InputError(
                emg.source, f"{channel.label} {name}", found="no activity", expected="some"
            )
    return ChannelCurves(time[known], measured / measured.max(), model / model.max())


def agree(
    emg: EmgRecording,
    channels: ChannelMap,
    activation: Float[np.ndarray, "T nu"],
    time: Float[np.ndarray, " T"],
    muscle_names: tuple[str, ...],
    *,
    max_lag_s: float = MAX_LAG_S,
) -> tuple[ChannelAgreement, ...]:
    """Compare every channel with the activation of its muscles.

    Args:
        emg: envelopes, any unit, on the motion's clock.
        channels: see `map_channels`.
        activation: of all muscles.
        time: of the activations, s, even steps.
        muscle_names: of the model.
        max_lag_s: largest shift tried.

    Raises:
        InputError: as `common_curves`.
    """
    rows: list[ChannelAgreement] = []
    for channel in channels.channels:
        curves = common_curves(emg, channel, activation, time)
        indices: list[int] = channel.muscles.tolist()
        rate = (len(curves.time) - 1) / float(curves.time[-1] - curves.time[0])
        likeness = correlate(curves.emg, curves.model, rate_hz=rate, max_lag_s=max_lag_s)
        measured = find_bursts(curves.emg, curves.time, threshold=ON_SHARE)
        model = find_bursts(curves.model, curves.time, threshold=ON_SHARE)
        rows.append(
            ChannelAgreement(
                label=channel.label,
                site=channel.site,
                side=channel.side,
                muscles=tuple(muscle_names[i] for i in indices),
                r=likeness.r,
                best_r=likeness.best_r,
                lag_s=likeness.lag_s,
                rmse=float(np.sqrt(np.mean((curves.emg - curves.model) ** 2))),
                overlap=activity_overlap(active(measured, curves.time), active(model, curves.time)),
                emg_bursts=tuple(measured),
                model_bursts=tuple(model),
                peak_activation=float(
                    channel.activation(activation)[np.isin(time, curves.time)].max()
                ),
                seconds=float(curves.time[-1] - curves.time[0]),
            )
        )
    return tuple(rows)
