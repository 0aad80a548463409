"""Inverse kinematics over a whole motion: key poses first, then all from between them."""

import numpy as np
from jaxtyping import Float, Float32, Int

from musclemimic_retarget.ik import IKResult, InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.pose_cost import SiteTargets
from musclemimic_retarget.rotations import continuous, normalized
from musclemimic_retarget.starts import from_scratch, seeds

# Key poses are this far apart, s: in between, interpolation starts in the right basin.
KEY_SECONDS = 0.13
_SCRATCH_ITERATIONS, _KEY_ITERATIONS, _SETTLING_ITERATIONS = 3, 3, 1
# A key pose that costs this many times the usual is worth the price of trying other starts.
_SUSPICIOUS = 4.0
_SMALL_COST = 2e-3


def solve_motion(
    solver: InverseKinematics,
    goals: SiteTargets,
    rate: float,
    starts: Float[np.ndarray, "T nq"] | None = None,
    *,
    first: Float[np.ndarray, " nq"] | None = None,
    iterations: int | None = None,
    hessian: Float32[np.ndarray, "T F F"] | None = None,
) -> IKResult:
    """Solve every frame.

    Without `starts`, key poses are found first; then all frames are solved from the key poses'
    interpolation, and stay near it where the targets leave them free.

    Args:
        solver: of the model.
        goals: on a uniform grid.
        rate: its frames per second.
        starts: poses near the answer for every frame (from an earlier pass), if known.
        first: without them, a pose near the first frame's, if known.
        iterations: at most, of the solve of all frames; the solver's own if None.
        hessian: from an earlier pass with about the same weights, if any.
    """
    if starts is None:
        starts = _from_key_poses(solver, goals, rate, first)
    return solver.solve(goals, starts, starts, iterations=iterations, hessian=hessian)


def _from_key_poses(
    solver: InverseKinematics,
    goals: SiteTargets,
    rate: float,
    first: Float[np.ndarray, " nq"] | None,
) -> Float[np.ndarray, "T nq"]:
    """Solve every few frames and interpolate between them.

    A key pose that fits badly gets other starts. Last, each is solved again from between its
    neighbours, which settles what the targets leave free the same way all along.
    """
    frames = len(goals.pos)
    stride = max(1, round(KEY_SECONDS * rate))
    keys = np.unique(np.append(np.arange(0, frames, stride), frames - 1))
    chosen = goals[keys]
    starts = seeds(solver, chosen, first, iterations=_SCRATCH_ITERATIONS)
    result = solver.solve(chosen, starts, iterations=_KEY_ITERATIONS)
    usual = max(float(np.median(result.cost)), _SMALL_COST)
    bad = np.flatnonzero(result.cost > _SUSPICIOUS * usual)
    if len(bad):
        others = from_scratch(solver, chosen[bad], iterations=_SCRATCH_ITERATIONS)
        result = _replaced(result, bad, others)
    if len(keys) > 2:
        rows = np.arange(len(keys))
        inner = rows[1:-1]
        ends = np.stack([result.qpos[inner - 1], result.qpos[inner + 1]])
        between = interpolate_pair(solver.body, ends)
        again = solver.solve(chosen[inner], between, between, iterations=_SETTLING_ITERATIONS)
        result = _replaced(result, inner, again, margin=_SMALL_COST)
    return interpolate(solver.body, keys, result.qpos, frames)


def _replaced(
    result: IKResult, rows: Int[np.ndarray, " N"], new: IKResult, *, margin: float = 0.0
) -> IKResult:
    """The result with some rows replaced where the new ones cost less (up to a margin)."""
    better = new.cost < result.cost[rows] + margin
    qpos, cost, converged = result.qpos.copy(), result.cost.copy(), result.converged.copy()
    hessian, taken = result.hessian.copy(), rows[better]
    qpos[taken], cost[taken] = new.qpos[better], new.cost[better]
    converged[taken], hessian[taken] = new.converged[better], new.hessian[better]
    return IKResult(qpos, cost, converged, hessian)


def interpolate_pair(
    body: KinematicBody, ends: Float[np.ndarray, "2 N nq"]
) -> Float[np.ndarray, "N nq"]:
    """Poses half-way between pairs of poses, couplings restored."""
    middle = ends.mean(axis=0)
    if body.musculo.has_free_root:
        quats = ends[:, :, 3:7]
        sign = np.where((quats[0] * quats[1]).sum(axis=1) < 0, -1.0, 1.0)
        middle[:, 3:7] = normalized(quats[0] + sign[:, None] * quats[1])
    return body.musculo.couplings.apply(middle)


def interpolate(
    body: KinematicBody,
    keys: Int[np.ndarray, " K"],
    poses: Float[np.ndarray, "K nq"],
    frames: int,
) -> Float[np.ndarray, "T nq"]:
    """Poses between key poses, linear in the coordinates, couplings restored."""
    if body.musculo.has_free_root:
        poses = poses.copy()
        poses[:, 3:7] = continuous(poses[:, 3:7])
    time = np.interp(np.arange(frames), keys, np.arange(len(keys)))
    before = np.minimum(time.astype(int), len(keys) - 2) if len(keys) > 1 else np.zeros(frames, int)
    share = (time - before)[:, None]
    result = (1 - share) * poses[before] + share * poses[np.minimum(before + 1, len(keys) - 1)]
    if body.musculo.has_free_root:
        result[:, 3:7] = normalized(result[:, 3:7])
    return body.musculo.couplings.apply(result)
