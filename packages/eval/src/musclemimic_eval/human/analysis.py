"""A recorded trial, analysed: events, cycles, parameters, angles, moments."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_eval.gait.contacts import (
    Contact,
    contacts_from_force,
    disagreement,
    merged,
)
from musclemimic_eval.gait.cycles import (
    Cycle,
    Partial,
    covered,
    find_cycles,
    normalised,
    with_flag,
)
from musclemimic_eval.gait.feet import FEET
from musclemimic_eval.gait.kinematic_events import contacts_from_motion
from musclemimic_eval.gait.spatiotemporal import SpatioTemporal, spatiotemporal
from musclemimic_eval.human.recording import retarget
from musclemimic_eval.human.sources import Recording
from musclemimic_eval.human.trial_kinetics import Kinetics, residual_notes, trial_kinetics
from musclemimic_eval.kinetics.body_mass import estimated_mass
from musclemimic_eval.kinetics.conventions import QUANTITIES
from musclemimic_eval.kinetics.gait_series import (
    GaitSeries,
    foot_progression,
    ground_forces,
    joint_angles,
    joint_moments,
)

# The given mass and the weight on the plates may differ by this share before it is said.
_MASS_TOLERANCE = 0.1
# Agreement that events of both kinds must keep, s.
EVENT_TOLERANCE = 0.02
# Low-pass cut-off of the motion before inverse dynamics, Hz (Winter 2009, ch. 3.4.4, for walking;
# runners move faster).
_MOTION_CUTOFF_HZ = {"walking": 6.0, "running": 12.0, "no gait": 6.0}


@dataclass(frozen=True)
class MotionAnalysis:
    """Everything that is said about one trial.

    Attributes:
        recording: what it is made from.
        contacts: of both feet, force plates' word first.
        disagreement: (N, 2) s, kinematic minus force times of start and end where both exist.
        cycles: whole strides; flags say what is doubtful. partial: what could not be used.
        spatiotemporal: parameters.
        clip: the motion on the model.
        mass: kg; NaN if unknown. mass_source: where it is from.
        kinetics: None without ground force or mass.
        series: the curves over time, by what they are sampled with.
        curves: quantity to (foot to (N, 101)) curves of that foot's cycles, clinical sign.
        notes: what a reader has to know.
    """

    recording: Recording
    contacts: tuple[Contact, ...]
    disagreement: Float[np.ndarray, "E 2"]
    cycles: tuple[Cycle, ...]
    partial: tuple[Partial, ...]
    spatiotemporal: SpatioTemporal
    clip: MotionClip
    mass: float
    mass_source: str
    kinetics: Kinetics | None
    series: tuple[GaitSeries, ...]
    curves: Mapping[str, Mapping[int, Float[np.ndarray, "_ P"]]]
    notes: tuple[str, ...]


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
    notes = list(recording.notes)
    kinematic = contacts_from_motion(recording.feet)
    forced = contacts_from_force(recording.ground) if recording.ground is not None else ()
    contacts = merged(kinematic, forced)
    apart = disagreement(kinematic, forced)
    cycles, partial = find_cycles(contacts, recording.feet)
    cycles = tuple(_shared(cycle, recording) for cycle in cycles)
    parameters = spatiotemporal(cycles, contacts, recording.feet, leg_length=recording.leg_length)
    notes += _event_notes(apart)
    mass, mass_source, more = _mass(recording, contacts, parameters, mass)
    notes += more
    clip = retarget(recording, model)
    time = recording.start + clip.dt * np.arange(len(clip))
    notes += _wrapping_notes(cycles, time)
    kinetics = trial_kinetics(
        recording, model, clip, mass, cutoff_hz=_MOTION_CUTOFF_HZ[parameters.kind]
    )
    series = [joint_angles(model, clip, time), foot_progression(recording.feet)]
    if recording.ground is not None and np.isfinite(mass):
        series.append(ground_forces(recording.ground, mass))
    if kinetics is not None:
        series.append(joint_moments(model, kinetics.result, kinetics.motion, kinetics.time))
        notes += residual_notes(kinetics, contacts)
    return MotionAnalysis(
        recording=recording,
        contacts=contacts,
        disagreement=apart,
        cycles=cycles,
        partial=partial,
        spatiotemporal=parameters,
        clip=clip,
        mass=mass,
        mass_source=mass_source,
        kinetics=kinetics,
        series=tuple(series),
        curves=_curves(series, cycles, foot_off_percent),
        notes=tuple(dict.fromkeys(notes)),
    )


def mean_curves(analysis: MotionAnalysis, foot: int) -> dict[str, Float[np.ndarray, "P"]]:
    """Mean over a foot's cycles of every curve it has."""
    return {name: feet[foot].mean(axis=0) for name, feet in analysis.curves.items() if foot in feet}


