"""Where zero is for the twist of a limb segment: found from the motion, not from a convention."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.calibration import SIDES, Calibration
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.rotations import (
    matrices,
    quaternion_exp,
    quaternion_product,
    rotation_log,
)
from musclemimic_retarget.targets import Targets

# Each segment's long axis points to the next site; a foot turns about the vertical it stands on.
_TOWARDS = {"shoulder": "elbow", "elbow": "hand", "hip": "knee", "knee": "ankle"}
_UPRIGHT = ("ankle",)


@dataclass(frozen=True)
class TwistConfig:
    """How the zero of axial rotation is found.

    Attributes:
        gain: share of the mean twist that each update takes up; above 1, since the solver has
            already shared the mismatch between the segments of a limb.
        limit: largest turn of a segment's targets, rad.
    """

    gain: float = 1.5
    limit: float = 0.35


@dataclass
class TwistAlignment:
    """Turns limb targets about their long axes until they fit, on average over the motion.

    Human skeletons put the zero of axial rotation by convention (SMPL's rest pose, a marker's
    place), and a hinge at knee or elbow cannot take up the difference: it would stay in every
    frame. As with a knee alignment device, the constant part is calibrated away; what changes
    during the motion stays.

    Attributes:
        axes: site column to the unit long axis of its segment, in the site's frame.
        config: gain and limit.
        known: site column to the turn, rad, where it is known beforehand.
        twist: site column to the turn so far, rad.
    """

    axes: dict[int, Float[np.ndarray, " 3"]]
    config: TwistConfig
    known: Mapping[int, float] | None = None
    twist: dict[int, float] = field(default_factory=dict)

    def update(self, targets: Targets, site_mat: Float[np.ndarray, "T S 3 3"]) -> Targets:
        """Targets turned further, by the median twist of solved sites against them, or as known."""
        quat, limit = targets.quat.copy(), self.config.limit
        for column, axis in self.axes.items():
            before = self.twist.get(column, 0.0)
            if self.known is not None:
                now = self.known[column]
            else:
                goal = matrices(targets.quat[:, column])
                away = rotation_log(np.swapaxes(goal, 1, 2) @ site_mat[:, column]) @ axis
                now = float(np.clip(before + self.config.gain * np.median(away), -limit, limit))
            turn = quaternion_exp((now - before) * axis)[None]
            quat[:, column] = quaternion_product(quat[:, column], turn)
            self.twist[column] = now
        return dataclasses.replace(targets, quat=quat)


def twist_axes(body: KinematicBody, calibration: Calibration) -> dict[int, Float[np.ndarray, " 3"]]:
    """Site column to the unit long axis of its segment, in the site's frame, for all limbs."""
    axes: dict[int, Float[np.ndarray, " 3"]] = {}
    for side in SIDES:
        for site, end in _TOWARDS.items():
            if f"{side}_{site}" in body.site_names:
                column = body.site(f"{side}_{site}")
                along = calibration.pos[body.site(f"{side}_{end}")] - calibration.pos[column]
                axes[column] = calibration.mat[column].T @ (along / np.linalg.norm(along))
        for site in _UPRIGHT:
            if f"{side}_{site}" in body.site_names:
                column = body.site(f"{side}_{site}")
                axes[column] = calibration.mat[column].T @ np.array([0.0, 0.0, 1.0])
    return axes
