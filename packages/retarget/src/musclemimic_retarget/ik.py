"""Bounded Gauss–Newton inverse kinematics of many poses at once, couplings exact."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from musclemimic_retarget.bounded_steps import bounded_steps
from musclemimic_retarget.feasible import clip_to_feasible
from musclemimic_retarget.kinematics import KinematicBody, blocks
from musclemimic_retarget.pose_cost import IKConfig, PoseCost, SiteTargets
from musclemimic_retarget.rotations import normalized, quaternion_exp, quaternion_product


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


class InverseKinematics:
    """Solves poses of one model, each on its own but all in the same array operations.

    Unknowns are those of `NormalEquations`: the free root (world translation and body-frame
    rotation vector) and the independent joints. Ranges hold always.
    """

    def __init__(self, body: KinematicBody, config: IKConfig | None = None) -> None:
        """Prepare the solver.

        Args:
            body: the stripped model.
            config: weights; defaults if None.
        """
        self.body = body
        self.config = config or IKConfig()
        self.cost = PoseCost(body, self.config)
        self.neutral = self.cost.neutral

    @property
    def scalar_qpos(self) -> Int[np.ndarray, " J"]:
        """The qpos addresses of the unknowns that are single joints."""
        return self.cost.address

    @property
    def scalar_range(self) -> tuple[Float[np.ndarray, " J"], Float[np.ndarray, " J"]]:
        """Lowest and highest value of each of them, rad or m; a full turn where there is none."""
        low, high = self.cost.lower[self.cost.joints], self.cost.upper[self.cost.joints]
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
        after large ones, and when a step does not do what it promises.

        Args:
            targets: of every pose.
            start: initial poses; brought into the ranges first.
            previous: poses to stay near, if any.
            iterations: at most; the configuration's if None. If given, the last step is taken
                unchecked, which saves evaluating it when another solve follows anyway.
            hessian: of an earlier solve (`IKResult.hessian`) with about the same weights, if any.
        """
        frames, size = len(start), len(self.cost.lower)
        result = IKResult(
            np.empty(start.shape),
            np.empty(frames),
            np.empty(frames, dtype=bool),
            np.empty((frames, size, size), dtype=np.float32),
        )
        for rows in blocks(frames):
            near = None if previous is None else previous[rows]
            known = None if hessian is None else hessian[rows].astype(np.float64)
            descent = _Descent(self, targets[rows], start[rows], near, known)
            descent.run(iterations)
            result.qpos[rows], result.cost[rows] = descent.qpos, descent.cost
            result.converged[rows], result.hessian[rows] = descent.converged, descent.hessian
        return result

    def moved(
        self, qpos: Float[np.ndarray, "T nq"], step: Float[np.ndarray, "T F"]
    ) -> Float[np.ndarray, "T nq"]:
        """The poses after a step in the unknowns, couplings restored."""
        moved = qpos.copy()
        moved[:, self.cost.address] += step[:, self.cost.joints]
        if self.body.musculo.has_free_root:
            moved[:, :3] += step[:, :3]
            turned = quaternion_product(moved[:, 3:7], quaternion_exp(step[:, 3:6]))
            moved[:, 3:7] = normalized(turned)
        return clip_to_feasible(self.body, moved)


