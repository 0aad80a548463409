"""Inverse kinematics over a whole motion: key poses one after the other, the rest at once."""

import numpy as np
from jaxtyping import Float, Float32, Int

from musclemimic_retarget.ik import IKResult, InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.pose_cost import SiteTargets
from musclemimic_retarget.rotations import continuous, normalized, quaternions

# Shoulder starts for the first frame and for recovery: (plane of elevation, elevation), rad.
# They cover arms hanging, sideways, forwards, backwards and up.
_SHOULDER_STARTS = ((0.0, 0.3), (0.0, 1.5), (1.4, 1.2), (-0.9, 0.7), (0.8, 2.4))
_ELBOW_START = 0.5
# Starts for other models stray from neutral by up to this share of the way to random poses.
_STRAY = 0.6
# Key poses are this far apart, s: in between, interpolation starts in the right basin.
KEY_SECONDS = 0.25
_SCRATCH_ITERATIONS, _KEY_ITERATIONS, _SETTLING_ITERATIONS = 3, 4, 1
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

    Without `starts`, key poses are found one after the other, each from the one before; then all
    frames are solved at once from the key poses' interpolation, and stay near it where the
    targets leave them free.

    Args:
        solver: of the model.
        goals: on a uniform grid.
        rate: its frames per second.
        starts: poses near the answer for every frame (from an earlier pass), if known.
        first: without them, a pose near the first frame's, if known.
        iterations: at most, of the solve of all frames; the solver's own if None.
        hessian: from an earlier pass with the same weights, if any.
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
    """Solve every few frames, all from the first one's pose, and interpolate between them.

    A key pose that fits badly gets other starts. Last, each is solved again from between its
    neighbours, which settles what the targets leave free the same way all along.
    """
    frames = len(goals.pos)
    stride = max(1, round(KEY_SECONDS * rate))
    keys = np.unique(np.append(np.arange(0, frames, stride), frames - 1))
    chosen = goals[keys]
    if first is None:
        seed = from_scratch(solver, chosen[:1], iterations=_SCRATCH_ITERATIONS).qpos
    else:
        seed = first[None]
    starts = root_poses(solver, chosen, np.repeat(seed, len(keys), axis=0))
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
    body, tries = solver.body, len(_SHOULDER_STARTS)
    starts = np.repeat(solver.neutral[None], tries, axis=0)
    if not body.has_joint("shoulder_elv_l"):
        scalars, (low, high) = solver.scalar_qpos, solver.scalar_range
        share = np.random.default_rng(0).uniform(0.0, _STRAY, (tries - 1, len(scalars)))
        aim = np.random.default_rng(1).uniform(low, high, (tries - 1, len(scalars)))
        starts[1:, scalars] += share * (aim - starts[1:, scalars])
        return body.musculo.couplings.apply(starts)
    for side in "lr":
        for joint, values in (
            ("elv_angle", [plane for plane, _ in _SHOULDER_STARTS]),
            ("shoulder_elv", [elevation for _, elevation in _SHOULDER_STARTS]),
            ("elbow_flexion", [_ELBOW_START] * tries),
        ):
            starts[:, body.model.joint(f"{joint}_{side}").qposadr[0]] = values
    return starts
