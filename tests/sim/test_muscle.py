"""Muscle force, activation dynamics and coordination against MuJoCo and an exact solver."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_sim import (
    EnvConfig,
    JointTarget,
    NativeSimulator,
    build_coordinator,
    make_env,
    solve_in_box,
)
from musclemimic_sim.blocks import BlockMatrix, group_columns
from musclemimic_sim.body import body_state
from musclemimic_sim.coordination import joint_damping, joint_map
from musclemimic_sim.muscle import (
    advance,
    bias,
    excitation_for,
    gain,
    gain_slope,
    muscle_parameters,
)
from scipy.optimize import lsq_linear


@pytest.fixture(params=["BimanualMuscle", "MyoFullBody"])
def model(request):
    return get_musculo_model(request.param, fingers=False)


def test_gain_and_bias_equal_mujocos_for_every_muscle(model):
    """To 1e-10 of the strength, over lengths beyond the range and speeds beyond the maximum."""
    m, t = model.mj_model, model.muscles
    rng = np.random.default_rng(0)
    span = np.diff(t.length_range)[:, 0]
    lengths = t.length_range[:, 0] + span * rng.uniform(-0.5, 2.0, (60, m.nu))
    speeds = t.max_velocity * rng.uniform(-1.5, 1.5, (60, m.nu))
    with jax.enable_x64(True):
        p = muscle_parameters(model)
        ours = (
            np.asarray(gain(p, jnp.array(lengths), jnp.array(speeds))),
            np.asarray(bias(p, jnp.array(lengths))),
        )
    for i in range(m.nu):
        prm, limits, acc0 = m.actuator_gainprm[i][:9], m.actuator_lengthrange[i], m.actuator_acc0[i]
        for k in range(len(lengths)):
            expected = mujoco.mju_muscleGain(lengths[k, i], speeds[k, i], limits, acc0, prm)
            assert abs(ours[0][k, i] - expected) <= 1e-10 * prm[2], m.actuator(i).name
            expected = mujoco.mju_muscleBias(lengths[k, i], limits, acc0, prm)
            # Far beyond the range, passive force is many times the strength.
            limit = 1e-10 * max(prm[2], abs(expected))
            assert abs(ours[1][k, i] - expected) <= limit, m.actuator(i).name


def test_gain_slope_is_the_derivative_of_gain(model):
    rng = np.random.default_rng(2)
    t = model.muscles
    lengths = t.length_range[:, 0] + np.diff(t.length_range)[:, 0] * rng.uniform(0, 1, len(t.names))
    # Away from the corners of the curve, at full shortening speed and at full eccentric force.
    speeds = t.max_velocity * rng.uniform(-0.9, 0.2, len(t.names))
    with jax.enable_x64(True):
        p = muscle_parameters(model)
        at = [np.asarray(gain(p, jnp.array(lengths), jnp.array(speeds + d))) for d in (-1e-6, 1e-6)]
        slope = np.asarray(gain_slope(p, jnp.array(lengths), jnp.array(speeds)))
    assert slope == pytest.approx((at[1] - at[0]) / 2e-6, rel=1e-3, abs=1e-3)
    assert (slope <= 0).all()


def test_activation_advances_like_mujoco(model):
    m = model.mj_model
    rng = np.random.default_rng(1)
    act, ctrl = rng.uniform(size=(2, m.nu))
    expected = act.copy()
    for _ in range(5):
        rate = [
            mujoco.mju_muscleDynamics(ctrl[i], expected[i], m.actuator_dynprm[i][:3])
            for i in range(m.nu)
        ]
        expected = np.clip(expected + 0.002 * np.array(rate), 0, 1)
    with jax.enable_x64(True):
        p = muscle_parameters(model)
        ours = advance(p, jnp.array(act), jnp.array(ctrl), timestep=0.002, substeps=5)
    assert np.asarray(ours) == pytest.approx(expected, abs=1e-12)


def test_excitation_moves_activation_close_to_its_target(model):
    rng = np.random.default_rng(2)
    p = muscle_parameters(model)
    act = jnp.array(rng.uniform(size=model.mj_model.nu), dtype=jnp.float32)
    reach = {"timestep": 0.002, "substeps": 5}
    low, high = (advance(p, act, jnp.full_like(act, u), **reach) for u in (0.0, 1.0))
    for share in (0.0, 0.3, 0.7, 1.0):
        target = low + share * (high - low)
        excitation = excitation_for(target, act=act, low=low, high=high)
        reached = advance(p, act, excitation, **reach)
        # In between, the time constants change with activation: 0.037 off at worst.
        tolerance = 1e-5 if share in (0.0, 1.0) else 0.05
        assert np.abs(np.asarray(reached - target)).max() < tolerance


def random_problems(model, count, seed):
    """Coordination problems of random poses, velocities, activations and joint targets."""
    m, c = model.mj_model, model.couplings
    rng = np.random.default_rng(seed)
    qpos = np.tile(m.qpos0, (count, 1))
    qpos[:, c.scalar_qpos] = rng.uniform(c.box[:, 0], c.box[:, 1], (count, len(c.box)))
    qpos = c.apply(qpos)
    qvel = c.apply_velocity(qpos, rng.uniform(-2, 2, (count, m.nv)))
    act = rng.uniform(size=(count, m.na))
    sim = NativeSimulator(model, num_worlds=count, substeps=5, moments=True, dynamics=True)
    start = (qpos.astype(np.float32), qvel.astype(np.float32), act.astype(np.float32))
    state = body_state(sim.reset(np.ones(count, dtype=bool), *start), sim.health()[0])
    coordinator = build_coordinator(model)
    joints = coordinator.reduction.joints
    offset = rng.uniform(-0.3, 0.3, (count, len(joints.joint_qpos)))
    target = JointTarget(
        position=state.qpos[:, joints.joint_qpos] + jnp.asarray(offset, jnp.float32),
        velocity=state.qvel[:, joints.joint_dof],
        acceleration=jnp.zeros(offset.shape),
    )
    return coordinator.problem(
        EnvConfig(),
        state=state,
        moments=jnp.asarray(sim.muscle_moments()),
        dynamics=sim.dynamics(),
        target=target,
        timestep=float(m.opt.timestep),
    )


def dense(matrix):
    rows, columns = matrix.rows, sum(len(muscles) for muscles in matrix.muscles)
    result = np.zeros((len(matrix.parts[0]), rows, columns))
    for part, joints, muscles in zip(matrix.parts, matrix.joints, matrix.muscles, strict=True):
        result[:, np.array(joints)[:, None], muscles] = part
    return result


@pytest.mark.slow
@pytest.mark.parametrize(("name", "exact"), [("BimanualMuscle", 1000), ("MyoFullBody", 30)])
def test_solution_agrees_with_an_exact_solver_on_1000_random_states(name, exact):
    """All 1,000 by the duality gap, which bounds the distance from any optimum; and lsq_linear.

    lsq_linear takes 0.3 s a problem on the full body, so it sees fewer of those.
    """
    model = get_musculo_model(name, fingers=False)
    problem = random_problems(model, 1000, seed=3)
    strength = EnvConfig().coordination.regularisation
    found = jax.jit(solve_in_box, static_argnames="regularisation")(
        problem.matrix, problem.target, low=problem.low, high=problem.high, regularisation=strength
    )
    a, low, high = (np.asarray(x, dtype=np.float64) for x in (found, problem.low, problem.high))
    assert (a >= low).all()
    assert (a <= high).all()
    A, b = dense(problem.matrix), np.asarray(problem.target, dtype=np.float64)

    def cost(i, a):
        return 0.5 * np.sum((A[i] @ a - b[i]) ** 2) + 0.5 * strength * np.sum(a**2)

    between = 0
    for i in range(len(a)):
        # Dual: y = b − A a; the inner minimum over the box is reached at clip(Aᵀy / λ).
        y = b[i] - A[i] @ a[i]
        inner = np.clip(A[i].T @ y / strength, low[i], high[i])
        bound = y @ b[i] - 0.5 * y @ y + np.sum(0.5 * strength * inner**2 - (A[i].T @ y) * inner)
        gap = cost(i, a[i]) - bound
        assert -1e-9 <= gap <= 2e-3 * cost(i, a[i]) + 1e-6, i
        between += np.sum((a[i] > low[i] + 1e-3) & (a[i] < high[i] - 1e-3))
    assert 0.02 < between / a.size < 0.95  # the bounds matter, and not everywhere
    root = np.sqrt(strength) * np.eye(A.shape[2])
    for i in range(exact):
        wanted = np.concatenate([b[i], np.zeros(A.shape[2])])
        box = (low[i], np.maximum(high[i], low[i] + 1e-9))
        best = lsq_linear(np.vstack([A[i], root]), wanted, box, method="bvls", tol=1e-12).x
        assert cost(i, a[i]) <= cost(i, best) * (1 + 1e-3) + 1e-6
        assert np.abs(a[i] - best).max() < 0.05


def test_bounds_decide_a_small_problem_by_hand():
    """One joint wants 1 from two muscles of arms 1 and 2, the stronger one limited to 0.3.

    With λ = 0.1 and a₂ = 0.3: a₁ = 0.4 / (1 + 0.1) = 0.3636; the third pulls backwards: low, 0.1,
    which leaves 1 − 0.6 + 0.1 = 0.5 and a₁ = 0.5 / 1.1 = 0.4545.
    """
    A = jnp.array([[[1.0, 2.0, -1.0]], [[1.0, 2.0, -1.0]]])
    b = jnp.array([[1.0], [jnp.nan]])
    low, high = jnp.array([[0.0, 0.0, 0.1]] * 2), jnp.array([[1.0, 0.3, 1.0]] * 2)
    found = np.asarray(solve_in_box(A, b, low=low, high=high, regularisation=0.1))
    assert found[0] == pytest.approx([0.4545, 0.3, 0.1], abs=2e-3)
    fixed = solve_in_box(A, b, low=low, high=low, regularisation=0.1)
    assert np.array_equal(fixed[0], low[0])


def test_blocks_are_the_whole_matrix():
    rng = np.random.default_rng(6)
    pattern = np.zeros((6, 9), dtype=bool)
    pattern[:3, :4] = pattern[2:6, 4:7] = pattern[0, 7] = True
    groups = group_columns(pattern)
    assert sorted(np.concatenate([columns for _, columns in groups])) == list(range(9))
    A = np.where(pattern, rng.normal(size=(5, 6, 9)), 0.0)
    rows, columns = (tuple(tuple(x.tolist()) for x in xs) for xs in zip(*groups, strict=True))
    parts = tuple(jnp.array(A[:, r[:, None], c]) for r, c in groups)
    blocks = BlockMatrix(parts, rows, columns, 6)
    a, y = jnp.array(rng.normal(size=(5, 9))), jnp.array(rng.normal(size=(5, 6)))
    assert np.asarray(blocks.times(a)) == pytest.approx(np.einsum("njm,nm->nj", A, a), abs=1e-5)
    expected = np.einsum("njm,nj->nm", A, y)
    assert np.asarray(blocks.transposed(y)) == pytest.approx(expected, abs=1e-5)
    expected = np.einsum("njm,nm,nkm->njk", A, a, A)
    assert np.asarray(blocks.weighted_square(a)) == pytest.approx(expected, abs=1e-5)


def test_torque_blocks_equal_the_reduced_moments(model):
    """Muscle by muscle and joint by joint, in a random pose: nothing is left out of the blocks."""
    coordinator = build_coordinator(model)
    m, c = model.mj_model, model.couplings
    rng = np.random.default_rng(7)
    qpos = np.tile(m.qpos0, (2, 1))
    qpos[:, c.scalar_qpos] = rng.uniform(c.box[:, 0], c.box[:, 1], (2, len(c.box)))
    qpos = c.apply(qpos).astype(np.float32)
    sim = NativeSimulator(model, num_worlds=2, substeps=5, moments=True)
    rest = (np.zeros((2, m.nv), np.float32), np.zeros((2, m.na), np.float32))
    sim.reset(np.ones(2, dtype=bool), qpos, *rest)
    moments = jnp.asarray(sim.muscle_moments())
    blocks = coordinator.torque_per_newton(moments, jnp.asarray(qpos))
    whole = coordinator.reduction.joints.reduce(moments, jnp.asarray(qpos))
    assert dense(blocks) == pytest.approx(np.swapaxes(np.asarray(whole), 1, 2), abs=1e-6)


def test_reduction_is_the_coupling_map(model):
    rng = np.random.default_rng(4)
    m, c = model.mj_model, model.couplings
    qpos = np.tile(m.qpos0, (3, 1))
    qpos[:, c.scalar_qpos] = rng.uniform(c.box[:, 0], c.box[:, 1], (3, len(c.box)))
    qpos = c.apply(qpos)
    forces = rng.normal(size=(3, 2, m.nv))
    reduced = joint_map(model).reduce(jnp.array(forces), jnp.array(qpos))
    free = c.free_dof.tolist()
    columns = [free.index(dof) for dof in np.asarray(joint_map(model).joint_dof).tolist()]
    for i in range(3):
        expected = (forces[i] @ c.jacobian(qpos[i]))[:, columns]
        assert np.asarray(reduced[i]) == pytest.approx(expected, abs=1e-4)


def test_joints_are_damped_as_mujoco_damps_them(model):
    """Power lost at unit speed of one joint, couplings included: u D u."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    d.qpos[:] = model.couplings.apply(m.qpos0)
    damping = joint_damping(model)
    for index, dof in enumerate(np.asarray(joint_map(model).joint_dof).tolist()):
        unit = np.zeros(m.nv)
        unit[dof] = 1.0
        d.qvel[:] = model.couplings.apply_velocity(d.qpos, unit)
        mujoco.mj_fwdPosition(m, d)
        mujoco.mj_fwdVelocity(m, d)
        assert damping[index] == pytest.approx(-d.qfrc_damper @ d.qvel, rel=1e-6, abs=1e-12)


