"""Inverse dynamics of a recorded trial."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_eval.gait.contacts import Contact
from musclemimic_eval.gait.feet import FEET
from musclemimic_eval.human.force_doubts import axes_notes, pace_notes
from musclemimic_eval.human.recording import ankles_at, pelvis_at
from musclemimic_eval.human.sources import Recording
from musclemimic_eval.kinetics.differentiate import DifferentiatedMotion, differentiate
from musclemimic_eval.kinetics.ground_reaction import GRAVITY, GroundReaction
from musclemimic_eval.kinetics.inverse_dynamics import (
    USUAL_RESIDUAL,
    InverseDynamics,
    inverse_dynamics,
)
from musclemimic_eval.kinetics.phantoms import without_phantom_inertia
from musclemimic_eval.kinetics.placing import Placement, place_under

# Of the ground force, Hz, whose impacts marker data cannot answer.
_FORCE_CUTOFF_HZ = 20.0


@dataclass(frozen=True)
class Kinetics:
    """Inverse dynamics of a trial.

    Attributes:
        placement: the ground reaction under the model.
        motion: the model's, filtered and differentiated.
        result: generalised forces.
        time: (T,) s, the laboratory's, of motion and result.
    """

    placement: Placement
    motion: DifferentiatedMotion
    result: InverseDynamics
    time: Float[np.ndarray, " T"]


def trial_kinetics(
    recording: Recording,
    model: MusculoModel,
    clip: MotionClip,
    mass: float,
    *,
    cutoff_hz: float,
) -> Kinetics | None:
    """Inverse dynamics of a recording; None without forces or mass.

    Args:
        recording: with ground force.
        model: that the moments are taken on.
        clip: the recording on that model.
        mass: of the person, kg.
        cutoff_hz: low-pass filter of the motion.

    Raises:
        InputError: force and motion on different clocks, or as `place_under`.
    """
    ground = recording.ground
    time = recording.start + clip.dt * np.arange(len(clip))
    if ground is None or not np.isfinite(mass):
        return None
    ground = _filtered(ground)
    placement = place_under(
        model,
        clip,
        ground,
        subject_mass=mass,
        pelvis=pelvis_at(recording, clip),
        start=recording.start,
        ankles=ankles_at(recording, clip),
    )
    motion = differentiate(model, clip.qpos, dt=clip.dt, cutoff_hz=cutoff_hz)
    inside = (time >= ground.time[0]) & (time <= ground.time[-1])
    if inside.sum() < 2:
        raise InputError(
            recording.source,
            "ground force",
            found=f"{ground.time[0]:.2f} to {ground.time[-1]:.2f} s",
            expected=f"the clock of the motion, {time[0]:.2f} to {time[-1]:.2f} s",
        )
    part = DifferentiatedMotion(
        motion.time[inside], motion.qpos[inside], motion.qvel[inside], motion.qacc[inside]
    )
    result = inverse_dynamics(without_phantom_inertia(model), part, placement.ground)
    return Kinetics(placement, part, result, time[inside])


def _filtered(ground: GroundReaction) -> GroundReaction:
    if ground.rate <= 2.5 * _FORCE_CUTOFF_HZ:
        return ground
    return ground.filtered(_FORCE_CUTOFF_HZ)


def residual_notes(kinetics: Kinetics, contacts: tuple[Contact, ...]) -> list[str]:
    """What is to be said of the residual force where every standing foot is on a plate.

    Of its size, and of axes of the plates or a frame rate that would explain it.
    """
    felt = kinetics.placement.ground.resampled(kinetics.motion.time)
    loaded = felt.loaded
    measured = loaded.any(axis=1)
    for foot in (0, 1):
        measured &= loaded[:, foot] | ~_standing(kinetics.time, contacts, foot)
    if measured.sum() < 2:
        return ["no moment at which all of the body's weight was on the plates"]
    lacking, force = kinetics.result.residual_force[measured], felt.force[measured].sum(axis=1)
    notes = axes_notes(lacking + force, force)
    if not notes:  # One plate's, then: while it carries the body alone.
        for foot, side in enumerate(FEET):
            alone = loaded[measured, foot] & ~loaded[measured, 1 - foot]
            needed = (lacking + force)[alone]
            notes += axes_notes(needed, force[alone], where=f" under the {side} foot")
    notes += pace_notes(lacking + force, force, kinetics.result.mass * GRAVITY)
    size = np.asarray(np.linalg.norm(lacking, axis=1))
    largest = float(np.linalg.norm(kinetics.placement.ground.force, axis=2).max())
    share = float(np.sqrt(np.mean(size**2))) / largest
    if share <= USUAL_RESIDUAL:
        return notes
    return [
        *notes,
        f"residual force {100 * share:.0f} % of the largest ground force (RMS while the plates "
        f"carry the body); up to {100 * USUAL_RESIDUAL:.0f} % is usual (Hicks et al. 2015, "
        "J Biomech Eng 137:020905)",
    ]


def _standing(
    time: Float[np.ndarray, " T"], contacts: tuple[Contact, ...], foot: int
) -> Bool[np.ndarray, " T"]:
    """Whether a foot is on the ground, on a plate or beside it."""
    result = np.zeros(len(time), dtype=bool)
    for contact in contacts:
        if contact.foot == foot:
            began = time >= contact.start if np.isfinite(contact.start) else time >= time[0]
            lasts = time <= contact.end if np.isfinite(contact.end) else time <= time[-1]
            result |= began & lasts
    return result
