from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
from musclemimic_models.couplings import find_couplings
from musclemimic_retarget.floor_goals import GroundConfig, standing_goals, with_toes_of
from musclemimic_retarget.ground import FloorGeoms, root_lift
from musclemimic_retarget.kinematics import KinematicBody, Poses
from musclemimic_retarget.motion import MotionSource
from musclemimic_retarget.stance import StanceConfig, detect_stance, fit_floor
from musclemimic_retarget.survey import survey
from musclemimic_retarget.targets import Targets
from musclemimic_retarget.toes import bend_toes

SHAPES = """
<mujoco>
  <worldbody>
    <geom type="plane" size="1 1 1" pos="0 0 0.1"/>
    <body name="calcn_l" pos="0 0 1" euler="20 35 -50"><freejoint/>
      <geom type="{kind}" size="0.05 0.08 0.11" pos="0.1 0.05 -0.1" euler="10 70 30"/>
    </body>
  </worldbody>
</mujoco>
"""


def stub(model):
    """As much of a body as floor geoms look at: its left foot is `calcn_l`."""
    return SimpleNamespace(
        mj_model=model,
        mimic_sites={"left_ankle": "calcn_l"},
        label="stub",
        joint_names=("free",),
        couplings=find_couplings(model),
        content_sha256="",
        has_free_root=True,
    )