def test_computed_torques_bring_the_wanted_acceleration_about():
    """Torques of the layer instead of muscles, for 10 ms from rest: qvel changes by a* τ.

    MuJoCo holds couplings softly, so a few per cent are left; gravity and springs are met too.
    """
    model = get_musculo_model("BimanualMuscle", fingers=False)
    m, c = model.mj_model, model.couplings
    coordinator, horizon = build_coordinator(model), 0.01
    rng = np.random.default_rng(8)
    qpos = m.qpos0.copy()
    qpos[c.scalar_qpos] = c.box.mean(axis=1) + 0.1 * np.diff(c.box)[:, 0] * rng.uniform(-1, 1)
    qpos = c.apply(qpos)
    sim = NativeSimulator(model, num_worlds=1, substeps=5, moments=True, dynamics=True)
    zeros = (np.zeros((1, m.nv), np.float32), np.zeros((1, m.na), np.float32))
    output = sim.reset(np.ones(1, dtype=bool), qpos[None].astype(np.float32), *zeros)
    state, dynamics = body_state(output, sim.health()[0]), sim.dynamics()
    matrix = coordinator.torque_per_newton(jnp.asarray(sim.muscle_moments()), state.qpos)
    inertia = coordinator.inertia(state, dynamics, matrix, horizon=horizon)
    passive = matrix.times(bias(coordinator.muscles, state.length))
    wanted = rng.uniform(-5, 5, inertia.shape[-1])
    torque = (
        np.asarray(inertia[0]) @ wanted + np.asarray(coordinator.held(state, dynamics) - passive)[0]
    )
    d = mujoco.MjData(m)
    d.qpos[:] = qpos
    dofs = np.asarray(coordinator.reduction.joints.joint_dof)
    d.qfrc_applied[dofs] = torque
    mujoco.mj_step(m, d, nstep=5)
    error = np.linalg.norm(d.qvel[dofs] / horizon - wanted)
    assert error < 0.2 * np.linalg.norm(wanted)


