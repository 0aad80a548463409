"""Bounded Gauss–Newton inverse kinematics of many poses at once, couplings exact."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from musclemimic_retarget.bounded_steps import bounded_steps
from musclemimic_retarget.feasible import bounds, clip_to_feasible
from musclemimic_retarget.kinematics import KinematicBody, blocks
from musclemimic_retarget.rotations import (
    normalized,
    quaternion_exp,
    quaternion_product,
    rotation_log,
)
from musclemimic_retarget.site_jacobian import Linkage, SiteJacobian, linkage


@dataclass(frozen=True)
class IKConfig:
    """Weights and stopping rules.

    The cost of a pose is Σ position·w_p ‖Δp‖² + Σ orientation·w_o ‖Δθ‖² + neutral ‖q − q_n‖² +
    previous ‖q − q_prev‖², with Δp in m and Δθ, q in rad, and w the targets' own weights.

    Attributes:
        position: m⁻². orientation: rad⁻².
        neutral: pull to the neutral pose, rad⁻²; decides what no target sees.
        previous: pull to a pose expected from the frames around, rad⁻²; settles the shoulder's
            redundancy near zero elevation.
        iterations: per pose at most.
        tolerance: a pose has converged when no coordinate moves more than this, rad or m,
        least_decrease: or when an iteration lowers the cost by less than this share of it.
        largest_step: trust region, rad or m per iteration.
        renewal: the Hessian is renewed after a step larger than this, rad or m.
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
class IKResult:
    """Solved poses.

    Attributes:
        qpos: (T, nq). cost: (T,). converged: (T,).
        hessian: (T, F, F) Gauss–Newton at each pose or near it, in half the memory: good for the
            next solve of nearly the same poses with the same weights.
    """

    qpos: Float[np.ndarray, "T nq"]
    cost: Float[np.ndarray, " T"]
    converged: Bool[np.ndarray, " T"]
    hessian: Float32[np.ndarray, "T F F"]


@dataclass(frozen=True)
class Slope:
    """Of the cost at T poses: cost (T,), descent direction −½∇ (T, F), and their linkage."""

    cost: Float[np.ndarray, " T"]
    gradient: Float[np.ndarray, "T F"]
    links: Linkage