def surface(kind, size, n=20000):
    """Points of the surface of a shape."""
    rng = np.random.default_rng(0)
    sphere = rng.normal(size=(n, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    sign = rng.choice([-1.0, 1.0], size=(n, 3))
    ring = sphere[:, :2] / np.linalg.norm(sphere[:, :2], axis=1, keepdims=True)
    return {
        "sphere": size[0] * sphere,
        "capsule": size[0] * sphere + np.array([0, 0, 1]) * sign[:, 2:] * size[1],
        "ellipsoid": sphere * size,
        "box": sign * size,
        "cylinder": np.column_stack([size[0] * ring, size[1] * sign[:, 2]]),
    }[kind]


@pytest.mark.parametrize("kind", ["sphere", "capsule", "ellipsoid", "box", "cylinder"])
def test_clearance_is_the_lowest_surface_point_above_the_floor(kind):
    model = mujoco.MjModel.from_xml_string(SHAPES.format(kind=kind))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    geoms = FloorGeoms.of(stub(model))
    poses = Poses(
        np.zeros((1, 0, 3)), np.zeros((1, 0, 3, 3)), data.xpos[None], data.xmat.reshape(1, -1, 3, 3)
    )
    points = surface(kind, model.geom_size[1]) @ data.geom_xmat[1].reshape(3, 3).T
    lowest = (points + data.geom_xpos[1])[:, 2].min() - 0.1
    np.testing.assert_allclose(geoms.clearance(poses)[0], [lowest], atol=5e-4)
    assert geoms.foot.tolist() == [0]


def test_penetration_agrees_with_mujocos_contacts(full_body):
    body = KinematicBody.of(full_body)
    qpos = full_body.couplings.apply(full_body.mj_model.qpos0.copy())
    floor = FloorGeoms.of(full_body)
    qpos[2] -= floor.clearance(body.poses(qpos[None])).min() + 0.004
    data = mujoco.MjData(full_body.mj_model)
    data.qpos[:] = qpos
    mujoco.mj_forward(full_body.mj_model, data)
    bodies = full_body.mj_model.geom_bodyid
    deepest = min(c.dist for c in data.contact if 0 in (bodies[c.geom1], bodies[c.geom2]))
    np.testing.assert_allclose(deepest, -0.004, atol=1e-6)


def test_stance_is_low_and_slow_without_flicker():
    clearance = np.zeros((100, 2))
    clearance[:, 1] = 0.2
    clearance[50, 0] = 0.1
    speed = np.zeros((100, 2))
    speed[70:, 0] = 2.0
    stance = detect_stance(clearance, speed, rate=100.0, config=StanceConfig())
    assert stance[:70, 0].all()
    assert not stance[70:, 0].any()
    assert not stance[:, 1].any()


def test_root_lift_clears_the_floor_but_for_the_margin():
    lowest = 0.01 * np.sin(np.arange(200) / 10)
    lift = root_lift(lowest, rate=100.0, margin=5e-4, seconds=0.1)
    assert (lowest + lift).min() >= -5e-4 - 1e-12
    assert (lift >= 0).all()


def test_toes_bend_up_out_of_the_floor(full_body):
    body, floor = KinematicBody.of(full_body), FloorGeoms.of(full_body)
    qpos = full_body.mj_model.qpos0.copy()
    for side in "lr":
        qpos[body.model.joint(f"ankle_angle_{side}").qposadr[0]] = -0.2
    qpos = np.tile(full_body.couplings.apply(qpos), (30, 1))
    heel_up = floor.clearance(body.poses(qpos))
    hind = np.array([full_body.mj_model.body(b).name.startswith("calcn") for b in floor.body])
    qpos[:, 2] -= heel_up[:, hind].min()
    before = floor.feet(floor.clearance(body.poses(qpos))).min()
    bent = bend_toes(body, floor, qpos, rate=100.0, tolerance=0.001)
    after = floor.feet(floor.clearance(body.poses(bent))).min()
    assert before < -0.01
    # The ball of the foot itself, at the joint, cannot bend away.
    assert after > 0.5 * before
    unchanged = np.setdiff1d(
        np.arange(qpos.shape[1]),
        [body.model.joint(f"mtp_angle_{side}").qposadr[0] for side in "lr"],
    )
    np.testing.assert_array_equal(bent[:, unchanged], qpos[:, unchanged])


def targets_at(body, qpos, rate=30.0):
    """Targets that are the sites of poses."""
    poses, sites = body.poses(qpos), len(body.site_names)
    return Targets(
        source=MotionSource("test"),
        rate=rate,
        site_names=body.site_names,
        pos=poses.site_pos,
        quat=poses.site_quat,
        human_pos=poses.site_pos,
        pos_weight=np.ones(sites),
        rot_weight=np.ones(sites),
        human_to_model_scale=1.0,
    )


def test_floor_of_a_tilted_laboratory_is_found():
    """Feet on z = 0.02 + 0.005 x − 0.003 y, standing on footholds 0.7 m apart."""
    rng = np.random.default_rng(0)
    feet = np.zeros((200, 2, 3))
    feet[:, 0, 0] = np.repeat(np.arange(10) * 0.7, 20)
    feet[:, 1, 0] = np.repeat(np.arange(10) * 0.7 + 0.35, 20)
    feet[:, :, 1] = [0.3, -0.3]
    feet[:, :, 1] += rng.normal(0, 0.2, (200, 2))
    clearance = 0.02 + 0.005 * feet[..., 0] - 0.003 * feet[..., 1]
    stance = rng.random((200, 2)) < 0.6
    clearance[~stance] += 0.2
    plane = fit_floor(clearance, stance, feet)
    # Levelling is cautious: a little of the slope stays where footholds are close together.
    np.testing.assert_allclose(plane.slope, [0.005, -0.003], rtol=0.15, atol=1.5e-3)
    left = clearance[stance] - plane.at(feet)[stance]
    assert np.abs(left).max() < 2e-3


def test_feet_on_one_spot_tell_no_slope():
    feet = np.zeros((50, 2, 3))
    feet[:, 0, 1], feet[:, 1, 1] = 0.1, -0.1
    clearance = np.full((50, 2), 0.03)
    clearance[:, 0] += 0.01
    plane = fit_floor(clearance, np.ones((50, 2), dtype=bool), feet)
    assert np.abs(plane.slope).max() < 0.01
    assert plane.at(np.zeros((1, 3)))[0] == pytest.approx(0.035, abs=1e-3)


def test_floor_says_how_high_ankles_are_where_feet_stand_or_sink_and_nothing_else(full_body):
    body = KinematicBody.of(full_body)
    qpos = np.repeat(full_body.couplings.apply(full_body.mj_model.qpos0[None]), 40, axis=0)
    floor = FloorGeoms.of(full_body)
    qpos[:, 2] -= survey(body, floor, qpos).soles.mean(axis=1) - 0.02
    qpos[30:, 2] -= 0.05
    seen, goals = survey(body, floor, qpos), targets_at(body, qpos).goals
    stance = np.zeros((40, 2), dtype=bool)
    stance[:10, 0] = True
    config = GroundConfig()
    found = standing_goals(body, goals, seen, stance, config)
    moved = found.pos - goals.pos
    for side, name in enumerate(("left", "right")):
        ankle = body.site(f"{name}_ankle")
        bound = stance[:, side] | (np.arange(40) >= 30)
        np.testing.assert_allclose(moved[bound, ankle, 2], -seen.soles[bound, side])
        np.testing.assert_array_equal(found.height_factor[bound, ankle], config.sole_weight)
        np.testing.assert_array_equal(found.height_factor[~bound, ankle], 1.0)
        moved[bound, ankle, 2] = 0.0
    np.testing.assert_array_equal(moved, 0.0)
    assert np.abs(seen.soles).min() > 0.01


def test_toe_targets_take_the_bend_and_nothing_else(full_body):
    body = KinematicBody.of(full_body)
    straight = full_body.couplings.apply(full_body.mj_model.qpos0[None])
    bent = straight.copy()
    bent[:, body.model.joint("mtp_angle_r").qposadr[0]] = 0.4
    # The pose is elsewhere altogether: only toes against foot may count.
    bent[:, 3:7] = [0.5, 0.5, 0.5, 0.5]
    targets = with_toes_of(body, targets_at(body, straight), body.poses(bent).site_mat)
    expected = straight.copy()
    expected[:, body.model.joint("mtp_angle_r").qposadr[0]] = 0.4
    found, wanted = targets.quat, body.poses(expected).site_quat
    agreement = np.abs((found * wanted).sum(axis=-1))
    np.testing.assert_allclose(agreement, 1.0, atol=1e-9)