def test_moments_are_muscle_length_slopes(model):
    """Simulator.muscle_moments equals MuJoCo's dense matrix, muscle by velocity coordinate."""
    sim = NativeSimulator(model, num_worlds=1, substeps=5, moments=True)
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    d.qpos[:] = model.couplings.apply(m.qpos0)
    d.qpos[model.couplings.scalar_qpos] = model.couplings.box.mean(axis=1)
    d.qpos[:] = model.couplings.apply(d.qpos)
    everywhere = np.ones(1, dtype=bool)
    zeros = (np.zeros((1, m.nv), np.float32), np.zeros((1, m.na), np.float32))
    sim.reset(everywhere, d.qpos[None].astype(np.float32), *zeros)
    mujoco.mj_forward(m, d)
    dense = np.zeros((m.nu, m.nv))
    mujoco.mju_sparse2dense(
        dense, d.actuator_moment, d.moment_rownnz, d.moment_rowadr, d.moment_colind
    )
    assert sim.muscle_moments()[0] == pytest.approx(dense, abs=1e-5)
    assert sim.bias_force()[0] == pytest.approx(d.qfrc_bias, abs=1e-3)
    plain = NativeSimulator(model, num_worlds=1, substeps=5)
    with pytest.raises(ValueError, match="moments=False"):
        plain.muscle_moments()


def test_coordinated_arms_follow_the_reference_without_a_policy():
    model = get_musculo_model("BimanualMuscle", fingers=False)
    config = EnvConfig(action_map="coordinated", auto_reset=False)
    env = make_env(model, [arm_wave(model, 1.0)], num_envs=2, config=config)
    assert env.spec.action_names[0] == "elv_angle_r"
    assert env.spec.action_size == 14
    env.reset_to(np.array([0, 0]), np.array([0, 20]))
    for _ in range(60):
        step = env.step(jnp.zeros((2, 14)))
        assert env.excitation.min() >= 0
        assert env.excitation.max() <= 1
    assert float(step.terms["error/site_position_m"].max()) < 0.03
    moved = make_env(model, [arm_wave(model, 1.0)], num_envs=1, config=config)
    moved.reset_to(np.array([0]), np.array([0]))
    bend = jnp.zeros((1, 14)).at[0, 3].set(1.0)
    for _ in range(40):
        moved.step(bend)
    elbow = moved.task.body.joint_qpos[3]
    reference = np.asarray(moved.task.bank.qpos)[40, elbow]
    assert moved.output.qpos[0, elbow] - reference > 0.15