class _Descent:
    """A block of poses on its way down.

    Attributes:
        qpos, cost, converged, hessian: as in `IKResult`.
    """

    def __init__(
        self,
        solver: InverseKinematics,
        targets: SiteTargets,
        start: Float[np.ndarray, "T nq"],
        previous: Float[np.ndarray, "T nq"] | None,
        hessian: Float[np.ndarray, "T F F"] | None,
    ) -> None:
        """At the start, with the Hessian if it is known."""
        self._solver, self._targets, self._previous = solver, targets, previous
        self.qpos = clip_to_feasible(solver.body, start)
        now = solver.cost.slope(self.qpos, targets, previous)
        self.cost, self._gradient = now.cost, now.gradient
        self._stale = np.full(len(start), hessian is not None)
        if hessian is None:
            hessian = solver.cost.hessian(targets, now.leverage, pulled=previous is not None)
        self.hessian = hessian
        self.converged = np.zeros(len(start), dtype=bool)
        self._damping = np.full(len(start), 1e-7)

    def run(self, iterations: int | None) -> None:
        """Steps, until every pose has converged or there have been so many."""
        config, todo = self._solver.config, np.arange(len(self.qpos))
        for iteration in range(1, 1 + (iterations or config.iterations)):
            step = self._step(todo)
            largest, promise = np.abs(step).max(axis=1), self._promise(todo, step)
            candidate = self._solver.moved(_rows(self.qpos, todo), step)
            # So close to the minimum that evaluating it again would change nothing.
            arrived = (promise < config.least_decrease * self.cost[todo]) & (
                largest < config.renewal
            )
            arrived |= largest < config.tolerance
            if iteration == iterations:
                self.qpos[todo], self.converged[todo] = candidate, arrived
                return
            there, keep = todo[arrived], np.flatnonzero(~arrived)
            self.qpos[there], self.converged[there] = candidate[arrived], True
            self.cost[there] -= promise[arrived]
            if not len(keep):
                return
            todo = self._tried(todo[keep], candidate[keep], largest[keep], promise[keep])
            if not len(todo):
                return

    def _step(self, todo: Int[np.ndarray, " N"]) -> Float[np.ndarray, "N F"]:
        """Steps of some poses inside ranges and trust region."""
        cost, qpos = self._solver.cost, _rows(self.qpos, todo)
        angles = np.zeros((len(todo), len(cost.lower)))
        angles[:, cost.joints] = qpos[:, cost.address]
        step = bounded_steps(
            _rows(self._gradient, todo),
            _rows(self.hessian, todo),
            _rows(self._damping, todo),
            cost.lower - angles,
            cost.upper - angles,
        )
        largest, limit = np.abs(step).max(axis=1), self._solver.config.largest_step
        return step * np.minimum(1.0, limit / np.maximum(largest, 1e-12))[:, None]

    def _promise(
        self, todo: Int[np.ndarray, " N"], step: Float[np.ndarray, "N F"]
    ) -> Float[np.ndarray, " N"]:
        """By how much steps lower the cost if it is as curved as it seems."""
        curved = (_rows(self.hessian, todo) @ step[..., None])[..., 0]
        return ((2.0 * _rows(self._gradient, todo) - curved) * step).sum(axis=1)

    def _tried(
        self,
        todo: Int[np.ndarray, " N"],
        candidate: Float[np.ndarray, "N nq"],
        largest: Float[np.ndarray, " N"],
        promise: Float[np.ndarray, " N"],
    ) -> Int[np.ndarray, " M"]:
        """Takes the candidates that lower the cost; returns the poses that still have a way to go.

        Args:
            todo: poses in question.
            candidate: them after a step.
            largest: coordinate of that step.
            promise: by how much it should lower the cost.
        """
        config, cost, targets = self._solver.config, self._solver.cost, self._targets[todo]
        near = None if self._previous is None else self._previous[todo]
        trial = cost.slope(candidate, targets, near)
        gain = self.cost[todo] - trial.cost
        better = gain >= 0.0
        # A Hessian of other poses or weights promises too much or too little.
        misled = self._stale[todo] & (np.abs(gain - promise) > config.surprise * promise)
        settled = better & ~misled & (gain < config.least_decrease * trial.cost)
        good = todo[better]
        self.qpos[good], self.cost[good] = candidate[better], trial.cost[better]
        self._gradient[good] = trial.gradient[better]
        renewed = np.where(better, misled | (largest > config.renewal), self._stale[todo])
        self._damping[good] = np.maximum(self._damping[good] / 10, 1e-9)
        self._damping[todo[~better & ~renewed]] *= 30
        self._stale[good] = True
        self.converged[todo[settled]] = True
        again = np.flatnonzero(renewed & ~settled)
        if len(again):
            leverage = trial.leverage[again]
            if not better[again].all():
                leverage = cost.leverage(self.qpos[todo[again]])
            pulled = near is not None
            self.hessian[todo[again]] = cost.hessian(targets[again], leverage, pulled=pulled)
            self._stale[todo[again]] = False
        return todo[~settled]


def _rows(array: np.ndarray, rows: Int[np.ndarray, " N"]) -> np.ndarray:
    """Some rows; the array itself if it has no others."""
    return array if len(rows) == len(array) else array[rows]
