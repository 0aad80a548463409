"""Muscle paths in space: straight between sites, on the surface where a muscle wraps a bone."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int

ARC_STEPS = 6
_PULLEY = -2
# An arc shorter than this never goes the long way round, rad (rounding of nearly equal points).
_TINY_ARC = 0.05


@dataclass(frozen=True)
class MusclePaths:
    """Straight pieces that together draw every muscle, in no particular order.

    Attributes:
        start, end: (S, 3) ends of each piece, world, m.
        muscle: (S,) actuator index of the muscle a piece belongs to.
    """

    start: Float[np.ndarray, "S 3"]
    end: Float[np.ndarray, "S 3"]
    muscle: Int[np.ndarray, " S"]

    def lengths(self, muscles: int) -> Float[np.ndarray, " muscles"]:
        """Sum of the pieces of each muscle, m."""
        pieces = np.linalg.norm(self.end - self.start, axis=1)
        return np.bincount(self.muscle, weights=pieces, minlength=muscles)


def largest_piece_count(model: mujoco.MjModel, arc_steps: int = ARC_STEPS) -> int:
    """How many pieces `muscle_paths` can return at most: with every wrapping surface touched."""
    tendons = model.actuator_trnid[:, 0]
    count = 0
    for first, number in zip(model.tendon_adr[tendons], model.tendon_num[tendons], strict=True):
        kinds = model.wrap_type[first : first + number]
        sites = int((kinds == int(mujoco.mjtWrap.mjWRAP_SITE)).sum())
        surfaces = int((kinds > int(mujoco.mjtWrap.mjWRAP_SITE)).sum())
        count += sites + surfaces - 1 + surfaces * arc_steps
    return count


def muscle_paths(
    model: mujoco.MjModel, data: mujoco.MjData, arc_steps: int = ARC_STEPS
) -> MusclePaths:
    """The path of every muscle in the pose of `data` (which must be up to date).

    MuJoCo gives the points where a muscle meets and leaves a sphere or cylinder but not the way
    between, which is drawn here as an arc on the surface in `arc_steps` pieces.
    """
    points, surface = data.wrap_xpos.reshape(-1, 3), data.wrap_obj.ravel()
    tendons = model.actuator_trnid[:, 0]
    counts = np.maximum(data.ten_wrapnum[tendons] - 1, 0)
    before = np.cumsum(counts) - counts
    muscle = np.repeat(np.arange(model.nu), counts)
    here = np.arange(len(muscle)) + np.repeat(data.ten_wrapadr[tendons] - before, counts)
    whole = (surface[here] != _PULLEY) & (surface[here + 1] != _PULLEY)
    curved = (surface[here] >= 0) & (surface[here] == surface[here + 1])
    straight = whole & ~curved
    # A surface always stands between two sites: the point before it is of the same muscle.
    arcs = _arcs(
        points[here[curved] - 1],
        points[here[curved]],
        points[here[curved] + 1],
        data.geom_xpos[surface[here[curved]]],
        data.geom_xmat[surface[here[curved]]].reshape(-1, 3, 3),
        sphere=model.geom_type[surface[here[curved]]] == int(mujoco.mjtGeom.mjGEOM_SPHERE),
        steps=arc_steps,
    )
    return MusclePaths(
        start=np.vstack([points[here[straight]], arcs[:, :-1].reshape(-1, 3)]),
        end=np.vstack([points[here[straight] + 1], arcs[:, 1:].reshape(-1, 3)]),
        muscle=np.concatenate([muscle[straight], np.repeat(muscle[curved], arc_steps)]),
    )


def _arcs(
    before: Float[np.ndarray, "C 3"],
    first: Float[np.ndarray, "C 3"],
    last: Float[np.ndarray, "C 3"],
    centre: Float[np.ndarray, "C 3"],
    rotation: Float[np.ndarray, "C 3 3"],
    *,
    sphere: Bool[np.ndarray, " C"],
    steps: int,
) -> Float[np.ndarray, "C points 3"]:
    """Points on the way from `first` to `last`, leaving in the direction one came from `before`.

    On a sphere a great circle, on a cylinder (about the z axis of its frame) a helix.
    """
    start, stop = first - centre, last - centre
    axis = np.where(sphere[:, None], np.cross(start, stop), rotation[:, :, 2])
    axis /= np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-12)
    rise_start, rise_stop = (np.sum(v * axis, axis=1, keepdims=True) for v in (start, stop))
    x = start - rise_start * axis
    y = np.cross(axis, x)
    out = stop - rise_stop * axis
    angle = np.arctan2(np.sum(out * y, axis=1), np.sum(out * x, axis=1))
    forward = np.sum((first - before) * y, axis=1)
    long_way = (forward * angle < 0) & (np.abs(angle) > _TINY_ARC)
    angle = angle - long_way * np.sign(angle) * 2 * np.pi
    share = np.linspace(0.0, 1.0, steps + 1)[None, :, None]
    turned = share * angle[:, None, None]
    ring = np.cos(turned) * x[:, None] + np.sin(turned) * y[:, None]
    rise = rise_start[:, None] + share * (rise_stop - rise_start)[:, None]
    points = centre[:, None] + ring + rise * axis[:, None]
    points[:, -1] = last
    return points
