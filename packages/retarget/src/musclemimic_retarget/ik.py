"""Bounded Gauss–Newton inverse kinematics of many poses at once, couplings exact."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from musclemimic_retarget.feasible import bounds, clip_to_feasible
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.rotations import (
    normalized,
    quaternion_exp,
    quaternion_product,
    rotation_log,
)
from musclemimic_retarget.site_jacobian import SiteJacobian, linkage


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
    """

    position: float = 1.0
    orientation: float = 0.03
    neutral: float = 1e-6
    previous: float = 1e-3
    iterations: int = 30
    tolerance: float = 5e-4
    least_decrease: float = 5e-3
    largest_step: float = 0.5


@dataclass(frozen=True)
class SiteTargets:
    """Where the sites should be in each of T poses.

    Attributes:
        pos: (T, S, 3) m, world. mat: (T, S, 3, 3) orientations, world.
        pos_weight, rot_weight: (S,) relative weights; 0 leaves a target out.
    """

    pos: Float[np.ndarray, "T S 3"]
    mat: Float[np.ndarray, "T S 3 3"]
    pos_weight: Float[np.ndarray, " S"]
    rot_weight: Float[np.ndarray, " S"]

    def __getitem__(self, poses: slice | Int[np.ndarray, " N"]) -> "SiteTargets":
        """The targets of some poses."""
        return SiteTargets(self.pos[poses], self.mat[poses], self.pos_weight, self.rot_weight)


