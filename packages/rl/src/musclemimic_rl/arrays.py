"""Pytrees of arrays as flat, named NumPy arrays, for files; and back, checked against a shape."""

from collections.abc import Mapping
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from musclemimic_sim import InputError

_Tree = TypeVar("_Tree")
_Leaf = jax.Array | jax.ShapeDtypeStruct


def to_arrays(tree: object) -> dict[str, np.ndarray]:
    """Every leaf under its path, such as "actor.trunk.layers.0.weight", copied to the host."""
    # A copy, never a view: the device buffer may be donated to the next update.
    return {name: np.array(leaf, copy=True) for name, leaf in _named_leaves(tree)}


def from_arrays(template: _Tree, arrays: Mapping[str, np.ndarray], *, source: object) -> _Tree:
    """Fill a pytree.

    Args:
        template: pytree whose leaves have the wanted `shape` and `dtype`.
        arrays: as `to_arrays` gave them, and none besides.
        source: the file, for errors.

    Raises:
        InputError: an array is missing, superfluous, or has another shape or dtype.
    """
    named = _named_leaves(template)
    names = [name for name, _ in named]
    for name in sorted(set(names) ^ set(arrays)):
        found, expected = ("nothing", "an array") if name in names else ("an array", "nothing")
        raise InputError(source, name, found=found, expected=expected)
    leaves: list[jax.Array] = []
    for name, wanted in named:
        array = arrays[name]
        if array.shape != wanted.shape or array.dtype != wanted.dtype:
            raise InputError(
                source,
                name,
                found=f"{array.dtype} {array.shape}",
                expected=f"{wanted.dtype} {wanted.shape}",
            )
        leaves.append(jnp.array(array, copy=True))
    return jax.tree.unflatten(jax.tree.structure(template), leaves)  # pyright: ignore[reportUnknownArgumentType]


def _named_leaves(tree: object) -> list[tuple[str, _Leaf]]:
    leaves: list[tuple[tuple[object, ...], _Leaf]] = jax.tree.leaves_with_path(tree)  # pyright: ignore[reportUnknownVariableType]
    return [(jax.tree_util.keystr(path, simple=True, separator="."), leaf) for path, leaf in leaves]
