"""Muscle force, activation dynamics and coordination against MuJoCo and an exact solver."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_sim import EnvConfig, make_env
from musclemimic_sim.coordination import coordinate, joint_dynamics, joint_map
from musclemimic_sim.muscle import advance, bias, excitation_for, gain, muscle_parameters
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
            assert abs(ours[1][k, i] - expected) <= 1e-10 * prm[2] * 10, m.actuator(i).name


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


def test_solution_agrees_with_an_exact_bounded_solver():
    rng = np.random.default_rng(3)
    problems, joints, muscles, strength = 200, 14, 64, 0.01
    A = rng.normal(size=(problems, joints, muscles)) * rng.lognormal(size=(problems, joints, 1))
    b = 3 * rng.normal(size=(problems, joints))
    low = rng.uniform(0, 0.3, (problems, muscles))
    high = low + rng.uniform(0, 0.7, (problems, muscles))
    solve = jax.jit(coordinate, static_argnames="regularisation")
    as_f32 = (jnp.array(x, dtype=jnp.float32) for x in (A, b, low, high))
    a32, b32, low32, high32 = as_f32
    found = np.asarray(solve(a32, b32, low=low32, high=high32, regularisation=strength))
    assert (found >= np.asarray(low32)).all()
    assert (found <= np.asarray(high32)).all()

    def cost(i, a):
        return 0.5 * np.sum((A[i] @ a - b[i]) ** 2) + 0.5 * strength * np.sum(a**2)

    for i in range(0, problems, 10):
        stacked = np.vstack([A[i], np.sqrt(strength) * np.eye(muscles)])
        wanted = np.concatenate([b[i], np.zeros(muscles)])
        exact = lsq_linear(stacked, wanted, bounds=(low[i], high[i]), tol=1e-12).x
        assert cost(i, found[i]) <= cost(i, exact) * (1 + 1e-3) + 1e-4


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
    assert all((values > 0).all() for values in joint_dynamics(model))


def test_moments_are_muscle_length_slopes(model):
    """Simulator.muscle_moments equals MuJoCo's dense matrix, muscle by velocity coordinate."""
    from musclemimic_sim import NativeSimulator

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
