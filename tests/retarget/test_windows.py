"""Long motions are worked on a window at a time: nothing shows where the windows meet."""

import dataclasses
import itertools
from itertools import pairwise

import numpy as np
import pytest
from musclemimic_retarget import GMRFit, GMRFitConfig, read_motion, write_synthetic_smpl
from musclemimic_retarget.gmr_fit.alignment import Alignment, Footing, agreed
from musclemimic_retarget.gmr_fit.joining import blended
from musclemimic_retarget.gmr_fit.windows import samples, split
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.smoothing import acceleration_rms, calmed


@pytest.mark.parametrize("rate", [30.0, 29.97, 25.0])
@pytest.mark.parametrize("seconds", [4.0, 89.0, 200.3, 3600.0])
def test_windows_give_every_frame_and_share_the_blends(seconds, rate):
    frames = round(seconds * rate)
    windows = split(frames, rate, 100.0, 60.0)
    assert len(windows) == max(round(seconds / 60.0), 1)
    assert windows[0].frames.start == windows[0].output.start == 0
    assert windows[-1].frames.stop == frames
    assert windows[-1].output.stop == int((frames - 1) / rate * 100.0 + 1e-6) + 1
    for window in windows:
        begun, ended = window.frames.start / rate, (window.frames.stop - 1) / rate
        assert begun <= window.output.start / 100.0
        assert (window.output.stop - 1) / 100.0 <= ended + 1e-9
        # Bounded work, however long the motion.
        assert window.frames.stop - window.frames.start <= 1.5 * 60.0 * rate + 8.0 * rate + 2
    for left, right in pairwise(windows):
        assert left.output.stop - right.output.start == 100
        assert (left.frames.stop - 1) / rate > left.output.stop / 100.0 + 3.0
        assert right.frames.start / rate < right.output.start / 100.0 - 3.0


def test_samples_reach_from_start_to_end():
    found = list(samples(18000, 30.0))
    assert len(found) == 8
    assert found[0].start == 0
    assert found[-1].stop == 18000
    assert {part.stop - part.start for part in found} == {301}


def test_blends_go_from_one_to_the_other_inside_the_ranges(full_body):
    body, couplings = KinematicBody.of(full_body), full_body.couplings
    low, high = couplings.box.T
    rows = np.tile(body.model.qpos0, (2, 50, 1))
    rows[0][:, couplings.scalar_qpos], rows[1][:, couplings.scalar_qpos] = low, high
    # The same orientation, written with the other sign.
    rows[1][:, 3:7] *= -1.0
    before, after = couplings.apply(rows)
    mixed = blended(body, before, after)
    scalars = mixed[:, couplings.scalar_qpos]
    assert (scalars >= low - 1e-12).all()
    assert (scalars <= high + 1e-12).all()
    assert np.abs(couplings.residual(mixed)).max() < 1e-12
    np.testing.assert_allclose(mixed[0], before[0], atol=5e-3)
    np.testing.assert_allclose(scalars[-1], high, atol=5e-3)
    np.testing.assert_allclose(mixed[:, 3:7], before[:, 3:7], atol=1e-12)
    assert (np.diff(scalars, axis=0) >= 0).all()


def test_stretches_agree_on_the_floor_and_on_the_usual_twist():
    rng, slope = np.random.default_rng(0), np.array([0.01, -0.004])
    stretches = []
    for number in range(5):
        feet = rng.uniform(-3, 3, (200, 2, 3)) + np.array([3.0 * number, 0.0, 0.0])
        soles = 0.05 + feet[..., :2] @ slope
        stance = rng.random((200, 2)) < 0.5
        soles[~stance] += 0.3
        twist = {7: 0.1 if number else 2.0}
        stretches.append(Alignment(twist, None, Footing(soles, stance, feet), 0.01 * number))
    found = agreed(stretches)
    assert found.twist == {7: pytest.approx(0.1)}
    assert found.angle == pytest.approx(0.02)
    assert found.plane is not None
    assert found.plane.height == pytest.approx(0.05, abs=1e-3)
    np.testing.assert_allclose(found.plane.slope, slope, rtol=0.1)


