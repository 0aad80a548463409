"""Whole-body coordination: its equations of motion are MuJoCo's, its solution is optimal."""

import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim import NativeSimulator
from musclemimic_sim.body import body_state
from musclemimic_sim.dynamics import reduction
from musclemimic_sim.following import Reference
from musclemimic_sim.foot_points import foot_points
from musclemimic_sim.gauss import gauss_rows
from musclemimic_sim.muscle import bias, gain, muscle_parameters
from musclemimic_sim.whole_body import build_whole_body
from musclemimic_sim.whole_body_config import WholeBodyConfig
from musclemimic_sim.whole_body_gains import gains_of
from scipy.spatial.transform import Rotation

WORLDS = 3


@pytest.fixture(scope="module")
def model():
    return get_musculo_model("MyoFullBody", fingers=False)


@pytest.fixture(scope="module")
def states(model):
    """In the air, moving, on the couplings; float32, so that both sides see the same numbers."""
    rng = np.random.default_rng(0)
    m, c = model.mj_model, model.couplings
    qpos = np.tile(m.qpos0, (WORLDS, 1))
    qpos[:, 3:7] = rng.normal(size=(WORLDS, 4))
    qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
    qpos[:, 2] = 3.0
    middle, half = c.box.mean(axis=1), np.diff(c.box)[:, 0] / 2
    qpos[:, c.scalar_qpos] = middle + half * rng.uniform(-0.3, 0.3, (WORLDS, len(half)))
    qpos = c.apply(qpos)
    qvel = c.apply_velocity(qpos, rng.normal(0, 0.3, (WORLDS, m.nv)))
    act = rng.uniform(0, 0.3, (WORLDS, m.na))
    return tuple(x.astype(np.float32) for x in (qpos, qvel, act))


@pytest.fixture(scope="module")
def physics(model, states):
    simulator = NativeSimulator(model, num_worlds=WORLDS, substeps=5, dynamics=True)
    output = simulator.reset(np.ones(WORLDS, dtype=bool), *states)
    return simulator, body_state(output, np.zeros(WORLDS, dtype=bool))


def in_mujoco(model, states, world):
    m = model.mj_model
    d = mujoco.MjData(m)
    d.qpos[:], d.qvel[:], d.act[:] = (x[world] for x in states)
    mujoco.mj_forward(m, d)
    return m, d


def velocities(model):
    """Qvel addresses of root and independent joints, in the layer's order."""
    joints = reduction(model).joints
    return np.concatenate([np.arange(6), np.asarray(joints.joint_dof)])


def test_mass_matrix_is_mujocos_on_the_couplings(model, states, physics):
    simulator, state = physics
    ours = np.asarray(reduction(model).mass_matrix(simulator.dynamics(), state.qpos))
    order = [model.couplings.free_dof.tolist().index(dof) for dof in velocities(model)]
    for world in range(WORLDS):
        m, d = in_mujoco(model, states, world)
        full = np.zeros((m.nv, m.nv))
        mujoco.mj_fullM(m, d, full)
        S = model.couplings.jacobian(d.qpos)[:, order]
        np.testing.assert_allclose(ours[world], S.T @ full @ S, atol=2e-4)


def test_foot_points_move_as_their_jacobian_says(model, states, physics):
    simulator, _ = physics
    points = foot_points(model)
    dynamics = simulator.dynamics()
    lowest = points.lowest(dynamics.body_pos, dynamics.body_mat)
    jacobian = np.asarray(points.jacobian(dynamics, lowest))
    assert len(points.body) == 18  # four capsules (two ends each) and an ellipsoid a foot
    for world in range(WORLDS):
        m, d = in_mujoco(model, states, world)
        for index, body in enumerate(np.asarray(points.body)):
            theirs = np.zeros((3, m.nv))
            point = np.asarray(lowest[world, index], dtype=np.float64)
            mujoco.mj_jac(m, d, theirs, None, point, int(body))
            np.testing.assert_allclose(jacobian[world, index], theirs, atol=2e-6)


