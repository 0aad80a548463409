"""Toys that must be solved in seconds."""

import numpy as np
import pytest
from musclemimic_rl import NetworkConfig, OptimConfig, PPOConfig, train
from toys import Pendulum


def test_a_contextual_bandit(bandit, toy_config):
    ppo = PPOConfig(
        num_steps=8, epochs=4, minibatch_size=128, optim=OptimConfig(learning_rate=3e-3)
    )
    config = toy_config(num_envs=64, total_steps=64 * 8 * 60, ppo=ppo)
    policy = train(config, bandit(64), show_progress=False).policy
    context = np.random.default_rng(5).uniform(-1, 1, (200, 3)).astype(np.float32)
    error = np.asarray(policy.act(context)) - context[:, :2]
    # Always acting 0 would leave 0.58.
    assert np.sqrt(np.mean(error**2)) < 0.15


@pytest.mark.parametrize("optimiser", ["adam", "muon"])
def test_balancing_a_point_mass(optimiser, point_mass, toy_config):
    """Episodes fail and are cut off; the trained policy does better than the first on both."""
    ppo = PPOConfig(
        num_steps=16,
        epochs=4,
        minibatch_size=128,
        gamma=0.95,
        optim=OptimConfig(name=optimiser, learning_rate=3e-3, schedule="linear", target_kl=0.02),
    )
    config = toy_config(num_envs=32, total_steps=32 * 16 * 60, ppo=ppo)
    reports = []
    result = train(config, point_mass(32), on_update=reports.append, show_progress=False)
    first = np.mean([report.rollout.reward for report in reports[:5]])
    last = np.mean([report.rollout.reward for report in reports[-5:]])
    assert first < 0.55
    assert last > 0.75
    assert reports[0].rollout.termination_rate > 0.5
    assert reports[-1].rollout.termination_rate == 0.0

    env, distance = point_mass(64, seed=7), []
    obs = env.reset().obs
    for _ in range(39):
        step = env.step(result.policy.act(obs))
        assert not np.any(step.terminated)
        obs = step.obs
        distance.append(np.asarray(step.terms["error/site_position_m"]))
    assert np.mean(distance[-1]) < 0.1


def test_swinging_up_a_pendulum(toy_config):
    """Takes a swing away from the goal first: the motor is too weak to lift the rod at once."""
    ppo = PPOConfig(
        num_steps=32,
        epochs=8,
        minibatch_size=256,
        gamma=0.95,
        optim=OptimConfig(learning_rate=2e-3, schedule="linear"),
    )
    config = toy_config(
        num_envs=64,
        total_steps=64 * 32 * 60,
        network=NetworkConfig(hidden=(64, 64), initial_std=0.6),
        ppo=ppo,
    )
    policy = train(config, Pendulum(64), show_progress=False).policy
    env = Pendulum(64, seed=5)
    obs, angles = env.reset().obs, []
    for _ in range(199):
        step = env.step(policy.act(obs))
        obs = step.obs
        angles.append(np.asarray(step.terms["error/angle_rad"]))
    # Upright during the last second, from nearly anywhere (without a motor it never gets there).
    upright = np.max(angles[-20:], axis=0) < 0.3
    assert upright.mean() > 0.9


def test_normalisation_survives_ill_scaled_observations(point_mass, toy_config):
    """Statistics in the file are those of the observations, and acting does not change them."""
    policy = train(toy_config(), point_mass(16), show_progress=False).policy
    assert float(policy.obs_moments.total) == 16 * 16 * 4
    before = np.asarray(policy.obs_moments.mean).copy()
    policy.act(np.full((3, 2), 100.0, np.float32))
    np.testing.assert_array_equal(policy.obs_moments.mean, before)
