"""Mocap bodies pull the model to its targets."""

import dataclasses

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget import (
    GMRFit,
    MocapBody,
    MocapBodyConfig,
    clip_metrics,
    read_motion,
    write_synthetic_smpl,
)
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.mocap_body.pull import PullConfig, pull, pull_model
from musclemimic_retarget.motion import MotionSource, SkeletonMotion
from musclemimic_retarget.retargeter import Retargeter
from musclemimic_retarget.targets import Targets


@pytest.fixture(scope="module")
def two_arms(tmp_path_factory):
    """The first second of the built-in motion."""
    motion = read_motion(write_synthetic_smpl(tmp_path_factory.mktemp("m") / "arms.npz", 30.0))
    return dataclasses.replace(
        motion, positions=motion.positions[:30], rotations=motion.rotations[:30]
    )


@pytest.fixture(scope="module")
def result(arms, two_arms):
    return MocapBody(arms).solve(two_arms)


def test_is_a_retargeter(arms):
    assert isinstance(MocapBody(arms), Retargeter)
    assert isinstance(GMRFit(arms), Retargeter)


def test_a_feasible_pose_is_pulled_to(either_model):
    body, couplings = KinematicBody.of(either_model), either_model.couplings
    rng = np.random.default_rng(0)
    pose = body.model.qpos0.copy()
    low, high = couplings.box.T
    pose[couplings.scalar_qpos] = rng.uniform(low + 0.3 * (high - low), high - 0.3 * (high - low))
    pose = couplings.apply(pose)
    seen, sites = body.poses(np.repeat(pose[None], 2, axis=0)), len(body.site_names)
    targets = Targets(
        source=MotionSource("test"),
        rate=30.0,
        site_names=body.site_names,
        pos=seen.site_pos,
        quat=seen.site_quat,
        human_pos=seen.site_pos,
        pos_weight=np.ones(sites),
        rot_weight=np.ones(sites),
        human_to_model_scale=1.0,
    )
    start = pose.copy()
    start[couplings.scalar_qpos] += rng.uniform(-0.15, 0.15, len(low))
    start = couplings.apply(start)
    model = pull_model(either_model, PullConfig())
    poses, settled = pull(model, targets, start, PullConfig())
    assert settled.all()
    error = body.poses(poses).site_pos[-1] - seen.site_pos[-1]
    assert np.linalg.norm(error, axis=1).max() < 5e-3


def test_the_built_in_motion_is_followed(arms, result):
    metrics = result.metrics
    assert metrics.rmse_m < 0.04
    assert metrics.joint_limit_violation_percent == 0
    assert metrics.coupling_residual < 1e-9
    assert result.clip.provenance.method == "mocap-body"
    hand = result.clip.site_names.index("right_hand")
    height, wanted = (x[:, hand, 2] for x in (result.clip.site_pos, result.targets.pos))
    assert np.corrcoef(height, wanted)[0, 1] > 0.99


def test_soft_constraints_are_broken_and_made_exact(arms, two_arms, result):
    raw = MocapBody(arms, MocapBodyConfig(exact=False)).solve(two_arms)
    assert raw.metrics.coupling_residual > 1e-4
    assert raw.metrics.coupling_residual > 1e5 * result.metrics.coupling_residual


def test_same_motion_same_clip(arms, two_arms, result):
    again = MocapBody(arms).retarget(two_arms)
    assert np.array_equal(again.qpos, result.clip.qpos)


def test_heading_changes_no_joint(full_body, two_arms):
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("z", 1.0)
    rotations = two_arms.rotations.reshape(-1, 4).copy()
    turned = (turn * Rotation.from_quat(rotations, scalar_first=True)).as_quat(scalar_first=True)
    other = dataclasses.replace(
        two_arms,
        positions=two_arms.positions @ turn.as_matrix().T,
        rotations=turned.reshape(two_arms.rotations.shape),
    )
    method = MocapBody(full_body)
    here, there = method.retarget(two_arms), method.retarget(other)
    assert there.qpos[:, 7:] == pytest.approx(here.qpos[:, 7:], abs=2e-2)
    assert clip_metrics(full_body, there).ground_penetration_percent == 0


def test_frames_that_do_not_settle_are_marked(arms, two_arms):
    hasty = MocapBodyConfig(pull=PullConfig(steps=1, settled=1e-6))
    clip = MocapBody(arms, hasty).retarget(two_arms)
    assert (clip.frame_status != 0).any()


def test_missing_joint_is_named(arms, two_arms):
    names = tuple(name.replace("left_wrist", "paw") for name in two_arms.joint_names)
    motion = dataclasses.replace(two_arms, joint_names=names)
    assert isinstance(motion, SkeletonMotion)
    with pytest.raises(InputError, match="left_wrist"):
        MocapBody(arms).check(motion)


def test_walks_as_far_and_bends_the_knee_as_much_as_the_person(full_body, real_data):
    from musclemimic_retarget import peak_knee_flexion_deg, walking_speed

    result = MocapBody(full_body).solve(read_motion(real_data / "smpl" / "asap_walk_level2.npz"))
    assert result.metrics.rmse_m < 0.04
    assert result.metrics.ground_penetration_percent == 0
    assert result.metrics.joint_limit_violation_percent == 0
    assert walking_speed(result.clip) == pytest.approx(0.6, abs=0.05)
    # The data's README: 52° and 58°.
    assert peak_knee_flexion_deg(full_body, result.clip) == pytest.approx((52, 58), abs=8)
