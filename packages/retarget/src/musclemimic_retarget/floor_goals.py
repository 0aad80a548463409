"""What the floor does to the targets: feet go up or down to it, toes bend on it."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.calibration import SIDES
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.rotations import matrices, quaternions
from musclemimic_retarget.smoothing import smooth
from musclemimic_retarget.targets import Targets


@dataclass(frozen=True)
class GroundConfig:
    """How feet are put on the floor.

    Attributes:
        foot_weight: position weight of ankles and toes once they are corrected.
        lift_hz: cutoff of the feet's corrections, Hz.
        trunk_hz: the part of the corrections slower than this moves the whole body, Hz.
        toe_depth: toes deeper in the floor than this bend up rather than lift the foot, m.
        margin: penetration left in place by the final lift, m.
        lift_seconds: half the time over which the final lift comes and goes, s.
        calm_hz: where the pelvis shakes more than the person's, its height is smoothed, by a cutoff
            not below this, Hz.
    """

    foot_weight: float = 4.0
    lift_hz: float = 6.0
    trunk_hz: float = 0.6
    toe_depth: float = 5e-3
    margin: float = 5e-4
    lift_seconds: float = 0.12
    calm_hz: float = 3.0


def with_toes_of(
    body: KinematicBody, targets: Targets, site_mat: Float[np.ndarray, "T S 3 3"]
) -> Targets:
    """Targets whose toes are bent against the foot as in a solved pose.

    A captured toe is mostly the foot's stiff end and would reach into the floor at push-off.
    """
    mats, quat = matrices(targets.quat), targets.quat.copy()
    for side in SIDES:
        foot, toes = body.site(f"{side}_ankle"), body.site(f"{side}_toes")
        bend = np.swapaxes(site_mat[:, foot], 1, 2) @ site_mat[:, toes]
        quat[:, toes] = quaternions(mats[:, foot] @ bend)
    return dataclasses.replace(targets, quat=quat)


def lifted_goals(
    body: KinematicBody,
    targets: Targets,
    lift: Float[np.ndarray, "T 2"],
    config: GroundConfig,
) -> Targets:
    """Targets moved up, m: the slow common part with the whole body, the rest with each foot.

    The feet weigh more in them than elsewhere: on the floor, centimetres count.
    """
    common = smooth(lift.mean(axis=1), rate=targets.rate, cutoff=config.trunk_hz)
    pos, weight = targets.pos.copy(), targets.pos_weight.copy()
    pos[..., 2] += common[:, None]
    for column, side in enumerate(SIDES):
        for site, share in (("ankle", 1.0), ("toes", 1.0), ("knee", 0.5)):
            pos[:, body.site(f"{side}_{site}"), 2] += share * (lift[:, column] - common)
        for site in ("ankle", "toes"):
            weight[body.site(f"{side}_{site}")] *= config.foot_weight
    return dataclasses.replace(targets, pos=pos, pos_weight=weight)
