"""Envelopes, bursts and lags of electromyograms, on signals whose answers are known."""

import numpy as np
import pytest
from musclemimic_eval.emg import (
    EmgRecording,
    correlate,
    find_bursts,
    linear_envelope,
    normalise,
)
from musclemimic_eval.emg.recording import guess_kind
from musclemimic_eval.emg.timing import active, activity_overlap, burst_threshold
from musclemimic_models import InputError

RATE = 2000.0


def recording(values, rate=RATE, kind="raw", start=0.0):
    values = np.asarray(values, float).reshape(len(values), -1)
    time = start + np.arange(len(values)) / rate
    labels = tuple(f"ch{i}" for i in range(values.shape[1]))
    return EmgRecording(time, labels, values, kind, "trial.c3d")


def middle(values):
    return values[len(values) // 4 : -len(values) // 4]


def test_envelope_of_a_sine_is_its_mean_rectified_value():
    # Mean of |sin| is 2/π; 97.3 Hz lies inside the band, its ripple (195 Hz) far above 6 Hz.
    t = np.arange(0, 4, 1 / RATE)
    envelope = linear_envelope(recording(0.3 * np.sin(2 * np.pi * 97.3 * t) + 5.0))
    assert envelope.kind == "envelope"
    np.testing.assert_allclose(middle(envelope.values), 0.3 * 2 / np.pi, rtol=2e-3)


@pytest.mark.parametrize("corner", [20.0, 400.0])
def test_each_corner_of_the_band_halves_the_amplitude(corner):
    rate = 20_000.0 * np.sqrt(2)  # so that samples meet every phase
    t = np.arange(0, 6, 1 / rate)
    envelope = linear_envelope(recording(np.sin(2 * np.pi * corner * t), rate))
    np.testing.assert_allclose(middle(envelope.values).mean(), 0.5 * 2 / np.pi, rtol=0.01)


def test_the_envelope_is_not_delayed():
    rng = np.random.default_rng(0)
    t = np.arange(0, 4, 1 / RATE)
    shape = np.exp(-0.5 * ((t - 2.0) / 0.15) ** 2)
    envelope = linear_envelope(recording(shape * rng.normal(size=len(t)))).values[:, 0]
    centre = (t * envelope).sum() / envelope.sum()
    assert abs(centre - 2.0) < 0.01


def test_time_reversal_reverses_the_envelope():
    rng = np.random.default_rng(1)
    raw = rng.normal(size=8000) * np.hanning(8000)
    forward = linear_envelope(recording(raw)).values
    backward = linear_envelope(recording(raw[::-1])).values[::-1]
    np.testing.assert_allclose(forward, backward, atol=1e-3 * forward.max())


def test_units_scale_and_offsets_vanish():
    raw = np.random.default_rng(2).normal(size=4000)
    one, other = (linear_envelope(recording(x)).values for x in (raw, 1e-6 * raw + 0.5))
    np.testing.assert_allclose(other, 1e-6 * one, rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"band_hz": (20.0, 1000.0)}, r"sampling rate: found 2000 Hz, expected above 2000 Hz"),
        ({"band_hz": (400.0, 20.0)}, "lower < upper"),
        ({"smooth_hz": 30.0}, "low-pass"),
        ({"smooth_hz": 0.5}, "duration: found 2.00 s, expected at least 6.00 s"),
    ],
)
def test_filters_that_cannot_be_are_refused(change, match):
    with pytest.raises(InputError, match=match):
        linear_envelope(recording(np.random.default_rng(0).normal(size=4000)), **change)


def test_an_envelope_is_not_filtered_again():
    with pytest.raises(InputError, match="kind: found envelope"):
        linear_envelope(recording(np.ones(100), kind="envelope"))


def test_normalisations():
    curves = recording(np.stack([[0.0, 1.0, 2.0, 1.0], [4.0, 0.0, 0.0, 0.0]], 1), kind="envelope")
    np.testing.assert_allclose(normalise(curves).values.max(axis=0), 1)
    np.testing.assert_allclose(normalise(curves, "mean").values.mean(axis=0), 1)
    by_mvc = normalise(curves, "mvc", mvc={"ch0": 4.0, "ch1": 8.0})
    np.testing.assert_allclose(by_mvc.values.max(axis=0), 0.5)
    with pytest.raises(InputError, match="mvc: found none for ch1"):
        normalise(curves, "mvc", mvc={"ch0": 4.0})
    with pytest.raises(InputError, match="dead channel"):
        normalise(recording(np.zeros(10), kind="envelope"))
    with pytest.raises(InputError, match="kind: found raw"):
        normalise(recording(np.ones(10)))


