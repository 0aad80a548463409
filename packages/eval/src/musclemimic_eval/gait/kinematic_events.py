"""Foot contacts from motion alone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.interpolate import CubicSpline

from musclemimic_eval.gait.contacts import Contact, in_order
from musclemimic_eval.gait.feet import FootMotion, backwards, overground, travel_speed, velocity
from musclemimic_eval.signals import runs, settled

# A foot stands while its slower end is slower than this share of the body's speed.
_SLOW = 0.5
# Shares of the body's speed. Foot contact: the rear of the foot has slowed down to `landed`. Foot
# off: the front has gained `left`; a runner's foot leaves the ground long before it is pulled
# forward. Chosen where the force plates of five laboratories, 0.4 m/s to running at 3 m/s, agree
# best with them (docs/gait.md).
_WALKING, _RUNNING = {"landed": 0.29, "left": 0.6}, {"landed": 0.4, "left": 0.35}
_SLOWEST = 0.15  # m/s, of a foot that is on its way
# Phases shorter than this are noise, s; events are refined within this of where they seem, s.
_SHORTEST, _WINDOW = 0.08, 0.08
_FINER = 2000.0  # Hz, at which the splines of a window are searched
# Most of a run's contacts have no double support; a walk's all have. Share of the record.
_DOUBLE = 0.02


@dataclass(frozen=True)
class _Foot:
    """One foot's rear and front: speed, m/s, and the rear's vertical acceleration, m/s².

    `sink` is the downward velocity of their middle, m/s.

    Rear and front are in the direction of travel: walking backwards the toe is the rear.
    """

    time: Float[np.ndarray, " T"]
    rear_speed: Float[np.ndarray, " T"]
    front_speed: Float[np.ndarray, " T"]
    sink: Float[np.ndarray, " T"]
    rear_lift: Float[np.ndarray, " T"]


def contacts_from_motion(motion: FootMotion) -> tuple[Contact, ...]:
    """Contacts from heel and toe trajectories, on a treadmill or overground, in order of time.

    A foot stands while heel or toe is slow against the ground (the belt's, on a treadmill). Each
    end is then refined within 80 ms. Foot contact is the median of three estimates, none of
    which holds from 0.4 m/s to running: the peak of the heel's vertical acceleration (Hreljac &
    Marshall 2000, J Biomech 33:783), the trough of the foot's vertical velocity (O'Connor et al.
    2007, Gait Posture 25:469), and the heel's slowing down to 0.29 of the body's speed
    (running: 0.4). Foot off is where the toe's speed reaches 0.6 of the body's (running: 0.35).
    """
    ground = overground(motion)
    speed = max(travel_speed(ground), _SLOWEST)
    feet = _feet(ground, backward=backwards(ground))
    standing = [_standing(foot, speed, motion.rate) for foot in feet]
    share = _RUNNING if _flies(standing) else _WALKING
    found: list[Contact] = []
    for index, (foot, stands) in enumerate(zip(feet, standing, strict=True)):
        for first, end in runs(stands):
            start = _landing(foot, first, share["landed"] * speed) if first > 0 else np.nan
            stop = _leaving(foot, end, share["left"] * speed) if end < len(stands) else np.nan
            found.append(Contact(index, start, stop, "kinematics"))
    return in_order(found)


def _feet(motion: FootMotion, *, backward: bool) -> tuple[_Foot, _Foot]:
    smooth = motion.smooth()
    rear, front = (smooth.toe, smooth.heel) if backward else (smooth.heel, smooth.toe)
    rear_velocity, front_velocity = (velocity(point, motion.time) for point in (rear, front))
    lift = velocity(rear_velocity[..., 2], motion.time)
    left, right = (
        _Foot(
            time=motion.time,
            rear_speed=np.linalg.norm(rear_velocity[:, foot], axis=1),
            front_speed=np.linalg.norm(front_velocity[:, foot], axis=1),
            sink=-(rear_velocity[:, foot, 2] + front_velocity[:, foot, 2]) / 2,
            rear_lift=lift[:, foot],
        )
        for foot in (0, 1)
    )
    return left, right


def _standing(foot: _Foot, speed: float, rate: float) -> Bool[np.ndarray, " T"]:
    slow = np.minimum(foot.rear_speed, foot.front_speed) < _SLOW * speed
    width = max(round(_SHORTEST * rate), 1)
    return settled(slow, gap=width, shortest=width)


def _flies(standing: list[Bool[np.ndarray, " T"]]) -> bool:
    """Whether feet are hardly ever on the ground together, but take turns."""
    left, right = standing
    alternates = bool((left & ~right).any() and (right & ~left).any())
    return alternates and float((left & right).mean()) < _DOUBLE


def _landing(foot: _Foot, first: int, threshold: float) -> float:
    around = _around(foot.time, first)
    estimates = [
        _peak(foot.time, foot.rear_lift, around),
        _peak(foot.time, foot.sink, around),
        _crossing(foot.time, -foot.rear_speed, -threshold, around),
    ]
    known = [time for time in estimates if np.isfinite(time)]
    return float(np.median(known)) if known else float(foot.time[first])


def _leaving(foot: _Foot, end: int, threshold: float) -> float:
    found = _crossing(foot.time, foot.front_speed, threshold, _around(foot.time, end))
    return found if np.isfinite(found) else float(foot.time[end])


def _around(time: Float[np.ndarray, " T"], index: int) -> Float[np.ndarray, " N"]:
    """Fine times within the window of a frame, inside the record."""
    low = max(float(time[index]) - _WINDOW, float(time[0]))
    high = min(float(time[index]) + _WINDOW, float(time[-1]))
    return np.linspace(low, high, max(round((high - low) * _FINER), 3))


def _peak(
    time: Float[np.ndarray, " T"], values: Float[np.ndarray, " T"], at: Float[np.ndarray, " N"]
) -> float:
    """Time of the highest local maximum; NaN if there is none."""
    fine = np.asarray(CubicSpline(time, values)(at))
    inner = np.flatnonzero((fine[1:-1] >= fine[:-2]) & (fine[1:-1] > fine[2:])) + 1
    return float(at[inner[np.argmax(fine[inner])]]) if len(inner) else np.nan


def _crossing(
    time: Float[np.ndarray, " T"],
    values: Float[np.ndarray, " T"],
    level: float,
    at: Float[np.ndarray, " N"],
) -> float:
    """Time of the upward crossing nearest to the middle; NaN if there is none."""
    above = np.asarray(CubicSpline(time, values)(at)) >= level
    ups = np.flatnonzero(~above[:-1] & above[1:])
    middle = len(at) / 2
    return float(at[ups[np.argmin(np.abs(ups - middle))]]) if len(ups) else np.nan
