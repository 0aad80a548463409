"""Retargeting of real people; expected numbers were measured on the recordings themselves."""

import dataclasses

import numpy as np
import pytest
from musclemimic_retarget import (
    GMRFit,
    GMRFitConfig,
    peak_knee_flexion_deg,
    read_motion,
    walking_speed,
)
from musclemimic_retarget.jump_causes import jump_causes
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.motion import SkeletonMotion

KNEE_TOLERANCE_DEG = 4.0  # feet are put on the floor by bending knees a little


@pytest.fixture(scope="module")
def retargeted(full_body, real_data):
    """Results by file, solved once."""
    solver, results = GMRFit(full_body), {}

    def solve(name):
        if name not in results:
            motion = read_motion(real_data / name)
            if name.endswith("hbp_amass_sample.npz"):
                assert isinstance(motion, SkeletonMotion)
                motion = dataclasses.replace(
                    motion, positions=motion.positions[:240], rotations=motion.rotations[:240]
                )
            results[name] = solver.solve(motion)
        return results[name]

    return solve


RECORDINGS = {
    # file: largest RMSE m, orientation error deg
    "smpl/asap_walk_level2.npz": (0.012, 2.8),
    "smpl/asap_shoot_level1.npz": (0.015, 4.6),
    "smpl/asap_squat_level1.npz": (0.015, 3.0),
    "smpl/hbp_amass_sample.npz": (0.022, 10.0),
    "opensim_walk3d/coordinates.sto": (0.006, 0.6),
    "opencap_lab_walk/walking1.mot": (0.007, 0.8),
    "opencap_lab_walk/walking1.trc": (0.009, 2.2),
    "bvh/bandai1_walk-back_normal_001.bvh": (0.015, 4.6),
    "bvh/bandai2_run_normal_001.bvh": (0.015, 3.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDINGS)
def test_quality(full_body, retargeted, name):
    result = retargeted(name)
    metrics = result.metrics
    rmse, orientation = RECORDINGS[name]
    assert metrics.joint_limit_violation_percent == 0.0
    assert metrics.coupling_residual <= 1e-6
    assert metrics.ground_penetration_percent == 0.0
    assert metrics.max_penetration_m <= 0.001
    assert metrics.float_clearance_m <= 0.005
    assert metrics.rmse_m <= rmse
    assert metrics.orientation_error_deg <= orientation
    assert not metrics.tendon_jump
    assert metrics.not_converged_percent == 0.0
    assert metrics.root_acceleration_rms_m_per_s2 <= metrics.source_root_acceleration_rms_m_per_s2


@pytest.mark.slow
def test_flung_limbs_are_smoothed_until_no_tendon_jumps(full_body, real_data, caplog):
    """The dancer's own speed makes a tendon jump at 11 Hz; calmer, poses are nearly as near."""
    name = "bvh/cmu_131_01_start_walk_stop.bvh"
    motion = read_motion(real_data / name)
    with caplog.at_level("INFO"):
        calm = GMRFit(full_body).solve(motion)
    assert "smoothed at 7 Hz instead of 11, since tendons would jump" in caplog.text
    assert not calm.metrics.tendon_jump
    flung = GMRFit(full_body, GMRFitConfig(tendon_hz=11.0)).solve(motion)
    assert flung.metrics.tendon_jump_frames_percent > 0.3
    for cause in jump_causes(full_body, KinematicBody.of(full_body), flung):
        assert cause.speed_deg_per_s < cause.source_deg_per_s
    assert calm.metrics.rmse_m < 1.02 * flung.metrics.rmse_m


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "speed", "knees"),
    [
        ("smpl/asap_walk_level2.npz", 0.58, None),
        ("opensim_walk3d/coordinates.sto", 1.243, (72.0, 72.0)),
        ("opencap_lab_walk/walking1.mot", 1.12, (73.0, 70.0)),
    ],
)
def test_walking_speed_and_knees_are_the_humans(full_body, retargeted, name, speed, knees):
    clip = retargeted(name).clip
    forward = (clip.qpos[-1, 0] - clip.qpos[0, 0]) / clip.duration
    forward /= clip.provenance.human_to_model_scale
    assert forward == pytest.approx(speed, rel=0.02)
    assert walking_speed(clip) == pytest.approx(speed, rel=0.08)
    if knees is not None:
        assert peak_knee_flexion_deg(full_body, clip) == pytest.approx(
            knees, abs=KNEE_TOLERANCE_DEG
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "column", "start", "contacts"),
    [
        # Measured by force plates: see the data's README. Seconds of the source's clock.
        ("opensim_walk3d/coordinates.sto", 1, 0.45, [(0.267, 1.024), (1.412, 2.168)]),
        ("opensim_walk3d/coordinates.sto", 0, 0.45, [(0.836, 1.590)]),
        ("opencap_lab_walk/walking1.mot", 0, 0.0, [(0.552, 1.308)]),
    ],
)
def test_stance_agrees_with_the_force_plates(retargeted, name, column, start, contacts):
    clip = retargeted(name).clip
    times = start + clip.dt * np.arange(len(clip))
    measured = np.any([(times >= low) & (times <= high) for low, high in contacts], axis=0)
    first, last = max(times[0], contacts[0][0] - 0.3), contacts[-1][1]
    window = (times >= first) & (times <= last)
    agreement = (clip.foot_contact[:, column] == measured)[window].mean()
    assert agreement > 0.85


@pytest.mark.slow
def test_arms_of_a_real_recording(arms, real_data):
    metrics = GMRFit(arms).solve(read_motion(real_data / "smpl/asap_shoot_level1.npz")).metrics
    assert metrics.rmse_m < 0.015
    assert metrics.joint_limit_violation_percent == 0.0
    assert not metrics.tendon_jump


def test_opensim_arms_on_a_fixed_trunk(arms, real_data):
    metrics = GMRFit(arms).solve(read_motion(real_data / "opencap_lab_walk/walking1.mot")).metrics
    assert metrics.rmse_m < 0.005
    assert metrics.orientation_error_deg < 2.0
