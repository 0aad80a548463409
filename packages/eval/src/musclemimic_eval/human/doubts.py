"""What in a recording contradicts itself: sides, axes, units and clocks that cannot be right.

Each check names what it suspects. What it found stays as it was measured.
"""

import itertools

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_eval.gait.contacts import Contact
from musclemimic_eval.gait.feet import FEET, FootMotion, overground, standing_velocity, travel_speed
from musclemimic_eval.gait.spatiotemporal import SpatioTemporal
from musclemimic_eval.kinetics.body_mass import estimated_mass
from musclemimic_eval.kinetics.ground_reaction import GroundReaction

# Hip to ankle over stature (Winter 2009, Biomechanics and Motor Control, fig. 4.1), and statures
# that people have, m.
_LEG, _STATURES = 0.491, (0.6, 2.4)
# Standing feet that move faster than this share of the body do not stand; in the trials of
# docs/gait.md they reach 0.03.
_SLIDING, _STROLL = 0.15, 0.15
# Walkers always stand on a foot, runners at least half the time: shares of the record below which
# something is wrong.
_CARRIED_WALKING, _CARRIED = 0.95, 0.45
# The lower foot's lowest point stays within 3 cm in those trials; m. Over this way, m.
_UNEVEN_FLOOR, _SOME_WAY = 0.06, 0.5
_SIGNS = "joint angles and the pelvis' way may differ in sign, side or unit"
# Feet that land farther than this across each other, m, are not their own.
_CROSSED = -0.05
# Step length over cadence is about constant in a person's walking, 0.0065 m min/step in adults
# (Sekiya & Nagasaki 1998, Gait Posture 7:225); over the leg's length, here with wide limits.
_WALK_RATIO = (0.0045, 0.015)
# Body mass index of almost everybody from children to the very obese, kg/m².
_BODY_MASS_INDEX = (11.0, 55.0)
# The weight that either foot's plates carry over a stride may differ by this share.
_UNEQUAL_WEIGHTS = 0.2
# Turning the plates' horizontal axes explains the motion if it leaves less than this share of
# the residual force.
_EXPLAINS, _LEAST_FRAMES = 0.7, 10


def require_human_size(source: str, leg_length: float) -> None:
    """Raise InputError for legs that nobody has: lengths in mm or cm, or axes exchanged."""
    low, high = (_LEG * stature for stature in _STATURES)
    if not low < leg_length < high:
        raise InputError(
            source,
            "units",
            found=f"legs of {leg_length:.3g} m, hip to ankle",
            expected=f"{low:.2f} to {high:.2f} m; lengths may be in mm or cm, or the vertical "
            "axis another one",
        )


def motion_notes(
    feet: FootMotion,
    contacts: tuple[Contact, ...],
    trial: SpatioTemporal,
    leg_length: float,
) -> list[str]:
    """What the motion alone contradicts: feet that slide, float or cross, steps out of all rate.

    Args:
        feet: in the person's axes.
        contacts: of both feet.
        trial: parameters.
        leg_length: hip to ankle, m.
    """
    notes = _standing_notes(feet, contacts, trial)
    if "step width" in trial.both and trial.both["step width"].mean < _CROSSED:
        notes.append(
            f"each foot lands {-100 * trial.both['step width'].mean:.0f} cm across the other: "
            "left and right may be exchanged"
        )
    if trial.kind == "walking" and "step length" in trial.both:
        step = trial.both["step length"].mean
        ratio = step / trial.cadence / leg_length
        if not _WALK_RATIO[0] < ratio < _WALK_RATIO[1]:
            notes.append(
                f"steps of {step:.2f} m at {trial.cadence:.0f} a minute are not how people walk: "
                "the frame rate may be wrong"
            )
    return notes


