"""A measured trial on the model: clip, ground reaction underneath, clock."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_eval.gait.analysis import clock_notes, event_notes, find_strides
from musclemimic_eval.human.doubts import motion_notes
from musclemimic_eval.human.force_doubts import force_notes
from musclemimic_eval.kinetics.ground_reaction import GRAVITY, GroundReaction
from musclemimic_eval.kinetics.inverse_dynamics import InverseDynamics
from musclemimic_eval.kinetics.placing import place_under

if TYPE_CHECKING:
    from musclemimic_eval.human.sources import Recording

# A root that needs more than this share of body weight from nowhere stands on something that no
# plate measured (or leaves one that did not stop measuring).
_UNEXPLAINED = 0.25


@dataclass(frozen=True)
class MuscleTrial:
    """A trial ready for static optimisation.

    Attributes:
        name: of the file.
        model: the body.
        clip: the motion on it.
        ground: in the frame "model"; None without force plates.
        start: the laboratory's time of the clip's first frame, s.
        notes: what a reader of the results has to know.
    """

    name: str
    model: MusculoModel
    clip: MotionClip
    ground: GroundReaction | None
    start: float
    notes: tuple[str, ...] = ()


def load_trial(
    motion: Path,
    model: MusculoModel,
    *,
    subject_mass: float | None = None,
    grf: Path | None = None,
    loads: Path | None = None,
    osim: Path | None = None,
    clip: MotionClip | None = None,
) -> MuscleTrial:
    """Read, retarget and put on the ground.

    Args:
        motion: C3D (with its force plates), TRC, OpenSim coordinates.
        model: a body that stands on feet.
        subject_mass: kg; needed with force plates, whose forces are scaled to the model's weight.
        grf: OpenSim force file of the trial.
        loads: ExternalLoads file that explains it.
        osim: OpenSim model that coordinates were computed with; see `read_recording`.
        clip: made from `motion` before; None to retarget it now.

    Raises:
        InputError: no ground reaction, no mass, or whatever is wrong with a file.
    """
    # Readers are an extra; a policy's own trials need none.
    from musclemimic_eval.human.recording import ankles_at, pelvis_at, read_recording, retarget

    recording = read_recording(motion, model, grf=grf, loads=loads, osim=osim)
    if recording.ground is None:
        raise InputError(
            motion,
            "force plates",
            found="none",
            expected="a C3D file with force plates, or --grf FILE",
        )
    if subject_mass is None:
        raise InputError(motion, "mass", found="none", expected="the subject's mass in kg (--mass)")
    clip = clip or retarget(recording, model)
    clip.require_model(model)
    placement = place_under(
        model,
        clip,
        recording.ground,
        subject_mass=subject_mass,
        pelvis=pelvis_at(recording, clip),
        start=recording.start,
        ankles=ankles_at(recording, clip),
    )
    notes = (*recording.notes, *_doubts(recording))
    return MuscleTrial(motion.name, model, clip, placement.ground, recording.start, notes)


def _doubts(recording: "Recording") -> list[str]:
    """What motion and forces contradict, as far as there are strides to tell by."""
    strides = find_strides(recording)
    trial = strides.spatiotemporal
    notes = event_notes(strides.disagreement) + clock_notes(strides)
    notes += motion_notes(recording.feet, strides.contacts, trial, recording.leg_length)
    if recording.ground is not None:
        stride = 120.0 / trial.cadence
        notes += force_notes(recording.ground, strides.contacts, stride, recording.leg_length)
    return notes


def explained(dynamics: InverseDynamics) -> Bool[np.ndarray, " T"]:
    """Frames whose motion the ground reaction explains: residual force under 25 % of the weight."""
    size: Float[np.ndarray, " T"] = np.linalg.norm(dynamics.residual_force, axis=1)
    return size < _UNEXPLAINED * dynamics.mass * GRAVITY
