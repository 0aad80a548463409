"""Quality of a clip: six published metrics and what they leave out."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import MotionClip
from rich.table import Column, Table

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.kinematics import KinematicBody, blocks
from musclemimic_retarget.rotations import angle_between
from musclemimic_retarget.smoothing import acceleration_rms
from musclemimic_retarget.stance import FEET
from musclemimic_retarget.survey import survey
from musclemimic_retarget.targets import Targets
from musclemimic_retarget.tendon_jumps import tendon_jumps

_LIMIT_SLACK = 1e-5  # rad or m
_DEEP = 1e-3  # m


@dataclass(frozen=True)
class ClipMetrics:
    """Quality of one clip. None where the model or the call has nothing to measure.

    The six of the MuscleMimic publication, on the clip's own grid:

    Attributes:
        joint_limit_violation_percent: (frame, hinge or slide joint) pairs outside the range by
            more than 1e-5 rad or m, coupled joints included.
        ground_penetration_percent: frames with a geom deeper than 1 mm in the floor.
        max_penetration_m: depth of the deepest point.
        tendon_jump: whether any tendon changes in one frame by more than 5 % of its rest length,
            1 mm, and 10 times its running mean change (over clips, the mean is the jump rate).
        rmse_m: √mean‖p − target‖² over sites and frames, against the method's own targets.
        solve_s_per_30hz_frame, total_s_per_30hz_frame: inverse kinematics; whole pipeline.

    And beyond them:
        tendon_jump_frames_percent: frames with such a jump. worst_tendon: largest relative
            one-frame change, and worst_tendon_change_percent, that change in % of rest length.
        human_rmse_m: as rmse_m against the human's joint centres, only uniformly scaled.
        orientation_error_deg: mean angle to the target orientation, sites that have one.
        float_clearance_m: mean height of the lower standing sole, stance frames.
        foot_skate_m_per_s: mean horizontal speed of the slower of ankle and toes in stance.
        coupling_residual: largest distance of a coupled joint from its polynomial, rad or m.
        root_acceleration_rms_m_per_s2: vertical, of the clip's root site, and
            source_root_acceleration_rms_m_per_s2: of its target.
        not_converged_percent: frames whose inverse kinematics did not converge.
    """

    joint_limit_violation_percent: float
    ground_penetration_percent: float
    max_penetration_m: float
    tendon_jump: bool
    rmse_m: float | None
    solve_s_per_30hz_frame: float | None
    total_s_per_30hz_frame: float | None
    tendon_jump_frames_percent: float
    worst_tendon: str
    worst_tendon_change_percent: float
    human_rmse_m: float | None
    orientation_error_deg: float | None
    float_clearance_m: float | None
    foot_skate_m_per_s: float | None
    coupling_residual: float
    root_acceleration_rms_m_per_s2: float
    source_root_acceleration_rms_m_per_s2: float | None
    not_converged_percent: float

    def to_dict(self) -> dict[str, float | bool | str | None]:
        """The fields by name, ready for JSON."""
        return dataclasses.asdict(self)


def metrics_table(rows: Mapping[str, ClipMetrics]) -> Table:
    """A rich table, one column a clip; units are in the names."""
    table = Table("metric", *(Column(name, justify="right") for name in rows))
    for field in dataclasses.fields(ClipMetrics):
        table.add_row(field.name, *(_cell(getattr(row, field.name)) for row in rows.values()))
    return table


def _cell(value: float | bool | str | None) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case _:
            return f"{value:.3g}"


def clip_metrics(
    model: Articulated, clip: MotionClip, targets: Targets | None = None
) -> ClipMetrics:
    """Measure a clip.

    Args:
        model: the model the clip was made for.
        clip: the motion.
        targets: on the clip's time grid (`RetargetResult.targets`); without them the errors are
            None.

    Raises:
        InputError: the clip belongs to another model.
    """
    clip.require_model(model)
    body = KinematicBody.of(model)
    floor = FloorGeoms.of(model)
    soles, lowest = _clearances(body, floor, clip.qpos)
    floating, skate = _stance_quality(clip, body, soles)
    jumps = tendon_jumps(model.mj_model, clip.qpos)
    rmse = human_rmse = orientation = source_acceleration = None
    if targets is not None:
        rmse = _rms(clip.site_pos, targets.pos)
        human_rmse = _rms(clip.site_pos, targets.human_pos)
        orientation = _mean_angle(clip, targets)
        source_acceleration = acceleration_rms(targets.pos[:, 0, 2], 1.0 / clip.dt)
    return ClipMetrics(
        joint_limit_violation_percent=_limit_violation(model.mj_model, clip.qpos),
        ground_penetration_percent=100.0 * float((lowest < -_DEEP).mean()),
        max_penetration_m=float(max(-lowest.min(), 0.0)),
        tendon_jump=bool(jumps.frames > 0),
        rmse_m=rmse,
        solve_s_per_30hz_frame=None,
        total_s_per_30hz_frame=None,
        tendon_jump_frames_percent=100.0 * jumps.frames / len(clip),
        worst_tendon=jumps.worst,
        worst_tendon_change_percent=100.0 * jumps.worst_change,
        human_rmse_m=human_rmse,
        orientation_error_deg=orientation,
        float_clearance_m=floating,
        foot_skate_m_per_s=skate,
        coupling_residual=_coupling_residual(model, clip.qpos),
        root_acceleration_rms_m_per_s2=acceleration_rms(
            np.asarray(clip.site_pos[:, 0, 2]), 1.0 / clip.dt
        ),
        source_root_acceleration_rms_m_per_s2=source_acceleration,
        not_converged_percent=100.0 * float((clip.frame_status != 0).mean()),
    )


def _clearances(
    body: KinematicBody, floor: FloorGeoms, qpos: Float[np.ndarray, "T nq"]
) -> tuple[Float[np.ndarray, "T 2"], Float[np.ndarray, " T"]]:
    """Of the soles and of the lowest point, m; all else that is seen would fill the memory."""
    soles, lowest = np.empty((len(qpos), 2)), np.empty(len(qpos))
    for rows in blocks(len(qpos)):
        seen = survey(body, floor, qpos[rows])
        soles[rows], lowest[rows] = seen.soles, seen.lowest
    return soles, lowest


def _mean_angle(clip: MotionClip, targets: Targets) -> float:
    """Mean angle of the sites that have an orientation to it, degrees."""
    aimed, total = targets.rot_weight > 0, 0.0
    for rows in blocks(len(clip)):
        angles = angle_between(clip.site_quat[rows][:, aimed], targets.quat[rows][:, aimed])
        total += float(angles.sum())
    return float(np.rad2deg(total / (len(clip) * int(aimed.sum()))))


def _limit_violation(model: mujoco.MjModel, qpos: Float[np.ndarray, "T nq"]) -> float:
    scalar = model.jnt_type >= int(mujoco.mjtJoint.mjJNT_SLIDE)
    columns, limited = model.jnt_qposadr[scalar], model.jnt_limited[scalar].astype(bool)
    low, high = model.jnt_range[scalar].T
    count = 0
    for rows in blocks(len(qpos)):
        values = qpos[rows][:, columns]
        outside = (values < low - _LIMIT_SLACK) | (values > high + _LIMIT_SLACK)
        count += int((outside & limited).sum())
    return 100.0 * count / max(len(qpos) * len(columns), 1)


def _coupling_residual(model: Articulated, qpos: Float[np.ndarray, "T nq"]) -> float:
    worst = 0.0
    for rows in blocks(len(qpos)):
        away = np.abs(model.couplings.residual(qpos[rows]))
        worst = max(worst, float(away.max(initial=0.0)))
    return worst


def _stance_quality(
    clip: MotionClip, body: KinematicBody, soles: Float[np.ndarray, "T 2"]
) -> tuple[float | None, float | None]:
    """Mean float clearance, m, and foot skate, m/s, over stance."""
    standing = clip.foot_contact
    if "left_ankle" not in clip.site_names or not standing.any():
        return None, None
    lower = np.where(standing, soles, np.inf).min(axis=1)
    floating = np.clip(lower[standing.any(axis=1)], 0.0, None).mean()
    columns = np.array([[body.site(f"{s}_ankle"), body.site(f"{s}_toes")] for s in FEET])
    speed = np.linalg.norm(clip.site_linvel[:, columns, :2], axis=-1).min(axis=-1)
    return float(floating), float(speed[standing].mean())


def _rms(first: Float[np.ndarray, "T S 3"], second: Float[np.ndarray, "T S 3"]) -> float:
    """Root of the mean squared distance between points, m."""
    total = 0.0
    for rows in blocks(len(first)):
        total += float(((first[rows] - second[rows]) ** 2).sum())
    return float(np.sqrt(total / (first.shape[0] * first.shape[1])))
