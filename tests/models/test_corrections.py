"""Each repair of myo-sim: the defect without it, none with it, nothing else changed."""

import dataclasses
import functools

import mujoco
import numpy as np
import pytest
from musclemimic_models import compile_spec, get_musculo_model, load_spec
from musclemimic_models.corrections import PHANTOM_INERTIA, WRAP_REPAIRS
from musclemimic_models.couplings import find_couplings
from musclemimic_models.muscles import muscle_table
from musclemimic_models.validation import find_jumps, random_poses

NAMES = ("BimanualMuscle", "MyoFullBody")


@functools.cache
def myo_sims_own(name, *, fingers=False):
    """The model as myo-sim has it."""
    return compile_spec(load_spec(name, fingers=fingers, visual=False, repaired=False))


@pytest.fixture(scope="module", params=NAMES)
def pair(request):
    """(repaired body, myo-sim's own model) of one embodiment, without fingers."""
    return get_musculo_model(request.param, fingers=False), myo_sims_own(request.param)


def geometry(model, poses):
    """(P, nu) lengths and (P, nu, nv) moment arms."""
    data, dense = mujoco.MjData(model), np.zeros((model.nu, model.nv))
    lengths, arms = [], []
    for qpos in poses:
        data.qpos[:] = qpos
        mujoco.mj_fwdPosition(model, data)
        mujoco.mju_sparse2dense(
            dense, data.actuator_moment, data.moment_rownnz, data.moment_rowadr, data.moment_colind
        )
        lengths.append(data.actuator_length.copy())
        arms.append(-dense)
    return np.array(lengths), np.array(arms)


def test_repairs_touch_only_the_muscles_they_name(pair):
    body, own = pair
    poses = random_poses(body, 60, 3)
    ours, theirs = geometry(body.mj_model, poses)[0], geometry(own, poses)[0]
    changed = np.abs(ours - theirs).max(axis=0) > 1e-12
    names = {body.muscle_names[i].removesuffix("_l") for i in np.flatnonzero(changed)}
    named = {repair.muscle for repair in WRAP_REPAIRS} | {"LTpT_T12"}
    assert {name.removesuffix("_r") for name in names} <= named


def test_repairs_leave_the_neutral_pose_alone(pair):
    body, own = pair
    neutral = body.couplings.apply(own.qpos0[None])
    ours, theirs = geometry(body.mj_model, neutral), geometry(own, neutral)
    kept = np.array([name != "LTpT_T12_l" for name in body.muscle_names])
    assert np.abs(ours[0] - theirs[0])[:, kept].max() < 1e-12
    # Standing at a wrap's edge, LTpT aside, no moment arm may move either.
    assert np.abs(ours[1] - theirs[1])[:, kept].max() < 1e-9


def unrepaired(name):
    """The body with myo-sim's own paths."""
    own, body = myo_sims_own(name), get_musculo_model(name, fingers=False)
    return dataclasses.replace(body, mj_model=own, muscles=muscle_table(own))


def test_shoulder_paths_snapped_before_and_do_not_now():
    postures = {"postures": 13, "steps": 100, "seed": 0}
    before = find_jumps(unrepaired("BimanualMuscle"), **postures)
    muscles = {jump.muscle.removesuffix("_l") for jump in before}
    named = {repair.muscle for repair in WRAP_REPAIRS} - {"rect_abd", "IL_L2", "RI2", "SUBSC"}
    assert muscles == named
    assert max(jump.arm_m for jump in before) > 0.1
    assert max(jump.length_m for jump in before) > 0.05
    assert find_jumps(get_musculo_model("BimanualMuscle", fingers=False), **postures) == []


@pytest.mark.slow
def test_trunk_paths_snapped_before_and_do_not_now():
    postures = {"postures": 4, "steps": 200, "seed": 0}
    before = find_jumps(unrepaired("MyoFullBody"), **postures)
    assert {"rect_abd_l", "rect_abd_r", "IL_L2_r"} <= {jump.muscle for jump in before}
    assert find_jumps(get_musculo_model("MyoFullBody", fingers=False), **postures) == []


def test_second_interosseus_flexes_the_straight_finger_like_its_neighbours():
    body = get_musculo_model("BimanualMuscle")
    own = myo_sims_own("BimanualMuscle", fingers=True)
    straight = body.couplings.apply(body.mj_model.qpos0[None])

    def arm(model, k):
        muscle, joint = body.muscle_names.index(f"RI{k}"), model.joint(f"mcp{k}_flexion_r")
        return geometry(model, straight)[1][0, muscle, joint.dofadr[0]]

    assert arm(own, 2) < -0.003
    assert all(0.002 < arm(body.mj_model, k) < 0.007 for k in (2, 3, 4, 5))


def test_left_trunk_muscle_lies_on_the_left():
    body = get_musculo_model("MyoFullBody", fingers=False)
    own = myo_sims_own("MyoFullBody")
    names = [own.site(i).name for i in range(own.nsite) if own.site(i).name.startswith("LTpT_T12")]
    left = [name for name in names if name.endswith("_l")]
    assert len(left) == 5
    for name in left:
        right = own.site(f"{name[:-2]}_r").pos
        assert own.site(name).pos == pytest.approx(right, abs=1e-12)
        assert body.mj_model.site(name).pos == pytest.approx(right * [1, 1, -1], abs=1e-12)


def test_supraspinatus_has_one_set_of_parameters():
    own = myo_sims_own("BimanualMuscle")
    assert own.actuator("SUPSP").biasprm[2] == pytest.approx(496.738)
    assert own.actuator("SUPSP").gainprm[2] == pytest.approx(339.132)
    m = get_musculo_model("BimanualMuscle", fingers=False).mj_model
    assert (m.actuator_biasprm == m.actuator_gainprm).all()


def test_helper_bodies_weighed_down_the_arms_and_do_not_now(pair):
    """Inertia about the hanging arm's plane of elevation: four arms' before, less than one now."""
    body, own = pair

    def felt(model, name):
        data, full = mujoco.MjData(model), np.zeros((model.nv, model.nv))
        data.qpos[:] = body.couplings.apply(model.qpos0)
        mujoco.mj_fwdPosition(model, data)
        mujoco.mj_fullM(model, data, full)
        S = body.couplings.jacobian(data.qpos)
        dofs = body.couplings.free_dof.tolist()
        column = dofs.index(int(model.joint(name).dofadr[0]))
        return (S.T @ full @ S)[column, column]

    for side in "lr":
        assert felt(own, f"elv_angle_{side}") > 1.0
        assert felt(body.mj_model, f"elv_angle_{side}") < 0.1


def test_only_helper_bodies_become_lighter(pair):
    body, own = pair
    m = body.mj_model
    names = [m.body(i).name for i in range(m.nbody)]
    changed = np.abs(m.body_inertia - own.body_inertia).max(axis=1) > 1e-12
    assert np.array_equal(changed, ["phant" in name for name in names])
    assert changed.sum() == 8
    assert (own.body_mass[changed] <= 0.001 + 1e-9).all()
    assert m.body_inertia[changed] == pytest.approx(PHANTOM_INERTIA)
    assert np.array_equal(m.body_mass, own.body_mass)


def test_muscle_order_is_myo_sims(pair):
    body, own = pair
    assert body.muscle_names == tuple(own.actuator(i).name for i in range(own.nu))
    assert find_couplings(own).box == pytest.approx(body.couplings.box)
