"""How evenly experts are used: figures by hand, and a gate that collapses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_rl import LossConfig, NetworkConfig
from musclemimic_rl.experts import balance_loss, experts_used, has_collapsed
from musclemimic_rl.loss import Batch, ppo_loss
from musclemimic_rl.networks import ActorCritic


@pytest.mark.parametrize(
    ("load", "loss", "used", "collapsed"),
    [
        ([0.25, 0.25, 0.25, 0.25], 0.0, 4.0, False),
        ([1.0, 0.0, 0.0, 0.0], 3.0, 1.0, True),
        # 4 (2 · 0.16 + 2 · 0.01) − 1
        ([0.4, 0.4, 0.1, 0.1], 0.36, np.exp(-0.8 * np.log(0.4) - 0.2 * np.log(0.1)), False),
        ([0.9, 0.1, 0.0, 0.0], 4 * 0.82 - 1, np.exp(-0.9 * np.log(0.9) - 0.1 * np.log(0.1)), True),
        ([0.95, 0.05], 0.81, np.exp(-0.95 * np.log(0.95) - 0.05 * np.log(0.05)), True),
        ([0.9, 0.1], 0.64, np.exp(-0.9 * np.log(0.9) - 0.1 * np.log(0.1)), False),
        ([], 0.0, 1.0, False),
    ],
)
def test_balance_and_use(load, loss, used, collapsed):
    load = jnp.asarray(load, jnp.float32)
    np.testing.assert_allclose(balance_loss(load), loss, atol=1e-6)
    np.testing.assert_allclose(experts_used(load), used, rtol=1e-5)
    assert has_collapsed(load) == collapsed


def batch(net, size=32):
    rng = np.random.default_rng(0)
    obs = jnp.asarray(rng.normal(size=(size, 5)), jnp.float32)
    action = jnp.asarray(rng.normal(size=(size, 2)), jnp.float32)
    zero = jnp.zeros(size)
    advantage = jnp.asarray(rng.normal(size=size), jnp.float32)
    return Batch(
        obs, action, eqx.filter_jit(net.actor)(obs).log_prob(action), zero, advantage, zero
    )


def test_the_balance_term_reopens_a_collapsed_gate():
    net = eqx.filter_jit(ActorCritic)(
        NetworkConfig(hidden=(8,), experts=4), obs_size=5, action_size=2, key=jax.random.key(0)
    )
    shut = jnp.asarray([3.0, 0.0, 0.0, 0.0])
    net = eqx.tree_at(lambda n: n.actor.experts.gate.bias, net, shut)
    samples = batch(net)

    def gate_gradient(coefficient):
        config = LossConfig(balance_coef=coefficient)
        gradient = jax.jit(jax.grad(ppo_loss, has_aux=True), static_argnums=2)
        grads, info = gradient(net, samples, config)
        assert has_collapsed(info.expert_load[0])
        assert not has_collapsed(info.expert_load[1])  # the critic's gate was left alone
        return np.asarray(grads.actor.experts.gate.bias)

    change = gate_gradient(1.0) - gate_gradient(0.0)
    # Descent lowers the favourite and raises the others.
    assert change[0] > 0
    assert np.all(change[1:] < 0)
