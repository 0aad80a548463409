"""Where a model's knee goes on the thigh as it bends: the tibia rolls and glides on the femur."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.rotations import quaternions

_GRID = 32


@dataclass(frozen=True)
class KneeTrack:
    """The knee centre of one leg, over its range.

    Attributes:
        axis: (3,) unit axis of flexion in the hip site's frame, straight to fully bent.
        straight: (3, 3) the knee site in the hip site's frame where its angle counts from.
        angle: (E,) of the shank against the thigh, rad, increasing.
        place: (E, 3) knee site in the hip site's frame, m, at those angles.
    """

    axis: Float[np.ndarray, " 3"]
    straight: Float[np.ndarray, "3 3"]
    angle: Float[np.ndarray, " E"]
    place: Float[np.ndarray, "E 3"]

    def at(
        self, thigh: Float[np.ndarray, "T 3 3"], shank: Float[np.ndarray, "T 3 3"]
    ) -> Float[np.ndarray, "T 3"]:
        """From hip to knee, m, world, for orientations of both sites."""
        angle = _angle_about(self.axis, np.swapaxes(thigh, 1, 2) @ shank @ self.straight.T)
        columns = [np.interp(angle, self.angle, self.place[:, axis]) for axis in range(3)]
        return (thigh @ np.stack(columns, axis=1)[..., None])[..., 0]


def measure_knee(body: KinematicBody, side: str) -> KneeTrack | None:
    """Bend a knee over its range and read where its centre goes; None if it has no such joint.

    Args:
        body: of the model.
        side: left or right.
    """
    name = f"knee_angle_{side[0]}"
    if not body.has_joint(name) or f"{side}_knee" not in body.site_names:
        return None
    address, couplings = int(body.model.joint(name).qposadr[0]), body.musculo.couplings
    box = dict(zip(couplings.scalar_qpos.tolist(), couplings.box, strict=True))
    sweep = np.repeat(body.model.qpos0[None], _GRID, axis=0)
    low, high = (float(end) for end in box[address])
    sweep[:, address] = np.linspace(low, high, _GRID)
    poses = body.poses(couplings.apply(sweep))
    hip, knee = body.site(f"{side}_hip"), body.site(f"{side}_knee")
    into_thigh = np.swapaxes(poses.site_mat[:, hip], 1, 2)
    place = (into_thigh @ (poses.site_pos[:, knee] - poses.site_pos[:, hip])[..., None])[..., 0]
    shank = into_thigh @ poses.site_mat[:, knee]
    turns = shank @ shank[0].T
    bent = quaternions(turns[-1])
    axis = np.copysign(1.0, bent[0]) * bent[1:] / np.linalg.norm(bent[1:])
    angle = np.maximum.accumulate(_angle_about(axis, turns))
    return KneeTrack(axis, shank[0], angle, place)


def _angle_about(
    axis: Float[np.ndarray, " 3"], turns: Float[np.ndarray, "T 3 3"]
) -> Float[np.ndarray, " T"]:
    """Twist of rotations about an axis (swing-twist split), rad in (−π, π]."""
    quat = quaternions(turns)
    return 2.0 * np.arctan(quat[:, 1:] @ axis / quat[:, 0])