def test_lag_is_found_and_positive_where_the_second_is_later():
    t = np.arange(0, 2, 0.01)
    bump = np.exp(-0.5 * ((t - 1.0) / 0.1) ** 2)
    late = np.exp(-0.5 * ((t - 1.07) / 0.1) ** 2)
    result = correlate(bump, 3 * late + 2, rate_hz=100.0)
    assert result.lag_s == pytest.approx(0.07)
    assert result.best_r == pytest.approx(1.0, abs=1e-6)
    assert result.r == pytest.approx(np.corrcoef(bump, late)[0, 1])
    assert result.r < 0.9
    assert correlate(late, bump, rate_hz=100.0).lag_s == pytest.approx(-0.07)


def test_correlation_leaves_gaps_out_and_knows_constants():
    t = np.arange(0, 2, 0.01)
    wave = np.sin(7 * t)
    holed = wave.copy()
    holed[40:60] = np.nan
    assert correlate(wave, holed, rate_hz=100.0).r == pytest.approx(1)
    assert np.isnan(correlate(wave, np.full_like(wave, 0.3), rate_hz=100.0).r)
    # Volts of a surface electrode are small; that is no reason to call them constant.
    assert correlate(1e-9 * wave, wave, rate_hz=100.0).r == pytest.approx(1)
    with pytest.raises(InputError, match="3 in common"):
        correlate(np.arange(3.0), np.arange(3.0), rate_hz=100.0)


def test_bursts_are_interpolated_joined_and_cleaned():
    t = np.arange(0, 1, 0.01)
    curve = np.zeros(100)
    curve[20:40] = 1.0  # 0.195 to 0.395 s at half height
    curve[41:50] = 1.0  # joined to the former: a gap of 0.01 s
    curve[70:72] = 1.0  # 0.02 s: too short
    curve[90:] = 1.0  # cut by the end
    bursts = find_bursts(curve, t, threshold=0.5)
    assert [b[:2] for b in bursts] == [
        pytest.approx((0.195, 0.495)),
        pytest.approx((0.895, 0.99)),
    ]
    assert [b.whole for b in bursts] == [True, False]
    assert active(bursts, t).sum() == 30 + 10
    assert find_bursts(np.zeros(100), t, threshold=0.5) == []


def test_burst_threshold_and_overlap():
    curve = np.array([1.0, 2.0, 3.0, 50.0])
    quiet = np.array([True, True, True, False])
    assert burst_threshold(curve, quiet=quiet) == pytest.approx(2 + 3 * 1)
    a, b = np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 0], bool)
    assert activity_overlap(a, b) == pytest.approx(1 / 3)
    assert np.isnan(activity_overlap(~(a | True), ~(a | True)))


def test_recordings_are_checked():
    good = recording(np.ones((10, 2)), kind="envelope")
    assert good.rate_hz == pytest.approx(RATE)
    assert good.shifted(1.5).time[0] == 1.5
    with pytest.raises(InputError, match="'ch9', expected one of ch0, ch1"):
        good.channel("ch9")
    with pytest.raises(InputError, match="even steps"):
        EmgRecording(np.array([0, 1, 3.0]), ("a",), np.ones((3, 1)), "raw")
    with pytest.raises(InputError, match="1 non-finite"):
        EmgRecording(np.arange(3.0), ("a",), np.array([[1], [np.nan], [2]]), "raw")
    with pytest.raises(InputError, match="'a' twice"):
        EmgRecording(np.arange(3.0), ("a", "a"), np.ones((3, 2)), "raw")


def test_kind_is_guessed_only_where_it_is_clear():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(1000, 3))
    assert guess_kind(noise) == "raw"
    assert guess_kind(np.abs(noise)) == "envelope"
    with pytest.raises(InputError, match="to be given"):
        guess_kind(noise + 0.7)
