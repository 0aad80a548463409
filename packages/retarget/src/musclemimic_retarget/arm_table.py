"""Where an arm's sites are in a few of its poses: to tell from targets how the arm is held."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.pose_cost import IKConfig, SiteTargets

_JOINTS = ("elv_angle", "shoulder_elv", "elbow_flexion")
_TRUNK, _PARTS = "upper_body", ("shoulder", "elbow", "hand")
# Arms hanging, sideways, forwards, backwards and up: plane of elevation, elevation, rad.
SHOULDERS = ((0.0, 0.3), (0.0, 1.5), (1.4, 1.2), (-0.9, 0.7), (0.8, 2.4))
# Nearly straight and bent, rad.
ELBOWS = (0.5, 1.6)
# Only a pose nearer by this factor displaces the one that is nearest to all of the motion: changing
# between equally good ones would make what targets leave free change, too.
_NEARER = 0.5


@dataclass(frozen=True)
class ArmTable:
    """Some poses of one arm, the rest of the body neutral.

    Attributes:
        address: (J,) qpos addresses of the arm's joints. values: (N, J) their angles, rad.
        trunk: column of the trunk's site. sites: (L,) columns of the arm's.
        pos: (N, L, 3) m, and mat: (N, L, 3, 3), of these as seen from the trunk's.
    """

    address: Int[np.ndarray, " J"]
    values: Float[np.ndarray, "N J"]
    trunk: int
    sites: Int[np.ndarray, " L"]
    pos: Float[np.ndarray, "N L 3"]
    mat: Float[np.ndarray, "N L 3 3"]

    @classmethod
    def of(cls, body: KinematicBody, neutral: Float[np.ndarray, " nq"], side: str) -> "ArmTable":
        """The left or right arm of a body that `has_arms`."""
        joints = [body.model.joint(f"{joint}_{side[0]}") for joint in _JOINTS]
        address = np.array([joint.qposadr[0] for joint in joints])
        pairs = itertools.product(SHOULDERS, ELBOWS)
        values = np.array([(*shoulder, elbow) for shoulder, elbow in pairs])
        qpos = np.repeat(neutral[None], len(values), axis=0)
        qpos[:, address] = values
        seen = body.poses(body.musculo.couplings.apply(qpos))
        trunk, sites = body.site(_TRUNK), np.array([body.site(f"{side}_{p}") for p in _PARTS])
        return cls(
            address, values, trunk, sites, *_seen(seen.site_pos, seen.site_mat, trunk, sites)
        )

    def nearest(self, goals: SiteTargets, config: IKConfig) -> Float[np.ndarray, "T J"]:
        """Angles, rad, with which the arm's sites are about where their targets are.

        Args:
            goals: of poses.
            config: weights of distances and angles.
        """
        pos, mat = _seen(goals.pos, goals.mat, self.trunk, self.sites)
        away = ((pos[:, None] - self.pos) ** 2).sum(axis=-1)
        # A squared angle, about: 2 (1 − cos) of it.
        turned = 3.0 - np.einsum("tlij,nlij->tnl", mat, self.mat)
        cost = config.position * away @ goals.pos_weight[self.sites]
        cost += config.orientation * turned @ goals.rot_weight[self.sites]
        usual, best = int(cost.sum(axis=0).argmin()), cost.argmin(axis=1)
        displaced = cost[np.arange(len(best)), best] < _NEARER * cost[:, usual]
        return self.values[np.where(displaced, best, usual)]


def has_arms(body: KinematicBody) -> bool:
    """Whether the body has the shoulders, elbows and sites that a table needs."""
    sites = {_TRUNK, *(f"{side}_{part}" for side in ("left", "right") for part in _PARTS)}
    joints = [f"{joint}_{side}" for side in "lr" for joint in _JOINTS]
    return sites <= set(body.site_names) and all(body.has_joint(joint) for joint in joints)


def arm_tables(body: KinematicBody, neutral: Float[np.ndarray, " nq"]) -> Iterator[ArmTable]:
    """Of both arms; of none if the body is another."""
    if has_arms(body):
        for side in ("left", "right"):
            yield ArmTable.of(body, neutral, side)


def _seen(
    pos: Float[np.ndarray, "T S 3"],
    mat: Float[np.ndarray, "T S 3 3"],
    trunk: int,
    sites: Int[np.ndarray, " L"],
) -> tuple[Float[np.ndarray, "T L 3"], Float[np.ndarray, "T L 3 3"]]:
    """Positions and orientations of sites in the frame of the trunk's."""
    to_trunk = np.swapaxes(mat[:, trunk], 1, 2)[:, None]
    away = pos[:, sites] - pos[:, trunk, None]
    return (to_trunk @ away[..., None])[..., 0], to_trunk @ mat[:, sites]
