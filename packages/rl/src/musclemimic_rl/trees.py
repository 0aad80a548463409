"""Arithmetic on whole pytrees."""

from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

_Tree = TypeVar("_Tree")


def add(left: _Tree, right: object) -> _Tree:
    """Leaf by leaf."""
    return jax.tree.map(jnp.add, left, right)


def scaled(tree: _Tree, factor: Float[Array, ""]) -> _Tree:
    """Every leaf times a number."""
    return jax.tree.map(partial(jnp.multiply, factor), tree)


def choose(condition: Bool[Array, ""], yes: _Tree, no: _Tree) -> _Tree:
    """One of two trees, decided on the device."""
    return jax.tree.map(partial(jnp.where, condition), yes, no)


def if_finite(new: _Tree, old: _Tree) -> _Tree:
    """`new`, unless any number in it is not finite: one bad reward must not poison the rest."""
    finite = jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(new)])
    return choose(jnp.all(finite), new, old)
