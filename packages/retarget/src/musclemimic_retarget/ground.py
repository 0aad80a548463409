"""The floor: what of a model can touch it, how high that is, and how far to lift it."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.kinematics import Poses
from musclemimic_retarget.smoothing import upper_envelope

_GEOM = mujoco.mjtGeom


@dataclass(frozen=True)
class FloorGeoms:
    """The geoms of a model that can touch its floor.

    Attributes:
        floor: height of the floor, m.
        body: (G,) body ids. pos: (G, 3) m and mat: (G, 3, 3) in the body frame.
        kind: (G,) MuJoCo geom types. size: (G, 3) m.
        foot: (G,) 0 for the left foot, 1 for the right, −1 elsewhere.
    """

    floor: float
    body: Int[np.ndarray, " G"]
    pos: Float[np.ndarray, "G 3"]
    mat: Float[np.ndarray, "G 3 3"]
    kind: Int[np.ndarray, " G"]
    size: Float[np.ndarray, "G 3"]
    foot: Int[np.ndarray, " G"]

    @classmethod
    def of(cls, articulated: Articulated) -> "FloorGeoms":
        """Find them by MuJoCo's collision filter against the floor plane.

        Feet are the bodies that carry the ankle and toe sites.

        Raises:
            ValueError: the model has no floor, or a geom type without a closed form here.
        """
        model = articulated.mj_model
        feet = {
            articulated.mimic_sites[f"{side}_{part}"]: number
            for number, side in enumerate(("left", "right"))
            for part in ("ankle", "toes")
            if f"{side}_{part}" in articulated.mimic_sites
        }
        planes = np.flatnonzero(model.geom_type == int(_GEOM.mjGEOM_PLANE))
        if not len(planes):
            raise ValueError("the model has no floor plane")
        floor = int(planes[0])
        meets = (model.geom_contype & model.geom_conaffinity[floor]) | (
            model.geom_conaffinity & model.geom_contype[floor]
        )
        ids = np.flatnonzero((meets != 0) & (model.geom_bodyid != 0))
        unknown = set(model.geom_type[ids].tolist()) - set(_HALF_HEIGHTS)
        if unknown:
            raise ValueError(f"no height formula for geom types {sorted(unknown)}")
        names = [model.body(body).name for body in model.geom_bodyid[ids]]
        quat = model.geom_quat[ids]
        return cls(
            floor=float(model.geom_pos[floor, 2]),
            body=model.geom_bodyid[ids].copy(),
            pos=model.geom_pos[ids].copy(),
            mat=Rotation.from_quat(quat, scalar_first=True).as_matrix(),
            kind=model.geom_type[ids].copy(),
            size=model.geom_size[ids].copy(),
            foot=np.array([feet.get(name, -1) for name in names]),
        )

    def clearance(self, poses: Poses) -> Float[np.ndarray, "T G"]:
        """Height of each geom's lowest point above the floor, m; negative when inside it."""
        return self.heights(poses.body_pos[:, self.body], poses.body_mat[:, self.body])

    def heights(
        self, body_pos: Float[np.ndarray, "T #G 3"], body_mat: Float[np.ndarray, "T #G 3 3"]
    ) -> Float[np.ndarray, "T G"]:
        """`clearance`, for bodies given geom by geom."""
        down = np.broadcast_to(body_mat[..., 2, :], (len(body_mat), len(self.body), 3))
        centre = body_pos[..., 2] + np.einsum("tgi,gi->tg", down, self.pos)
        axes = np.einsum("tgi,gij->tgj", down, self.mat)
        lowest = np.empty(centre.shape)
        for kind in np.unique(self.kind):
            same = self.kind == kind
            lowest[:, same] = centre[:, same] - _HALF_HEIGHTS[int(kind)](
                axes[:, same], self.size[same]
            )
        return lowest - self.floor

    def only(self, geoms: Bool[np.ndarray, " G"]) -> "FloorGeoms":
        """Some of the geoms."""
        return FloorGeoms(
            floor=self.floor,
            body=self.body[geoms],
            pos=self.pos[geoms],
            mat=self.mat[geoms],
            kind=self.kind[geoms],
            size=self.size[geoms],
            foot=self.foot[geoms],
        )

    def feet(self, clearance: Float[np.ndarray, "T G"]) -> Float[np.ndarray, "T 2"]:
        """Sole clearance of the left and the right foot, m; infinite if there is no such foot."""
        soles = [clearance[:, self.foot == side].min(axis=1, initial=np.inf) for side in (0, 1)]
        return np.stack(soles, axis=1)


def _sphere(axes: Float[np.ndarray, "T G 3"], size: Float[np.ndarray, "G 3"]) -> np.ndarray:
    return np.broadcast_to(size[:, 0], axes.shape[:2])


def _capsule(axes: Float[np.ndarray, "T G 3"], size: Float[np.ndarray, "G 3"]) -> np.ndarray:
    return size[:, 0] + size[:, 1] * np.abs(axes[..., 2])


def _ellipsoid(axes: Float[np.ndarray, "T G 3"], size: Float[np.ndarray, "G 3"]) -> np.ndarray:
    return np.linalg.norm(axes * size, axis=-1)


def _cylinder(axes: Float[np.ndarray, "T G 3"], size: Float[np.ndarray, "G 3"]) -> np.ndarray:
    upright = np.abs(axes[..., 2])
    return size[:, 0] * np.sqrt(np.clip(1 - upright**2, 0, None)) + size[:, 1] * upright


def _box(axes: Float[np.ndarray, "T G 3"], size: Float[np.ndarray, "G 3"]) -> np.ndarray:
    return np.sum(np.abs(axes) * size, axis=-1)


# Half height of a shape over a horizontal plane (its support function), by geom type.
_HALF_HEIGHTS = {
    int(_GEOM.mjGEOM_SPHERE): _sphere,
    int(_GEOM.mjGEOM_CAPSULE): _capsule,
    int(_GEOM.mjGEOM_ELLIPSOID): _ellipsoid,
    int(_GEOM.mjGEOM_CYLINDER): _cylinder,
    int(_GEOM.mjGEOM_BOX): _box,
}


def root_lift(
    lowest: Float[np.ndarray, " T"], *, rate: float, margin: float, seconds: float
) -> Float[np.ndarray, " T"]:
    """The smallest smooth rise of the whole body that clears the floor, m.

    Args:
        lowest: clearance of the body's lowest point, m.
        rate: frames per second.
        margin: penetration that may stay, m.
        seconds: half the time over which the rise comes and goes.
    """
    needed = np.maximum(-lowest - margin, 0.0)
    return upper_envelope(needed, width=max(round(seconds * rate), 1))
