"""The actor's forward pass, told once for whatever computes it: NumPy arrays or an ONNX graph.

`networks.py` holds the trainable twin in JAX; both are tested against the same figures. This file
and those it imports do without JAX.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar, runtime_checkable

from musclemimic_rl.network_config import NetworkConfig

V = TypeVar("V")


@runtime_checkable
class Operations(Protocol[V]):
    """What a network is made of; the names say which stored arrays an operation uses."""

    def normalised(self, obs: V) -> V:
        """Observations standardised by the policy's statistics, and clipped."""
        ...

    def dense(self, x: V, name: str) -> V:
        """X Wᵀ + b."""
        ...

    def layer_norm(self, x: V, name: str) -> V:
        """Standardised over the last axis, times weight, plus bias."""
        ...

    def silu(self, x: V) -> V:
        """X σ(x)."""
        ...

    def softmax(self, x: V) -> V:
        """Over the last axis."""
        ...

    def gated_sum(self, skip: V, inner: V, name: str) -> V:
        """Skip + σ(g) inner, g the stored scalar."""
        ...

    def weighted_sum(self, shares: V, parts: Sequence[V]) -> V:
        """Σ_e (column e of shares) · parts[e]."""
        ...


def action_mean(ops: Operations[V], network: NetworkConfig, obs: V, *, obs_size: int) -> V:
    """The mean action for raw observations of length `obs_size`, one row each."""
    x, width = ops.normalised(obs), obs_size
    for i, next_width in enumerate(network.hidden):
        if network.kind == "plain":
            x = ops.silu(_dense_norm(ops, x, "trunk", i))
        else:
            x = _block(ops, x, f"trunk.blocks.{i}", same_width=width == next_width)
        width = next_width
    if network.experts:
        shares = ops.softmax(ops.dense(x, "experts.gate"))
        parts = [ops.silu(_dense_norm(ops, x, "experts", e)) for e in range(network.experts)]
        x = ops.weighted_sum(shares, parts)
    return ops.dense(x, "head")


def _dense_norm(ops: Operations[V], x: V, owner: str, index: int) -> V:
    return ops.layer_norm(ops.dense(x, f"{owner}.layers.{index}"), f"{owner}.norms.{index}")


def _block(ops: Operations[V], x: V, name: str, *, same_width: bool) -> V:
    inner = ops.silu(_dense_norm(ops, x, name, 0))
    inner = _dense_norm(ops, inner, name, 1)
    skip = x if same_width else ops.dense(x, f"{name}.skip")
    return ops.silu(ops.gated_sum(skip, inner, f"{name}.gate"))
