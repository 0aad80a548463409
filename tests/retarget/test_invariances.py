"""What must not matter to a retargeter: side, direction of time, size of the person."""

import dataclasses

import numpy as np
import pytest
from musclemimic_models.validation import mirror_pose
from musclemimic_retarget import GMRFit, read_motion, write_synthetic_smpl
from musclemimic_retarget.rotations import matrices, quaternions
from scipy.spatial.transform import Rotation

# Mirrored bodies of myo-sim agree to this, and solving stops this close to the optimum, rad.
SOLVED = 0.02
_FLIP = np.diag([1.0, -1.0, 1.0])


@pytest.fixture(scope="module")
def human(tmp_path_factory):
    """One and a half seconds of the built-in motion, in which the arms differ."""
    motion = read_motion(write_synthetic_smpl(tmp_path_factory.mktemp("m") / "arms.npz", 30.0))
    part = slice(120, 165)
    return dataclasses.replace(
        motion, positions=motion.positions[part], rotations=motion.rotations[part]
    )


def opposite(name):
    if name.startswith("left_"):
        return name.replace("left_", "right_", 1)
    return name.replace("right_", "left_", 1)


def mirrored(motion):
    """The motion seen in a mirror (y to −y), left joints for right ones."""
    order = [motion.joint_names.index(opposite(name)) for name in motion.joint_names]
    turned = _FLIP @ matrices(motion.rotations[:, order]) @ _FLIP
    return dataclasses.replace(
        motion,
        positions=motion.positions[:, order] @ _FLIP,
        rest_positions=motion.rest_positions[order] @ _FLIP,
        rotations=quaternions(turned),
    )


def joints(model, clip):
    return clip.qpos[:, model.couplings.scalar_qpos]


def test_a_mirrored_motion_gives_the_mirrored_clip(arms, human):
    method = GMRFit(arms)
    here, there = method.retarget(human), method.retarget(mirrored(human))
    image = mirror_pose(arms, there.qpos)[:, arms.couplings.scalar_qpos]
    assert np.ptp(joints(arms, here), axis=0).max() > 0.3
    assert np.abs(joints(arms, here) - joints(arms, there)).max() > 0.3
    # The mean skeleton of SMPL is itself not quite symmetric.
    assert image == pytest.approx(joints(arms, here), abs=0.1)
    assert np.abs(image - joints(arms, here)).mean() < SOLVED


def test_a_motion_backwards_gives_the_clip_backwards(arms, human):
    method = GMRFit(arms)
    backwards = dataclasses.replace(
        human, positions=human.positions[::-1], rotations=human.rotations[::-1]
    )
    here, there = method.retarget(human), method.retarget(backwards)
    error = np.abs(joints(arms, there)[::-1] - joints(arms, here))
    assert error.mean() < SOLVED
    assert error.max() < 0.1


def test_a_larger_person_moves_the_model_alike(full_body, human):
    method = GMRFit(full_body)
    giant = dataclasses.replace(
        human,
        positions=1.3 * human.positions,
        rest_positions=1.3 * human.rest_positions,
        stature=1.3 * human.stature,
    )
    here, there = method.retarget(human), method.retarget(giant)
    assert there.qpos == pytest.approx(here.qpos, abs=1e-6)
    ratio = here.provenance.human_to_model_scale / there.provenance.human_to_model_scale
    assert ratio == pytest.approx(1.3)


def test_a_motion_beyond_the_ranges_stays_inside_and_says_so(arms, human):
    """Elbows bent backwards by 60°."""
    upper_arm = matrices(human.rotations[:, human.index("left_shoulder")])
    # In the T-pose elbows flex forwards, about the vertical.
    backwards = Rotation.from_euler("z", 60, degrees=True).as_matrix()
    rotations = human.rotations.copy()
    rotations[:, human.index("left_elbow")] = quaternions(upper_arm @ backwards)
    wrong = dataclasses.replace(human, rotations=rotations)
    result, usual = GMRFit(arms).solve(wrong), GMRFit(arms).solve(human)
    assert result.metrics.joint_limit_violation_percent == 0
    assert result.metrics.rmse_m > 3 * usual.metrics.rmse_m
