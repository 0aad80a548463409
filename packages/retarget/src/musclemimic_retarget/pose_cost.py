"""What inverse kinematics is asked: targets, weights, the cost of poses and its derivatives."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from musclemimic_retarget.feasible import bounds, clip_to_feasible
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.linkage import Linkage, linkage
from musclemimic_retarget.normal_equations import Leverage, NormalEquations
from musclemimic_retarget.rotations import rotation_log


@dataclass(frozen=True)
class IKConfig:
    """Weights and stopping rules.

    The cost of a pose is Σ position·w_p ‖Δp‖² + Σ orientation·w_o ‖Δθ‖² + neutral ‖q − q_n‖² +
    previous ‖q − q_prev‖², with Δp in m and Δθ, q in rad, and w the targets' own weights.

    Attributes:
        position: weight of squared distances, m⁻².
        orientation: weight of squared angles, rad⁻².
        neutral: pull to the neutral pose, rad⁻²; decides what no target sees.
        previous: pull to a pose expected from the frames around, rad⁻²; settles the shoulder's
            redundancy near zero elevation.
        iterations: per pose at most.
        tolerance: a pose has converged when no coordinate moves more than this, rad or m.
        least_decrease: it has converged, too, when an iteration lowers, or would lower, the cost
            by less than this share of it.
        largest_step: trust region, rad or m per iteration.
        renewal: the Hessian is renewed after a step larger than this, rad or m,
        surprise: or when a step lowers the cost by more or less than promised by this share.
    """

    position: float = 1.0
    orientation: float = 0.05
    neutral: float = 1e-6
    previous: float = 2e-4
    iterations: int = 30
    tolerance: float = 5e-4
    least_decrease: float = 2e-2
    largest_step: float = 1.0
    renewal: float = 0.2
    surprise: float = 0.5


@dataclass(frozen=True)
class SiteTargets:
    """Where the sites should be in each of T poses.

    Attributes:
        pos: (T, S, 3) m, world. mat: (T, S, 3, 3) orientations, world.
        pos_weight, rot_weight: (S,) relative weights; 0 leaves a target out.
        rot_factor: (T, S) further factors on the orientations' weights, pose by pose; 1 if None.
        height_factor: (T, S) the same on the weights of the heights alone.
    """

    pos: Float[np.ndarray, "T S 3"]
    mat: Float[np.ndarray, "T S 3 3"]
    pos_weight: Float[np.ndarray, " S"]
    rot_weight: Float[np.ndarray, " S"]
    rot_factor: Float[np.ndarray, "T S"] | None = None
    height_factor: Float[np.ndarray, "T S"] | None = None

    def __getitem__(self, poses: slice | Int[np.ndarray, " N"]) -> "SiteTargets":
        """The targets of some poses."""
        return dataclasses.replace(
            self,
            pos=self.pos[poses],
            mat=self.mat[poses],
            rot_factor=None if self.rot_factor is None else self.rot_factor[poses],
            height_factor=None if self.height_factor is None else self.height_factor[poses],
        )


@dataclass(frozen=True)
class Slope:
    """Of the cost at T poses: cost (T,), descent direction −½∇ (T, F), and what moves the sites."""

    cost: Float[np.ndarray, " T"]
    gradient: Float[np.ndarray, "T F"]
    leverage: Leverage


class PoseCost:
    """The cost of `IKConfig` as a function of the unknowns of `NormalEquations`.

    Attributes:
        body: of the model. neutral: (nq,) the pose that the cost draws to.
        lower, upper: (F,) ranges of the unknowns, rad or m; infinite for the free root's.
        joints: the unknowns that are single joints. address: (J,) their qpos addresses.
    """

    def __init__(self, body: KinematicBody, config: IKConfig) -> None:
        """Of a body, with weights."""
        self.body, self._config = body, config
        self._equations = NormalEquations(body)
        self.neutral = clip_to_feasible(body, body.model.qpos0)
        self.lower, self.upper, address = bounds(body, self._equations.dofs)
        # The free root's six come first, if there are any.
        self.joints = slice(int((address < 0).sum()), None)
        self.address = address[self.joints]

    def slope(
        self,
        qpos: Float[np.ndarray, "T nq"],
        targets: SiteTargets,
        previous: Float[np.ndarray, "T nq"] | None,
    ) -> Slope:
        """Cost and gradient at poses: errors pull on the sites."""
        config, links = self._config, linkage(self.body, qpos)
        leverage = self._equations.leverage(qpos, links)
        pull = _errors(links, targets)
        weighted = self._weights(targets) * pull
        cost = np.einsum("sit,sit->t", pull, weighted)
        gradient = self._equations.gradient(leverage, weighted)
        angles = qpos[:, self.address]
        for reference, strength in (
            (self.neutral[None], config.neutral),
            (previous, config.previous),
        ):
            if reference is not None:
                offset = reference[:, self.address] - angles
                gradient[:, self.joints] += strength * offset
                cost += strength * (offset**2).sum(axis=1)
        return Slope(cost, gradient, leverage)

    def leverage(self, qpos: Float[np.ndarray, "T nq"]) -> Leverage:
        """What moves the sites at poses."""
        return self._equations.leverage(qpos, linkage(self.body, qpos))

    def hessian(
        self, targets: SiteTargets, leverage: Leverage, *, pulled: bool
    ) -> Float[np.ndarray, "T F F"]:
        """Gauss–Newton Hessian at poses.

        Args:
            targets: only their weights count.
            leverage: of the poses, from their slope.
            pulled: whether the cost holds the pull to a previous pose.
        """
        hessian = self._equations.hessian(leverage, self._weights(targets))
        strength = self._config.neutral + (self._config.previous if pulled else 0.0)
        np.einsum("tii->ti", hessian)[:, self.joints] += strength
        return hessian

    def _weights(self, targets: SiteTargets) -> Float[np.ndarray, "S 6 #T"]:
        """Weight of each squared error: rotation x, y, z, position x, y, z."""
        weight = np.empty((len(targets.pos_weight), 6, 1))
        weight[:, :3, 0] = self._config.orientation * targets.rot_weight[:, None]
        weight[:, 3:, 0] = self._config.position * targets.pos_weight[:, None]
        if targets.rot_factor is not None or targets.height_factor is not None:
            weight = np.repeat(weight, len(targets.pos), axis=2)
        if targets.rot_factor is not None:
            weight[:, :3] *= targets.rot_factor.T[:, None]
        if targets.height_factor is not None:
            weight[:, 5] *= targets.height_factor.T
        return weight


def _errors(links: Linkage, targets: SiteTargets) -> Float[np.ndarray, "S 6 T"]:
    """Of every site: the turn, as a rotation vector, and the shift that lead to its target."""
    pull = np.empty((len(targets.pos_weight), 6, len(targets.pos)))
    pull[:, 3:] = (targets.pos - links.site_pos).transpose(1, 2, 0)
    turn = rotation_log(targets.mat @ np.swapaxes(links.site_mat, -1, -2))
    pull[:, :3] = turn.transpose(1, 2, 0)
    return pull
