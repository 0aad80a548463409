"""Randomised bodies and pushes in the environment: redraw, determinism, restore."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_sim import (
    EnvConfig,
    NativeSimulator,
    PushConfig,
    RandomisationConfig,
    Spread,
    make_env,
)
from musclemimic_sim.variation import Variation

EVERYTHING = RandomisationConfig(
    strength=Spread(0.5, 1.2),
    mass=Spread(0.8, 1.2),
    friction=Spread(0.5, 1.0, shared=True),
    damping=Spread(0.5, 2.0),
    gravity=Spread(0.9, 1.1),
)
PUSHES = PushConfig(force_n=(5.0, 30.0), duration_s=0.03, interval_s=(0.02, 0.1))
CONFIG = EnvConfig(randomisation=EVERYTHING, pushes=PUSHES, horizon=13)


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="module")
def clips(arms):
    return (arm_wave(arms, 0.6),)


def random_actions(env, steps, seed=0):
    keys = jax.random.split(jax.random.PRNGKey(seed), steps)
    return [0.3 * jax.random.normal(k, (env.num_envs, env.spec.action_size)) for k in keys]


def varied_simulator(arms, worlds, randomisation=EVERYTHING, pushes=PUSHES):
    """A simulator and its variation, without the rest of an environment."""
    sim = NativeSimulator(arms, num_worlds=worlds, substeps=5)
    return sim, Variation(arms, sim, randomisation, pushes, seed=3, control_dt=0.01)


def strengths(sim):
    return sim.get_state()["model/actuator_gainprm"][:, :, 2]


def test_restarted_worlds_get_new_bodies_and_the_others_keep_theirs(arms):
    sim, variation = varied_simulator(arms, 3)
    before = {k: np.array(v) for k, v in variation.factors.items()}
    assert set(before) == {"strength", "mass", "friction", "damping", "gravity"}
    peak = arms.mj_model.actuator_gainprm[:, 2]
    np.testing.assert_allclose(strengths(sim), peak * before["strength"], rtol=1e-6)
    variation.restart(jnp.array([False, True, False]))
    for name, was in before.items():
        now = np.asarray(variation.factors[name])
        np.testing.assert_array_equal(now[[0, 2]], was[[0, 2]])
        assert not np.array_equal(now[1], was[1])
    np.testing.assert_allclose(strengths(sim), peak * variation.factors["strength"], rtol=1e-6)


def test_bodies_drawn_once_stay(arms):
    _, variation = varied_simulator(arms, 2, dataclasses.replace(EVERYTHING, redraw="once"))
    before = np.array(variation.factors["strength"])
    variation.restart(jnp.ones(2, dtype=bool))
    np.testing.assert_array_equal(variation.factors["strength"], before)


def test_strength_reaches_the_muscles(arms):
    half = RandomisationConfig(strength=Spread(0.5, 0.5))
    weak, _ = varied_simulator(arms, 1, half)
    plain = NativeSimulator(arms, num_worlds=1, substeps=5)
    m = arms.mj_model
    start = (m.qpos0[None], np.zeros((1, m.nv)), np.full((1, m.nu), 0.3))
    forces = [sim.reset(np.ones(1, dtype=bool), *start).actuator_force for sim in (weak, plain)]
    assert np.abs(forces[1]).max() > 50
    np.testing.assert_allclose(forces[0], 0.5 * forces[1], rtol=1e-5)


def test_pushes_move_the_body(arms):
    pushed, variation = varied_simulator(arms, 2, RandomisationConfig())
    quiet = NativeSimulator(arms, num_worlds=2, substeps=5)
    idle = np.zeros((2, arms.mj_model.nu))
    variation.restart(jnp.ones(2, dtype=bool))
    for _ in range(12):
        variation.before_step()
        outputs = [sim.step(idle) for sim in (pushed, quiet)]
    assert np.abs(outputs[0].qvel - outputs[1].qvel).max() > 0.1


def test_seed_decides_the_bodies(arms):
    _, variation = varied_simulator(arms, 4)
    drawn = []
    for seed in (7, 7, 8):
        variation.reseed(seed)
        variation.restart(jnp.ones(4, dtype=bool))
        drawn.append(variation.factors)
    for name, factor in drawn[0].items():
        np.testing.assert_array_equal(factor, drawn[1][name])
        assert not np.array_equal(factor, drawn[2][name])


@pytest.mark.slow
def test_coordination_knows_the_nominal_strength(arms, clips):
    """The controller must not undo the randomisation, see docs/physics.md."""
    excitations = []
    for strength in (Spread(), Spread(0.5, 0.5)):
        config = EnvConfig(
            action_map="coordinated",
            initial_activation=0.1,
            randomisation=RandomisationConfig(strength=strength),
        )
        env = make_env(arms, clips, num_envs=1, config=config)
        env.reset_to(np.array([0]), np.array([5]))
        env.step(jnp.full((1, env.spec.action_size), 0.5))
        excitations.append(env.excitation)
    assert excitations[0].max() > 0.3
    np.testing.assert_array_equal(*excitations)


@pytest.mark.slow
def test_any_number_of_threads_gives_the_same_bits(arms, clips):
    plain, runs = make_env(arms, clips, num_envs=6, seed=1), []
    for threads in (1, 2, 4):
        env = make_env(arms, clips, num_envs=6, seed=1, config=CONFIG, num_threads=threads)
        # The bodies' random numbers are not those of the start states.
        np.testing.assert_array_equal(env.frame, plain.frame)
        steps = [env.step(action) for action in random_actions(env, 30)]
        runs.append((steps, env.get_state()))
    assert any(bool((s.truncated | s.terminated).any()) for s in runs[0][0])
    for steps, state in runs[1:]:
        for expected, step in zip(runs[0][0], steps, strict=True):
            np.testing.assert_array_equal(expected.obs, step.obs)
            np.testing.assert_array_equal(expected.reward, step.reward)
        assert state.keys() == runs[0][1].keys()
        for name, value in state.items():
            np.testing.assert_array_equal(value, runs[0][1][name], err_msg=name)


def test_restored_in_the_middle_of_an_episode_and_a_push_it_continues_bit_for_bit(arms, clips):
    env = make_env(arms, clips, num_envs=4, seed=3, config=CONFIG)
    actions = random_actions(env, 40)
    for action in actions[:20]:
        env.step(action)
        if (np.asarray(env.variation.push.remaining) > 1).any():
            saved = env.get_state()
            rest = actions[20:]
            break
    straight = [env.step(action) for action in rest]
    assert any(bool(s.truncated.any()) for s in straight), "no episode ended: nothing was redrawn"
    fresh = make_env(arms, clips, num_envs=4, seed=99, config=CONFIG)
    fresh.set_state(saved)
    for expected, action in zip(straight, rest, strict=True):
        step = fresh.step(action)
        np.testing.assert_array_equal(expected.obs, step.obs)
        np.testing.assert_array_equal(expected.reward, step.reward)
    for name, value in env.get_state().items():
        np.testing.assert_array_equal(value, fresh.get_state()[name], err_msg=name)


def test_evaluation_is_on_the_nominal_body():
    config = CONFIG.for_evaluation()
    assert config.randomisation == RandomisationConfig()
    assert config.pushes == PushConfig()
