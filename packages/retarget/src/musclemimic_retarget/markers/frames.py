"""Orthonormal frames from two directions."""

import numpy as np
from jaxtyping import Float

Vectors = Float[np.ndarray, "*T 3"]


def unit(vectors: Vectors) -> Vectors:
    """The vectors divided by their length."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def across(vectors: Vectors, axis: Vectors) -> Vectors:
    """Unit vectors along the parts that are perpendicular to a unit axis."""
    return unit(vectors - np.sum(vectors * axis, axis=-1, keepdims=True) * axis)


def upright_frame(up: Vectors, left: Vectors) -> Float[np.ndarray, "*T 3 3"]:
    """Columns forward, left, up: `up` exactly, `left` as far as it is perpendicular to it."""
    z = unit(up)
    y = across(left, z)
    return np.stack([np.cross(y, z), y, z], axis=-1)


def sideways_frame(left: Vectors, up: Vectors) -> Float[np.ndarray, "*T 3 3"]:
    """Columns forward, left, up: `left` exactly, `up` as far as it is perpendicular to it."""
    y = unit(left)
    z = across(up, y)
    return np.stack([np.cross(y, z), y, z], axis=-1)


def turn_about_y(angle: float) -> Float[np.ndarray, "3 3"]:
    """The rotation that tips the x axis down by an angle, rad."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def turn_about_x(angle: float) -> Float[np.ndarray, "3 3"]:
    """The rotation that tips the y axis up by an angle, rad."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