def test_foot_points_are_where_the_floor_touches(model):
    """Lowered until a foot is just in the floor, MuJoCo's contacts are among the points."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    qpos = model.couplings.apply(m.qpos0)
    qpos[3:7] = [np.sqrt(0.5), np.sqrt(0.5), 0, 0]
    floor = next(g for g in range(m.ngeom) if m.geom_type[g] == mujoco.mjtGeom.mjGEOM_PLANE)
    d.qpos[:] = qpos
    mujoco.mj_forward(m, d)
    feet = [
        g for g in range(m.ngeom) if m.body(m.geom_bodyid[g]).name.startswith(("calcn", "toes"))
    ]
    solid = [g for g in feet if m.geom_contype[g] or m.geom_conaffinity[g]]
    qpos[2] -= min(mujoco.mj_geomDistance(m, d, floor, g, 5.0, None) for g in solid) + 0.002
    simulator = NativeSimulator(model, num_worlds=1, substeps=5, dynamics=True)
    simulator.reset(np.ones(1, dtype=bool), qpos[None], np.zeros((1, m.nv)), np.zeros((1, m.na)))
    placed = simulator.dynamics()
    lowest = np.asarray(foot_points(model).lowest(placed.body_pos, placed.body_mat))[0]
    d.qpos[:] = qpos
    mujoco.mj_forward(m, d)
    touching = [d.contact[i] for i in range(d.ncon) if floor in d.contact[i].geom]
    assert len(touching) > 0
    for contact in touching:
        # MuJoCo puts the contact halfway into the overlap.
        beside = lowest[:, :2] - contact.pos[:2]
        nearest = np.linalg.norm(beside, axis=1).argmin()
        assert np.linalg.norm(beside[nearest]) < 1e-3
        assert lowest[nearest, 2] == pytest.approx(contact.dist, abs=1e-4)


def test_forces_accelerate_the_body_as_mujoco_says(model, states, physics):
    """M⁻¹ (A a − h) in the air against MuJoCo's own acceleration, couplings enforced."""
    simulator, state = physics
    reduce, muscles = reduction(model), muscle_parameters(model)
    dynamics = simulator.dynamics()
    arms = reduce.forces(jnp.asarray(simulator.muscle_moments()), state.qpos)
    force = gain(muscles, state.length, state.velocity) * state.act + bias(muscles, state.length)
    held = jnp.asarray(dynamics.bias_force) - jnp.asarray(dynamics.passive_force)
    push = jnp.einsum("nmf,nm->nf", arms, force) - reduce.forces(held, state.qpos)
    mass = reduce.mass_matrix(dynamics, state.qpos)
    ours = np.linalg.solve(np.asarray(mass, dtype=np.float64), np.asarray(push)[..., None])[..., 0]
    for world in range(WORLDS):
        _, d = in_mujoco(model, states, world)
        theirs = d.qacc[velocities(model)]
        error = np.linalg.norm(ours[world] - theirs) / np.linalg.norm(theirs)
        # MuJoCo holds couplings softly and limits joints; the layer leaves out the rate of S.
        assert error < 0.05


def test_damping_of_active_muscles_equals_mujocos_torques_differentiated(model, states, physics):
    """(inertia(τ) − M) / τ against −∂(joint torques)/∂(joint speeds), by MuJoCo's own muscles."""
    simulator, state = physics
    layer, horizon, eps = build_whole_body(model), 0.01, 1e-4
    arms = layer.reduction.forces(jnp.asarray(simulator.muscle_moments()), state.qpos)
    dynamics = simulator.dynamics()
    ours = [layer.inertia(state, dynamics, arms, horizon=tau) for tau in (horizon, 0.0)]
    damping = (np.asarray(ours[0], dtype=np.float64) - np.asarray(ours[1])) / horizon
    at = velocities(model)
    for world in range(WORLDS):
        m, d = in_mujoco(model, states, world)

        def torque(speed, d=d, m=m, world=world):
            d.qvel[:] = model.couplings.apply_velocity(d.qpos, speed)
            mujoco.mj_fwdVelocity(m, d)
            mujoco.mj_fwdActuation(m, d)
            force = jnp.tile(jnp.array(d.qfrc_actuator, jnp.float32), (WORLDS, 1))
            return np.asarray(layer.reduction.forces(force, state.qpos), dtype=np.float64)[world]

        speed = states[1][world].astype(np.float64)
        columns = []
        for dof in at:
            step = np.zeros(m.nv)
            step[dof] = 100 * eps
            columns.append((torque(speed - step) - torque(speed + step)) / (200 * eps))
        error = np.linalg.norm(damping[world] - np.stack(columns, axis=1))
        assert error < 0.01 * np.linalg.norm(damping[world])