@pytest.fixture(scope="module")
def arms_pair(arms, tmp_path_factory):
    """The built-in motion whole, and in windows of 4 s."""
    motion = read_motion(write_synthetic_smpl(tmp_path_factory.mktemp("m") / "arms.npz", 30.0))
    whole, parts = (GMRFit(arms, GMRFitConfig(window_s=s)).solve(motion) for s in (1e9, 4.0))
    assert len(split(len(motion), motion.fps, 100.0, 4.0)) > 1
    return whole, parts


def test_windows_give_the_same_arms_as_the_whole(arms, arms_pair):
    whole, parts = arms_pair
    seen = arms.couplings.scalar_qpos
    # Each window has twists of its own until they agree: fractions of a degree.
    np.testing.assert_allclose(parts.clip.qpos[:, seen], whole.clip.qpos[:, seen], atol=0.05)
    assert parts.metrics.rmse_m == pytest.approx(whole.metrics.rmse_m, rel=0.1)
    assert parts.metrics.orientation_error_deg == pytest.approx(
        whole.metrics.orientation_error_deg, abs=0.3
    )


@pytest.mark.slow
def test_no_seam_shows_in_a_long_walk(full_body, real_data):
    walk = read_motion(real_data / "bvh/bandai2_walk_normal_001.bvh")
    there = np.arange(len(walk))
    order = np.resize(np.concatenate([there, there[-2:0:-1]]), round(40.0 * walk.fps))
    long = dataclasses.replace(
        walk, positions=walk.positions[order], rotations=walk.rotations[order]
    )
    whole, parts = (GMRFit(full_body, GMRFitConfig(window_s=s)).solve(long) for s in (1e9, 10.0))
    for result in (whole, parts):
        assert result.metrics.ground_penetration_percent == 0.0
        assert result.metrics.joint_limit_violation_percent == 0.0
        assert result.metrics.coupling_residual < 1e-9
    assert parts.metrics.rmse_m == pytest.approx(whole.metrics.rmse_m, abs=5e-4)
    root = np.abs(np.asarray(parts.clip.qpos)[:, :3] - whole.clip.qpos[:, :3])
    assert root.max() < 5e-3
    jerks = [
        np.abs(np.diff(np.asarray(r.clip.qpos)[:, 7:], 2, axis=0)).max(axis=1)
        for r in (whole, parts)
    ]
    windows = split(len(long), long.fps, 100.0, 10.0)
    shared = [
        slice(later.output.start - 2, earlier.output.stop + 2)
        for earlier, later in itertools.pairwise(windows)
    ]
    assert len(shared) == 3
    assert max(jerks[1][rows].max() for rows in shared) < 1.1 * jerks[0].max()


def test_a_curve_is_calmed_no_more_than_it_has_to():
    time = np.arange(400) / 100.0
    slow = 0.03 * np.sin(2 * np.pi * 1.0 * time)
    shaken = slow + 0.0005 * np.sin(2 * np.pi * 12.0 * time)
    limit = 1.05 * acceleration_rms(slow, 100.0)
    assert acceleration_rms(shaken, 100.0) > 1.5 * limit
    calm = calmed(shaken, rate=100.0, limit=limit, lowest_hz=3.0)
    assert 0.97 * limit < acceleration_rms(calm, 100.0) <= limit
    np.testing.assert_allclose(calm, slow, atol=6e-4)
    assert calmed(slow, rate=100.0, limit=limit, lowest_hz=3.0) is slow
    # No further than the lowest cutoff, whatever the limit.
    still = calmed(shaken, rate=100.0, limit=0.0, lowest_hz=3.0)
    assert np.ptp(still) > 0.05
