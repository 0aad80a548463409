"""What millimetres cost in degrees: the best poses on the floor, for every balance of the two."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from musclemimic_retarget.floor_goals import GroundConfig, standing_goals
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.ik import InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody, blocks
from musclemimic_retarget.pose_cost import SiteTargets
from musclemimic_retarget.rotations import angle_between, quaternions
from musclemimic_retarget.survey import Survey, survey

# The sum of angles weighs this much beside that of squared distances, rad⁻¹.
_WEIGHTS = (0.0005, 0.0015, 0.003, 0.006, 0.01, 0.015, 0.025, 0.05, 0.15)
# Rounds of reweighting that turn squared angles into angles, and the angle below which they stay
# squared, rad.
_ROUNDS, _ROUNDING = 6, 0.01
# Points looked at between two balances.
_BETWEEN = 100


@dataclass(frozen=True)
class FitError:
    """How far poses are from their targets: √mean‖p − target‖², m, and mean angle, degrees."""

    rmse_m: float
    orientation_deg: float


def trade_off(
    body: KinematicBody,
    floor: FloorGeoms | None,
    goals: SiteTargets,
    start: Float[np.ndarray, "T nq"],
    stance: Bool[np.ndarray, "T 2"],
    *,
    solver: Callable[[float, float], InverseKinematics],
) -> tuple[FitError, ...]:
    """Least errors, from positions first to orientations first.

    Frame by frame, by local minimisation, each balance from the one before. Standing soles are on
    the floor and no sole is in it; one height of all targets is free, as in a clip's metrics.

    Args:
        body: of the model.
        floor: its floor geoms; None for a fixed trunk.
        goals: of every pose.
        start: poses near the answer.
        stance: which feet stand.
        solver: inverse kinematics by the weights of positions and of orientations.
    """
    qpos, errors = start, list[FitError]()
    for weight in _WEIGHTS:
        minimise = solver(1.0, weight)
        for _ in range(_ROUNDS):
            aimed = goals
            if floor is not None:
                seen = survey(body, floor, qpos)
                goals = _levelled(goals, seen)
                aimed = standing_goals(body, goals, seen, stance, GroundConfig())
            factor = 1.0 / np.hypot(site_errors(body, goals, qpos)[1], _ROUNDING)
            qpos = minimise.solve(dataclasses.replace(aimed, rot_factor=factor), qpos).qpos
        if floor is not None:
            goals = _levelled(goals, survey(body, floor, qpos))
        errors.append(fit_error(body, goals, qpos))
    return tuple(errors)


def _levelled(goals: SiteTargets, seen: Survey) -> SiteTargets:
    """Goals as high, on average, as the poses: their floor is known no better."""
    up = float(np.mean(seen.site_pos[..., 2] - goals.pos[..., 2]))
    return dataclasses.replace(goals, pos=goals.pos + np.array([0.0, 0.0, up]))


def least_angle(errors: Sequence[FitError], rmse_m: float) -> float | None:
    """Least mean angle, degrees, at up to so many m, between known balances; None if beyond."""
    distances, angles = _between(errors)
    within = angles[distances <= rmse_m]
    return float(within.min()) if len(within) else None


def least_distance(errors: Sequence[FitError], angle_deg: float) -> float | None:
    """Least RMS distance, m, at up to such a mean angle, between known balances; None if beyond."""
    distances, angles = _between(errors)
    within = distances[angles <= angle_deg]
    return float(within.min()) if len(within) else None


def _between(
    errors: Sequence[FitError],
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Distances and angles of the balances and on straight lines between them."""
    known = np.array([(error.rmse_m, error.orientation_deg) for error in errors])
    steps = np.linspace(0, len(known) - 1, _BETWEEN * (len(known) - 1) + 1)
    rows = np.arange(len(known))
    return np.interp(steps, rows, known[:, 0]), np.interp(steps, rows, known[:, 1])


def site_errors(
    body: KinematicBody, goals: SiteTargets, qpos: Float[np.ndarray, "T nq"]
) -> tuple[Float[np.ndarray, "T S"], Float[np.ndarray, "T S"]]:
    """Of every site from its target: squared, m², and turned, rad."""
    squared, angle = np.empty((2, len(qpos), len(body.site_names)))
    for rows in blocks(len(qpos)):
        seen = body.poses(qpos[rows])
        squared[rows] = ((seen.site_pos - goals.pos[rows]) ** 2).sum(axis=-1)
        angle[rows] = angle_between(quaternions(seen.site_mat), quaternions(goals.mat[rows]))
    return squared, angle


def fit_error(body: KinematicBody, goals: SiteTargets, qpos: Float[np.ndarray, "T nq"]) -> FitError:
    """Of poses from their targets."""
    squared, angle = site_errors(body, goals, qpos)
    mean_angle = angle[:, goals.rot_weight > 0].mean()
    return FitError(float(np.sqrt(squared.mean())), float(np.rad2deg(mean_angle)))
