"""What ground forces contradict: units, axes, scales and clocks that cannot be right."""

import itertools

import numpy as np
from jaxtyping import Float

from musclemimic_eval.gait.contacts import LEAST_STEP, Contact
from musclemimic_eval.gait.feet import FEET
from musclemimic_eval.human.doubts import LEG_OVER_STATURE
from musclemimic_eval.kinetics.body_mass import estimated_mass
from musclemimic_eval.kinetics.ground_reaction import GroundReaction

# Body mass index of almost everybody from children to the very obese, kg/m².
_BODY_MASS_INDEX = (11.0, 55.0)
# The weight that either foot's plates carry over a stride may differ by this share.
_UNEQUAL_WEIGHTS = 0.2
# A step's centre of pressure rolls 0.12 to 0.35 m in the trials of docs/gait.md; less than this,
# m, is a plate's own middle.
_STILL = 0.05
# Force beyond the weight, of the motion over the plates': 0.88 to 1.16 in those trials. Frames
# at half the true rate make it a quarter.
_SLOWED = 0.5
# Turning the plates' horizontal axes explains the motion if it leaves less than this share of
# the residual force.
_EXPLAINS, _LEAST_FRAMES = 0.7, 10


def force_notes(
    ground: GroundReaction, contacts: tuple[Contact, ...], stride_time: float, leg_length: float
) -> list[str]:
    """What the plates contradict: a person's step, a body of that size, each other.

    Args:
        ground: N.
        contacts: of both feet, on its clock.
        stride_time: s.
        leg_length: hip to ankle, m.
    """
    largest = float(ground.force[..., 2].max())
    if largest < LEAST_STEP:
        return [f"no step on the plates, which felt at most {largest:.0f}: are forces in newtons?"]
    notes = _still_centres(ground, contacts)
    mass = estimated_mass(ground, contacts, stride_time)
    index = mass / (leg_length / LEG_OVER_STATURE) ** 2
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


def _still_centres(ground: GroundReaction, contacts: tuple[Contact, ...]) -> list[str]:
    """Steps whose centre of pressure does not roll from the heel to the toes."""
    still: list[str] = []
    for contact in contacts:
        if contact.source != "force" or not contact.complete:
            continue
        inside = (ground.time >= contact.start) & (ground.time <= contact.end)
        inside &= ground.force[:, contact.foot, 2] > LEAST_STEP
        centre = ground.centre_of_pressure[inside, contact.foot, :2]
        if len(centre) and float(np.linalg.norm(np.ptp(centre, axis=0))) < _STILL:
            still.append(f"the {FEET[contact.foot]} foot's at {contact.start:.2f} s")
    if not still:
        return []
    return [
        f"centres of pressure that hardly move: {', '.join(still)}; the plates' moments may be in "
        "another unit"
    ]


def pace_notes(
    needed: Float[np.ndarray, "T 3"], measured: Float[np.ndarray, "T 3"], weight: float
) -> list[str]:
    """Whether the motion accelerates as much as the ground pushes.

    Args:
        needed: N, the ground force that the body's acceleration takes, where plates carry it.
        measured: N, the plates' sum then.
        weight: of the body, N.
    """
    if len(needed) < _LEAST_FRAMES:
        return []
    standing = np.array([0.0, 0.0, weight])
    sizes = [float(np.sqrt(np.mean((force - standing) ** 2))) for force in (needed, measured)]
    ratio = sizes[0] / sizes[1]
    if _SLOWED < ratio < 1 / _SLOWED:
        return []
    return [
        f"the body's acceleration takes {ratio:.2g} times the force beyond its weight that the "
        "plates felt: the frame rate, or the mass, may be wrong"
    ]


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
