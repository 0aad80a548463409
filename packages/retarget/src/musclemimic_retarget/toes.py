"""Toes bend where they would reach into the floor."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.kinematics import KinematicBody, Poses, blocks
from musclemimic_retarget.rotations import turns_about
from musclemimic_retarget.smoothing import upper_envelope

_BISECTIONS = 8
# Bending further must raise the toes by more than this, m.
_USEFUL_BEND = 1e-3
# Half the time over which toes bend and straighten, s.
_TOE_SECONDS = 0.06


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

    Returns:
        The poses; those given if the model has no toe joint.
    """
    couplings, model = body.musculo.couplings, body.model
    if not body.has_joint("mtp_angle_l"):
        return qpos
    box = dict(zip(couplings.scalar_qpos.tolist(), couplings.box, strict=True))
    result = qpos.copy()
    for letter in "lr":
        joint = model.joint(f"mtp_angle_{letter}")
        address, toe_body = int(joint.qposadr[0]), model.body(f"toes_{letter}").id
        # Turning about the lateral body axis z carries the toes (x) up (y).
        end = float(box[address][1 if joint.axis[2] > 0 else 0])
        toes = _Toes(toe_body, joint.pos, joint.axis, floor.only(floor.body == toe_body))
        furthest, extra = end - qpos[:, address], np.empty(len(qpos))
        for rows in blocks(len(qpos)):
            poses = body.poses(qpos[rows])
            bend = _smallest_bend(toes, poses, furthest[rows], tolerance=tolerance)
            extra[rows] = np.abs(bend)
        extra = upper_envelope(extra, width=max(round(_TOE_SECONDS * rate), 1))
        result[:, address] = np.clip(qpos[:, address] + np.sign(end) * extra, *box[address])
    return result


def _smallest_bend(
    toes: "_Toes", poses: Poses, furthest: Float[np.ndarray, " T"], *, tolerance: float
) -> Float[np.ndarray, " T"]:
    """How far to turn the toes in every pose, rad: from none towards `furthest`, by bisection."""
    angle = np.zeros(len(furthest))
    frames = np.flatnonzero(toes.height(poses, angle) < -tolerance)
    poses = poses[frames]
    deep, clear = np.zeros(len(frames)), furthest[frames]
    enough = np.minimum(-tolerance, toes.height(poses, clear) - _USEFUL_BEND)
    for _ in range(_BISECTIONS):
        middle = (deep + clear) / 2
        too_low = toes.height(poses, middle) < enough
        deep = np.where(too_low, middle, deep)
        clear = np.where(too_low, clear, middle)
    angle[frames] = clear
    return angle


@dataclass(frozen=True)
class _Toes:
    """The toes of one foot, which turn about one hinge of their own.

    Attributes:
        body: body id. anchor: (3,) m and axis: (3,) of the hinge, in the body frame.
        geoms: their floor geoms.
    """

    body: int
    anchor: Float[np.ndarray, " 3"]
    axis: Float[np.ndarray, " 3"]
    geoms: FloorGeoms

    def height(self, poses: Poses, bend: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
        """Clearance of the toes' lowest point after a further turn of the hinge, rad; m."""
        turned = poses.body_mat[:, self.body] @ turns_about(self.axis, bend)
        anchor = poses.body_pos[:, self.body] + poses.body_mat[:, self.body] @ self.anchor
        origin = anchor - turned @ self.anchor
        return self.geoms.heights(origin[:, None], turned[:, None]).min(axis=1)
