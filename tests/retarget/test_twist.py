"""The zero of axial rotation is found from the motion."""

import dataclasses

import numpy as np
import pytest
from musclemimic_retarget import GMRFit, GMRFitConfig, read_motion, write_synthetic_smpl
from musclemimic_retarget.calibration import calibrate
from musclemimic_retarget.fit_targets import fit_targets
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.rotations import quaternion_exp, quaternion_product
from musclemimic_retarget.twist import TwistAlignment, TwistConfig, twist_axes


@pytest.fixture(scope="module")
def human(tmp_path_factory):
    return read_motion(write_synthetic_smpl(tmp_path_factory.mktemp("m") / "arms.npz", 30.0))


@pytest.fixture(scope="module")
def parts(full_body, human):
    """(body, alignment, targets) of the built-in motion on the full body."""
    body = KinematicBody.of(full_body)
    calibration = calibrate(body, human)
    alignment = TwistAlignment(twist_axes(body, calibration), TwistConfig(gain=1.0))
    return body, alignment, fit_targets(body, calibration, human)


def mats(targets):
    from musclemimic_retarget.rotations import matrices

    return matrices(targets.quat)


def test_limbs_have_long_axes_and_trunk_and_hands_have_none(parts):
    body, alignment, _ = parts
    named = {body.site_names[column] for column in alignment.axes}
    stems = ("shoulder", "elbow", "hip", "knee", "ankle")
    assert named == {f"{side}_{stem}" for side in ("left", "right") for stem in stems}
    for axis in alignment.axes.values():
        assert np.linalg.norm(axis) == pytest.approx(1.0)


def test_a_constant_twist_is_taken_up_and_a_swing_is_not(parts):
    body, alignment, targets = parts
    alignment = dataclasses.replace(alignment, twist={})
    column = body.site("left_hip")
    axis = alignment.axes[column]
    across = np.cross(axis, [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    for direction, expected in ((axis, 0.2), (across, 0.0)):
        solved = targets.quat.copy()
        turn = quaternion_exp(0.2 * direction)[None]
        solved[:, column] = quaternion_product(solved[:, column], turn)
        alignment.twist.clear()
        alignment.update(targets, mats(dataclasses.replace(targets, quat=solved)))
        assert alignment.twist[column] == pytest.approx(expected, abs=1e-9)
        assert alignment.twist[body.site("right_hip")] == pytest.approx(0.0, abs=1e-9)


def test_updates_add_up_to_the_limit_and_no_further(parts):
    body, alignment, targets = parts
    alignment = TwistAlignment(alignment.axes, TwistConfig(gain=1.0, limit=0.3))
    column = body.site("right_shoulder")
    turn = quaternion_exp(0.5 * alignment.axes[column])[None]
    solved = targets.quat.copy()
    solved[:, column] = quaternion_product(solved[:, column], turn)
    site_mat = mats(dataclasses.replace(targets, quat=solved))
    once = alignment.update(targets, site_mat)
    again = alignment.update(once, site_mat)
    assert alignment.twist[column] == pytest.approx(0.3)
    assert again.quat[:, column] == pytest.approx(once.quat[:, column], abs=1e-12)


def test_a_skeleton_with_another_zero_of_twist_gives_the_same_clip(full_body, human):
    """The same movement, but the source calls 0.15 rad of upper-arm twist zero."""
    column = human.index("left_shoulder")
    along = human.rest_positions[human.index("left_elbow")] - human.rest_positions[column]
    turn = quaternion_exp(0.15 * along / np.linalg.norm(along))[None]
    rotations = human.rotations.copy()
    rotations[:, column] = quaternion_product(rotations[:, column], turn)
    other = dataclasses.replace(human, rotations=rotations)

    def error(motion, limit):
        config = GMRFitConfig(twist=TwistConfig(limit=limit), passes=4)
        return GMRFit(full_body, config).solve(motion).metrics.orientation_error_deg

    assert error(other, 0.35) < error(other, 0.0) - 0.3
    assert error(other, 0.35) == pytest.approx(error(human, 0.35), abs=0.4)


def test_joint_angles_are_not_aligned(full_body):
    body = KinematicBody.of(full_body)
    alignment = TwistAlignment({}, TwistConfig())
    assert alignment.axes == {}
    assert body.site_names
