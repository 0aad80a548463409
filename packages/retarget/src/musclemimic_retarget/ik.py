"""Bounded Gauss–Newton inverse kinematics in the independent coordinates of a coupled model."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int

from musclemimic_retarget.kinematics import KinematicBody


@dataclass(frozen=True)
class IKConfig:
    """Weights and stopping rules.

    The cost of a pose is Σ position·w_p ‖Δp‖² + Σ orientation·w_o ‖Δθ‖² + neutral ‖q − q_n‖² +
    previous ‖q − q_prev‖², with Δp in m and Δθ, q in rad, and w the targets' own weights.

    Attributes:
        position: m⁻². orientation: rad⁻².
        neutral: pull to the neutral pose, rad⁻²; decides what no target sees.
        previous: pull to the previous frame, rad⁻²; settles the shoulder's redundancy near
            zero elevation.
        iterations: per frame at most.
        tolerance: a frame has converged when no coordinate moves more than this, rad or m,
        least_decrease: or when an iteration lowers the cost by less than this share of it.
        largest_step: trust region, rad or m per iteration.
    """

    position: float = 1.0
    orientation: float = 0.03
    neutral: float = 1e-6
    previous: float = 1e-3
    iterations: int = 30
    tolerance: float = 2e-4
    least_decrease: float = 1e-3
    largest_step: float = 0.5


@dataclass(frozen=True)
class SiteTargets:
    """Where the sites of one frame should be.

    Attributes:
        pos: (S, 3) m, world. mat: (S, 3, 3) orientations, world.
        pos_weight, rot_weight: (S,) relative weights; 0 leaves a target out.
    """

    pos: Float[np.ndarray, "S 3"]
    mat: Float[np.ndarray, "S 3 3"]
    pos_weight: Float[np.ndarray, " S"]
    rot_weight: Float[np.ndarray, " S"]


@dataclass(frozen=True)
class IKResult:
    """A solved pose: qpos (nq,), its cost and whether it converged."""

    qpos: Float[np.ndarray, " nq"]
    cost: float
    converged: bool


class InverseKinematics:
    """Solves single frames of one model; couplings hold exactly, joint ranges always.

    Unknowns are the velocities-like coordinates of `couplings.free_dof` that move a site: the
    free root (6, world translation and body-frame rotation vector) and the independent joints.
    """

    def __init__(self, body: KinematicBody, config: IKConfig | None = None) -> None:
        """Prepare the solver.

        Args:
            body: the stripped model.
            config: weights; defaults if None.
        """
        self.body = body
        self.config = config or IKConfig()
        couplings = body.musculo.couplings
        self._couplings = couplings
        self.neutral = clip_to_feasible(body, body.model.qpos0)
        self._dofs = _moving_dofs(body)
        moving = couplings.dependent_dof != couplings.independent_dof
        # (K, F) which unknown each dependent joint follows.
        self._follows = 1.0 * (couplings.independent_dof[:, None] == self._dofs) * moving[:, None]
        self._lower, self._upper, self._address = _bounds(body, self._dofs)
        self._scalar = self._address >= 0
        self._jacobian = np.zeros((len(body.site_ids), 6, body.model.nv))

    def solve(
        self,
        targets: SiteTargets,
        start: Float[np.ndarray, " nq"],
        previous: Float[np.ndarray, " nq"] | None = None,
    ) -> IKResult:
        """The pose nearest to the targets, by Levenberg–Marquardt from `start`.

        Args:
            targets: of this frame.
            start: (nq,) initial pose; brought into the ranges first.
            previous: (nq,) pose to stay near; none for the first frame.
        """
        config = self.config
        qpos = clip_to_feasible(self.body, start)
        system = self._linearize(qpos, targets, previous)
        damping = 1e-7
        for _ in range(config.iterations):
            step = self._bounded_step(qpos, system.hessian, system.gradient, damping)
            largest = float(np.abs(step).max())
            if largest > config.largest_step:
                step *= config.largest_step / largest
            if largest < config.tolerance:
                # So close to the minimum that evaluating it again would change nothing.
                return IKResult(self._moved(qpos, step), system.cost, True)
            candidate = self._moved(qpos, step)
            trial = self._linearize(candidate, targets, previous)
            if trial.cost <= system.cost:
                settled = system.cost - trial.cost < config.least_decrease * trial.cost
                qpos, system, damping = candidate, trial, max(damping / 10, 1e-9)
                if settled:
                    return IKResult(qpos, system.cost, True)
            else:
                damping *= 30
        return IKResult(qpos, system.cost, False)

    def coordinate_jacobian(self, qpos: Float[np.ndarray, " nq"]) -> Float[np.ndarray, "S 6 F"]:
        """d(site position, site rotation; world) / d(unknowns), couplings included."""
        self.body.update(qpos)
        self.body.site_jacobian(self._jacobian)
        flat = self._jacobian.reshape(-1, self.body.model.nv)
        # Chain rule over the couplings: a dependent joint moves with its independent one.
        followers = flat[:, self._couplings.dependent_dof] * self._couplings.slope(qpos)
        return (flat[:, self._dofs] + followers @ self._follows).reshape(
            *self._jacobian.shape[:2], -1
        )

    def _moved(
        self, qpos: Float[np.ndarray, " nq"], step: Float[np.ndarray, " F"]
    ) -> Float[np.ndarray, " nq"]:
        """The pose after a step in the unknowns, couplings restored."""
        velocity = np.zeros(self.body.model.nv)
        velocity[self._dofs] = step
        moved = qpos.copy()
        mujoco.mj_integratePos(self.body.model, moved, velocity, 1.0)
        return clip_to_feasible(self.body, moved)

    def _linearize(
        self,
        qpos: Float[np.ndarray, " nq"],
        targets: SiteTargets,
        previous: Float[np.ndarray, " nq"] | None,
    ) -> "_System":
        """Cost, gradient and Gauss–Newton Hessian at a pose."""
        jacobian = self.coordinate_jacobian(qpos)
        data, sites = self.body.data, self.body.site_ids
        mat = data.site_xmat[sites].reshape(-1, 3, 3)
        weighted, error = np.empty_like(jacobian), np.empty(jacobian.shape[:2])
        error[:, :3] = targets.pos - data.site_xpos[sites]
        error[:, 3:] = rotation_log(targets.mat @ mat.transpose(0, 2, 1))
        for rows, weight in (
            (slice(0, 3), self.config.position * targets.pos_weight),
            (slice(3, 6), self.config.orientation * targets.rot_weight),
        ):
            root = np.sqrt(weight)[:, None]
            error[:, rows] *= root
            np.multiply(jacobian[:, rows], root[..., None], out=weighted[:, rows])
        A, e = weighted.reshape(error.size, -1), error.ravel()
        hessian, gradient, cost = A.T @ A, A.T @ e, float(e @ e)
        address, diagonal = self._address[self._scalar], hessian.ravel()[:: len(hessian) + 1]
        for reference, strength in (
            (self.neutral, self.config.neutral),
            (previous, self.config.previous),
        ):
            if reference is not None:
                offset = reference[address] - qpos[address]
                gradient[self._scalar] += strength * offset
                diagonal[self._scalar] += strength
                cost += strength * float(offset @ offset)
        return _System(cost, gradient, hessian)

    def _bounded_step(
        self,
        qpos: Float[np.ndarray, " nq"],
        hessian: Float[np.ndarray, "F F"],
        gradient: Float[np.ndarray, " F"],
        damping: float,
    ) -> Float[np.ndarray, " F"]:
        """Maximise gᵀs − ½ sᵀ(H + μI)s with bounds, by an active set that only grows."""
        position = np.where(self._scalar, qpos[self._address], 0.0)
        low, high = self._lower - position, self._upper - position
        step = np.zeros(len(gradient))
        fixed = ((low >= 0) & (gradient < 0)) | ((high <= 0) & (gradient > 0))
        damped = hessian.copy()
        damped.ravel()[:: len(gradient) + 1] += damping
        while not fixed.all():
            # A unit row keeps a fixed coordinate where it is.
            system, right = damped.copy(), gradient - damped @ np.where(fixed, step, 0.0)
            system[fixed] = 0.0
            system[:, fixed] = 0.0
            system[fixed, fixed] = 1.0
            right[fixed] = step[fixed]
            step = np.linalg.solve(system, right)
            outside = ~fixed & ((step < low) | (step > high))
            if not outside.any():
                break
            step = np.clip(step, low, high)
            fixed |= outside
        return step


@dataclass(frozen=True)
class _System:
    """Cost, descent direction −½∇ (F,) and Gauss–Newton Hessian (F, F)."""

    cost: float
    gradient: Float[np.ndarray, " F"]
    hessian: Float[np.ndarray, "F F"]


def rotation_log(turns: Float[np.ndarray, "S 3 3"]) -> Float[np.ndarray, "S 3"]:
    """Rotation vectors of rotation matrices (away from half turns, where it loses precision)."""
    twice_sine = np.stack(
        [
            turns[:, 2, 1] - turns[:, 1, 2],
            turns[:, 0, 2] - turns[:, 2, 0],
            turns[:, 1, 0] - turns[:, 0, 1],
        ],
        axis=1,
    )
    sine = 0.5 * np.sqrt((twice_sine**2).sum(axis=1))
    cosine = 0.5 * (np.trace(turns, axis1=1, axis2=2) - 1.0)
    angle = np.arctan2(sine, cosine)
    return twice_sine * (0.5 * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 1.0))[:, None]


def clip_to_feasible(
    body: KinematicBody, qpos: Float[np.ndarray, "*batch nq"]
) -> Float[np.ndarray, "*batch nq"]:
    """Independent joints clipped to their feasible box, dependent ones recomputed."""
    couplings = body.musculo.couplings
    scalars, (low, high) = couplings.scalar_qpos, couplings.box.T
    result = qpos.copy()
    result[..., scalars] = np.minimum(np.maximum(result[..., scalars], low), high)
    return couplings.apply(result)


def _moving_dofs(body: KinematicBody) -> Int[np.ndarray, " F"]:
    """The free dofs that move a mimic site, directly or through a coupling."""
    model, couplings = body.model, body.musculo.couplings
    above: Bool[np.ndarray, " nv"] = np.zeros(model.nv, dtype=bool)
    for site in body.site_ids:
        node = int(model.site_bodyid[site])
        while node:
            first, count = model.body_dofadr[node], model.body_dofnum[node]
            above[first : first + count] = True
            node = int(model.body_parentid[node])
    above[couplings.independent_dof[above[couplings.dependent_dof]]] = True
    return couplings.free_dof[above[couplings.free_dof]]


def _bounds(
    body: KinematicBody, dofs: Int[np.ndarray, " F"]
) -> tuple[Float[np.ndarray, " F"], Float[np.ndarray, " F"], Int[np.ndarray, " F"]]:
    """Range of each unknown and its qpos address; infinite and −1 for the free root."""
    model, couplings = body.model, body.musculo.couplings
    box = dict(zip(couplings.scalar_qpos.tolist(), couplings.box, strict=True))
    lower, upper = np.full(len(dofs), -np.inf), np.full(len(dofs), np.inf)
    address = np.full(len(dofs), -1)
    for row, dof in enumerate(dofs):
        joint = model.dof_jntid[dof]
        if model.jnt_type[joint] != int(mujoco.mjtJoint.mjJNT_FREE):
            address[row] = model.jnt_qposadr[joint]
            lower[row], upper[row] = box[int(address[row])]
    return lower, upper, address