def test_what_is_predicted_comes_about_over_a_control_step(model, states, physics):
    """Muscles held as they are for 10 ms: the change of velocity is (M + τB)⁻¹ of the forces.

    Without τB the feet alone are predicted to accelerate many times too fast.
    """
    simulator, state = physics
    layer, horizon = build_whole_body(model), 0.01
    arms = layer.reduction.forces(jnp.asarray(simulator.muscle_moments()), state.qpos)
    dynamics = simulator.dynamics()
    force = gain(layer.muscles, state.length, state.velocity) * state.act
    push = jnp.einsum("nmf,nm->nf", arms, force) - layer.held(state, dynamics, arms)
    at, wrong = velocities(model), {}
    for tau in (horizon, 0.0):
        inertia = np.asarray(layer.inertia(state, dynamics, arms, horizon=tau), dtype=np.float64)
        predicted = np.linalg.solve(inertia, np.asarray(push)[..., None])[..., 0] * horizon
        errors = []
        for world in range(WORLDS):
            m, d = in_mujoco(model, states, world)
            d.ctrl[:] = d.act
            mujoco.mj_step(m, d, nstep=5)
            change = d.qvel[at] - states[1][world][at]
            errors.append(np.linalg.norm(predicted[world] - change) / np.linalg.norm(change))
        wrong[tau] = np.mean(errors)
    assert wrong[horizon] < 0.35
    assert wrong[0.0] > 3 * wrong[horizon]


def test_rows_measure_the_acceleration_error_in_the_metric():
    """|R (M⁻¹ (C x − h) − u*)|² = eᵀ (M + D) e, computed here from its definition."""
    rng = np.random.default_rng(1)
    factor = rng.normal(size=(2, 5, 5))
    mass = factor @ factor.swapaxes(1, 2) + 0.5 * np.eye(5)
    columns, x = rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 4))
    wanted, rest = rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    weight = np.array([[2.0, 0.0, 1.0, 0.0, 3.0]])
    rows, target = gauss_rows(*(jnp.array(v) for v in (mass, weight, columns, wanted, rest)))
    ours = np.sum((np.einsum("nfc,nc->nf", rows, x) - target) ** 2, axis=1)
    for world in range(2):
        force = columns[world] @ x[world] - rest[world]
        error = np.linalg.solve(mass[world], force) - wanted[world]
        expected = error @ (mass[world] + np.diag(weight[0])) @ error
        assert ours[world] == pytest.approx(expected, rel=1e-4)


def reference_near(state, rng):
    """Somewhere near the state, one leg in the air."""
    count = len(state.qpos)
    qpos = np.array(state.qpos)
    qpos[:, :3] += rng.normal(0, 0.1, (count, 3))
    small = Rotation.from_rotvec(rng.normal(0, 0.2, (count, 3)))
    turned = Rotation.from_quat(qpos[:, 3:7], scalar_first=True) * small
    qpos[:, 3:7] = turned.as_quat(scalar_first=True)
    qpos[:, 7:] += rng.normal(0, 0.1, qpos[:, 7:].shape)
    qvel = np.array(state.qvel) + rng.normal(0, 0.1, state.qvel.shape)
    swing = np.tile([1.0, 0.0], (count, 1))
    acceleration = rng.normal(size=qvel.shape)
    return Reference(*map(jnp.array, (qpos, qvel, acceleration, swing, 0 * swing)))


def turned_about_vertical(qpos, vectors, angle):
    """A state's qpos, and world-frame root vectors (first 3 columns), turned about z."""
    turn = Rotation.from_euler("z", angle)
    qpos, vectors = np.array(qpos), [np.array(v) for v in vectors]
    qpos[:, :3] = turn.apply(qpos[:, :3])
    facing = turn * Rotation.from_quat(qpos[:, 3:7], scalar_first=True)
    qpos[:, 3:7] = facing.as_quat(scalar_first=True)
    for v in vectors:
        v[:, :3] = turn.apply(v[:, :3])
    return jnp.array(qpos), [jnp.array(v) for v in vectors]


