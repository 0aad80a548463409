"""The checks: each finds the defect it is for, and passes without it."""

import copy
import dataclasses

import mujoco
import numpy as np
import pytest
from musclemimic_models import compile_spec, curves, get_musculo_model, load_spec
from musclemimic_models.couplings import find_couplings
from musclemimic_models.muscles import muscle_table
from musclemimic_models.validation import (
    check_activation,
    check_continuity,
    check_couplings,
    check_force_curves,
    check_force_symmetry,
    check_length_symmetry,
    check_moment_arm_symmetry,
    check_moment_arms,
    check_passive_fall,
    coordinate_geometry,
    find_jumps,
    mirror_pose,
    muscle_geometry,
    neutral_pose,
    random_poses,
    validate_model,
)


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="module")
def body():
    return get_musculo_model("MyoFullBody", fingers=False)


def broken(model, change):
    """The body with a compiled model of its own that `change` has spoilt."""
    m = copy.copy(model.mj_model)
    change(m)
    return dataclasses.replace(
        model, mj_model=m, couplings=find_couplings(m), muscles=muscle_table(m)
    )


@pytest.mark.slow
@pytest.mark.parametrize("fingers", [True, False])
@pytest.mark.parametrize("name", ["BimanualMuscle", "MyoFullBody"])
def test_every_shipped_variant_passes_every_check(name, fingers):
    for check in validate_model(get_musculo_model(name, fingers=fingers), postures=4):
        assert check.passed, check


@pytest.mark.slow
def test_arms_are_continuous_in_forty_postures(arms):
    assert find_jumps(arms, postures=40, steps=200, seed=5) == []


def test_symmetry_checks_find_a_moved_attachment(arms):
    def move(m):
        sites = [m.site(i).name for i in range(m.nsite)]
        m.site(next(n for n in sites if "BRA" in n and n.endswith("_l"))).pos[:] += 0.004

    poses = random_poses(arms, 5, 0)
    spoilt = broken(arms, move)
    for check in (check_length_symmetry, check_moment_arm_symmetry):
        assert check(arms, poses).passed
        found = check(spoilt, poses)
        assert not found.passed
        assert "BRA" in found.where
        assert found.details


def test_force_symmetry_finds_a_weaker_left_muscle(arms):
    def weaken(m):
        m.actuator("BRA_l").gainprm[2] *= 0.9

    poses = random_poses(arms, 5, 0)
    assert check_force_symmetry(arms, poses).passed
    found = check_force_symmetry(broken(arms, weaken), poses)
    assert not found.passed
    assert found.where.startswith("BRA")


def test_continuity_finds_where_a_path_snaps():
    """myo-sim's own rectus abdominis snaps by 120 mm at −0.786 rad of trunk flexion."""
    name = "MyoFullBody"
    own = compile_spec(load_spec(name, fingers=False, visual=False, repaired=False))
    model = get_musculo_model(name, fingers=False)
    unrepaired = dataclasses.replace(model, mj_model=own, muscles=muscle_table(own))
    check = check_continuity(unrepaired, postures=1)
    assert check.worst == pytest.approx(0.1198, abs=1e-3)
    assert check.where in ("rect_abd_r at flex_extension", "rect_abd_l at flex_extension")
    assert any("flex_extension = -0.786" in line for line in check.details)
    assert check_continuity(model, postures=1).passed


def test_continuity_does_not_mistake_a_steep_curve_for_a_jump(arms):
    assert find_jumps(arms, postures=1, steps=25, seed=0) == []


def test_curve_checks_find_a_muscle_with_two_strengths(arms):
    def spoil(m):
        m.actuator("BRA").biasprm[2] *= 1.1

    assert check_force_curves(arms).passed
    found = check_force_curves(broken(arms, spoil))
    assert not found.passed
    assert found.where == "BRA"


def test_activation_check_finds_another_time_constant(arms):
    assert check_activation(arms).passed
    t = arms.muscles
    slower = dataclasses.replace(t, activation_time=t.activation_time * 1.01)
    assert not check_activation(dataclasses.replace(arms, muscles=slower)).passed