def _standing_notes(
    feet: FootMotion, contacts: tuple[Contact, ...], trial: SpatioTemporal
) -> list[str]:
    """Whether there is always a foot that stands, and stands still, on one floor."""
    ground = overground(feet)
    notes: list[str] = []
    slide = float(np.linalg.norm(standing_velocity(ground)))
    speed = max(travel_speed(ground), _STROLL)
    if slide > _SLIDING * speed:
        notes.append(
            f"standing feet slide at {slide:.2f} m/s while the body moves at {speed:.2f} m/s: "
            f"{_SIGNS}"
        )
    carried = _share_on_feet(feet.time, contacts)
    if carried < (_CARRIED_WALKING if trial.kind == "walking" else _CARRIED):
        notes.append(f"no foot stands for {100 * (1 - carried):.0f} % of the time: {_SIGNS}")
    smooth = ground.smooth()
    lowest = np.minimum(smooth.heel[..., 2], smooth.toe[..., 2]).min(axis=1)
    travels = speed * float(feet.time[-1] - feet.time[0]) > _SOME_WAY
    if trial.kind != "running" and travels and float(np.ptp(lowest)) > _UNEVEN_FLOOR:
        notes.append(
            f"the lower foot goes up and down by {100 * float(np.ptp(lowest)):.0f} cm: knee or "
            "ankle angles may have another sign, or the floor is not level"
        )
    return notes


def _share_on_feet(time: Float[np.ndarray, " T"], contacts: tuple[Contact, ...]) -> float:
    on = np.zeros(len(time), dtype=bool)
    for contact in contacts:
        # Comparisons with NaN, an end beyond the record, are false.
        on |= ~(time < contact.start) & ~(time > contact.end)
    return float(on.mean())


def weight_notes(
    ground: GroundReaction, contacts: tuple[Contact, ...], stride_time: float, leg_length: float
) -> list[str]:
    """What the plates' weight contradicts: a body of that size, or each other."""
    notes: list[str] = []
    mass = estimated_mass(ground, contacts, stride_time)
    index = mass / (leg_length / _LEG) ** 2
    if np.isfinite(index) and not _BODY_MASS_INDEX[0] < index < _BODY_MASS_INDEX[1]:
        notes.append(
            f"the plates carry {mass:.0f} kg, for legs of {leg_length:.2f} m a body mass index of "
            f"{index:.0f}: forces may not be in newtons"
        )
    sides = [
        estimated_mass(ground, tuple(c for c in contacts if c.foot == foot), stride_time)
        for foot in (0, 1)
    ]
    if abs(sides[0] - sides[1]) > _UNEQUAL_WEIGHTS * np.mean(sides):
        notes.append(
            "the plates disagree about the weight: "
            + ", ".join(
                f"{kg:.0f} kg by the {side} foot" for side, kg in zip(FEET, sides, strict=True)
            )
            + "; one plate's scale may be wrong, or the gait is very uneven"
        )
    return notes


def axes_notes(
    needed: Float[np.ndarray, "T 3"], measured: Float[np.ndarray, "T 3"], *, where: str = ""
) -> list[str]:
    """Whether the plates' horizontal axes explain the motion better turned round or exchanged.

    In running the sideways force says little: what is left with it reversed is as large.

    Args:
        needed: N, the ground force that the body's acceleration takes, where plates carry it.
        measured: N, the plates' sum then; x forward, y left.
        where: words for the message.
    """
    if len(needed) < _LEAST_FRAMES:
        return []
    misses = {
        turn: float(np.sqrt(np.mean((needed[:, :2] - _turned(measured, turn)) ** 2)))
        for turn in itertools.product(((0, 1), (1, 0)), (1, -1), (1, -1))
    }
    best = min(misses, key=lambda turn: misses[turn])
    as_it_is = misses[(0, 1), 1, 1]
    if misses[best] >= _EXPLAINS * as_it_is:
        return []
    order, ahead, left = best
    what = {
        ((0, 1), -1, 1): "the fore-aft force is reversed",
        ((0, 1), 1, -1): "the sideways force is reversed",
        ((0, 1), -1, -1): "both horizontal forces are reversed",
    }.get((order, ahead, left), "fore-aft and sideways force are exchanged")
    return [
        f"{what}{where}, it seems: the body's acceleration would miss the plates by "
        f"{misses[best]:.0f} N instead of {as_it_is:.0f} N (RMS)"
    ]


def _turned(
    force: Float[np.ndarray, "T 3"], turn: tuple[tuple[int, int], int, int]
) -> Float[np.ndarray, "T 2"]:
    order, ahead, left = turn
    return force[:, list(order)] * np.array([ahead, left])
