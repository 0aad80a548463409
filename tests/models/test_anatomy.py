"""Couplings, mirror maps and the muscle table."""

import mujoco
import numpy as np
import pytest
from musclemimic_models import InputError, get_musculo_model
from musclemimic_models.couplings import find_couplings
from musclemimic_models.mirror import mirror_map
from musclemimic_models.muscles import muscle_group

NAMES = ("BimanualMuscle", "MyoFullBody")


@pytest.fixture(params=NAMES)
def model(request):
    return get_musculo_model(request.param, fingers=False)


def poses(model, count, seed=0):
    rng = np.random.default_rng(seed)
    c = model.couplings
    qpos = np.tile(model.mj_model.qpos0, (count, 1))
    qpos[:, c.scalar_qpos] = rng.uniform(c.box[:, 0], c.box[:, 1], (count, len(c.box)))
    return c.apply(qpos)


def test_coupled_pose_satisfies_mujocos_own_constraints(model):
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    for qpos in poses(model, 20):
        d.qpos[:] = qpos
        mujoco.mj_fwdPosition(m, d)
        equality = d.efc_type[: d.nefc] == int(mujoco.mjtConstraint.mjCNSTR_EQUALITY)
        assert equality.sum() == m.neq
        assert np.abs(d.efc_pos[: d.nefc][equality]).max() < 1e-12


def test_velocity_map_is_tangent_to_the_couplings(model):
    c, rng = model.couplings, np.random.default_rng(1)
    for qpos in poses(model, 5):
        S = c.jacobian(qpos)
        qvel = S @ rng.normal(size=S.shape[1])
        assert c.apply_velocity(qpos, qvel) == pytest.approx(qvel, abs=1e-12)
        moved = qpos.copy()
        step = 1e-6
        mujoco.mj_integratePos(model.mj_model, moved, qvel, step)
        # The residual grows with the square of the step if the direction is tangent.
        assert np.abs(c.residual(moved)).max() < 50 * step**2 * np.abs(qvel).max() ** 2


def test_box_keeps_every_joint_in_range(model):
    m = model.mj_model
    for qpos in poses(model, 200):
        for joint in range(m.njnt):
            if m.jnt_limited[joint]:
                value, (low, high) = qpos[m.jnt_qposadr[joint]], m.jnt_range[joint]
                assert low - 1e-8 <= value <= high + 1e-8, m.joint(joint).name


def test_box_matches_the_measured_limits():
    # design figures: flex_extension [−1.006, 0.454], shoulder_elv ≤ 3.099, elv_angle ≤ 2.242.
    model = get_musculo_model("MyoFullBody", fingers=False)
    address = list(model.couplings.scalar_qpos)

    def box(joint):
        return model.couplings.box[address.index(model.mj_model.joint(joint).qposadr[0])]

    assert box("flex_extension") == pytest.approx([-1.006, 0.454], abs=1e-3)
    assert box("shoulder_elv_r")[1] == pytest.approx(3.099, abs=1e-3)
    assert box("elv_angle_l")[1] == pytest.approx(2.242, abs=1e-3)
    assert box("knee_angle_r") == pytest.approx([0, 2.0944], abs=1e-6)


def test_chained_couplings_are_refused():
    xml = """<mujoco><worldbody><body><joint name="a"/><geom size="1"/><body><joint name="b"/>
    <geom size="1"/><body><joint name="c"/><geom size="1"/></body></body></body></worldbody>
    <equality><joint joint1="b" joint2="a"/><joint joint1="c" joint2="b"/></equality></mujoco>"""
    with pytest.raises(ValueError, match="itself dependent"):
        find_couplings(mujoco.MjModel.from_xml_string(xml))


def test_mirrored_pose_gives_mirrored_site_positions(model):
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    names = list(model.mimic_sites)
    opposite = {"left": "right", "right": "left"}

    def sites(qpos):
        d.qpos[:] = qpos
        mujoco.mj_kinematics(m, d)
        return {name: d.site(f"mimic_{name}").xpos.copy() for name in names}

    for qpos in poses(model, 10):
        mirrored = qpos.copy()
        for joint, image in enumerate(model.mirror_joint):
            if m.jnt_type[joint] > 1:
                mirrored[m.jnt_qposadr[joint]] = (
                    model.mirror_joint_sign[joint] * qpos[m.jnt_qposadr[image]]
                )
        here, there = sites(qpos), sites(mirrored)
        lateral = {key: 2 * here[names[0]][1] - value[1] for key, value in here.items()}
        for name in names:
            side, _, part = name.partition("_")
            twin = f"{opposite[side]}_{part}" if side in opposite else name
            expected = [here[twin][0], lateral[twin], here[twin][2]]
            # The pelvis frame of myo-sim is 0.05° off the sagittal plane.
            assert there[name] == pytest.approx(expected, abs=5e-3), name


def test_mirror_map_refuses_a_lonely_left():
    with pytest.raises(InputError, match="knee_l"):
        mirror_map(("hip_l", "hip_r", "knee_l"))


def test_every_muscle_has_a_group_side_and_sane_numbers(model):
    t = model.muscles
    assert set(t.side) <= {"left", "right", "centre"}
    assert t.side.count("left") == t.side.count("right")
    assert (t.max_isometric_force > 4).all()
    assert (np.diff(t.length_range) > 0).all()
    assert ((t.optimal_length > 0.005) & (t.optimal_length < 2)).all()
    assert ((t.activation_time >= 0.005) & (t.deactivation_time <= 0.1)).all()


def test_unknown_muscle_name_is_not_guessed():
    with pytest.raises(ValueError, match="no group"):
        muscle_group("mystery_r")


def test_table_agrees_with_mujocos_force(model):
    """Fully active at optimal length and rest, a muscle pulls with its isometric strength."""
    m, t = model.mj_model, model.muscles
    for i in (0, m.nu // 2, m.nu - 1):
        prm = m.actuator_gainprm[i]
        length = t.length_range[i, 0] + (1 - prm[0]) * t.optimal_length[i]
        gain = mujoco.mju_muscleGain(length, 0.0, m.actuator_lengthrange[i], 1.0, prm[:9])
        assert -gain == pytest.approx(t.max_isometric_force[i], rel=1e-9)
        stopped = mujoco.mju_muscleGain(
            length, -t.max_velocity[i], m.actuator_lengthrange[i], 1.0, prm[:9]
        )
        assert stopped == pytest.approx(0, abs=1e-9)
