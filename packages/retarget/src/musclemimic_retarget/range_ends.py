"""Joints that spend their time at an end of their range, and where they would go without it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import Couplings

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.ik import InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.pose_cost import IKConfig, SiteTargets

# A joint this close to its end is at it, rad; what it would do beyond is asked this far, rad.
_AT_END, _BEYOND = float(np.deg2rad(0.25)), float(np.deg2rad(45.0))
# Joints at an end in a smaller share of the frames are not worth a word.
_WORTH_NAMING = 0.02


@dataclass(frozen=True)
class JointAtEnd:
    """A joint that ends before its target does.

    Attributes:
        joint: its name. share_percent: of the clip's frames it spends there.
        end_deg: the end of its range.
        asked_deg: where it would go in those frames without the end, on average over the tenth
            that go furthest; up to 45° beyond are looked at.
    """

    joint: str
    share_percent: float
    end_deg: float
    asked_deg: float


def joints_at_ends(
    body: KinematicBody,
    goals: SiteTargets,
    qpos: Float[np.ndarray, "T nq"],
    config: IKConfig,
) -> tuple[JointAtEnd, ...]:
    """Joints that the clip holds at an end of their range, and where they would go without it."""
    couplings = body.musculo.couplings
    low, high = couplings.box.T
    values = qpos[:, couplings.scalar_qpos]
    free = dataclasses.replace(body, musculo=_Loosened(body.musculo))
    asked = InverseKinematics(free, config).solve(goals, qpos).qpos[:, couplings.scalar_qpos]
    names = {
        int(body.model.jnt_qposadr[joint]): body.model.joint(joint).name
        for joint in range(body.model.njnt)
        if body.model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_HINGE)
    }
    found: list[JointAtEnd] = []
    for column, address in enumerate(couplings.scalar_qpos.tolist()):
        if address not in names:
            continue
        for end, sign in ((low[column], -1.0), (high[column], 1.0)):
            there = sign * (values[:, column] - end) > -_AT_END
            share = float(there.mean())
            if share < _WORTH_NAMING:
                continue
            further = np.sort(sign * asked[there, column])[-max(int(there.sum()) // 10, 1) :]
            beyond = float(sign * max(further.mean(), sign * end))
            found.append(
                JointAtEnd(
                    names[address],
                    100.0 * share,
                    float(np.rad2deg(end)),
                    float(np.rad2deg(beyond)),
                )
            )
    return tuple(sorted(found, key=lambda joint: -joint.share_percent))


@dataclass(frozen=True)
class _Loosened:
    """A body whose ranges are wider, everything else the same; couplings go on beyond them."""

    tight: Articulated

    @property
    def label(self) -> str:
        return self.tight.label

    @property
    def mj_model(self) -> mujoco.MjModel:
        return self.tight.mj_model

    @property
    def joint_names(self) -> tuple[str, ...]:
        return self.tight.joint_names

    @property
    def mimic_sites(self) -> Mapping[str, str]:
        return self.tight.mimic_sites

    @property
    def couplings(self) -> Couplings:
        couplings = self.tight.couplings
        return dataclasses.replace(couplings, box=couplings.box + _BEYOND * np.array([-1.0, 1.0]))

    @property
    def content_sha256(self) -> str:
        return self.tight.content_sha256

    @property
    def has_free_root(self) -> bool:
        return self.tight.has_free_root