@dataclass(frozen=True)
class IKResult:
    """Solved poses: qpos (T, nq), cost (T,), and whether each converged (T,)."""

    qpos: Float[np.ndarray, "T nq"]
    cost: Float[np.ndarray, " T"]
    converged: Bool[np.ndarray, " T"]


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
    ) -> IKResult:
        """The poses nearest to the targets, by Levenberg–Marquardt from `start`.

        Args:
            targets: of every pose.
            start: initial poses; brought into the ranges first.
            previous: poses to stay near, if any.
            iterations: at most; the configuration's if None. If given, the last step is taken
                unchecked, which saves evaluating it when another solve follows anyway.
        """
        config = self.config
        qpos = clip_to_feasible(self.body, start)
        cost, converged = np.empty(len(qpos)), np.zeros(len(qpos), dtype=bool)
        todo = np.arange(len(qpos))
        system = self._linearize(qpos, targets, previous)
        cost[:] = system.cost
        damping = np.full(len(qpos), 1e-7)
        for iteration in range(1, 1 + (iterations or config.iterations)):
            step = self._bounded_steps(qpos[todo], system, damping[todo])
            largest = np.abs(step).max(axis=1)
            step *= np.minimum(1.0, config.largest_step / np.maximum(largest, 1e-12))[:, None]
            candidate = self._moved(qpos[todo], step)
            # So close to the minimum that evaluating it again would change nothing.
            arrived = largest < config.tolerance
            if iteration == iterations:
                qpos[todo], converged[todo] = candidate, arrived
                break
            qpos[todo[arrived]], converged[todo[arrived]] = candidate[arrived], True
            keep = np.flatnonzero(~arrived)
            if not len(keep):
                break
            system, todo, candidate = system[keep], todo[keep], candidate[keep]
            near = None if previous is None else previous[todo]
            trial = self._linearize(candidate, targets[todo], near)
            better = trial.cost <= cost[todo]
            settled = better & (cost[todo] - trial.cost < config.least_decrease * trial.cost)
            qpos[todo[better]], cost[todo[better]] = candidate[better], trial.cost[better]
            damping[todo] = np.where(
                better, np.maximum(damping[todo] / 10, 1e-9), damping[todo] * 30
            )
            system = _chosen(better, trial, system)
            converged[todo[settled]] = True
            keep = np.flatnonzero(~settled)
            if not len(keep):
                break
            system, todo = system[keep], todo[keep]
        return IKResult(qpos, cost, converged)

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

    def _linearize(
        self,
        qpos: Float[np.ndarray, "T nq"],
        targets: SiteTargets,
        previous: Float[np.ndarray, "T nq"] | None,
    ) -> "_System":
        """Cost, gradient and Gauss–Newton Hessian at poses."""
        config, links = self.config, linkage(self.body, qpos)
        weight = np.empty((len(targets.pos_weight), 6))
        weight[:, :3] = np.sqrt(config.position * targets.pos_weight)[:, None]
        weight[:, 3:] = np.sqrt(config.orientation * targets.rot_weight)[:, None]
        error = np.empty((*links.site_pos.shape[:2], 6))
        error[..., :3] = targets.pos - links.site_pos
        error[..., 3:] = rotation_log(targets.mat @ np.swapaxes(links.site_mat, -1, -2))
        error *= weight
        if len(self._scratch) < len(qpos):
            self._scratch = np.zeros((len(qpos), len(self._scalar), *error.shape[1:]))
        jacobian = self.jacobian(qpos, links, weight, self._scratch[: len(qpos)])
        A = jacobian.reshape(len(qpos), len(self._scalar), -1)
        e = error.reshape(len(qpos), -1, 1)
        hessian = A @ np.swapaxes(A, 1, 2)  # (T, F, F) = (T, F, 6S) (T, 6S, F)
        gradient = (A @ e)[..., 0]
        cost = (e[..., 0] ** 2).sum(axis=1)
        address = self._address[self._scalar]
        diagonal = np.einsum("tii->ti", hessian)
        for reference, strength in (
            (self.neutral[None], config.neutral),
            (previous, config.previous),
        ):
            if reference is not None:
                offset = reference[:, address] - qpos[:, address]
                gradient[:, self._scalar] += strength * offset
                diagonal[:, self._scalar] += strength
                cost += strength * (offset**2).sum(axis=1)
        return _System(cost, gradient, hessian)

    def _bounded_steps(
        self,
        qpos: Float[np.ndarray, "T nq"],
        system: "_System",
        damping: Float[np.ndarray, " T"],
    ) -> Float[np.ndarray, "T F"]:
        """Maximise gᵀs − ½ sᵀ(H + μI)s with bounds, by active sets that only grow."""
        position = np.where(self._scalar, qpos[:, self._address], 0.0)
        low, high = self._lower - position, self._upper - position
        gradient, step = system.gradient, np.zeros_like(system.gradient)
        fixed = ((low >= 0) & (gradient < 0)) | ((high <= 0) & (gradient > 0))
        hessian = system.hessian.copy()
        np.einsum("tii->ti", hessian)[:] += damping[:, None]
        todo = np.arange(len(qpos))
        for _ in range(gradient.shape[1]):
            held, free = fixed[todo], ~fixed[todo]
            full = hessian[todo]
            pulled = (full @ np.where(held, step[todo], 0.0)[..., None])[..., 0]
            # A unit row keeps a fixed coordinate where it is.
            reduced = full * (free[:, :, None] & free[:, None, :])
            np.einsum("tii->ti", reduced)[:] += held
            right = np.where(held, step[todo], gradient[todo] - pulled)
            step[todo] = np.linalg.solve(reduced, right[..., None])[..., 0]
            outside = free & ((step[todo] < low[todo]) | (step[todo] > high[todo]))
            step[todo] = np.clip(step[todo], low[todo], high[todo])
            fixed[todo] |= outside
            todo = todo[outside.any(axis=1)]
            if not len(todo):
                break
        return step


@dataclass(frozen=True)
class _System:
    """Cost (T,), descent direction −½∇ (T, F) and Gauss–Newton Hessian (T, F, F) of T poses."""

    cost: Float[np.ndarray, " T"]
    gradient: Float[np.ndarray, "T F"]
    hessian: Float[np.ndarray, "T F F"]

    def __getitem__(self, poses: Int[np.ndarray, " N"]) -> "_System":
        if len(poses) == len(self.cost):
            return self
        return _System(self.cost[poses], self.gradient[poses], self.hessian[poses])


def _chosen(better: Bool[np.ndarray, " T"], new: _System, old: _System) -> _System:
    """The new system where it is better."""
    if better.all():
        return new
    return _System(
        np.where(better, new.cost, old.cost),
        np.where(better[:, None], new.gradient, old.gradient),
        np.where(better[:, None, None], new.hessian, old.hessian),
    )
