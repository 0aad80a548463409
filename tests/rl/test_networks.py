"""Initialisation, shapes and forward pass of every kind of network, against numpy."""

import equinox as eqx
import jax
import numpy as np
import pytest
from musclemimic_rl import NETWORKS, NetworkConfig
from musclemimic_rl.networks import ActorCritic, parameter_count, parameter_counts
from musclemimic_sim import InputError
from numpy_networks import by_hand, perturbed

CONFIGS = {
    "plain": NetworkConfig(hidden=(16, 8), initial_std=0.3),
    "residual": NetworkConfig(kind="residual", hidden=(16, 16, 8), initial_std=0.3),
    "experts": NetworkConfig(hidden=(16, 8), experts=3, initial_std=0.3),
}
SIZES = {"obs_size": 5, "action_size": 3}
NETS = {
    name: eqx.filter_jit(ActorCritic)(config, **SIZES, key=jax.random.key(0))
    for name, config in CONFIGS.items()
}
forward = eqx.filter_jit(lambda part, obs: part.with_load(obs))
OBS = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)


@pytest.mark.parametrize("name", CONFIGS)
def test_forward_pass(name):
    for net in (NETS[name], perturbed(NETS[name])):
        gaussian, actor_load = forward(net.actor, jax.numpy.array(OBS))
        value, critic_load = forward(net.critic, jax.numpy.array(OBS))
        mean, expected_load = by_hand(net.actor, OBS)
        np.testing.assert_allclose(gaussian.mean, mean, atol=3e-6)
        np.testing.assert_allclose(actor_load, expected_load, atol=1e-6)
        expected, expected_load = by_hand(net.critic, OBS)
        np.testing.assert_allclose(value, expected[:, 0], atol=1e-5)
        np.testing.assert_allclose(critic_load, expected_load, atol=1e-6)
    np.testing.assert_allclose(NETS[name].actor.log_std, np.log([0.3] * 3), rtol=1e-6)


def gains():
    """(layer, gain) for every dense layer; experts one by one."""
    sqrt2 = 2**0.5
    for name, net in NETS.items():
        for part, head_gain in ((net.actor, 0.01), (net.critic, 1.0)):
            yield f"{name} head", part.head.weight, part.head.bias, head_gain
            blocks = part.trunk.blocks if name == "residual" else (part.trunk,)
            layers = [layer for block in blocks for layer in block.layers]
            if name == "residual":
                layers += [block.skip for block in blocks if block.skip is not None]
            for layer in layers:
                yield f"{name} trunk", layer.weight, layer.bias, sqrt2
            if part.experts is not None:
                yield f"{name} gate", part.experts.gate.weight, part.experts.gate.bias, 0.01
                stacked = part.experts.layers
                for weight, bias in zip(stacked.weight, stacked.bias, strict=True):
                    yield f"{name} expert", weight, bias, sqrt2


def test_weights_start_orthogonal_with_the_stated_gain_and_biases_at_zero():
    seen = set()
    for name, weight, bias, gain in gains():
        rows = np.asarray(weight, np.float64)
        small = rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows
        np.testing.assert_allclose(small, gain**2 * np.eye(len(small)), atol=1e-5, err_msg=name)
        assert not np.any(bias), name
        seen.add(name)
    assert len(seen) == 8  # three heads and trunks, one gate, one kind of expert


def test_residual_blocks_start_nearly_shut():
    for block in NETS["residual"].actor.trunk.blocks:
        assert float(block.gate) == -2.0
        assert all(np.all(np.asarray(norm.weight) == 1.0) for norm in block.norms)
    blocks = NETS["residual"].actor.trunk.blocks
    assert [block.skip is None for block in blocks] == [False, True, False]


def test_no_two_layers_of_a_shape_start_alike():
    experts = NETS["experts"].actor.experts.layers.weight
    assert not np.allclose(experts[0], experts[1])
    blocks = NETS["residual"].actor.trunk.blocks
    assert not np.allclose(blocks[1].layers[0].weight, blocks[1].layers[1].weight)
    for net in NETS.values():
        pairs = zip(
            jax.tree.leaves(net.actor.trunk), jax.tree.leaves(net.critic.trunk), strict=True
        )
        assert any(np.any(a != b) for a, b in pairs)


PLAIN = 5 * 16 + 16 + 2 * 16 + 16 * 8 + 8 + 2 * 8
BLOCKS = (
    # first, second, norms, gate, skip
    (5 * 16 + 16 + 16 * 16 + 16 + 4 * 16 + 1 + 5 * 16 + 16)
    + (2 * (16 * 16 + 16) + 4 * 16 + 1)
    + (16 * 8 + 8 + 8 * 8 + 8 + 4 * 8 + 1 + 16 * 8 + 8)
)
TRUNKS = {
    "plain": PLAIN,
    "residual": BLOCKS,
    "experts": PLAIN + (8 * 3 + 3) + 3 * (8 * 8 + 8 + 2 * 8),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_parameter_counts(name):
    counts = parameter_counts(CONFIGS[name], **SIZES)
    assert counts == {"actor": TRUNKS[name] + 8 * 3 + 3 + 3, "critic": TRUNKS[name] + 8 + 1}
    assert parameter_count(NETS[name]) == sum(counts.values())


def test_presets():
    assert NetworkConfig().hidden == (256,) * 3
    assert NETWORKS["cpu"].hidden == (512,) * 3
    assert NETWORKS["base"].hidden == (1024,) * 4
    assert NETWORKS["resnet"].hidden == (1408, *[2688] * 5, 1408, 768, 384)
    assert NETWORKS["resnet"].kind == "residual"
    assert NETWORKS["moe"].experts == 8
    sizes = {
        name: sum(parameter_counts(config, obs_size=500, action_size=64).values())
        for name, config in NETWORKS.items()
    }
    assert sizes["cpu"] < sizes["base"] < sizes["resnet"]
    # Each expert is one 512-wide layer, for the actor and for the critic.
    assert sizes["moe"] - sizes["cpu"] == 2 * (8 * (512 * 512 + 3 * 512) + 512 * 8 + 8)


@pytest.mark.parametrize("hidden", [(), (16, 0), (-1,)])
def test_impossible_shapes_are_refused(hidden):
    with pytest.raises(InputError, match="NetworkConfig: hidden"):
        NetworkConfig(hidden=hidden)


@pytest.mark.parametrize("experts", [-1, 1])
def test_impossible_numbers_of_experts_are_refused(experts):
    with pytest.raises(InputError, match=f"experts: found {experts}, expected 0, or at least 2"):
        NetworkConfig(experts=experts)


def test_impossible_spread_is_refused():
    with pytest.raises(InputError, match=r"initial_std: found 0\.0"):
        NetworkConfig(initial_std=0.0)
