"""From feet and ground force to strides, parameters and curves over the cycle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from musclemimic_eval.gait.contacts import (
    Contact,
    contacts_from_force,
    disagreement,
    merged,
    unmatched,
)
from musclemimic_eval.gait.cycles import (
    Cycle,
    Partial,
    covered,
    find_cycles,
    normalised,
    with_flag,
)
from musclemimic_eval.gait.feet import FEET, FootMotion
from musclemimic_eval.gait.kinematic_events import contacts_from_motion
from musclemimic_eval.gait.spatiotemporal import SpatioTemporal, spatiotemporal
from musclemimic_eval.kinetics.conventions import QUANTITIES
from musclemimic_eval.kinetics.gait_series import GaitSeries
from musclemimic_eval.kinetics.ground_reaction import GroundReaction

# Agreement that events of both kinds must keep, s.
EVENT_TOLERANCE = 0.02
# Speed over the strides may differ from that over the record by this share before it is said.
_STEADY_SPEED = 0.15

Curves = Mapping[str, Mapping[int, Float[np.ndarray, "_ P"]]]


@dataclass(frozen=True)
class GaitTrial:
    """What gait analysis starts from.

    Attributes:
        source: name of the file or episode.
        feet: heels, toes and pelvis.
        ground: ground reaction on the same clock; None without.
        leg_length: hip to ankle, m; NaN if unknown.
    """

    source: str
    feet: FootMotion
    ground: GroundReaction | None
    leg_length: float


@dataclass(frozen=True)
class Strides:
    """When the feet are on the ground, and what that makes of the motion.

    Attributes:
        contacts: of both feet, the force's word first.
        disagreement: (N, 2) s, kinematic minus force times of start and end where both exist.
        unmatched: contacts that force felt and motion should have seen, but did not.
        cycles: whole strides; flags say what is doubtful. partial: what could not be used.
        spatiotemporal: parameters.
    """

    contacts: tuple[Contact, ...]
    disagreement: Float[np.ndarray, "E 2"]
    unmatched: int
    cycles: tuple[Cycle, ...]
    partial: tuple[Partial, ...]
    spatiotemporal: SpatioTemporal


@dataclass(frozen=True)
class GaitAnalysis:
    """What is said about the gait of one trial, of a person or of a simulation.

    Attributes:
        recording: what it is made from.
        strides: events, cycles and parameters.
        mass: kg; NaN if unknown. mass_source: where it is from.
        series: the curves over time, by what they are sampled with.
        curves: quantity to (foot to (N, 101)) curves of that foot's cycles, clinical sign.
        notes: what a reader has to know.
    """

    recording: GaitTrial
    strides: Strides
    mass: float
    mass_source: str
    series: tuple[GaitSeries, ...]
    curves: Curves
    notes: tuple[str, ...]

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """Of both feet, in order of time."""
        return self.strides.contacts

    @property
    def disagreement(self) -> Float[np.ndarray, "E 2"]:
        """Kinematic minus force times, s, of start and end where both exist."""
        return self.strides.disagreement

    @property
    def cycles(self) -> tuple[Cycle, ...]:
        """Whole strides."""
        return self.strides.cycles

    @property
    def partial(self) -> tuple[Partial, ...]:
        """Strides that could not be used."""
        return self.strides.partial

    @property
    def spatiotemporal(self) -> SpatioTemporal:
        """Parameters."""
        return self.strides.spatiotemporal


def find_strides(
    trial: GaitTrial,
    *,
    doubtful_force: Sequence[tuple[float, float]] = (),
    force_everywhere: bool = False,
) -> Strides:
    """Events, cycles and parameters.

    Args:
        trial: of one person or body.
        doubtful_force: s, stretches whose force is of both feet together: flagged.
        force_everywhere: the ground force is known wherever the feet are, not only on plates:
            contacts are its alone, and those of the motion are there to be compared.
    """
    kinematic = contacts_from_motion(trial.feet)
    forced = contacts_from_force(trial.ground) if trial.ground is not None else ()
    contacts = forced if force_everywhere else merged(kinematic, forced)
    found, partial = find_cycles(contacts, trial.feet)
    cycles = tuple(_doubted(cycle, doubtful_force) for cycle in found)
    return Strides(
        contacts=contacts,
        disagreement=disagreement(kinematic, forced),
        unmatched=unmatched(kinematic, forced, trial.feet.time),
        cycles=cycles,
        partial=partial,
        spatiotemporal=spatiotemporal(cycles, contacts, trial.feet, leg_length=trial.leg_length),
    )


def _doubted(cycle: Cycle, stretches: Sequence[tuple[float, float]]) -> Cycle:
    """Flag a cycle whose force comes from a plate under both feet."""
    doubtful = any(start < cycle.foot_off and end > cycle.start for start, end in stretches)
    return with_flag(cycle, "both feet on one plate") if doubtful else cycle


def event_notes(apart: Float[np.ndarray, "N 2"]) -> list[str]:
    """What is to be said where events of both kinds disagree."""
    known = np.abs(apart[np.isfinite(apart)])
    if not len(known) or known.max() <= EVENT_TOLERANCE:
        return []
    return [
        f"events from motion and from force differ by up to {1000 * known.max():.0f} ms "
        f"(median {1000 * np.median(known):.0f} ms); force is used"
    ]


def clock_notes(strides: Strides) -> list[str]:
    """Whether force and motion, recorded by two devices, may be of two clocks."""
    notes: list[str] = []
    if strides.unmatched:
        notes.append(
            f"{strides.unmatched} of the contacts that were felt as force were not seen in the "
            "motion: clocks or sides may differ"
        )
    shift = _common_shift(strides.disagreement)
    if abs(shift) > EVENT_TOLERANCE:
        notes.append(
            f"contact and foot off are both {'later' if shift < 0 else 'earlier'} in the force, by "
            f"{1000 * abs(shift):.0f} ms: its clock may be another"
        )
    return notes


def _common_shift(apart: Float[np.ndarray, "N 2"]) -> float:
    """What both kinds of event are apart by, s; 0 where they differ in sign or one is unknown."""
    both = [column[np.isfinite(column)] for column in apart.T]
    if not all(len(column) for column in both):
        return 0.0
    first, second = (float(np.median(column)) for column in both)
    return (first + second) / 2 if first * second > 0 else 0.0


def speed_notes(found: SpatioTemporal) -> list[str]:
    """What is to be said where someone also stood, started or stopped in the record."""
    both = found.both
    if "stride length" not in both:
        return []
    speed = both["stride length"].mean / both["stride time"].mean
    if abs(found.speed - speed) <= _STEADY_SPEED * speed:
        return []
    return [
        f"the strides were walked at {speed:.2f} m/s; {found.speed:.2f} m/s is over all of the "
        "record, with starting, stopping or standing: comparisons by speed go by that"
    ]


def wrapping_notes(cycles: tuple[Cycle, ...], time: Float[np.ndarray, " T"]) -> list[str]:
    """Whose curves are wrapped by a stride because the motion holds no whole one."""
    notes: list[str] = []
    for foot, side in enumerate(FEET):
        own = [cycle for cycle in cycles if cycle.foot == foot]
        if own and not any(covered(time, cycle) for cycle in own):
            notes.append(
                f"the motion holds no whole stride of the {side} foot: its curves are wrapped by a "
                "stride, as if gait were periodic"
            )
    return notes


def cycle_curves(
    series: Sequence[GaitSeries], cycles: tuple[Cycle, ...], foot_off_percent: float | None = None
) -> Curves:
    """Curves over 0 to 100 % of every foot's cycles.

    Moments, powers and forces only of cycles whose stance was felt (on a plate).

    Args:
        series: curves over time.
        cycles: on the same clock.
        foot_off_percent: see `normalised`; None for plain 0 to 100 % of the cycle.
    """
    result: dict[str, Mapping[int, Float[np.ndarray, "_ P"]]] = {}
    for part in series:
        for name, values in part.curves.items():
            usable = cycles
            if QUANTITIES[name].kind != "angle":
                usable = tuple(cycle for cycle in cycles if cycle.source == "force")
            feet = {
                foot: found
                for foot in (0, 1)
                if (
                    found := per_cycle(
                        part.time, values[:, foot], usable, foot, foot_off_percent=foot_off_percent
                    )
                )
                is not None
            }
            if feet:
                result[name] = MappingProxyType(feet)
    return MappingProxyType(result)


def per_cycle(
    time: Float[np.ndarray, " T"],
    values: Float[np.ndarray, " T"],
    cycles: Sequence[Cycle],
    foot: int,
    *,
    foot_off_percent: float | None = None,
) -> Float[np.ndarray, "_ P"] | None:
    """One curve of one foot over its steady cycles (all, if none is steady); None without any.

    Cycles that the record covers; if it covers none, those wrapped by a stride, if the record is
    at least a stride long.
    """
    own = [c for c in cycles if c.foot == foot and np.isfinite(c.stance)]
    own = [c for c in own if not c.flags] or own
    whole = [c for c in own if covered(time, c)]
    length = float(time[-1] - time[0])
    chosen = whole or [c for c in own if length >= c.duration]
    if not chosen:
        return None
    return np.stack(
        [
            normalised(time, values, cycle, foot_off_percent=foot_off_percent, wrap=not whole)
            for cycle in chosen
        ]
    )


def mean_curves(analysis: GaitAnalysis, foot: int) -> dict[str, Float[np.ndarray, "P"]]:
    """Mean over a foot's cycles of every curve it has."""
    return {name: feet[foot].mean(axis=0) for name, feet in analysis.curves.items() if foot in feet}
