import dataclasses
import logging

import mujoco
import numpy as np
import pytest
from musclemimic_models import InputError, MotionClip, get_musculo_model
from musclemimic_retarget import (
    GMRFit,
    GMRFitConfig,
    SkeletonMotion,
    clip_metrics,
    read_motion,
    write_synthetic_smpl,
)
from musclemimic_retarget.calibration import calibrate
from musclemimic_retarget.clips import velocities
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.rotations import matrices, quaternions
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def two_arms(tmp_path_factory):
    return read_motion(write_synthetic_smpl(tmp_path_factory.mktemp("m") / "arms.npz", 30.0))


@pytest.fixture(scope="module")
def arms_result(arms, two_arms):
    return GMRFit(arms).solve(two_arms)


def rest(motion, frames=4):
    """The motion's skeleton standing still in its rest pose."""
    joints = len(motion.joint_names)
    return dataclasses.replace(
        motion,
        positions=np.tile(motion.rest_positions, (frames, 1, 1)),
        rotations=np.tile([1.0, 0, 0, 0], (frames, joints, 1)),
    )


def turned(motion: SkeletonMotion, angle: float) -> SkeletonMotion:
    world = Rotation.from_euler("z", angle).as_matrix()
    return dataclasses.replace(
        motion,
        positions=motion.positions @ world.T,
        rotations=quaternions(world @ matrices(motion.rotations)),
    )


def shortened(motion: SkeletonMotion, seconds: float) -> SkeletonMotion:
    frames = int(seconds * motion.fps)
    return dataclasses.replace(
        motion, positions=motion.positions[:frames], rotations=motion.rotations[:frames]
    )


def test_t_pose_becomes_the_calibration_pose(either_model, two_arms):
    body = KinematicBody.of(either_model)
    still = rest(two_arms)
    expected = calibrate(body, still).qpos
    clip = GMRFit(either_model).retarget(still)
    scalars = either_model.couplings.scalar_qpos
    # Feet are put on the floor, which moves the legs by fractions of a degree.
    np.testing.assert_allclose(
        clip.qpos[:, scalars], np.tile(expected[scalars], (len(clip), 1)), atol=0.02
    )


def test_calibration_raises_the_arms_sideways_palms_down(either_model, two_arms):
    body = KinematicBody.of(either_model)
    calibration = calibrate(body, two_arms)
    joint = {
        name: np.rad2deg(calibration.qpos[body.model.joint(name).qposadr[0]])
        for name in ("shoulder_elv_r", "elv_angle_r", "pro_sup_r", "elbow_flexion_r")
    }
    assert abs(joint["shoulder_elv_r"] - 88) < 5
    assert abs(joint["elv_angle_r"]) < 15
    assert abs(joint["pro_sup_r"]) < 5
    assert joint["elbow_flexion_r"] < 5


def test_arms_clip_meets_the_published_metrics(arms_result):
    metrics = arms_result.metrics
    assert metrics.joint_limit_violation_percent == 0.0
    assert metrics.rmse_m < 0.010
    assert metrics.orientation_error_deg < 4.0
    assert metrics.coupling_residual < 1e-9
    assert not metrics.tendon_jump
    assert metrics.not_converged_percent == 0.0


def test_built_in_motion_stays_well_inside_the_ranges(arms, arms_result):
    low, high = arms.couplings.box.T
    values = arms_result.clip.qpos[:, arms.couplings.scalar_qpos]
    names = [
        arms.mj_model.joint(i).name
        for i in range(arms.mj_model.njnt)
        if arms.mj_model.jnt_qposadr[i] in arms.couplings.scalar_qpos
    ]
    moving = np.ptp(values, axis=0) > 0.2
    assert {"elv_angle_r", "shoulder_elv_r", "elbow_flexion_l"} <= set(np.array(names)[moving])
    margin = np.minimum(values - low, high - values).min(axis=0)
    assert (margin[moving] > np.deg2rad(10)).all()


def test_clip_is_at_100_hz_as_long_as_the_motion_and_names_its_source(arms_result, two_arms):
    clip = arms_result.clip
    assert clip.dt == pytest.approx(0.01)
    assert clip.duration == pytest.approx(two_arms.times[-1], abs=0.01)
    assert clip.provenance.source == "arms.npz"
    assert clip.provenance.dataset == "MuscleMimic built-in motion"
    assert clip.provenance.method == "gmr-fit"


def test_velocities_agree_with_positions_and_sites_with_velocities(arms, arms_result):
    clip = arms_result.clip
    body = KinematicBody.of(arms)
    np.testing.assert_allclose(velocities(body, clip.qpos, clip.dt), clip.qvel, atol=1e-12)
    frame = len(clip) // 3
    difference = (clip.site_pos[frame + 1] - clip.site_pos[frame - 1]) / (2 * clip.dt)
    np.testing.assert_allclose(clip.site_linvel[frame], difference, atol=2e-3)
    step = (
        Rotation.from_quat(clip.site_quat[frame + 1], scalar_first=True)
        * Rotation.from_quat(clip.site_quat[frame - 1], scalar_first=True).inv()
    )
    np.testing.assert_allclose(clip.site_angvel[frame], step.as_rotvec() / (2 * clip.dt), atol=2e-3)


def test_the_clip_survives_its_file(arms, arms_result, tmp_path):
    arms_result.clip.save(tmp_path / "clip.npz")
    loaded = MotionClip.load(tmp_path / "clip.npz")
    loaded.require_model(arms)
    np.testing.assert_array_equal(loaded.qpos, arms_result.clip.qpos)


