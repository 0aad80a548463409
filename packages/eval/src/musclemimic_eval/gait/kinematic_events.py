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
# Shares of the body's speed that the rear of a foot has slowed down to when it lands, and that its
# front has gained when it leaves: walking at 0.4 m/s and less, at 1.1 m/s and more, and running. A
# runner's foot leaves the ground long before it is pulled forward. Chosen where the force plates
# of five laboratories agree best with motion, raw and as smooth as laboratories make it
# (docs/gait.md).
_LANDED, _LEFT = (0.2, 0.4, 0.45), (0.5, 1.0, 0.32)
_SLOW_WALK, _USUAL_WALK = 0.4, 1.1  # m/s
_SLOWEST = 0.15  # m/s, of a foot that is on its way
# Phases shorter than this are noise, s; events are refined within this of where they seem, s.
_SHORTEST, _WINDOW = 0.08, 0.08
_FINER = 2000.0  # Hz, at which the splines of a window are searched
# Most of a run's contacts have no double support; a walk's all have. Share of the record.
_DOUBLE = 0.02


@dataclass(frozen=True)
class _Foot:
    """One foot over time; walking backwards the toe is its rear.

    Attributes:
        time: (T,) s.
        rear_speed, front_speed: (T,) m/s.
    """

    time: Float[np.ndarray, " T"]
    rear_speed: Float[np.ndarray, " T"]
    front_speed: Float[np.ndarray, " T"]


def contacts_from_motion(motion: FootMotion) -> tuple[Contact, ...]:
    """Contacts from heel and toe trajectories, on a treadmill or overground, in order of time.

    A foot stands while heel or toe is slow against the ground (the belt's, on a treadmill). Each
    end is then refined within 80 ms. Foot contact is where the heel has slowed down to a share of
    the body's speed, foot off where the toe has gained another: 0.4 and 1 in walking at usual
    speed, 0.2 and 0.5 at 0.4 m/s (in between on straight lines), 0.45 and 0.32 in running. A
    low-pass filter leaves the middle of a change where it is but moves its ends and peaks: at 6 Hz
    the peak of the heel's acceleration (Hreljac & Marshall 2000, J Biomech 33:783) and the trough
    of the foot's vertical velocity (O'Connor et al. 2007, Gait Posture 25:469) come up to 40 ms
    after the plate.
    """
    ground = overground(motion)
    speed = max(travel_speed(ground), _SLOWEST)
    feet = _feet(ground, backward=backwards(ground))
    standing = [_standing(foot, speed, motion.rate) for foot in feet]
    flies = _flies(standing)
    landed, left = (speed * _share(shares, speed, flies=flies) for shares in (_LANDED, _LEFT))
    found: list[Contact] = []
    for index, (foot, stands) in enumerate(zip(feet, standing, strict=True)):
        for first, end in runs(stands):
            start = _landing(foot, first, landed) if first > 0 else np.nan
            stop = _leaving(foot, end, left) if end < len(stands) else np.nan
            found.append(Contact(index, start, stop, "kinematics"))
    return in_order(found)


def _share(shares: tuple[float, float, float], speed: float, *, flies: bool) -> float:
    slow, usual, running = shares
    return running if flies else float(np.interp(speed, (_SLOW_WALK, _USUAL_WALK), (slow, usual)))


def _feet(motion: FootMotion, *, backward: bool) -> tuple[_Foot, _Foot]:
    smooth = motion.smooth()
    rear, front = (smooth.toe, smooth.heel) if backward else (smooth.heel, smooth.toe)
    rear_velocity, front_velocity = (velocity(point, motion.time) for point in (rear, front))
    left, right = (
        _Foot(
            time=motion.time,
            rear_speed=np.linalg.norm(rear_velocity[:, foot], axis=1),
            front_speed=np.linalg.norm(front_velocity[:, foot], axis=1),
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
    found = _crossing(foot.time, -foot.rear_speed, -threshold, _around(foot.time, first))
    return found if np.isfinite(found) else float(foot.time[first])


def _leaving(foot: _Foot, end: int, threshold: float) -> float:
    found = _crossing(foot.time, foot.front_speed, threshold, _around(foot.time, end))
    return found if np.isfinite(found) else float(foot.time[end])


def _around(time: Float[np.ndarray, " T"], index: int) -> Float[np.ndarray, " N"]:
    """Fine times within the window of a frame, inside the record."""
    low = max(float(time[index]) - _WINDOW, float(time[0]))
    high = min(float(time[index]) + _WINDOW, float(time[-1]))
    return np.linspace(low, high, max(round((high - low) * _FINER), 3))


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
