"""Straight tubes to draw muscles with."""

import numpy as np
from jaxtyping import Float, Int


def tube(sides: int) -> tuple[Float[np.ndarray, "V 3"], Int[np.ndarray, "F 3"]]:
    """Vertices and faces of a tube of radius 1 about z from −1/2 to 1/2, closed by flat ends."""
    angle = 2 * np.pi * np.arange(sides) / sides
    ring = np.stack([np.cos(angle), np.sin(angle), np.full(sides, -0.5)], axis=1)
    vertices = np.vstack([ring, ring + np.array([0.0, 0.0, 1.0]), [[0, 0, -0.5], [0, 0, 0.5]]])
    here = np.arange(sides)
    there = (here + 1) % sides
    below, above = np.full(sides, 2 * sides), np.full(sides, 2 * sides + 1)
    faces = [
        (here, there, there + sides),
        (here, there + sides, here + sides),
        (there, here, below),
        (here + sides, there + sides, above),
    ]
    return vertices, np.concatenate([np.stack(face, axis=1) for face in faces])


def tube_instances(
    start: Float[np.ndarray, "S 3"], end: Float[np.ndarray, "S 3"], radii: Float[np.ndarray, " S"]
) -> tuple[Float[np.ndarray, "S 4"], Float[np.ndarray, "S 3"], Float[np.ndarray, "S 3"]]:
    """Quaternion (wxyz), centre and scale that put the unit tube between two points, m.

    Tubes overlap by a quarter of their radius at each end, so that bends show no gap.
    """
    along = end - start
    length = np.linalg.norm(along, axis=1)
    x, y, z = (along / np.maximum(length, 1e-12)[:, None]).T
    quaternions = np.stack([1.0 + z, -y, x, np.zeros_like(x)], axis=1)
    quaternions[1.0 + z < 1e-9] = (0.0, 1.0, 0.0, 0.0)
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    return quaternions, (start + end) / 2, np.stack([radii, radii, length + radii / 2], axis=1)
