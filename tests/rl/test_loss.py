"""The PPO loss against an explicit numpy reference in float64, and its gradient's direction."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_rl import LossConfig, NetworkConfig
from musclemimic_rl.loss import Batch, explained_variance, policy_loss, ppo_loss, value_loss
from musclemimic_rl.networks import Actor, ActorCritic, Critic
from numpy_networks import by_hand, perturbed
from scipy import stats

# Compiled as a whole: one operation at a time takes seconds.
build, act = eqx.filter_jit(ActorCritic), eqx.filter_jit(Actor.__call__)
judge = eqx.filter_jit(Critic.__call__)
NET = build(NetworkConfig(hidden=(8,)), obs_size=3, action_size=2, key=jax.random.key(1))
SIZE = 64


def make_batch(net):
    rng = np.random.default_rng(0)
    obs = jnp.asarray(rng.normal(size=(SIZE, 3)), jnp.float32)
    action = jnp.asarray(rng.normal(0.0, 0.4, size=(SIZE, 2)), jnp.float32)
    # Old log-probabilities near the present ones: some ratios inside the clip, some outside.
    log_prob = act(net.actor, obs).log_prob(action) + jnp.asarray(
        rng.normal(0.0, 0.3, SIZE), jnp.float32
    )
    noise = [jnp.asarray(rng.normal(size=SIZE), jnp.float32) for _ in range(3)]
    return Batch(obs, action, log_prob, *noise)


BATCH = make_batch(NET)


def reference(mean, log_std, value, batch, config):
    """Loss and diagnostics sample by sample, in float64."""
    batch = Batch(*(np.asarray(column, np.float64) for column in batch))
    advantage = batch.advantage
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    losses, value_errors = [], []
    log_prob = stats.norm.logpdf(batch.action, mean, np.exp(log_std)).sum(axis=1)
    log_ratios = log_prob - batch.log_prob
    for i, log_ratio in enumerate(log_ratios):
        ratio = np.exp(log_ratio)
        near = min(max(ratio, 1 - config.clip), 1 + config.clip)
        losses.append(-min(ratio * advantage[i], near * advantage[i]))
        error = (value[i] - batch.target[i]) ** 2
        if config.value_clip is not None:
            old = batch.value[i]
            change = np.clip(value[i] - old, -config.value_clip, config.value_clip)
            error = max(error, (old + change - batch.target[i]) ** 2)
        value_errors.append(error)
    entropy = stats.norm(0, np.exp(log_std)).entropy().sum()
    total = np.mean(losses) + config.value_coef * np.mean(value_errors)
    return total - config.entropy_coef * entropy, log_ratios


CONFIGS = [LossConfig(), LossConfig(clip=0.1, value_clip=0.2, value_coef=0.3, entropy_coef=0.05)]


@pytest.mark.parametrize("config", CONFIGS)
def test_loss_and_diagnostics(config):
    loss, info = ppo_loss(NET, BATCH, config)
    mean = np.asarray(act(NET.actor, BATCH.obs).mean, np.float64)
    value = np.asarray(judge(NET.critic, BATCH.obs), np.float64)
    expected, log_ratio = reference(mean, np.asarray(NET.actor.log_std), value, BATCH, config)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    k3 = np.mean(np.exp(log_ratio) - 1 - log_ratio)
    np.testing.assert_allclose(info.approx_kl, k3, rtol=1e-3)
    outside = np.mean(np.abs(np.exp(log_ratio) - 1) > config.clip)
    assert 0 < outside < 1
    np.testing.assert_allclose(info.clip_fraction, outside, rtol=1e-6)


@pytest.mark.parametrize("config", CONFIGS)
def test_gradient_of_the_log_std_against_finite_differences(config):
    gradient = jax.grad(lambda net: ppo_loss(net, BATCH, config)[0])(NET).actor.log_std
    mean = np.asarray(act(NET.actor, BATCH.obs).mean, np.float64)
    value = np.asarray(judge(NET.critic, BATCH.obs), np.float64)
    log_std, step = np.asarray(NET.actor.log_std, np.float64), 1e-6
    for k in range(2):
        shift = step * np.eye(2)[k]
        up, _ = reference(mean, log_std + shift, value, BATCH, config)
        down, _ = reference(mean, log_std - shift, value, BATCH, config)
        np.testing.assert_allclose(gradient[k], (up - down) / (2 * step), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("config", CONFIGS)
def test_gradient_of_the_heads_biases_against_finite_differences(config):
    # The head's bias shifts mean and value directly, so the numpy reference can be shifted too.
    gradient = jax.grad(lambda net: ppo_loss(net, BATCH, config)[0])(NET)
    mean = np.asarray(act(NET.actor, BATCH.obs).mean, np.float64)
    value = np.asarray(judge(NET.critic, BATCH.obs), np.float64)
    log_std, step = np.asarray(NET.actor.log_std, np.float64), 1e-6
    for k in range(2):
        shift = step * np.eye(2)[k]
        up, _ = reference(mean + shift, log_std, value, BATCH, config)
        down, _ = reference(mean - shift, log_std, value, BATCH, config)
        np.testing.assert_allclose(
            gradient.actor.head.bias[k], (up - down) / (2 * step), rtol=1e-3, atol=1e-5
        )
    up, _ = reference(mean, log_std, value + step, BATCH, config)
    down, _ = reference(mean, log_std, value - step, BATCH, config)
    np.testing.assert_allclose(
        gradient.critic.head.bias[0], (up - down) / (2 * step), rtol=1e-3, atol=1e-5
    )


KINDS = {
    "plain": NetworkConfig(hidden=(8, 6)),
    "residual": NetworkConfig(kind="residual", hidden=(8, 6)),
    "experts": NetworkConfig(hidden=(6,), experts=3),
}


def slow_loss(net, batch, config):
    """The whole loss from the observations on, in float64 and without JAX."""
    mean, actor_load = by_hand(net.actor, batch.obs)
    value, critic_load = by_hand(net.critic, batch.obs)
    loss, _ = reference(mean, np.asarray(net.actor.log_std), value[:, 0], batch, config)
    if len(actor_load):
        uneven = sum(len(load) * np.sum(load**2) - 1.0 for load in (actor_load, critic_load))
        loss = loss + config.balance_coef * uneven
    return loss


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_every_parameter_against_the_slow_reference(kind):
    """One random direction in each array, by central differences in float64."""
    net = perturbed(build(KINDS[kind], obs_size=3, action_size=2, key=jax.random.key(2)))
    config = LossConfig(value_clip=0.5, entropy_coef=0.05, balance_coef=0.3)
    batch = make_batch(net)
    loss, gradient = jax.jit(jax.value_and_grad(lambda n: ppo_loss(n, batch, config)[0]))(net)
    np.testing.assert_allclose(loss, slow_loss(net, batch, config), rtol=1e-4)
    arrays, structure = jax.tree.flatten(net)
    exact = [np.asarray(array, np.float64) for array in arrays]
    rng, step = np.random.default_rng(3), 1e-6
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(net)]
    for i, slope in enumerate(jax.tree.leaves(gradient)):
        direction = rng.normal(size=exact[i].shape)
        ends = []
        for sign in (1, -1):
            shifted = [*exact[:i], exact[i] + sign * step * direction, *exact[i + 1 :]]
            ends.append(slow_loss(jax.tree.unflatten(structure, shifted), batch, config))
        expected = (ends[0] - ends[1]) / (2 * step)
        found = np.sum(np.asarray(slope, np.float64) * direction)
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-5, err_msg=paths[i])


@pytest.mark.parametrize(
    ("log_ratio", "advantage", "moves"),
    [
        (0.0, 1.0, True),
        (0.5, 1.0, False),
        (-0.5, 1.0, True),
        (-0.5, -1.0, False),
        (0.5, -1.0, True),
    ],
)
def test_the_clip_stops_the_gradient_only_where_the_policy_already_gained(
    log_ratio, advantage, moves
):
    slope = jax.grad(lambda x: policy_loss(x, jnp.asarray([advantage]), clip=0.2))(
        jnp.asarray([log_ratio])
    )
    assert (slope[0] != 0.0) == moves
    # Descent raises the probability of good actions and lowers that of bad ones.
    assert slope[0] * advantage <= 0.0


def test_the_clipped_value_loss_takes_the_worse():
    value, old, target = jnp.asarray([2.0]), jnp.asarray([0.0]), jnp.asarray([3.0])
    assert float(value_loss(value, old, target, None)) == 1.0
    # Clipped to 0.5, the error is 2.5.
    assert float(value_loss(value, old, target, 0.5)) == 6.25


def test_explained_variance():
    target = jnp.asarray([1.0, 2.0, 3.0])
    assert float(explained_variance(target, target)) == 1.0
    np.testing.assert_allclose(explained_variance(jnp.full(3, 2.0), target), 0.0, atol=1e-6)
    np.testing.assert_allclose(explained_variance(-target, target), -3.0, rtol=1e-6)