def test_force_curves_have_their_textbook_values(arms):
    t = arms.muscles
    optimal = t.length_range[:, 0] + (1 - t.normalised_range[:, 0]) * t.optimal_length
    rest = np.zeros(len(t.names))
    assert curves.active_force(t, optimal, rest) == pytest.approx(t.max_isometric_force)
    assert curves.passive_force(t, optimal) == pytest.approx(rest)
    assert curves.active_force(t, optimal, -t.max_velocity) == pytest.approx(rest)
    fast = curves.active_force(t, optimal, 2 * t.max_velocity) / t.max_isometric_force
    assert fast == pytest.approx(t.eccentric_force)
    # From rest, full excitation starts with rate 1 / (0.5 τ).
    assert curves.activation_rate(t, rest, rest + 1) == pytest.approx(2 / t.activation_time)


def test_coupling_check_finds_a_changed_polynomial(body):
    poses = random_poses(body, 3, 0)
    assert check_couplings(body, poses).passed
    moved = dataclasses.replace(
        body.couplings, coefficients=body.couplings.coefficients + np.array([1e-6, 0, 0, 0, 0])
    )
    assert not check_couplings(dataclasses.replace(body, couplings=moved), poses).passed


def test_moment_arm_check_finds_another_sign(arms, monkeypatch):
    poses = random_poses(arms, 3, 0)
    assert check_moment_arms(arms, poses).passed

    def wrong(model, qpos, *, arms=True):
        lengths, moment = muscle_geometry(model, qpos, arms=arms)
        return lengths, -moment

    monkeypatch.setattr("musclemimic_models.validation.consistency.muscle_geometry", wrong)
    assert not check_moment_arms(arms, poses).passed


def test_fall_check_finds_an_exploding_and_a_floating_body(body):
    assert check_passive_fall(body).passed

    def float_away(m):
        m.opt.gravity[:] = 0

    floating = check_passive_fall(broken(body, float_away))
    assert not floating.passed
    assert "still at" in floating.where

    def explode(m):
        m.dof_damping[:] = -5.0

    assert not check_passive_fall(broken(body, explode)).passed


def test_moment_arm_about_a_coordinate_is_the_slope_along_its_coupling(body):
    """−dL/dq with the knee's translations and patella following, by central differences."""
    coordinate = list(body.couplings.scalar_qpos).index(
        body.mj_model.joint("knee_angle_r").qposadr[0]
    )
    pose = random_poses(body, 1, 4)
    address, step = body.couplings.scalar_qpos[coordinate], 1e-5
    _, arms = coordinate_geometry(body, pose, coordinate)
    ends = []
    for sign in (1, -1):
        moved = pose.copy()
        moved[:, address] += sign * step
        ends.append(coordinate_geometry(body, body.couplings.apply(moved), coordinate)[0])
    slope = (ends[0] - ends[1]) / (2 * step)
    assert np.abs(arms).max() > 0.03
    assert arms == pytest.approx(-slope, abs=1e-6)


def test_mirroring_twice_changes_nothing(body):
    poses = random_poses(body, 10, 1)
    assert mirror_pose(body, mirror_pose(body, poses)) == pytest.approx(poses)
    assert np.abs(mirror_pose(body, poses) - poses).max() > 0.5


def test_neutral_pose_is_feasible(body):
    pose, box = neutral_pose(body), body.couplings.box
    values = pose[body.couplings.scalar_qpos]
    assert ((box[:, 0] <= values) & (values <= box[:, 1])).all()
    assert body.couplings.residual(pose) == pytest.approx(0)


def test_feasible_poses_keep_every_joint_in_range_in_every_variant():
    for name in ("BimanualMuscle", "MyoFullBody"):
        m = (model := get_musculo_model(name)).mj_model
        poses = random_poses(model, 300, 11)
        scalar = np.flatnonzero((m.jnt_type >= int(mujoco.mjtJoint.mjJNT_SLIDE)) & m.jnt_limited)
        values = poses[:, m.jnt_qposadr[scalar]]
        low, high = m.jnt_range[scalar].T
        assert (values >= low - 1e-8).all()
        assert (values <= high + 1e-8).all()
