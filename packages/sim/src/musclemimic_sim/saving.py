"""Nested tuples of device arrays as named NumPy arrays, and back."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from musclemimic_models import InputError

from musclemimic_sim.types import State

T = TypeVar("T")
# Of keys, from the root of a tree to a leaf.
Path = tuple[object, ...]


def to_state(tree: object, prefix: str) -> State:
    """Every array of `tree` as a copy, named prefix/field/field…."""
    leaves: list[tuple[Path, jax.Array]] = jax.tree_util.tree_flatten_with_path(tree)[0]  # pyright: ignore[reportUnknownVariableType]
    return {_name(prefix, path): np.array(leaf) for path, leaf in leaves}


def from_state(template: T, state: State, prefix: str) -> T:
    """A tree like `template` with the arrays that `to_state` returned.

    Raises:
        InputError: an array is missing, or has another shape or type (made with other clips,
            another number of environments or another configuration).
    """

    def read(path: Path, leaf: jax.Array) -> jax.Array:
        name = _name(prefix, path)
        expected = f"{leaf.dtype} {leaf.shape}"
        if name not in state:
            raise InputError("environment state", name, found="nothing", expected=expected)
        value = state[name]
        if value.shape != leaf.shape or value.dtype != leaf.dtype:
            found = f"{value.dtype} {value.shape}"
            raise InputError("environment state", name, found=found, expected=expected)
        return jnp.array(value, copy=True)

    return jax.tree_util.tree_map_with_path(read, template)


def _name(prefix: str, path: Path) -> str:
    return f"{prefix}/{jax.tree_util.keystr(path, simple=True, separator='/')}"
