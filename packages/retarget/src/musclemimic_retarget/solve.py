"""Inverse kinematics over a whole motion: starts, warm starts and recovery."""

import mujoco
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import FrameStatus

from musclemimic_retarget.ik import IKResult, InverseKinematics, SiteTargets
from musclemimic_retarget.rotations import matrices, quaternions
from musclemimic_retarget.targets import Targets

# Shoulder starts for the first frame and for recovery: (plane of elevation, elevation), rad.
# They cover arms hanging, sideways, forwards, backwards and up.
_SHOULDER_STARTS = ((0.0, 0.3), (0.0, 1.5), (1.4, 1.2), (-0.9, 0.7), (0.8, 2.4))
# A frame whose cost jumps by this factor is worth the price of trying other starts.
_SUSPICIOUS = 2.0
_SMALL_COST = 2e-3


def solve_motion(
    solver: InverseKinematics,
    targets: Targets,
    starts: Float[np.ndarray, "T nq"] | None = None,
) -> tuple[Float[np.ndarray, "T nq"], Int[np.ndarray, " T"]]:
    """Solve every frame, each from the one before.

    Args:
        solver: of the model.
        targets: on a uniform grid.
        starts: poses near the answer for every frame (from an earlier pass), if known.

    Returns:
        (T, nq) poses and (T,) `FrameStatus` values.
    """
    mats = matrices(targets.quat)
    qpos = np.empty((len(targets), solver.body.model.nq))
    status = np.full(len(targets), int(FrameStatus.OK))
    cost = np.inf
    for frame in range(len(targets)):
        goal = SiteTargets(targets.pos[frame], mats[frame], targets.pos_weight, targets.rot_weight)
        previous = None if frame == 0 else qpos[frame - 1]
        if starts is not None:
            result = solver.solve(goal, starts[frame], previous)
        elif previous is None:
            result = from_scratch(solver, goal, None)
        else:
            guess = _extrapolated(solver, qpos, frame)
            result = solver.solve(goal, guess, previous)
            if result.cost > _SUSPICIOUS * cost:
                fresh = from_scratch(solver, goal, previous)
                result = min(result, fresh, key=lambda candidate: candidate.cost)
        qpos[frame], cost = result.qpos, max(result.cost, _SMALL_COST)
        if not result.converged:
            status[frame] = int(FrameStatus.NOT_CONVERGED)
    return qpos, status


def root_pose(
    solver: InverseKinematics, goal: SiteTargets, qpos: Float[np.ndarray, " nq"]
) -> Float[np.ndarray, " nq"]:
    """A copy of a pose with its free root moved so that the first site is on its target."""
    body = solver.body
    if not body.musculo.has_free_root:
        return qpos
    body.update(qpos)
    root_mat = body.data.xmat[1].reshape(3, 3)
    site = body.site_ids[0]
    mat_in_root = root_mat.T @ body.data.site_xmat[site].reshape(3, 3)
    pos_in_root = root_mat.T @ (body.data.site_xpos[site] - body.data.xpos[1])
    turned = goal.mat[0] @ mat_in_root.T
    moved = qpos.copy()
    moved[:3] = goal.pos[0] - turned @ pos_in_root
    moved[3:7] = quaternions(turned)
    return moved


def from_scratch(
    solver: InverseKinematics, goal: SiteTargets, previous: Float[np.ndarray, " nq"] | None
) -> IKResult:
    """The best of several starts."""
    model = solver.body.model
    results: list[IKResult] = []
    for plane, elevation in _SHOULDER_STARTS:
        start = root_pose(solver, goal, solver.neutral)
        for side in "lr":
            start[model.joint(f"elv_angle_{side}").qposadr[0]] = plane
            start[model.joint(f"shoulder_elv_{side}").qposadr[0]] = elevation
            start[model.joint(f"elbow_flexion_{side}").qposadr[0]] = 0.5
        results.append(solver.solve(goal, start, previous))
    return min(results, key=lambda candidate: candidate.cost)


def _extrapolated(
    solver: InverseKinematics, qpos: Float[np.ndarray, "T nq"], frame: int
) -> Float[np.ndarray, " nq"]:
    """The previous pose moved on by the last change."""
    if frame < 2:
        return qpos[frame - 1]
    model = solver.body.model
    change, guess = np.empty(model.nv), qpos[frame - 1].copy()
    mujoco.mj_differentiatePos(model, change, 1.0, qpos[frame - 2], qpos[frame - 1])
    mujoco.mj_integratePos(model, guess, change, 1.0)
    return guess
