"""Painter's algorithm: bones and muscles as one depth-sorted set of shaded polygons."""

import numpy as np
from jaxtyping import Float
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap

from musclemimic_eval.camera import Camera
from musclemimic_eval.scene import MusclePieces, Triangles

ACTIVATION_COLOURS = LinearSegmentedColormap.from_list(
    "activation", ["#7d9fcf", "#a79cc6", "#d58a9b", "#dc4650", "#b80019"]
)
_BONE = np.array([0.97, 0.94, 0.875])
_SHADOW = "#efeeea"
# Camera frame (right, away, up): from above, the left and the viewer's side.
_LIGHT = np.array([-0.45, -0.65, 0.62]) / np.linalg.norm([-0.45, -0.65, 0.62])
_AMBIENT = 0.5
# A muscle is three flat strips across its width, each with the normal of a cylinder there.
_STRIPS = ((-1.0, -0.4), (-0.4, 0.4), (0.4, 1.0))

Polygons = tuple[Float[np.ndarray, "P 4 3"], Float[np.ndarray, "P 3"]]


def paint_body(
    bones: Triangles,
    muscles: MusclePieces,
    activation: Float[np.ndarray, " nu"],
    *,
    camera: Camera,
) -> PolyCollection:
    """Everything that is visible, farthest first, in the camera's (right, up) plane, m."""
    shapes, colours = zip(
        _bone_polygons(bones, camera), _muscle_polygons(muscles, activation, camera), strict=True
    )
    polygons, rgb = np.concatenate(shapes), np.concatenate(colours)
    order = np.argsort(-polygons[:, :, 1].mean(axis=1), kind="stable")
    return PolyCollection(
        list(polygons[order][:, :, [0, 2]]),
        facecolors=rgb[order],
        edgecolors=rgb[order],  # hides the seams that antialiasing leaves between neighbours
        linewidths=0.25,
        rasterized=True,
    )


def paint_shadow(bones: Triangles, *, camera: Camera) -> PolyCollection:
    """The bones' shadow on the floor z = 0 under a light from straight above."""
    flat = bones.corners * np.array([1.0, 1.0, 0.0])
    return PolyCollection(
        list(camera.project(flat)[:, :, [0, 2]]),
        facecolors=_SHADOW,
        edgecolors=_SHADOW,
        linewidths=2.5,
        rasterized=True,
    )


def _bone_polygons(bones: Triangles, camera: Camera) -> Polygons:
    corners = camera.project(bones.corners)  # (F, 3, 3)
    normals = camera.project(bones.normals)  # (F, 3)
    front = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1] < 0
    quads = corners[front][:, [0, 1, 2, 2]]  # a triangle is a quad with a doubled corner
    return quads, _shade(_BONE, normals[front])


def _muscle_polygons(
    muscles: MusclePieces, activation: Float[np.ndarray, " nu"], camera: Camera
) -> Polygons:
    ends = camera.project(muscles.ends)  # (P, 2, 3)
    along = ends[:, 1, [0, 2]] - ends[:, 0, [0, 2]]
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    across = np.stack([-along[:, 1], np.zeros(len(along)), along[:, 0]], axis=1)  # (P, 3)
    colour = ACTIVATION_COLOURS(np.clip(activation, 0, 1))[muscles.muscle, :3]
    toward = np.array([0.0, -1.0, 0.0])
    shapes: list[np.ndarray] = []
    colours: list[np.ndarray] = []
    for low, high in _STRIPS:
        middle = (low + high) / 2
        normal = middle * across + np.sqrt(1 - middle**2) * toward
        # The surface lies in front of the path by what is left of the radius.
        lift = np.sqrt(1 - middle**2) * muscles.radii[:, :, None] * toward
        corners = [
            ends[:, end] + offset * muscles.radii[:, end, None] * across + lift[:, end]
            for end, offset in ((0, low), (1, low), (1, high), (0, high))
        ]
        shapes.append(np.stack(corners, axis=1))
        colours.append(_shade(colour, normal))
    return np.concatenate(shapes), np.concatenate(colours)


def _shade(
    colour: Float[np.ndarray, "*n 3"], normals: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, "n 3"]:
    """Lambert's law with ambient light; normals in the camera frame."""
    lit = np.clip(normals @ _LIGHT, 0, 1)
    return np.clip(colour * (_AMBIENT + (1.08 - _AMBIENT) * lit)[:, None], 0, 1)
