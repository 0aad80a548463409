"""The floor: sole clearance, stance detection and corrections that put feet on the ground."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import binary_closing, binary_opening
from scipy.spatial.transform import Rotation

from musclemimic_retarget.kinematics import KinematicBody, Poses
from musclemimic_retarget.smoothing import smooth, upper_envelope

FEET = ("left", "right")
_FOOT_BODIES = ("calcn", "toes")
_GEOM = mujoco.mjtGeom
_BISECTIONS = 8
# Bending further must raise the toes by more than this, m.
_USEFUL_BEND = 1e-3
# Half the time over which toes bend and straighten, s.
_TOE_SECONDS = 0.06


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
    def of(cls, model: mujoco.MjModel) -> "FloorGeoms":
        """Find them by MuJoCo's collision filter against the floor plane.

        Raises:
            ValueError: the model has no floor, or a geom type without a closed form here.
        """
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
            foot=np.array([_foot_of(name) for name in names]),
        )

    def clearance(self, poses: Poses) -> Float[np.ndarray, "T G"]:
        """Height of each geom's lowest point above the floor, m; negative when inside it."""
        down = poses.body_mat[:, self.body, 2]
        centre = poses.body_pos[:, self.body, 2] + np.einsum("tgi,gi->tg", down, self.pos)
        axes = np.einsum("tgi,gij->tgj", down, self.mat)
        lowest = np.empty(centre.shape)
        for kind in np.unique(self.kind):
            same = self.kind == kind
            lowest[:, same] = centre[:, same] - _HALF_HEIGHTS[int(kind)](
                axes[:, same], self.size[same]
            )
        return lowest - self.floor

    def feet(self, clearance: Float[np.ndarray, "T G"]) -> Float[np.ndarray, "T 2"]:
        """Sole clearance of the left and the right foot, m."""
        return np.stack([clearance[:, self.foot == side].min(axis=1) for side in (0, 1)], axis=1)


def _foot_of(body: str) -> int:
    stem, _, side = body.rpartition("_")
    return "lr".index(side) if stem in _FOOT_BODIES and side in "lr" else -1


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


@dataclass(frozen=True)
class StanceConfig:
    """When a foot counts as standing.

    Attributes:
        height: sole clearance above the lowest soles of the motion, m.
        speed: horizontal speed of the slower of ankle and toes, m/s.
        shortest: stance (and swing) phases shorter than this are noise, s.
    """

    height: float = 0.04
    speed: float = 0.45
    shortest: float = 0.06


def detect_stance(
    clearance: Float[np.ndarray, "T 2"],
    speed: Float[np.ndarray, "T 2"],
    *,
    rate: float,
    config: StanceConfig,
) -> Bool[np.ndarray, "T 2"]:
    """Frames in which each foot is low and slow."""
    level = np.percentile(clearance.min(axis=1), 10)
    stance = (clearance - level < config.height) & (speed < config.speed)
    width = max(round(config.shortest * rate), 1)
    window = np.ones(width, dtype=bool)
    for side in (0, 1):
        padded = np.pad(stance[:, side], width, mode="edge")
        settled = binary_opening(binary_closing(padded, window), window)
        stance[:, side] = settled[width:-width]
    return stance


def foot_speed(
    body: KinematicBody, site_pos: Float[np.ndarray, "T S 3"], rate: float
) -> Float[np.ndarray, "T 2"]:
    """Horizontal speed of the slower of ankle and toes of each foot, m/s."""
    columns = np.array([[body.site(f"{s}_ankle"), body.site(f"{s}_toes")] for s in FEET])
    velocity = np.gradient(site_pos[:, columns, :2], 1.0 / rate, axis=0)
    return np.linalg.norm(velocity, axis=-1).min(axis=-1)


def bend_toes(
    body: KinematicBody,
    floor: FloorGeoms,
    qpos: Float[np.ndarray, "T nq"],
    *,
    rate: float,
    tolerance: float,
) -> Float[np.ndarray, "T nq"]:
    """Extend the toes where they reach into the floor, by the smallest angle that helps.

    Motion capture rarely measures the toes, and a stiff toe at push-off would have to be cleared
    by lifting the whole foot by centimetres. The bend comes and goes smoothly.

    Args:
        body: of the model.
        floor: its floor geoms.
        qpos: poses.
        rate: frames per second.
        tolerance: depth that is left, m; so is what bending cannot clear (the ball of the foot).
    """
    couplings = body.musculo.couplings
    box = dict(zip(couplings.scalar_qpos.tolist(), couplings.box, strict=True))
    result = qpos.copy()
    for side, letter in enumerate("lr"):
        joint = body.model.joint(f"mtp_angle_{letter}")
        address = int(joint.qposadr[0])
        # Turning about the lateral body axis z carries the toes (x) up (y).
        end = box[address][1 if joint.axis[2] > 0 else 0]
        toes = (floor.foot == side) & (floor.body == body.model.body(f"toes_{letter}").id)
        angle = _smallest_bend(
            body, floor, result, toes, address=address, end=float(end), tolerance=tolerance
        )
        extra = np.abs(angle - result[:, address])
        extra = upper_envelope(extra, width=max(round(_TOE_SECONDS * rate), 1))
        result[:, address] += np.sign(end) * extra
        result[:, address] = np.clip(result[:, address], *box[address])
    return result


def _smallest_bend(
    body: KinematicBody,
    floor: FloorGeoms,
    qpos: Float[np.ndarray, "T nq"],
    toes: Bool[np.ndarray, " G"],
    *,
    address: int,
    end: float,
    tolerance: float,
) -> Float[np.ndarray, " T"]:
    """Toe angle of every frame after bending towards `end`, rad, by bisection."""

    def height(poses: Float[np.ndarray, "N nq"]) -> Float[np.ndarray, " N"]:
        return floor.clearance(body.poses(poses))[:, toes].min(axis=1)

    angle = qpos[:, address].copy()
    frames = np.flatnonzero(height(qpos) < -tolerance)
    trial = qpos[frames]
    trial[:, address] = end
    enough = np.minimum(-tolerance, height(trial) - _USEFUL_BEND)
    deep, clear = qpos[frames, address], np.full(len(frames), end)
    for _ in range(_BISECTIONS):
        trial[:, address] = (deep + clear) / 2
        too_low = height(trial) < enough
        deep = np.where(too_low, trial[:, address], deep)
        clear = np.where(too_low, clear, trial[:, address])
    angle[frames] = clear
    return angle


def floor_offset(clearance: Float[np.ndarray, "T 2"], stance: Bool[np.ndarray, "T 2"]) -> float:
    """How high the standing feet float over the whole motion, m (its median)."""
    lowest = clearance.min(axis=1)
    standing = stance.any(axis=1)
    return float(np.median(clearance[stance]) if standing.any() else np.percentile(lowest, 10))


def foot_lift(
    clearance: Float[np.ndarray, "T 2"],
    stance: Bool[np.ndarray, "T 2"],
    *,
    rate: float,
    cutoff: float,
) -> Float[np.ndarray, "T 2"]:
    """How far to raise each foot, m: onto the floor in stance, out of it in swing, smoothly."""
    lift = np.zeros(clearance.shape)
    frames = np.arange(len(clearance))
    for side in (0, 1):
        standing = stance[:, side]
        if standing.any():
            lift[:, side] = np.interp(frames, frames[standing], -clearance[standing, side])
        lift[:, side] = np.maximum(lift[:, side], -clearance[:, side])
    return smooth(lift, rate=rate, cutoff=cutoff)


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
