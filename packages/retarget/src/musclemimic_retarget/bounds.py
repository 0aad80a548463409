"""Why a clip misses its targets: the least error a body can have, and the joints at their ends."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.ik import InverseKinematics
from musclemimic_retarget.jump_causes import JumpCause, jump_causes
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.pose_cost import IKConfig, SiteTargets
from musclemimic_retarget.range_ends import JointAtEnd, joints_at_ends
from musclemimic_retarget.retargeter import RetargetResult
from musclemimic_retarget.starts import root_poses
from musclemimic_retarget.survey import survey
from musclemimic_retarget.trade_off import (
    FitError,
    fit_error,
    least_angle,
    least_distance,
    site_errors,
    trade_off,
)

# What is asked of everyday motions: √mean‖p − target‖², m, and mean angle, degrees.
RMSE_BAR, ANGLE_BAR = 0.015, 3.0
# Every so many frames of the 100 Hz clip are looked at.
_STRIDE = 3
_ITERATIONS, _TOLERANCE, _LEAST_DECREASE = 60, 1e-5, 1e-5
# Rounds of reweighting that turn squared angles into angles, and the angle below which they stay
# squared, rad.
_ROUNDS, _ROUNDING = 6, 0.01
# Settles what the other kind of target alone leaves free, and no more.
_FAINT = 1e-5


@dataclass(frozen=True)
class ClipBounds:
    """What no retargeter of this body could do better, frame by frame, and what this one did.

    Smoothness does not count in the bounds, the floor only in the trade-off. They come from local
    minimisation, from the clip's own poses and from a neutral one.

    Attributes:
        achieved: by the clip.
        positions: when only positions count. orientations: when only the sum of angles counts.
        both: with the method's own weights.
        soles_off_floor_m: RMS height of standing soles over the floor, or under it, in the poses
            of `both`: what the floor alone takes. None if nothing stands.
        trade_off: the same on the floor, for balances from positions first to orientations first
            that count angles as angles.
        least_angle_deg: of them, at up to `RMSE_BAR`; least_rmse_m: at up to `ANGLE_BAR`. None
            where no balance comes to it.
        jumps: of tendons in the clip, and how fast the person turned there.
        joints: at their ends, the most frequent first.
    """

    achieved: FitError
    positions: FitError
    orientations: FitError
    both: FitError
    soles_off_floor_m: float | None
    trade_off: tuple[FitError, ...]
    least_angle_deg: float | None
    least_rmse_m: float | None
    jumps: tuple[JumpCause, ...]
    joints: tuple[JointAtEnd, ...]

    def to_dict(self) -> dict[str, object]:
        """The fields by name, ready for JSON."""
        return dataclasses.asdict(self)


def clip_bounds(model: Articulated, result: RetargetResult, config: IKConfig) -> ClipBounds:
    """Bounds of a clip against the targets it was made for.

    Args:
        model: the clip's.
        result: from a retargeter's `solve`.
        config: of the method's inverse kinematics, for the weights of `both`.
    """
    body, targets, qpos = KinematicBody.of(model), result.targets, np.asarray(result.clip.qpos)
    every = targets.goals
    some = np.arange(0, len(qpos), _STRIDE)
    goals, start = every[some], qpos[some]
    near = _exact(config, position=config.position, orientation=config.orientation)
    both = InverseKinematics(body, near).solve(every, qpos).qpos
    solver = InverseKinematics(body, _exact(config, position=1.0, orientation=_FAINT))
    starts = (start, root_poses(solver, goals, np.repeat(solver.neutral[None], len(some), axis=0)))
    placed = [start, *(solver.solve(goals, each).qpos for each in starts)]
    turned = [start, *(_least_angles(body, goals, each, config) for each in starts)]
    balances = trade_off(
        body,
        FloorGeoms.of(model) if model.has_free_root else None,
        goals,
        start,
        np.asarray(result.clip.foot_contact)[some],
        solver=lambda position, orientation: InverseKinematics(
            body, _exact(config, position=position, orientation=orientation)
        ),
    )
    return ClipBounds(
        achieved=fit_error(body, every, qpos),
        positions=fit_error(body, goals, _best(body, goals, placed, turned=False)),
        orientations=fit_error(body, goals, _best(body, goals, turned, turned=True)),
        both=fit_error(body, every, both),
        soles_off_floor_m=_off_floor(model, body, both, result),
        trade_off=balances,
        least_angle_deg=least_angle(balances, RMSE_BAR),
        least_rmse_m=least_distance(balances, ANGLE_BAR),
        jumps=jump_causes(model, body, result),
        joints=joints_at_ends(body, goals, start, near),
    )


def _exact(config: IKConfig, *, position: float, orientation: float) -> IKConfig:
    """The method's solver with other weights, and patience."""
    return dataclasses.replace(
        config,
        position=position,
        orientation=orientation,
        iterations=_ITERATIONS,
        tolerance=_TOLERANCE,
        least_decrease=_LEAST_DECREASE,
    )


def _least_angles(
    body: KinematicBody, goals: SiteTargets, start: Float[np.ndarray, "T nq"], config: IKConfig
) -> Float[np.ndarray, "T nq"]:
    """Poses of least Σ angle: squares, reweighted by one over the angle they leave."""
    solver = InverseKinematics(body, _exact(config, position=_FAINT, orientation=1.0))
    factor, qpos = None, start
    for _ in range(_ROUNDS):
        aimed = dataclasses.replace(goals, rot_factor=factor)
        qpos = solver.solve(aimed, qpos).qpos
        factor = 1.0 / np.hypot(site_errors(body, goals, qpos)[1], _ROUNDING)
    return qpos


def _best(
    body: KinematicBody,
    goals: SiteTargets,
    candidates: list[Float[np.ndarray, "T nq"]],
    *,
    turned: bool,
) -> Float[np.ndarray, "T nq"]:
    """Pose by pose, the candidate with the least sum of angles, or of squared distances."""
    aimed = goals.rot_weight > 0
    costs = [
        angle[:, aimed].sum(axis=1) if turned else squared.sum(axis=1)
        for squared, angle in (site_errors(body, goals, qpos) for qpos in candidates)
    ]
    choice = np.argmin(np.stack(costs), axis=0)
    return np.stack(candidates)[choice, np.arange(len(choice))]


def _off_floor(
    model: Articulated,
    body: KinematicBody,
    qpos: Float[np.ndarray, "T nq"],
    result: RetargetResult,
) -> float | None:
    """RMS distance of standing soles from the floor, m."""
    standing: Bool[np.ndarray, "T 2"] = np.asarray(result.clip.foot_contact)
    if not standing.any():
        return None
    soles = survey(body, FloorGeoms.of(model), qpos).soles
    return float(np.sqrt((soles[standing] ** 2).mean()))
