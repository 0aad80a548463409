"""Initialisation and forward pass against numpy."""

import jax
import numpy as np
import pytest
from musclemimic_rl import NETWORKS, NetworkConfig
from musclemimic_rl.networks import ActorCritic, parameter_count
from musclemimic_sim import InputError

CONFIG = NetworkConfig(hidden=(16, 8), initial_std=0.3)
NET = ActorCritic(CONFIG, obs_size=5, action_size=3, key=jax.random.key(0))


def by_hand(module, x):
    """Dense, layer norm with ε = 1e-5, SiLU; then the head; in float64."""
    x = np.asarray(x, np.float64)
    for layer, norm in zip(module.trunk.layers, module.trunk.norms, strict=True):
        x = x @ np.asarray(layer.weight, np.float64).T + np.asarray(layer.bias)
        x = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
        x = x * np.asarray(norm.weight) + np.asarray(norm.bias)
        x = x / (1.0 + np.exp(-x))
    return x @ np.asarray(module.head.weight, np.float64).T + np.asarray(module.head.bias)


def test_forward_pass():
    obs = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    gaussian = NET.actor(jax.numpy.array(obs))
    np.testing.assert_allclose(gaussian.mean, by_hand(NET.actor, obs), atol=1e-6)
    np.testing.assert_allclose(gaussian.log_std, np.log([0.3] * 3), rtol=1e-6)
    value = NET.critic(jax.numpy.array(obs))
    np.testing.assert_allclose(value, by_hand(NET.critic, obs)[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "gain"),
    [
        (NET.actor.trunk.layers[0], 2**0.5),
        (NET.critic.trunk.layers[1], 2**0.5),
        (NET.actor.head, 0.01),
        (NET.critic.head, 1.0),
    ],
)
def test_weights_start_orthogonal_with_the_stated_gain_and_biases_at_zero(layer, gain):
    weight = np.asarray(layer.weight, np.float64)
    small = weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight
    np.testing.assert_allclose(small, gain**2 * np.eye(len(small)), atol=1e-5)
    assert not np.any(layer.bias)


def test_actor_and_critic_do_not_start_alike():
    assert np.any(NET.actor.trunk.layers[0].weight != NET.critic.trunk.layers[0].weight)


def test_parameter_count():
    trunk = 5 * 16 + 16 + 2 * 16 + 16 * 8 + 8 + 2 * 8
    assert parameter_count(NET) == 2 * trunk + (8 * 3 + 3 + 3) + (8 + 1)


def test_presets():
    assert NETWORKS["cpu"] == NetworkConfig()
    assert NETWORKS["base"].hidden == (1024,) * 4


@pytest.mark.parametrize("hidden", [(), (16, 0), (-1,)])
def test_impossible_shapes_are_refused(hidden):
    with pytest.raises(InputError, match="NetworkConfig: hidden"):
        NetworkConfig(hidden=hidden)


def test_impossible_spread_is_refused():
    with pytest.raises(InputError, match=r"initial_std: found 0\.0"):
        NetworkConfig(initial_std=0.0)
