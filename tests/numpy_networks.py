"""The actor's and the critic's forward pass in NumPy, float64, straight from the formulas."""

import jax
import jax.numpy as jnp
import numpy as np


def dense(layer, x, row=...):
    weight, bias = (np.asarray(a, np.float64)[row] for a in (layer.weight, layer.bias))
    return x @ weight.T + bias


def layer_norm(norm, x, row=...):
    """With ε = 1e-5 and the population variance."""
    z = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return z * np.asarray(norm.weight, np.float64)[row] + np.asarray(norm.bias, np.float64)[row]


def silu(x):
    return x / (1.0 + np.exp(-x))


def trunk(module, x):
    for layer, norm in zip(module.layers, module.norms, strict=True):
        x = silu(layer_norm(norm, dense(layer, x)))
    return x


def residual_trunk(module, x):
    """SiLU(skip + σ(g) · LN(Dense(SiLU(LN(Dense x))))), block by block."""
    for block in module.blocks:
        inner = silu(layer_norm(block.norms[0], dense(block.layers[0], x)))
        inner = layer_norm(block.norms[1], dense(block.layers[1], inner))
        skip = x if block.skip is None else dense(block.skip, x)
        x = silu(skip + inner / (1.0 + np.exp(-float(block.gate))))
    return x


def mixture(module, x):
    """Σ_e softmax(gate)_e · expert_e, and the mean shares."""
    logits = np.exp(dense(module.gate, x))
    shares = logits / logits.sum(axis=1, keepdims=True)
    each = [
        silu(layer_norm(module.norms, dense(module.layers, x, e), e))
        for e in range(shares.shape[1])
    ]
    return sum(shares[:, [e]] * each[e] for e in range(len(each))), shares.mean(axis=0)


def by_hand(module, obs):
    """Output of the head, and the experts' load, in float64."""
    x, load = np.asarray(obs, np.float64), np.zeros(0)
    x = (
        trunk(module.trunk, x)
        if hasattr(module.trunk, "layers")
        else residual_trunk(module.trunk, x)
    )
    if module.experts is not None:
        x, load = mixture(module.experts, x)
    return dense(module.head, x), load


def perturbed(net):
    """Every number moved, so that zero biases and unit scales cannot hide a mistake."""
    leaves, structure = jax.tree.flatten(net)
    rng = np.random.default_rng(7)
    moved = [jnp.asarray(x + 0.3 * rng.normal(size=x.shape), x.dtype) for x in leaves]
    return jax.tree.unflatten(structure, moved)
