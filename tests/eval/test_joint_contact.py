"""Joint contact forces against vectors drawn by hand from the muscles' paths."""

import mujoco
import numpy as np
import pytest
from musclemimic_eval.inverse import static_optimization
from musclemimic_eval.inverse.contact import joint_contact
from musclemimic_eval.kinetics.differentiate import DifferentiatedMotion
from musclemimic_eval.kinetics.ground_reaction import GRAVITY, GroundReaction
from musclemimic_eval.kinetics.phantoms import without_phantom_inertia
from trials import walk3d


@pytest.fixture(scope="module")
def pose(body):
    """Two frames of the same bent-legged pose, at rest."""
    m = body.mj_model
    qpos = m.qpos0.copy()
    qpos[3:7] /= np.linalg.norm(qpos[3:7])
    for joint, angle in (("hip_flexion_r", 0.5), ("knee_angle_r", 0.6), ("ankle_angle_r", 0.2)):
        qpos[m.joint(joint).qposadr[0]] = angle
    qpos = np.tile(body.couplings.apply(qpos), (2, 1))
    still = np.zeros((2, m.nv))
    return DifferentiatedMotion(np.array([0.0, 0.1]), qpos, still, still)


def posed(body, pose):
    data = mujoco.MjData(body.mj_model)
    data.qpos[:] = pose.qpos[0]
    mujoco.mj_fwdPosition(body.mj_model, data)
    return data


def pulled(body, pose, muscles, newtons):
    force = np.zeros((2, len(body.muscle_names)))
    for muscle in muscles:
        force[:, body.muscle_names.index(muscle)] = -newtons
    return joint_contact(without_phantom_inertia(body), pose, force, None)


def last_sites(body, muscle):
    """Ids of the last two path sites of a muscle."""
    m = body.mj_model
    tendon = m.actuator(muscle).trnid[0]
    rows = range(m.tendon_adr[tendon], m.tendon_adr[tendon] + m.tendon_num[tendon])
    assert all(m.wrap_type[row] == int(mujoco.mjtWrap.mjWRAP_SITE) for row in rows[-2:])
    return [int(m.wrap_objid[row]) for row in rows[-2:]]


@pytest.mark.parametrize(
    ("muscle", "joint", "beyond"),
    [("soleus_r", "ankle_r", "talus_r"), ("vaslat_r", "knee_r", "tibia_r")],
)
def test_a_muscles_pull_presses_the_joint_along_its_line(body, pose, muscle, joint, beyond):
    """Soleus pulls the foot to the tibia; vastus lateralis the tibia to the patella."""
    data = posed(body, pose)
    relaxed, tense = (pulled(body, pose, [muscle], n) for n in (0.0, 500.0))
    first, last = (data.site_xpos[site] for site in last_sites(body, muscle))
    onto_bone = 500.0 * (first - last) / np.linalg.norm(first - last)  # world, on the bone beyond
    expected = -data.body(beyond).xmat.reshape(3, 3).T @ onto_bone
    index = tense.names.index(joint)
    np.testing.assert_allclose(
        (tense.force - relaxed.force)[0, index], expected, rtol=1e-6, atol=1e-6
    )
    assert expected[1] < -400  # down along the bone: compression
    np.testing.assert_allclose(tense.intersegmental, relaxed.intersegmental)
    # The other leg does not notice.
    other = tense.names.index(joint.replace("_r", "_l"))
    np.testing.assert_allclose(tense.force[:, other], relaxed.force[:, other], atol=1e-9)


def test_a_hanging_leg_pulls_with_its_weight(body, pose):
    """Without ground and muscles each joint carries what hangs below it."""
    data = posed(body, pose)
    contact = pulled(body, pose, [], 0.0)
    for joint, beyond in (("hip_r", "femur_r"), ("knee_r", "tibia_r"), ("ankle_l", "talus_l")):
        m = body.mj_model
        weight = GRAVITY * m.body_subtreemass[m.body(beyond).id]
        upward = data.body(beyond).xmat.reshape(3, 3).T @ np.array([0.0, 0.0, weight])
        np.testing.assert_allclose(
            contact.force[0, contact.names.index(joint)], upward, rtol=1e-9, atol=1e-8
        )
    assert contact.body_weight == pytest.approx(GRAVITY * 84.265, rel=1e-4)


def test_ground_reaction_presses_every_joint_above_it(body, pose):
    force, point, moment = np.zeros((2, 2, 3)), np.full((2, 2, 3), np.nan), np.zeros((2, 2, 3))
    force[:, 1] = (50.0, 20.0, 600.0)
    point[:, 1] = posed(body, pose).body("calcn_r").xpos
    ground = GroundReaction(pose.time, force, point, moment, "model")
    nothing = np.zeros((2, len(body.muscle_names)))
    clean = without_phantom_inertia(body)
    loaded, free = (joint_contact(clean, pose, nothing, g) for g in (ground, None))
    data = posed(body, pose)
    for joint, beyond in (("hip_r", "femur_r"), ("knee_r", "tibia_r"), ("ankle_r", "talus_r")):
        index = loaded.names.index(joint)
        down = -data.body(beyond).xmat.reshape(3, 3).T @ force[0, 1]
        np.testing.assert_allclose(
            (loaded.force - free.force)[0, index], down, rtol=1e-9, atol=1e-8
        )


def test_joints_of_a_walk_carry_several_body_weights(real_data, body):
    """Instrumented implants: hips 2.4 to 2.6 body weights (Bergmann et al. 2001, J Biomech
    34:859), knees 2.6 (Kutzner et al. 2010, J Biomech 43:2164); models with stiff tendons and
    without regard to contact say up to twice that."""
    clip, placement = walk3d(real_data)
    contact = static_optimization(body, clip, placement.ground).contact
    peaks = dict(zip(contact.names, contact.in_body_weights.max(axis=0), strict=True))
    for joint in ("hip_r", "hip_l", "knee_r", "knee_l", "ankle_r", "ankle_l"):
        assert 2.0 < peaks[joint] < 7.0, joint
    down = contact.force[:, contact.names.index("knee_r"), 1] / contact.body_weight
    assert down.min() < -0.9 * peaks["knee_r"]
    assert down.max() < 0.1  # never torn apart
