"""The functional API: explicit states that can be branched from and gone back to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_sim import EnvConfig, functional, make_env


@pytest.fixture(scope="module")
def env():
    model = get_musculo_model("BimanualMuscle", fingers=False)
    return make_env(model, [arm_wave(model, 0.5)], num_envs=3, config=EnvConfig(horizon=5))


def actions(count):
    keys = jax.random.split(jax.random.PRNGKey(0), count)
    return [0.5 * jax.random.uniform(key, (3, 64)) for key in keys]


def test_branches_from_one_state_do_not_disturb_each_other(env):
    start, _ = functional.reset(env, seed=1)
    before = {name: value.copy() for name, value in start.arrays.items()}
    straight, state = [], start
    for action in actions(8):
        state, step = functional.step(env, state, action)
        straight.append(step)
    assert any(bool(step.truncated.any()) for step in straight)
    functional.step(env, start, jnp.ones((3, 64)))
    again, state = [], start
    for action in actions(8):
        state, step = functional.step(env, state, action)
        functional.step(env, state, jnp.ones((3, 64)))  # another branch, each time
        again.append(step)
    for one, other in zip(straight, again, strict=True):
        assert np.array_equal(one.obs, other.obs)
        assert np.array_equal(one.reward, other.reward)
        assert np.array_equal(one.final_obs, other.final_obs)
    for name, value in before.items():
        assert np.array_equal(start.arrays[name], value), name
    with pytest.raises(ValueError, match="read-only"):
        start.arrays["episode/frame"][0] = 3


def test_an_environment_moved_by_others_is_put_back(env):
    action = actions(1)[0]
    state, _ = functional.reset(env, seed=2)
    _, expected = functional.step(env, state, action)
    state, _ = functional.reset(env, seed=2)
    env.step(jnp.ones((3, 64)))
    env.seed(99)
    assert np.array_equal(functional.step(env, state, action)[1].obs, expected.obs)
    same, _ = functional.reset(env, seed=2)
    other, _ = functional.reset(env, seed=3)
    assert not np.array_equal(same.arrays["episode/frame"], other.arrays["episode/frame"])
