import numpy as np
import pytest
from musclemimic_retarget.rotations import matrices, wxyz
from musclemimic_retarget.smoothing import (
    resample,
    resample_rotations,
    smooth,
    smooth_rotations,
    uniform_times,
    upper_envelope,
)
from scipy.spatial.transform import Rotation


def test_gain_is_one_half_at_the_cutoff_without_phase():
    times = np.arange(1000) / 100
    wave = np.sin(2 * np.pi * 8 * times)
    middle = slice(300, 700)
    result = smooth(wave, rate=100.0, cutoff=8.0)[middle]
    np.testing.assert_allclose(result, 0.5 * wave[middle], atol=1e-3)


def test_parabolas_pass_unchanged_up_to_the_ends():
    times = np.arange(200) / 100
    parabola = 3 * times**2 - times + 2
    np.testing.assert_allclose(smooth(parabola, rate=100.0, cutoff=5.0), parabola, atol=1e-8)


def test_frames_without_trust_are_bridged():
    times = np.arange(200) / 100
    truth = np.sin(times)
    spoiled, trust = truth.copy(), np.ones(200)
    spoiled[90:110] += 5.0
    trust[90:110] = 1e-9
    assert np.abs(smooth(spoiled, rate=100.0, cutoff=8.0, trust=trust) - truth).max() < 1e-3


def test_smoothing_rotations_commutes_with_turning_the_world():
    rng = np.random.default_rng(0)
    curve = wxyz(Rotation.from_rotvec(np.cumsum(rng.normal(scale=0.05, size=(100, 3)), axis=0)))
    world = Rotation.from_euler("z", 2.5)
    turned = wxyz(world * Rotation.from_quat(curve, scalar_first=True))
    first = matrices(smooth_rotations(turned, rate=100.0, cutoff=6.0))
    second = world.as_matrix() @ matrices(smooth_rotations(curve, rate=100.0, cutoff=6.0))
    np.testing.assert_allclose(first, second, atol=1e-10)


def test_resampled_spin_is_as_fast_as_the_source():
    times = np.arange(60) / 30
    spin = wxyz(Rotation.from_rotvec(2 * np.pi * times[:, None] * [0.0, 0.0, 1.0]))
    fine = uniform_times(times[-1], 100.0)
    expected = Rotation.from_rotvec(2 * np.pi * fine[:, None] * [0.0, 0.0, 1.0]).as_matrix()
    np.testing.assert_allclose(matrices(resample_rotations(spin, times, fine)), expected, atol=2e-4)


@pytest.mark.parametrize("frames", [2, 3, 4, 50])
def test_resampling_hits_the_original_frames(frames):
    values = np.random.default_rng(2).normal(size=(frames, 3))
    times = np.arange(frames) / 10
    np.testing.assert_allclose(resample(values, times, times), values, atol=1e-12)


def test_uniform_times_include_the_last_frame_despite_rounding():
    assert len(uniform_times(99 / 30, 100.0)) == 331
    assert len(uniform_times(499 / 120.00004577, 100.0)) == 416


def test_upper_envelope_is_above_smooth_and_zero_far_away():
    needed = np.zeros(100)
    needed[50] = 1.0
    envelope = upper_envelope(needed, width=10)
    assert (envelope >= needed - 1e-12).all()
    assert envelope[:25].max() == 0.0
    assert np.abs(np.diff(envelope)).max() < 0.2
