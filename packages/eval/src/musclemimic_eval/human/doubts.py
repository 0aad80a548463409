"""What in a motion contradicts itself: sides, axes, units and clocks that cannot be right.

Each check names what it suspects; the numbers stay as they were measured.
"""

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_eval.gait.contacts import Contact
from musclemimic_eval.gait.feet import FootMotion, overground, standing_velocity, travel_speed
from musclemimic_eval.gait.spatiotemporal import SpatioTemporal

# Hip to ankle over stature (Winter 2009, Biomechanics and Motor Control, fig. 4.1), and statures
# that people have, m.
LEG_OVER_STATURE, _STATURES = 0.491, (0.6, 2.4)
_FASTEST = 13.0  # m/s, of the fastest sprinter
# Standing feet that move faster than this share of the body do not stand; in the trials of
# docs/gait.md they reach 0.03.
_SLIDING, _STROLL = 0.15, 0.15
# Walkers always stand on a foot, runners at least half the time: shares of the record below which
# something is wrong.
_CARRIED_WALKING, _CARRIED = 0.95, 0.45
# The lower foot's lowest point stays within 3 cm in those walks, 12 cm in runs; limits, m, over
# this way, m.
_UNEVEN_FLOOR, _HIGHEST_FLIGHT, _SOME_WAY = 0.06, 0.2, 0.5
_SIGNS = "joint angles and the pelvis' way may differ in sign, side or unit"
# Feet that land farther than this across each other, m, are not their own.
_CROSSED = -0.05
# Step length over cadence is about constant in a person's walking, 0.0065 m min/step in adults
# (Sekiya & Nagasaki 1998, Gait Posture 7:225); over the leg's length, here with wide limits.
_WALK_RATIO = (0.0045, 0.015)


def require_human(source: str, leg_length: float, feet: FootMotion) -> None:
    """Raise InputError for legs or a speed that nobody has: lengths in mm or cm, axes exchanged."""
    low, high = (LEG_OVER_STATURE * stature for stature in _STATURES)
    if np.isfinite(leg_length) and not low < leg_length < high:
        raise InputError(
            source,
            "units",
            found=f"legs of {leg_length:.3g} m, hip to ankle",
            expected=f"{low:.2f} to {high:.2f} m; lengths may be in mm or cm, or the vertical "
            "axis another one",
        )
    way = float(np.linalg.norm(feet.pelvis[-1] - feet.pelvis[0]))
    speed = way / float(feet.time[-1] - feet.time[0])
    if speed > _FASTEST:
        raise InputError(
            source,
            "units",
            found=f"a pelvis that moves at {speed:.3g} m/s",
            expected=f"at most {_FASTEST:g} m/s; lengths may be in mm or cm, or the clock in ms",
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
    limit = _HIGHEST_FLIGHT if trial.kind == "running" else _UNEVEN_FLOOR
    if travels and float(np.ptp(lowest)) > limit:
        notes.append(
            f"the lower foot goes up and down by {100 * float(np.ptp(lowest)):.0f} cm: knee or "
            "ankle angles may have another sign, up be another axis, or the floor not level"
        )
    return notes


def _share_on_feet(time: Float[np.ndarray, " T"], contacts: tuple[Contact, ...]) -> float:
    on = np.zeros(len(time), dtype=bool)
    for contact in contacts:
        # Comparisons with NaN, an end beyond the record, are false.
        on |= ~(time < contact.start) & ~(time > contact.end)
    return float(on.mean())
