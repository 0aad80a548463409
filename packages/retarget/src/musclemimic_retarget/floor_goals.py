"""What the floor does to the targets: where soles have to be, how toes bend."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from musclemimic_retarget.calibration import SIDES
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.pose_cost import SiteTargets
from musclemimic_retarget.rotations import matrices, quaternions
from musclemimic_retarget.survey import Survey
from musclemimic_retarget.targets import Targets


@dataclass(frozen=True)
class GroundConfig:
    """How feet are put on the floor.

    Attributes:
        sole_weight: weight of an ankle's height where its sole has to be on the floor.
        toe_depth: toes deeper in the floor than this bend up rather than lift the foot, m.
        margin: penetration left in place by the final lift, m.
        lift_seconds: half the time over which the final lift comes and goes, s.
        calm_hz: where the pelvis shakes more than the person's, its height is smoothed, by a cutoff
            not below this, Hz.
    """

    sole_weight: float = 200.0
    toe_depth: float = 1e-3
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


def standing_goals(
    body: KinematicBody,
    goals: SiteTargets,
    seen: Survey,
    stance: Bool[np.ndarray, "T 2"],
    config: GroundConfig,
) -> SiteTargets:
    """Goals with the floor: ankles as high as puts soles on it, where feet stand or sink in.

    The floor has no say in where else a foot goes or how it is turned: that stays with its targets.

    Args:
        body: of the model.
        goals: of every pose.
        seen: of the poses so far.
        stance: frames in which each foot stands.
        config: weights.
    """
    pos, factor = goals.pos.copy(), np.ones(goals.pos.shape[:2])
    for side, name in enumerate(SIDES):
        ankle, rows = body.site(f"{name}_ankle"), stance[:, side] | (seen.soles[:, side] < 0.0)
        pos[rows, ankle, 2] = seen.site_pos[rows, ankle, 2] - seen.soles[rows, side]
        factor[rows, ankle] = config.sole_weight
    return dataclasses.replace(goals, pos=pos, height_factor=factor)