class InverseKinematics:
    """Solves poses of one model, each on its own but all in the same array operations.

    Unknowns are the coordinates of `SiteJacobian`: the free root (world translation and
    body-frame rotation vector) and the independent joints. Ranges hold always.
    """

    def __init__(self, body: KinematicBody, config: IKConfig | None = None) -> None:
        """Prepare the solver.

        Args:
            body: the stripped model.
            config: weights; defaults if None.
        """
        self.body = body
        self.config = config or IKConfig()
        self.jacobian = SiteJacobian(body)
        self.neutral = clip_to_feasible(body, body.model.qpos0)
        self._lower, self._upper, self._address = bounds(body, self.jacobian.dofs)
        self._scalar = self._address >= 0
        # Megabytes that would otherwise be asked of the system, and returned, every iteration.
        self._scratch = np.zeros((0, len(self._scalar), len(body.site_ids), 6))

    @property
    def scalar_qpos(self) -> Int[np.ndarray, " J"]:
        """The qpos addresses of the unknowns that are single joints."""
        return self._address[self._scalar]

    @property
    def scalar_range(self) -> tuple[Float[np.ndarray, " J"], Float[np.ndarray, " J"]]:
        """Lowest and highest value of each of them, rad or m; a full turn where there is none."""
        low, high = self._lower[self._scalar], self._upper[self._scalar]
        free = ~np.isfinite(low)
        return np.where(free, -np.pi, low), np.where(free, np.pi, high)

    def solve(
        self,
        targets: SiteTargets,
        start: Float[np.ndarray, "T nq"],
        previous: Float[np.ndarray, "T nq"] | None = None,
        *,
        iterations: int | None = None,
        hessian: Float32[np.ndarray, "T F F"] | None = None,
    ) -> IKResult:
        """The poses nearest to the targets, by Levenberg–Marquardt from `start`.

        Curvature costs more than the gradient and hardly changes over small steps: it is renewed
        after large ones, and when a step fails.

        Args:
            targets: of every pose.
            start: initial poses; brought into the ranges first.
            previous: poses to stay near, if any.
            iterations: at most; the configuration's if None. If given, the last step is taken
                unchecked, which saves evaluating it when another solve follows anyway.
            hessian: of an earlier solve (`IKResult.hessian`) with the same weights, if any.
        """
        frames, size = len(start), len(self._scalar)
        result = IKResult(
            np.empty(start.shape),
            np.empty(frames),
            np.empty(frames, dtype=bool),
            np.empty((frames, size, size), dtype=np.float32),
        )
        for rows in blocks(frames):
            near = None if previous is None else previous[rows]
            known = None if hessian is None else hessian[rows].astype(np.float64)
            solved = self._solve(targets[rows], start[rows], near, iterations, known)
            result.qpos[rows], result.cost[rows] = solved.qpos, solved.cost
            result.converged[rows], result.hessian[rows] = solved.converged, solved.hessian
        return result

    def _solve(
        self,
        targets: SiteTargets,
        start: Float[np.ndarray, "T nq"],
        previous: Float[np.ndarray, "T nq"] | None,
        iterations: int | None,
        hessian: Float[np.ndarray, "T F F"] | None,
    ) -> IKResult:
        """`solve`, of one block."""
        config, pulled = self.config, previous is not None
        qpos = clip_to_feasible(self.body, start)
        now = self.slope(qpos, targets, previous)
        cost, gradient = now.cost, now.gradient
        stale, converged = np.full(len(qpos), hessian is not None), np.zeros(len(qpos), dtype=bool)
        if hessian is None:
            hessian = self.hessian(qpos, targets, now.links, pulled=pulled)
        damping, todo = np.full(len(qpos), 1e-7), np.arange(len(qpos))
        for iteration in range(1, 1 + (iterations or config.iterations)):
            step, largest = self._step(qpos, gradient, hessian, damping, todo)
            candidate = self._moved(_rows(qpos, todo), step)
            # So close to the minimum that evaluating it again would change nothing.
            promise = _promise(_rows(gradient, todo), _rows(hessian, todo), step)
            arrived = (promise < config.least_decrease * cost[todo]) & (largest < config.renewal)
            arrived |= largest < config.tolerance
            if iteration == iterations:
                qpos[todo], converged[todo] = candidate, arrived
                break
            qpos[todo[arrived]], converged[todo[arrived]] = candidate[arrived], True
            cost[todo[arrived]] -= promise[arrived]
            keep = np.flatnonzero(~arrived)
            if not len(keep):
                break
            todo, candidate, largest = todo[keep], candidate[keep], largest[keep]
            near = None if previous is None else previous[todo]
            trial = self.slope(candidate, targets[todo], near)
            better = trial.cost <= cost[todo]
            settled = better & (cost[todo] - trial.cost < config.least_decrease * trial.cost)
            good = todo[better]
            qpos[good], cost[good] = candidate[better], trial.cost[better]
            gradient[good] = trial.gradient[better]
            renewed = np.where(better, largest > config.renewal, stale[todo])
            damping[good] = np.maximum(damping[good] / 10, 1e-9)
            damping[todo[~better & ~renewed]] *= 30
            stale[good] = True
            converged[todo[settled]] = True
            again = np.flatnonzero(renewed & ~settled)
            if len(again):
                # Where the step was good, the trial's kinematics are those of the new pose.
                links = trial.links[again] if better[again].all() else None
                rows = todo[again]
                hessian[rows] = self.hessian(qpos[rows], targets[rows], links, pulled=pulled)
                stale[rows] = False
            todo = todo[~settled]
            if not len(todo):
                break
        return IKResult(qpos, cost, converged, hessian.astype(np.float32))

    def _step(
        self,
        qpos: Float[np.ndarray, "T nq"],
        gradient: Float[np.ndarray, "T F"],
        hessian: Float[np.ndarray, "T F F"],
        damping: Float[np.ndarray, " T"],
        todo: Int[np.ndarray, " N"],
    ) -> tuple[Float[np.ndarray, "N F"], Float[np.ndarray, " N"]]:
        """Steps of some poses inside ranges and trust region, and their largest coordinate."""
        position = np.where(self._scalar, _rows(qpos, todo)[:, self._address], 0.0)
        step = bounded_steps(
            _rows(gradient, todo),
            _rows(hessian, todo),
            _rows(damping, todo),
            self._lower - position,
            self._upper - position,
        )
        largest = np.abs(step).max(axis=1)
        limit = self.config.largest_step
        return step * np.minimum(1.0, limit / np.maximum(largest, 1e-12))[:, None], largest

    def _moved(
        self, qpos: Float[np.ndarray, "T nq"], step: Float[np.ndarray, "T F"]
    ) -> Float[np.ndarray, "T nq"]:
        """The poses after a step in the unknowns, couplings restored."""
        moved = qpos.copy()
        moved[:, self._address[self._scalar]] += step[:, self._scalar]
        if self.body.musculo.has_free_root:
            moved[:, :3] += step[:, :3]
            turned = quaternion_product(moved[:, 3:7], quaternion_exp(step[:, 3:6]))
            moved[:, 3:7] = normalized(turned)
        return clip_to_feasible(self.body, moved)

    def slope(
        self,
        qpos: Float[np.ndarray, "T nq"],
        targets: SiteTargets,
        previous: Float[np.ndarray, "T nq"] | None,
    ) -> Slope:
        """Cost and gradient at poses, without the Jacobian: errors pull on the sites."""
        config, links = self.config, linkage(self.body, qpos)
        pull = _errors(links, targets)
        weighted = self._weights(targets) * pull
        cost = np.einsum("sti,sti->t", pull, weighted)
        gradient = self.jacobian.pulled(qpos, links, weighted)
        address = self._address[self._scalar]
        for reference, strength in (
            (self.neutral[None], config.neutral),
            (previous, config.previous),
        ):
            if reference is not None:
                offset = reference[:, address] - qpos[:, address]
                gradient[:, self._scalar] += strength * offset
                cost += strength * (offset**2).sum(axis=1)
        return Slope(cost, gradient, links)

    def hessian(
        self,
        qpos: Float[np.ndarray, "T nq"],
        targets: SiteTargets,
        links: Linkage | None = None,
        *,
        pulled: bool,
    ) -> Float[np.ndarray, "T F F"]:
        """Gauss–Newton Hessian at poses, whose linkage may be known.

        Args:
            qpos: the poses.
            targets: only their weights count.
            links: `linkage` of the poses.
            pulled: whether the cost holds the pull to a previous pose.
        """
        links = linkage(self.body, qpos) if links is None else links
        shape = (len(qpos), len(self._scalar), len(self.body.site_ids), 6)
        if len(self._scratch) < len(qpos):
            self._scratch = np.zeros(shape)
        rows = np.sqrt(self._weights(targets))[..., [3, 4, 5, 0, 1, 2]]
        jacobian = self.jacobian(qpos, links, rows, self._scratch[: len(qpos)])
        A = jacobian.reshape(*shape[:2], -1)
        hessian = A @ np.swapaxes(A, 1, 2)  # (T, F, F) = (T, F, 6S) (T, 6S, F)
        strength = self.config.neutral + (self.config.previous if pulled else 0.0)
        np.einsum("tii->ti", hessian)[:, self._scalar] += strength
        return hessian

    def _weights(self, targets: SiteTargets) -> Float[np.ndarray, "S #T 6"]:
        """Weight of each squared error: rotation x, y, z, position x, y, z."""
        weight = np.empty((len(targets.pos_weight), 1, 6))
        weight[:, 0, :3] = self.config.orientation * targets.rot_weight[:, None]
        weight[:, 0, 3:] = self.config.position * targets.pos_weight[:, None]
        if targets.rot_factor is not None or targets.height_factor is not None:
            weight = np.repeat(weight, len(targets.pos), axis=1)
        if targets.rot_factor is not None:
            weight[..., :3] *= targets.rot_factor.T[..., None]
        if targets.height_factor is not None:
            weight[..., 5] *= targets.height_factor.T
        return weight


def _errors(links: Linkage, targets: SiteTargets) -> Float[np.ndarray, "S T 6"]:
    """Of every site: the turn, as a rotation vector, and the shift that lead to its target."""
    pull = np.empty((len(targets.pos_weight), len(targets.pos), 6))
    pull[..., 3:] = (targets.pos - links.site_pos).transpose(1, 0, 2)
    turn = rotation_log(targets.mat @ np.swapaxes(links.site_mat, -1, -2))
    pull[..., :3] = turn.transpose(1, 0, 2)
    return pull


def _promise(
    gradient: Float[np.ndarray, "T F"],
    hessian: Float[np.ndarray, "T F F"],
    step: Float[np.ndarray, "T F"],
) -> Float[np.ndarray, " T"]:
    """By how much a step lowers the cost if it is as curved as it seems."""
    curved = (hessian @ step[..., None])[..., 0]
    return ((2.0 * gradient - curved) * step).sum(axis=1)


def _rows(array: np.ndarray, rows: Int[np.ndarray, " N"]) -> np.ndarray:
    """Some rows; the array itself if it has no others."""
    return array if len(rows) == len(array) else array[rows]
