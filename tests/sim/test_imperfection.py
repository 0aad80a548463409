"""Sensor noise and action delay: by hand, seeded, in the environment, in its state."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim import ActionDelay, EnvConfig, SensorNoise, make_env
from musclemimic_sim.delay import delayed, draw_delays, remembered
from musclemimic_sim.noise import noise_deviation


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


def test_delayed_action_by_hand():
    history = jnp.array([[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]])  # oldest first
    action = jnp.array([[7.0], [8.0], [9.0]])
    arriving = delayed(history, jnp.array([0, 1, 2]), action)
    assert arriving[:, 0].tolist() == [7.0, 4.0, 5.0]
    assert remembered(history, action)[0, :, 0].tolist() == [2.0, 7.0]
    none = jnp.zeros((3, 0, 1))
    assert delayed(none, jnp.zeros(3, jnp.int32), action) is action
    drawn = np.asarray(draw_delays(ActionDelay(1, 3), jax.random.PRNGKey(0), 200))
    assert set(drawn) == {1, 2, 3}


def test_deviations_follow_the_layout():
    widths = {"joint_position": 2, "excitation": 1, "touch": 2}
    deviation = noise_deviation(SensorNoise(joint_position=0.1, touch=0.5), widths, "here")
    assert deviation.tolist() == pytest.approx([0.1, 0.1, 0.0, 0.5, 0.5])
    with pytest.raises(InputError, match=r"here: sensor_noise.root_up: found 0.1"):
        noise_deviation(SensorNoise(root_up=0.1), widths, "here")


def test_muscles_get_the_action_of_some_steps_ago(arms):
    config = EnvConfig(
        action_delay=ActionDelay(2, 2), action_map="affine", initial_activation=0.2, horizon=6
    )
    env = make_env(arms, [arm_wave(arms, 0.5)], num_envs=2, config=config)
    env.reset_to(np.zeros(2, dtype=int), np.array([0, 5]))
    got = []
    for value in (-1.0, -0.5, 0.0, 0.5, 0.75, 1.0, 1.0):
        env.step(jnp.full((2, 64), value))
        got.append(float(env.excitation[0, 0]))
    # (a + 1)/2 two steps later; the initial activation until then, and again after the horizon.
    assert got == pytest.approx([0.2, 0.2, 0.0, 0.25, 0.5, 0.75, 0.2])


def test_noise_and_delay_are_seeded_and_saved(arms):
    """The noise has the configured size, follows the seed, spares final_obs, and is restored."""
    noise = SensorNoise(joint_position=0.05, site_state=0.02)
    config = EnvConfig(sensor_noise=noise, action_delay=ActionDelay(0, 2), horizon=8)
    clips = [arm_wave(arms, 0.5)]
    env, same = (make_env(arms, clips, num_envs=8, seed=7, config=config) for _ in range(2))
    clear = make_env(arms, clips, num_envs=8, seed=7, config=EnvConfig(horizon=8))
    width = env.spec.obs_fields[0].dim
    assert env.spec.obs_fields[0].name == "joint_position"
    errors, idle = [], jnp.zeros((8, 64))
    start, start_same, exact = env.reset(), same.reset(), clear.reset()
    assert np.array_equal(start.obs, start_same.obs)
    for _ in range(20):
        step, again, exact = env.step(idle), same.step(idle), clear.step(idle)
        assert np.array_equal(step.obs, again.obs)
        going = ~np.asarray(step.terminated | step.truncated)
        assert np.array_equal(step.obs[going], step.final_obs[going])
        errors.append(np.asarray(step.final_obs - exact.final_obs))
    errors = np.array(errors)
    # 2,240 numbers: the sample deviation is within 5 %.
    assert errors[..., :width].std() == pytest.approx(0.05, rel=0.05)
    assert np.abs(np.diff(errors[..., 0], axis=0)).min() > 0  # new in every step
    muscle = slice(2 * width, 2 * width + 64)
    assert errors[..., muscle] == pytest.approx(0, abs=1e-6)
    state = env.get_state()
    action = 0.3 * jax.random.uniform(jax.random.PRNGKey(2), (8, 64))
    expected = [env.step(action).obs for _ in range(4)]
    same.step(action)
    same.set_state(state)
    for obs in expected:
        assert np.array_equal(same.step(action).obs, obs)
    env.seed(1)
    same.seed(1)
    assert np.array_equal(env.reset().obs, same.reset().obs)
    same.seed(2)
    assert not np.array_equal(env.reset().obs, same.reset().obs)


def test_noise_on_a_field_the_body_lacks_is_refused(arms):
    noisy = EnvConfig(sensor_noise=SensorNoise(touch=0.1))
    with pytest.raises(InputError, match=r"sensor_noise.touch: found 0.1, expected 0, or one of"):
        make_env(arms, [arm_wave(arms, 0.1)], num_envs=1, config=noisy)
    with pytest.raises(InputError, match=r"joint_position: found -1.0"):
        SensorNoise(joint_position=-1.0)
    with pytest.raises(InputError, match=r"most: found 1, expected >= least, 2"):
        ActionDelay(2, 1)
