from dataclasses import replace

import numpy as np
import pytest
from musclemimic_eval import metrics
from musclemimic_eval.metrics import METRICS
from scipy.spatial.transform import Rotation

ERRORS = [
    "joint_position_rad",
    "joint_velocity_rad_per_s",
    "root_position_m",
    "root_yaw_rad",
    "relative_site_m",
    "absolute_site_m",
]


def turned(rollout, rotation, shift):
    """The rollout with the whole scene rotated and moved."""
    quat = Rotation.from_quat(rollout.site_quat.reshape(-1, 4).copy(), scalar_first=True)
    quat = (rotation * quat).as_quat(scalar_first=True).reshape(rollout.site_quat.shape)
    points = rotation.apply(rollout.site_pos.reshape(-1, 3).copy()).reshape(rollout.site_pos.shape)
    qpos = rollout.qpos.copy()
    qpos[:, :3] = rotation.apply(qpos[:, :3].copy()) + shift
    root = Rotation.from_quat(qpos[:, 3:7].copy(), scalar_first=True)
    qpos[:, 3:7] = (rotation * root).as_quat(scalar_first=True)
    return replace(rollout, qpos=qpos, site_pos=points + shift, site_quat=quat)


@pytest.mark.parametrize("key", ERRORS)
def test_replaying_the_reference_scores_zero(body_clip, replay, key):
    assert METRICS[key].measure(replay(body_clip), body_clip) == pytest.approx(0, abs=1e-15)


def test_fixed_trunk_has_no_root_errors(arms_clip, replay):
    rollout = replay(arms_clip)
    assert np.isnan(metrics.root_position_error(rollout, arms_clip))
    assert np.isnan(metrics.root_yaw_error(rollout, arms_clip))


def test_joint_error_is_rms_over_joints_then_mean_over_samples(arms_clip, replay):
    # 36 joints: one off by 0.6 rad in every second sample. sqrt(0.36 / 36) = 0.1, half the time.
    rollout = replay(arms_clip)
    qpos = rollout.qpos.copy()
    qpos[::2, 4] += 0.6
    share = len(qpos[::2]) / len(qpos)
    error = metrics.joint_position_error(replace(rollout, qpos=qpos), arms_clip)
    assert error == pytest.approx(0.1 * share, rel=1e-12)


def test_joint_velocity_error_leaves_the_root_out(body_clip, replay):
    # 82 scalar joints, all off by 0.25 rad/s: RMS 0.25; the root's error must not count.
    rollout = replay(body_clip)
    qvel = rollout.qvel + 0.25
    qvel[:, :6] += 100
    error = metrics.joint_velocity_error(replace(rollout, qvel=qvel), body_clip)
    assert error == pytest.approx(0.25, rel=1e-12)


def test_root_position_error_is_a_distance(body_clip, replay):
    rollout = replay(body_clip)
    qpos = rollout.qpos.copy()
    qpos[:, :3] += [0.3, 0.0, 0.4]
    error = metrics.root_position_error(replace(rollout, qpos=qpos), body_clip)
    assert error == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("degrees", [-170.0, -20.0, 35.0, 179.0])
def test_root_yaw_error_is_the_turn_about_the_vertical(body_clip, replay, degrees):
    rollout = replay(body_clip)
    turn = Rotation.from_euler("z", degrees, degrees=True)
    error = metrics.root_yaw_error(turned(rollout, turn, np.zeros(3)), body_clip)
    assert np.rad2deg(error) == pytest.approx(abs(degrees), abs=1e-6)


def test_tilting_is_not_yaw(body_clip, replay):
    tilt = Rotation.from_euler("y", 30, degrees=True)
    error = metrics.root_yaw_error(turned(replay(body_clip), tilt, np.zeros(3)), body_clip)
    assert error == pytest.approx(0, abs=1e-9)


def test_relative_site_error_averages_the_other_sites(arms_clip, replay):
    # One of six sites beside the reference site is 6 cm off: 1 cm on average.
    rollout = replay(arms_clip)
    sites = rollout.site_pos.copy()
    sites[:, 3] += [0.0, 0.06, 0.0]
    error = metrics.relative_site_error(replace(rollout, site_pos=sites), arms_clip)
    assert error == pytest.approx(0.01, rel=1e-9)


def test_absolute_site_error_averages_all_sites(arms_clip, replay):
    rollout = replay(arms_clip)
    sites = rollout.site_pos.copy()
    sites[:, 3] += [0.0, 0.07, 0.0]  # one of seven
    error = metrics.absolute_site_error(replace(rollout, site_pos=sites), arms_clip)
    assert error == pytest.approx(0.01, rel=1e-9)


def test_a_rigid_motion_changes_absolute_but_not_relative_errors(body_clip, replay):
    rollout = replay(body_clip)
    bent = rollout.site_pos.copy()
    bent[:, 5] += [0.02, -0.01, 0.03]
    rollout = replace(rollout, site_pos=bent)
    rotation = Rotation.from_rotvec([0.4, -0.8, 1.1])
    moved = turned(rollout, rotation, np.array([1.0, -2.0, 0.5]))
    before = metrics.relative_site_error(rollout, body_clip)
    assert before > 1e-3
    assert metrics.relative_site_error(moved, body_clip) == pytest.approx(before, rel=1e-9)
    assert metrics.absolute_site_error(moved, body_clip) > 1


def test_the_reference_offset_moves_the_reference(body_clip, replay):
    rollout = replay(body_clip)
    offset = np.array([-0.7, 0.2, 0.0])
    qpos = rollout.qpos.copy()
    qpos[:, :3] += offset
    moved = replace(rollout, qpos=qpos, site_pos=rollout.site_pos + offset, reference_offset=offset)
    assert metrics.root_position_error(moved, body_clip) == pytest.approx(0, abs=1e-12)
    assert metrics.absolute_site_error(moved, body_clip) == pytest.approx(0, abs=1e-12)


def test_samples_are_compared_with_their_own_frame(arms_clip, replay):
    late = replay(arms_clip, start=20)
    assert late.reference_frame[0] == 21
    assert metrics.joint_position_error(late, arms_clip) == 0
    shifted = replace(late, reference_frame=late.reference_frame - 5)
    assert metrics.joint_position_error(shifted, arms_clip) > 0.01


def test_length_return_and_termination(arms_clip, replay):
    rollout = replay(arms_clip, terminated=True)
    assert metrics.episode_length(rollout, arms_clip) == 59
    assert metrics.episode_return(rollout, arms_clip) == pytest.approx(29.5)
    assert metrics.early_termination(rollout, arms_clip) == 1


def test_an_empty_episode_has_no_errors_but_a_length(body_clip, replay):
    full = replay(body_clip)
    arrays = {
        name: getattr(full, name)[:0]
        for name in full.__dataclass_fields__
        if isinstance(getattr(full, name), np.ndarray) and name != "reference_offset"
    }
    empty = replace(full, terminated=True, **arrays)
    for key in ERRORS:
        assert np.isnan(METRICS[key].measure(empty, body_clip))
    assert metrics.episode_length(empty, body_clip) == 0


def test_every_metric_states_its_definition():
    assert len(METRICS) == 9
    assert all(len(metric.definition) > 20 for metric in METRICS.values())