def test_fingers_stay_at_rest_and_drop_out_by_name(arms, arms_result, two_arms):
    with_fingers = get_musculo_model("BimanualMuscle", fingers=True)
    clip = GMRFit(with_fingers).retarget(shortened(two_arms, 2.0))
    reduced = clip.for_model(arms)
    short = GMRFit(arms).retarget(shortened(two_arms, 2.0))
    np.testing.assert_allclose(reduced.qpos, short.qpos, atol=1e-6)
    kept = set(arms.joint_names)
    fingers = [i for i, name in enumerate(with_fingers.joint_names) if name not in kept]
    assert np.ptp(clip.qpos[:, fingers], axis=0).max() < 1e-9


def test_frame_rate_does_not_matter(arms, tmp_path):
    files = [write_synthetic_smpl(tmp_path / f"{rate:.0f}.npz", rate) for rate in (30.0, 120.0)]
    slow, fast = (GMRFit(arms).retarget(shortened(read_motion(file), 3.0)) for file in files)
    frames = min(len(slow), len(fast))
    scalars = arms.couplings.scalar_qpos
    difference = slow.qpos[:frames, scalars] - fast.qpos[:frames, scalars]
    assert np.abs(difference).max() < 0.02


def test_a_trunk_that_turns_does_not_move_arms_on_a_fixed_trunk(arms, two_arms):
    motion = shortened(two_arms, 1.5)
    plain, moved = GMRFit(arms).retarget(motion), GMRFit(arms).retarget(turned(motion, 2.0))
    np.testing.assert_allclose(moved.qpos, plain.qpos, atol=1e-6)


def test_heading_changes_the_path_but_no_joint(full_body, two_arms):
    motion = shortened(two_arms, 1.0)
    plain, moved = (GMRFit(full_body).retarget(m) for m in (motion, turned(motion, 2.0)))
    np.testing.assert_allclose(moved.qpos[:, 7:], plain.qpos[:, 7:], atol=2e-3)
    relative = (
        Rotation.from_quat(moved.qpos[:, 3:7], scalar_first=True)
        * Rotation.from_quat(plain.qpos[:, 3:7], scalar_first=True).inv()
    )
    np.testing.assert_allclose(
        relative.as_rotvec(), np.tile([0, 0, 2.0], (len(plain), 1)), atol=2e-3
    )
    np.testing.assert_array_equal(moved.qpos[0, :2], [0.0, 0.0])


def test_missing_joints_are_named(full_body, two_arms):
    keep = [i for i, name in enumerate(two_arms.joint_names) if name != "left_foot"]
    short = dataclasses.replace(
        two_arms,
        joint_names=tuple(two_arms.joint_names[i] for i in keep),
        parents=tuple(two_arms.parents[i] for i in keep),
        rest_positions=two_arms.rest_positions[keep],
        positions=two_arms.positions[:, keep],
        rotations=two_arms.rotations[:, keep],
    )
    with pytest.raises(InputError, match="found no 'left_foot'"):
        GMRFit(full_body).check(short)


def test_frames_that_do_not_converge_are_marked_and_logged(arms, two_arms, caplog):
    config = GMRFitConfig()
    config = dataclasses.replace(
        config, ik=dataclasses.replace(config.ik, iterations=1, tolerance=1e-12, least_decrease=0.0)
    )
    with caplog.at_level(logging.WARNING):
        clip = GMRFit(arms, config).retarget(shortened(two_arms, 0.5))
    assert (clip.frame_status == 1).any()
    assert "did not converge" in caplog.text


def test_metrics_see_a_violated_limit_a_sunk_foot_a_jump_and_a_broken_coupling(full_body, two_arms):
    result = GMRFit(full_body).solve(shortened(two_arms, 1.0))
    clip = result.clip
    clean = clip_metrics(full_body, clip, result.targets)
    assert clean.joint_limit_violation_percent == clean.ground_penetration_percent == 0.0
    assert clean.coupling_residual < 1e-9

    def spoilt(column, frames, value):
        qpos = clip.qpos.copy()
        qpos[frames, column] += value
        return clip_metrics(full_body, dataclasses.replace(clip, qpos=qpos), result.targets)

    knee = full_body.mj_model.joint("knee_angle_r").qposadr[0]
    scalar = int((full_body.mj_model.jnt_type >= int(mujoco.mjtJoint.mjJNT_SLIDE)).sum())
    over = spoilt(knee, slice(0, 10), 3.0)
    assert over.joint_limit_violation_percent == pytest.approx(1000 / (len(clip) * scalar))
    assert over.coupling_residual > 0.1
    under = spoilt(knee, slice(0, 10), -3.0)
    assert under.joint_limit_violation_percent == over.joint_limit_violation_percent
    sunk = spoilt(2, slice(0, 20), -0.01)
    assert sunk.ground_penetration_percent == pytest.approx(2000 / len(clip), abs=1e-9)
    assert 0.009 < sunk.max_penetration_m < 0.011
    elbow = full_body.mj_model.joint("elbow_flexion_r").qposadr[0]
    assert spoilt(elbow, slice(50, None), 1.0).tendon_jump


def test_metrics_of_a_clip_for_another_model_are_refused(full_body, arms_result):
    with pytest.raises(InputError, match="model_sha256"):
        clip_metrics(full_body, arms_result.clip)


def test_rmse_is_zero_against_the_clip_itself_and_counts_an_offset(arms, arms_result):
    clip = arms_result.clip
    exact = dataclasses.replace(arms_result.targets, pos=clip.site_pos, quat=clip.site_quat)
    assert clip_metrics(arms, clip, exact).rmse_m == 0.0
    shifted = exact.shifted(np.array([0.03, 0.0, 0.04]))
    assert clip_metrics(arms, clip, shifted).rmse_m == pytest.approx(0.05)
    assert clip_metrics(arms, clip, exact).orientation_error_deg < 1e-6
