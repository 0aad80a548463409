"""A recorded trial, analysed: events, cycles, parameters, angles, moments."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_eval.gait.analysis import (
    GaitAnalysis,
    Strides,
    clock_notes,
    cycle_curves,
    event_notes,
    find_strides,
    speed_notes,
    wrapping_notes,
)
from musclemimic_eval.gait.cycles import inferred_cycle
from musclemimic_eval.human.doubts import motion_notes
from musclemimic_eval.human.force_doubts import force_notes
from musclemimic_eval.human.heard import warnings_heard
from musclemimic_eval.human.recording import retarget
from musclemimic_eval.human.sources import Recording
from musclemimic_eval.human.trial_kinetics import Kinetics, residual_notes, trial_kinetics
from musclemimic_eval.kinetics.body_mass import estimated_mass
from musclemimic_eval.kinetics.gait_series import (
    foot_progression,
    ground_forces,
    joint_angles,
    joint_moments,
)

# The given mass and the weight on the plates may differ by this share before it is said.
_MASS_TOLERANCE = 0.1
# Nobody whose gait is measured is lighter or heavier, kg.
_LIGHTEST, _HEAVIEST = 5.0, 300.0
# Low-pass cut-off of the motion before inverse dynamics, Hz (Winter 2009, ch. 3.4.4, for walking;
# runners move faster).
_MOTION_CUTOFF_HZ = {"walking": 6.0, "running": 12.0, "no gait": 6.0}


@dataclass(frozen=True)
class MotionAnalysis(GaitAnalysis):
    """Everything that is said about one recorded trial.

    Attributes:
        recording: what it is made from.
        clip: the motion on the model.
        kinetics: None without ground force or mass.
    """

    recording: Recording
    clip: MotionClip
    kinetics: Kinetics | None


def analyse(
    recording: Recording,
    model: MusculoModel,
    *,
    mass: float | None = None,
    foot_off_percent: float | None = None,
) -> MotionAnalysis:
    """Events, cycles, parameters and curves of a recording.

    Args:
        recording: of one person.
        model: that angles and moments are taken on (scaled by leg length to the person).
        mass: of the person, kg; estimated from the plates if None.
        foot_off_percent: see `normalised`; None for plain 0 to 100 % of the cycle.

    Raises:
        InputError: a mass that no person has.
    """
    shared = [(step.start, step.end) for step in recording.steps if step.shared]
    strides = _with_inferred(find_strides(recording, doubtful_force=shared))
    notes = [*recording.notes, *event_notes(strides.disagreement)]
    notes += clock_notes(strides)
    notes += speed_notes(strides.spatiotemporal)
    notes += motion_notes(
        recording.feet, strides.contacts, strides.spatiotemporal, recording.leg_length
    )
    mass, mass_source, more = _mass(recording, strides, mass)
    notes += more
    with warnings_heard() as heard:
        clip = retarget(recording, model)
    notes += heard
    time = recording.start + clip.dt * np.arange(len(clip))
    notes += wrapping_notes(strides.cycles, time)
    cutoff_hz = _MOTION_CUTOFF_HZ[strides.spatiotemporal.kind]
    kinetics = trial_kinetics(recording, model, clip, mass, cutoff_hz=cutoff_hz)
    angles = joint_angles(model, qpos=clip.qpos, pelvis=clip.site_quat[:, 0], time=time)
    series = [angles, foot_progression(recording.feet)]
    if recording.ground is not None and np.isfinite(mass):
        series.append(ground_forces(recording.ground, mass))
    if kinetics is not None:
        series.append(joint_moments(model, kinetics.result, kinetics.motion, kinetics.time))
        notes += residual_notes(kinetics, strides.contacts)
    return MotionAnalysis(
        recording=recording,
        strides=strides,
        clip=clip,
        mass=mass,
        mass_source=mass_source,
        kinetics=kinetics,
        series=tuple(series),
        curves=cycle_curves(series, strides.cycles, foot_off_percent),
        notes=tuple(dict.fromkeys(notes)),
    )


def _with_inferred(strides: Strides) -> Strides:
    """A foot without a whole stride gets one by the stride time, if that is known."""
    stride = 120.0 / strides.spatiotemporal.cadence
    missing = {0, 1} - {cycle.foot for cycle in strides.cycles}
    if not np.isfinite(stride):
        return strides
    inferred = (inferred_cycle(strides.contacts, foot, stride) for foot in sorted(missing))
    cycles = [*strides.cycles, *(cycle for cycle in inferred if cycle is not None)]
    ordered = sorted(cycles, key=lambda cycle: cycle.start)
    return dataclasses.replace(strides, cycles=tuple(ordered))


def _mass(
    recording: Recording, strides: Strides, given: float | None
) -> tuple[float, str, list[str]]:
    if given is not None and not _LIGHTEST < given < _HEAVIEST:
        raise InputError("--mass", "value", found=given, expected="kg, 5 to 300")
    found = np.nan
    contacts = strides.contacts
    notes: list[str] = []
    if recording.ground is not None:
        stride_time = 120.0 / strides.spatiotemporal.cadence
        found = estimated_mass(recording.ground, contacts, stride_time)
        notes = force_notes(recording.ground, contacts, stride_time, recording.leg_length)
    if given is None:
        _require_a_persons(recording.source, found)
        sides = {c.foot for c in contacts if c.complete and c.source == "force"}
        source = "weight on the plates" + (", one foot's for both" if len(sides) == 1 else "")
        return found, source if np.isfinite(found) else "unknown", notes
    if abs(found / given - 1) > _MASS_TOLERANCE:
        notes.append(
            f"{given:g} kg were given, but the plates carry {found:.1f} kg: wrong units of force, "
            "another person's trial, or a step beside the plates"
        )
    return given, "given", notes


def _require_a_persons(source: str, mass: float) -> None:
    """Raise InputError for a weight on the plates that is nobody's; NaN is unknown, not wrong."""
    if np.isfinite(mass) and not _LIGHTEST < mass < _HEAVIEST:
        raise InputError(
            source,
            "weight on the plates",
            found=f"{mass:.1f} kg",
            expected=f"{_LIGHTEST:g} to {_HEAVIEST:g} kg; forces may not be in newtons, or sides "
            "or clocks of forces and motion differ (--mass skips this)",
        )
