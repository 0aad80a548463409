"""Steps, schedules and the KL rule."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_rl import NetworkConfig, OptimConfig
from musclemimic_rl.networks import ActorCritic
from musclemimic_rl.optim import adapt_scale, make_optimiser, scheduled_rate

# Compiled as a whole: one operation at a time takes seconds.
build = eqx.filter_jit(ActorCritic)
NET = build(NetworkConfig(hidden=(12, 6)), obs_size=4, action_size=2, key=jax.random.key(0))


def gradient(scale=1.0):
    leaves, structure = jax.tree.flatten(NET)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    noise = [scale * jax.random.normal(k, x.shape) for k, x in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(structure, noise)


def first_step(config, grads):
    return steps_from(NET, config)(grads)


def steps_from(net, config):
    """The compiled first step, from gradients."""
    optimiser = make_optimiser(config)
    return jax.jit(lambda grads: optimiser.update(grads, optimiser.init(net), net)[0])


def test_the_first_adam_step_is_minus_the_sign_of_the_gradient():
    grads = gradient()
    step = first_step(OptimConfig(adam_eps=1e-12), grads)
    for found, grad in zip(jax.tree.leaves(step), jax.tree.leaves(grads), strict=True):
        np.testing.assert_allclose(found, -np.sign(grad), atol=1e-4)


def test_large_gradients_are_clipped_and_small_ones_left():
    # With a huge ε Adam's first step is −g / ε: linear in what the clip lets through.
    config = OptimConfig(adam_eps=1e6, max_grad_norm=1.0)
    for scale, expected in ((1.0, 1.0), (1e-3, None)):
        grads = gradient(scale)
        norm = np.sqrt(sum(float(jnp.sum(x**2)) for x in jax.tree.leaves(grads)))
        step = first_step(config, grads)
        found = np.sqrt(sum(float(jnp.sum(x**2)) for x in jax.tree.leaves(step))) * 1e6
        np.testing.assert_allclose(found, expected or norm, rtol=1e-3)


def test_muon_orthogonalises_the_trunks_matrices_and_nothing_else():
    step = first_step(OptimConfig(name="muon", muon_steps=8), gradient())
    for trunk in (step.actor.trunk, step.critic.trunk):
        for layer in trunk.layers:
            singular = np.linalg.svd(np.asarray(layer.weight), compute_uv=False)
            # 0.2 √max(fan) times an orthogonal matrix; Newton-Schulz stops near 1, not at it.
            size = 0.2 * max(layer.weight.shape) ** 0.5
            np.testing.assert_allclose(singular / size, 1.0, atol=0.35)
    grads = gradient()
    for found, grad in (
        (step.actor.head.weight, grads.actor.head.weight),
        (step.actor.log_std, grads.actor.log_std),
        (step.critic.trunk.norms[0].bias, grads.critic.trunk.norms[0].bias),
    ):
        np.testing.assert_array_equal(np.sign(found), -np.sign(grad))
        assert np.ptp(np.abs(found)) < 1e-2 * np.max(np.abs(found))


@pytest.mark.parametrize(
    "config",
    [NetworkConfig(kind="residual", hidden=(12, 6)), NetworkConfig(hidden=(12, 6), experts=3)],
)
def test_muon_takes_the_matrices_of_blocks_and_of_each_expert(config):
    net = build(config, obs_size=4, action_size=2, key=jax.random.key(0))
    noise = jax.tree.map(lambda x: jax.random.normal(jax.random.key(x.size), x.shape), net)
    step = steps_from(net, OptimConfig(name="muon", muon_steps=8))(noise).actor
    matrices, experts = [], step.experts
    if experts is None:
        blocks = step.trunk.blocks
        matrices = [layer.weight for block in blocks for layer in (*block.layers, block.skip)]
        by_adam = [(blocks[0].gate, noise.actor.trunk.blocks[0].gate)]
    else:
        matrices = [*[layer.weight for layer in step.trunk.layers], *experts.layers.weight]
        by_adam = [
            (experts.gate.weight, noise.actor.experts.gate.weight),
            (experts.norms.weight, noise.actor.experts.norms.weight),
            (experts.layers.bias, noise.actor.experts.layers.bias),
        ]
    for matrix in matrices:
        singular = np.linalg.svd(np.asarray(matrix), compute_uv=False)
        np.testing.assert_allclose(singular / (0.2 * max(matrix.shape) ** 0.5), 1.0, atol=0.35)
    for found, grad in by_adam:
        np.testing.assert_array_equal(np.sign(found), -np.sign(grad))
        assert np.ptp(np.abs(found)) <= 1e-2 * np.max(np.abs(found))


@pytest.mark.parametrize(
    ("progress", "expected"), [(0.0, 1.0), (0.5, 0.55), (1.0, 0.1), (1.2, 0.1)]
)
def test_the_linear_schedule(progress, expected):
    config = OptimConfig(learning_rate=2.0, schedule="linear", final_fraction=0.1)
    rate = scheduled_rate(config, progress=jnp.asarray(progress), scale=jnp.asarray(3.0))
    np.testing.assert_allclose(rate, 6.0 * expected, rtol=1e-6)
    constant = dataclasses.replace(config, schedule="constant")
    rate = scheduled_rate(constant, progress=jnp.asarray(progress), scale=jnp.asarray(3.0))
    np.testing.assert_allclose(rate, 6.0)


@pytest.mark.parametrize(
    ("kl", "factor"), [(0.1, 1 / 1.5), (0.01, 1.0), (0.001, 1.5), (np.nan, 1.0)]
)
def test_the_kl_rule(kl, factor):
    config = OptimConfig(target_kl=0.01)
    found = adapt_scale(config, jnp.asarray(2.0), kl=jnp.asarray(kl))
    np.testing.assert_allclose(found, 2.0 * factor, rtol=1e-6)
    assert float(adapt_scale(OptimConfig(), jnp.asarray(2.0), kl=jnp.asarray(kl))) == 2.0