def _shared(cycle: Cycle, recording: Recording) -> Cycle:
    """Flag a cycle whose force comes from a plate under both feet."""
    doubtful = any(
        step.shared and step.start < cycle.foot_off and step.end > cycle.start
        for step in recording.steps
    )
    return with_flag(cycle, "both feet on one plate") if doubtful else cycle


def _event_notes(apart: Float[np.ndarray, "N 2"]) -> list[str]:
    known = np.abs(apart[np.isfinite(apart)])
    if not len(known) or known.max() <= EVENT_TOLERANCE:
        return []
    return [
        f"events from motion and from force differ by up to {1000 * known.max():.0f} ms "
        f"(median {1000 * np.median(known):.0f} ms); force is used"
    ]


def _wrapping_notes(cycles: tuple[Cycle, ...], time: Float[np.ndarray, " T"]) -> list[str]:
    notes: list[str] = []
    for foot, side in enumerate(FEET):
        own = [cycle for cycle in cycles if cycle.foot == foot]
        if own and not any(covered(time, cycle) for cycle in own):
            notes.append(
                f"the motion holds no whole stride of the {side} foot: its curves are wrapped by a "
                "stride, as if gait were periodic"
            )
    return notes


def _mass(
    recording: Recording,
    contacts: tuple[Contact, ...],
    parameters: SpatioTemporal,
    given: float | None,
) -> tuple[float, str, list[str]]:
    if given is not None and not 5 < given < 300:
        raise InputError("--mass", "value", found=given, expected="kg, 5 to 300")
    found = np.nan
    if recording.ground is not None:
        found = estimated_mass(recording.ground, contacts, 120.0 / parameters.cadence)
    if given is None:
        sides = {c.foot for c in contacts if c.complete and c.source == "force"}
        source = "weight on the plates" + (", one foot's for both" if len(sides) == 1 else "")
        return found, source if np.isfinite(found) else "unknown", []
    notes: list[str] = []
    if abs(found / given - 1) > _MASS_TOLERANCE:
        notes.append(
            f"{given:g} kg were given, but the plates carry {found:.1f} kg: wrong units of force, "
            "another person's trial, or a step beside the plates"
        )
    return given, "given", notes


def _curves(
    series: list[GaitSeries], cycles: tuple[Cycle, ...], foot_off_percent: float | None
) -> Mapping[str, Mapping[int, Float[np.ndarray, "_ P"]]]:
    """Curves of steady cycles (of all, if none is steady), those that the record covers.

    Moments, powers and forces only of cycles whose stance was on a plate. A foot without any
    covered cycle gets its wrapped ones, if the record is at least a stride long.
    """
    result: dict[str, Mapping[int, Float[np.ndarray, "_ P"]]] = {}
    for part in series:
        for name, values in part.curves.items():
            kind = QUANTITIES[name].kind
            feet: dict[int, Float[np.ndarray, "_ P"]] = {}
            for foot in (0, 1):
                own = [c for c in cycles if c.foot == foot and np.isfinite(c.stance)]
                if kind != "angle":
                    own = [c for c in own if c.source == "force"]
                own = [c for c in own if not c.flags] or own
                whole = [c for c in own if covered(part.time, c)]
                length = float(part.time[-1] - part.time[0])
                wrapped = [c for c in own if length >= c.duration and not whole]
                chosen = whole or wrapped
                if chosen:
                    feet[foot] = np.stack(
                        [
                            normalised(
                                part.time,
                                values[:, foot],
                                cycle,
                                foot_off_percent=foot_off_percent,
                                wrap=not whole,
                            )
                            for cycle in chosen
                        ]
                    )
            if feet:
                result[name] = MappingProxyType(feet)
    return MappingProxyType(result)
