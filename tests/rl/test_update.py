"""One learner update: what it changes, what it must not, and what a NaN does to it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_rl import NetworkConfig, OptimConfig, PPOConfig
from musclemimic_rl.arrays import to_arrays
from musclemimic_rl.learner import init_learner
from musclemimic_rl.normalise import normalise
from musclemimic_rl.rollout import collect
from musclemimic_rl.samples import prepare
from musclemimic_rl.update import make_update

CONFIG = PPOConfig(num_steps=16, epochs=2, minibatch_size=64)


def start():
    return init_learner(
        NetworkConfig(hidden=(32,)),
        OptimConfig(),
        obs_size=2,
        action_size=1,
        num_envs=16,
        seed=0,
    )


def copy(tree):
    return jax.tree.map(jnp.copy, tree)


@pytest.fixture
def rollout(point_mass):
    env = point_mass(16)
    return collect(env, env.reset().obs, start(), num_steps=16)[0]


def without_key(state):
    return to_arrays(state._replace(key=jax.random.key_data(state.key)))


def test_an_update_moves_parameters_statistics_and_key(rollout):
    state = start()
    before = without_key(state)
    new, metrics = make_update(CONFIG)(state, rollout, jnp.zeros(()))
    after = without_key(new)
    for name in ("params.actor.log_std", "params.critic.head.weight", "obs_moments.mean", "key"):
        assert np.any(before[name] != after[name]), name
    assert int(new.updates) == 1
    assert int(metrics.skipped) == 0
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(metrics))
    np.testing.assert_allclose(metrics.learning_rate, 3e-4)
    obs = np.asarray(rollout.obs).reshape(-1, 2)
    np.testing.assert_allclose(new.obs_moments.mean, obs.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(new.obs_moments.var, obs.var(axis=0), rtol=1e-4)


def test_a_state_has_the_types_of_its_successor_so_that_nothing_compiles_twice(rollout):
    def types(state):
        leaves = jax.tree.leaves(state._replace(key=jax.random.key_data(state.key)))
        return [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in leaves]

    state = start()
    before = types(state)
    new, _ = make_update(CONFIG)(state, rollout, jnp.zeros(()))
    assert types(new) == before


def test_the_stored_log_probabilities_are_those_of_the_present_policy(rollout):
    state = start()
    samples, _ = prepare(CONFIG, state, rollout)
    again = state.params.actor(samples.obs).log_prob(samples.action)
    np.testing.assert_allclose(again, samples.log_prob, atol=1e-5)


def test_values_of_truncated_steps_come_from_their_final_observation(point_mass):
    env, state = point_mass(16), start()
    env.limit = np.inf
    obs = env.reset().obs
    env.clock[:] = np.arange(16) + 24  # environment n is cut off at its step 15 − n
    final = {}
    step = env.step

    def watch(action):
        result = step(action)
        for n in np.flatnonzero(result.truncated):
            final.setdefault(int(n), np.asarray(result.final_obs[n]))
        return result

    env.step = watch
    rollout, stats, _ = collect(env, obs, state, num_steps=16)
    assert len(final) == 16 == stats.episodes
    assert stats.terminated == 0 == stats.termination_rate
    for n, observation in final.items():
        t = int(np.flatnonzero(rollout.truncated[:, n])[0])
        assert t == 15 - n
        value = state.params.critic(normalise(state.obs_moments, jnp.asarray(observation[None])))
        np.testing.assert_allclose(rollout.final_value[t, n], value[0], atol=1e-6)
        if t < 15:
            assert np.any(rollout.obs[t + 1, n] != observation)


def test_a_poisoned_reward_is_skipped_counted_and_forgotten(rollout):
    update = make_update(CONFIG)
    good, _ = update(start(), rollout, jnp.zeros(()))
    before = without_key(good)
    bad = rollout._replace(reward=rollout.reward.at[3, 5].set(jnp.nan))
    after_bad, metrics = update(good, copy(bad), jnp.zeros(()))
    steps = CONFIG.epochs * 16 * 16 // CONFIG.minibatch_size
    # The NaN spreads along its environment's column; a minibatch without any of it may go on.
    assert 0 < int(metrics.skipped) <= steps
    assert int(after_bad.skipped) == int(metrics.skipped)
    after = without_key(after_bad)
    assert all(np.isfinite(value).all() for value in after.values())
    np.testing.assert_array_equal(after["return_scale.running"], before["return_scale.running"])
    healthy, metrics = update(after_bad, rollout, jnp.zeros(()))
    assert int(metrics.skipped) == 0
    assert int(healthy.skipped) == int(after["skipped"])


def test_an_entirely_poisoned_rollout_changes_no_parameter(rollout):
    state = start()
    before = without_key(state)
    bad = rollout._replace(reward=jnp.full_like(rollout.reward, jnp.nan))
    new, metrics = make_update(CONFIG)(state, bad, jnp.zeros(()))
    assert int(metrics.skipped) == CONFIG.epochs * 16 * 16 // CONFIG.minibatch_size
    for name, value in without_key(new).items():
        if name.startswith(("params", "opt_state")):
            np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_progress_lowers_the_rate(rollout):
    config = dataclasses.replace(CONFIG, optim=OptimConfig(schedule="linear"))
    _, metrics = make_update(config)(start(), rollout, jnp.asarray(0.5))
    np.testing.assert_allclose(metrics.learning_rate, 3e-4 * 0.55, rtol=1e-6)


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_warm_up_trains_the_critic_alone(rollout, name):
    optim = OptimConfig(name=name, target_kl=0.02)
    config = dataclasses.replace(CONFIG, warmup_updates=1, optim=optim)
    network = NetworkConfig(hidden=(32,))
    sizes = {"obs_size": 2, "action_size": 1, "num_envs": 16, "seed": 0}
    state = init_learner(network, optim, **sizes)
    before = without_key(state)
    state, _ = make_update(config)(state, rollout, jnp.zeros(()))
    middle = without_key(state)
    actor = [key for key in before if key.startswith("params.actor")]
    critic = [key for key in before if key.startswith("params.critic")]
    assert all(np.array_equal(before[key], middle[key]) for key in actor)
    assert any(not np.array_equal(before[key], middle[key]) for key in critic)
    assert float(state.lr_scale) == 1.0
    state, _ = make_update(config)(state, rollout, jnp.zeros(()))
    after = without_key(state)
    assert any(not np.array_equal(middle[key], after[key]) for key in actor)