def test_wanted_acceleration_turns_with_the_scene(model, physics):
    _, state = physics
    layer, gains = build_whole_body(model), gains_of(WholeBodyConfig(step_roll=0.3, step_yaw=0.2))
    reference = reference_near(state, np.random.default_rng(2))
    none = jnp.zeros((WORLDS, len(layer.reduction.joints.joint_dof)))
    first = layer.following.acceleration(gains, state, reference, none)
    qpos, (qvel,) = turned_about_vertical(state.qpos, [state.qvel], 1.1)
    goal, (speed, rate) = turned_about_vertical(
        reference.qpos, [reference.qvel, reference.acceleration], 1.1
    )
    second = layer.following.acceleration(
        gains,
        state._replace(qpos=qpos, qvel=qvel),
        reference._replace(qpos=goal, qvel=speed, acceleration=rate),
        none,
    )
    _, (expected,) = turned_about_vertical(state.qpos, [first], 1.1)
    np.testing.assert_allclose(second, expected, atol=2e-2, rtol=1e-3)


def anatomical_axes(model, qpos):
    """Forward (heel to toe) and left (right to left hip), horizontal, world frame; and a foot's
    place from the pelvis, as a function of pose and side."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)

    def places(qpos, *bodies):
        d.qpos[:] = model.couplings.apply(qpos[None])[0]
        mujoco.mj_kinematics(m, d)
        return [d.xpos[m.body(name).id].copy() for name in bodies]

    toes, heel, left, right = places(qpos, "toes_r", "calcn_r", "femur_l", "femur_r")
    flat = np.array([1.0, 1.0, 0.0])
    axes = [(v * flat) / np.linalg.norm(v * flat) for v in (toes - heel, left - right)]
    return axes, lambda qpos, side: np.subtract(*places(qpos, f"calcn_{side}", "pelvis"))


@pytest.mark.parametrize("direction", ["forward", "left"])
@pytest.mark.parametrize("side", ["l", "r"])
@pytest.mark.parametrize("heading", [0.0, 2.0])
def test_the_swinging_foot_goes_where_the_pelvis_has_gone(model, direction, side, heading):
    """A pelvis 0.1 m off, or 0.1 m/s too fast, puts only the swinging foot that way."""
    layer, swinging = build_whole_body(model), "lr".index(side)
    turned, _ = turned_about_vertical(jnp.asarray(model.mj_model.qpos0[None]), [], heading)
    qpos = np.array(turned[0], dtype=np.float64)
    (forward, left), foot = anatomical_axes(model, qpos)
    away = {"forward": forward, "left": left}[direction]
    gains = gains_of(
        WholeBodyConfig(
            step_position=2.0,
            side_position=2.0,
            step_velocity=1.0,
            side_velocity=1.0,
            lift=0.0,
            apart=0.0,
        )
    )
    reference = Reference(
        qpos=jnp.asarray(qpos[None]),
        qvel=jnp.zeros((1, model.mj_model.nv)),
        acceleration=jnp.zeros((1, model.mj_model.nv)),
        swing=jnp.eye(2)[swinging][None],
        swing_rate=jnp.zeros((1, 2)),
    )
    zero = jnp.zeros((1, 3))
    small = jnp.asarray(0.1 * away[None], jnp.float32)
    for shift, speed, angle in ((small, zero, 0.2), (zero, small, 0.1)):
        offset, rate = layer.following.steps(gains, reference, shift, speed, zero)
        assert not rate.any()
        moved = qpos.copy()
        moved[model.couplings.scalar_qpos] += np.asarray(offset[0], np.float64)
        step = foot(moved, side) - foot(qpos, side)
        # A leg of 0.8 to 0.9 m turned at the hip by `angle`.
        assert step @ away == pytest.approx(0.85 * angle, rel=0.15)
        other = "rl"[swinging]
        assert foot(moved, other) == pytest.approx(foot(qpos, other))


def test_a_swinging_foot_carries_nothing(model, physics):
    simulator, state = physics
    layer, high = build_whole_body(model), WholeBodyConfig(contact_height_m=10.0)
    swing = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.2, 0.8]])
    _, bound = layer.ground(simulator.dynamics(), state.qpos, swing, high)
    sides = np.repeat(layer.points.side, 4)  # the edges of each point's pyramid
    carrying = [[bool((row[sides == side] > 0).all()) for side in (0, 1)] for row in bound]
    assert carrying == [[True, True], [False, True], [True, False]]
    names = [model.mj_model.body(int(body)).name for body in layer.points.body]
    assert [name[-1] for name in names] == ["lr"[side] for side in layer.points.side]


def test_settings_that_fit_nothing_are_refused():
    for wrong in ({"friction": 0.0}, {"joint": -1.0}, {"step_yaw": float("nan")}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            WholeBodyConfig(**wrong)
