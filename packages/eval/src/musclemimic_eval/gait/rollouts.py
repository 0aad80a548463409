"""Gait of a simulated episode, and of the motion it imitates."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import MotionClip, MusculoModel
from scipy.spatial.transform import Rotation

from musclemimic_eval.gait.analysis import (
    GaitAnalysis,
    GaitTrial,
    cycle_curves,
    event_notes,
    find_strides,
)
from musclemimic_eval.gait.feet import FootMotion
from musclemimic_eval.gait.model_feet import heels_and_toes
from musclemimic_eval.kinetics.differentiate import DifferentiatedMotion, differentiate
from musclemimic_eval.kinetics.gait_series import (
    GaitSeries,
    foot_progression,
    ground_forces,
    joint_angles,
    joint_moments,
)
from musclemimic_eval.kinetics.inverse_dynamics import InverseDynamics, inverse_dynamics
from musclemimic_eval.kinetics.phantoms import without_phantom_inertia
from musclemimic_eval.kinetics.simulated import SIMULATED_CUTOFF_HZ, simulated_ground_reaction
from musclemimic_eval.rollout import Rollout

# Shorter motions, s, hold no event that could be told from the filters' ends.
SHORTEST_S = 0.2
# A pelvis this far, m, below the imitated motion's is on its way to the floor; what the feet do
# from then on is no gait.
COLLAPSE = 0.10


@dataclass(frozen=True)
class RolloutGait(GaitAnalysis):
    """The gait of an episode.

    Attributes:
        dynamics: inverse dynamics under the simulated ground reaction.
    """

    dynamics: InverseDynamics


def while_upright(rollout: Rollout, clip: MotionClip) -> Rollout:
    """The episode until its pelvis is 10 cm below the imitated motion's.

    Args:
        rollout: of a body with feet.
        clip: its reference.
    """
    height = clip.site_pos[rollout.reference_frame, 0, 2] + rollout.reference_offset[2]
    down = np.flatnonzero(height - rollout.site_pos[:, 0, 2] > COLLAPSE)
    return rollout.first(int(down[0])) if len(down) else rollout


def analyse_rollout(rollout: Rollout, model: MusculoModel) -> RolloutGait:
    """Events, cycles, parameters and curves of an episode that lasts at least 0.2 s.

    Events come from the simulated ground force and, to compare, from the feet's motion. Moments
    are those of inverse dynamics under the simulated ground reaction, both low-passed at 15 Hz.
    Everything is turned so that the feet point along +x on average.

    Args:
        rollout: of a body with feet.
        model: its body.
    """
    turn = _facing_x(model, rollout.qpos)
    trial = GaitTrial(
        source=f"{rollout.reference_clip}, from frame {rollout.start_frame}",
        feet=_feet(model, rollout.time, rollout.qpos, rollout.site_pos[:, 0], turn),
        ground=simulated_ground_reaction(rollout).moved(turn, np.zeros(3)),
        leg_length=leg_length(rollout.site_names, rollout.site_pos),
    )
    strides = find_strides(trial, force_everywhere=True)
    dt = float(rollout.time[1] - rollout.time[0])
    smooth = differentiate(model, rollout.qpos, dt=dt, cutoff_hz=SIMULATED_CUTOFF_HZ)
    motion = DifferentiatedMotion(rollout.time, smooth.qpos, smooth.qvel, smooth.qacc)
    felt = simulated_ground_reaction(rollout).filtered(SIMULATED_CUTOFF_HZ)
    dynamics = inverse_dynamics(without_phantom_inertia(model), motion, felt)
    assert trial.ground is not None
    series = (
        *_kinematics(model, trial, rollout.qpos, rollout.site_quat[:, 0], turn),
        ground_forces(trial.ground.filtered(SIMULATED_CUTOFF_HZ), dynamics.mass),
        joint_moments(model, dynamics, motion, rollout.time),
    )
    return RolloutGait(
        recording=trial,
        strides=strides,
        mass=dynamics.mass,
        mass_source="the model's",
        series=series,
        curves=cycle_curves(series, strides.cycles),
        notes=tuple(event_notes(strides.disagreement)),
        dynamics=dynamics,
    )


def analyse_clip(clip: MotionClip, model: MusculoModel, *, name: str = "") -> GaitAnalysis:
    """The same of a motion clip of at least 0.2 s, from its motion alone.

    Args:
        clip: of a body with feet.
        model: its body.
        name: of the clip; by default its source.
    """
    turn = _facing_x(model, clip.qpos)
    time = clip.dt * np.arange(len(clip))
    trial = GaitTrial(
        source=name or clip.provenance.source,
        feet=_feet(model, time, clip.qpos, clip.site_pos[:, 0], turn),
        ground=None,
        leg_length=leg_length(clip.site_names, clip.site_pos),
    )
    strides = find_strides(trial)
    series = _kinematics(model, trial, clip.qpos, clip.site_quat[:, 0], turn)
    return GaitAnalysis(
        recording=trial,
        strides=strides,
        mass=float(model.mj_model.body_subtreemass[0]),
        mass_source="the model's",
        series=series,
        curves=cycle_curves(series, strides.cycles),
        notes=(),
    )


def leg_length(site_names: tuple[str, ...], site_pos: Float[np.ndarray, "T S 3"]) -> float:
    """Hip to knee to ankle, mean of both sides, m."""
    place = {name: site_pos[0, column] for column, name in enumerate(site_names)}
    bones = [
        np.linalg.norm(place[f"{side}_{top}"] - place[f"{side}_{bottom}"])
        for side in ("left", "right")
        for top, bottom in (("hip", "knee"), ("knee", "ankle"))
    ]
    return float(np.sum(bones)) / 2


def _feet(
    model: MusculoModel,
    time: Float[np.ndarray, " T"],
    qpos: Float[np.ndarray, "T nq"],
    pelvis: Float[np.ndarray, "T 3"],
    turn: Float[np.ndarray, "3 3"],
) -> FootMotion:
    heel, toe = heels_and_toes(model, qpos)
    return FootMotion(time, heel @ turn.T, toe @ turn.T, pelvis @ turn.T, on_floor=True)


def _facing_x(model: MusculoModel, qpos: Float[np.ndarray, "T nq"]) -> Float[np.ndarray, "3 3"]:
    """The turn about the vertical after which the feet point along +x on average."""
    heel, toe = heels_and_toes(model, qpos)
    ahead = (toe - heel)[..., :2].mean(axis=(0, 1))
    angle = -float(np.arctan2(ahead[1], ahead[0]))
    return Rotation.from_euler("z", angle).as_matrix()


def _kinematics(
    model: MusculoModel,
    trial: GaitTrial,
    qpos: Float[np.ndarray, "T nq"],
    pelvis: Float[np.ndarray, "T 4"],
    turn: Float[np.ndarray, "3 3"],
) -> tuple[GaitSeries, GaitSeries]:
    """Joint angles and foot progression."""
    turned = Rotation.from_matrix(turn) * Rotation.from_quat(pelvis.copy(), scalar_first=True)
    quaternions = turned.as_quat(scalar_first=True)
    angles = joint_angles(model, qpos=qpos, pelvis=quaternions, time=trial.feet.time)
    return angles, foot_progression(trial.feet)
