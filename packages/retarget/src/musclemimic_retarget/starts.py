"""Poses to begin from when nothing is known, or little."""

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.arm_table import ELBOWS, SHOULDERS, arm_tables, has_arms
from musclemimic_retarget.ik import IKResult, InverseKinematics
from musclemimic_retarget.pose_cost import SiteTargets
from musclemimic_retarget.rotations import quaternions

# Starts for other models stray from neutral by up to this share of the way to random poses.
_STRAY = 0.6


def seeds(
    solver: InverseKinematics,
    goals: SiteTargets,
    first: Float[np.ndarray, " nq"] | None,
    *,
    iterations: int,
) -> Float[np.ndarray, "T nq"]:
    """Poses to solve from, with the first site on its target.

    Arms are about where their targets are; all else is as in the first pose, all along, and so is
    all of a model without such arms.

    Args:
        solver: of the model.
        goals: of poses in their order.
        first: near the first of them, if known; else neutral, or (of a model without such arms)
            found from several starts.
        iterations: for finding it.
    """
    base = first
    if base is None:
        base = solver.neutral
        if not has_arms(solver.body):
            base = from_scratch(solver, goals[:1], iterations=iterations).qpos[0]
    poses = np.repeat(base[None], len(goals.pos), axis=0)
    for table in arm_tables(solver.body, solver.neutral):
        poses[:, table.address] = table.nearest(goals, solver.config)
    if first is not None:
        poses[0] = first
    return root_poses(solver, goals, solver.body.musculo.couplings.apply(poses))


def root_poses(
    solver: InverseKinematics, goals: SiteTargets, qpos: Float[np.ndarray, "T nq"]
) -> Float[np.ndarray, "T nq"]:
    """Copies of poses with the free root moved so that the first site is on its target."""
    body = solver.body
    if not body.musculo.has_free_root:
        return qpos
    moved = qpos.copy()
    poses = body.poses(qpos)
    to_root = np.swapaxes(poses.body_mat[:, 1], 1, 2)
    mat_in_root = to_root @ poses.site_mat[:, 0]
    pos_in_root = to_root @ (poses.site_pos[:, 0] - poses.body_pos[:, 1])[..., None]
    turned = goals.mat[:, 0] @ np.swapaxes(mat_in_root, 1, 2)
    moved[:, :3] = goals.pos[:, 0] - (turned @ pos_in_root)[..., 0]
    moved[:, 3:7] = quaternions(turned)
    return moved


def from_scratch(
    solver: InverseKinematics, goals: SiteTargets, *, iterations: int | None = None
) -> IKResult:
    """The best of several starts for every pose."""
    starts, poses = _starts(solver), len(goals.pos)
    tries = len(starts)
    each = goals[np.repeat(np.arange(poses), tries)]
    result = solver.solve(
        each,
        root_poses(solver, each, np.tile(starts, (poses, 1))),
        iterations=iterations,
    )
    best = np.arange(poses) * tries + result.cost.reshape(poses, tries).argmin(axis=1)
    return IKResult(
        result.qpos[best], result.cost[best], result.converged[best], result.hessian[best]
    )


def _starts(solver: InverseKinematics) -> Float[np.ndarray, "N nq"]:
    """Poses to start from when nothing is known: shoulders (and a stranger's joints) all about."""
    body, tries = solver.body, len(SHOULDERS)
    starts = np.repeat(solver.neutral[None], tries, axis=0)
    tables = list(arm_tables(body, solver.neutral))
    for table in tables:
        starts[:, table.address] = table.values[:: len(ELBOWS)]
    if not tables:
        scalars, (low, high) = solver.scalar_qpos, solver.scalar_range
        share = np.random.default_rng(0).uniform(0.0, _STRAY, (tries - 1, len(scalars)))
        aim = np.random.default_rng(1).uniform(low, high, (tries - 1, len(scalars)))
        starts[1:, scalars] += share * (aim - starts[1:, scalars])
    return body.musculo.couplings.apply(starts)
