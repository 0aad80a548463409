"""`FootMotion`: what gait analysis needs to know of a moving person."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_eval.signals import low_pass

FEET = ("left", "right")
# Feet are followed up to this frequency, Hz, or 0.4 of the frame rate: contact is abrupt.
_CUTOFF_HZ, _CUTOFF_SHARE = 20.0, 0.4
# A foot is flat when heel and toe are this near their lowest, m, and move up or down this slowly
# (both together), m/s.
_FLAT_HEIGHT, _FLAT_RISE = 0.03, 0.3
# A belt moves standing feet at least this fast, m/s, and its walker less than this share of it.
_SLOWEST_BELT, _ON_THE_SPOT = 0.25, 0.35
# Turning shows in the feet's heading below this frequency, Hz; steps are above it.
_TURNING_HZ = 0.5


@dataclass(frozen=True)
class FootMotion:
    """Heels, toes and pelvis over time; z up, any heading. Read-only arrays.

    Attributes:
        time: (T,) s, evenly spaced.
        heel, toe: (T, 2, 3) m, of the left and the right foot: any point fixed to its rear and to
            its front.
        pelvis: (T, 3) m, any point fixed to it.
        on_floor: the ground is known to stand still (a simulation's), so feet that slide are no
            sign of a treadmill.
    """

    time: Float[np.ndarray, " T"]
    heel: Float[np.ndarray, "T 2 3"]
    toe: Float[np.ndarray, "T 2 3"]
    pelvis: Float[np.ndarray, "T 3"]
    on_floor: bool = False

    def __post_init__(self) -> None:
        """Validate and freeze.

        Raises:
            InputError: too short, uneven time, values that are not finite.
        """
        for name in ("time", "heel", "toe", "pelvis"):
            value = np.array(getattr(self, name), dtype=np.float64)
            if len(value) != len(self.time) or not np.isfinite(value).all():
                raise InputError(
                    "foot motion",
                    name,
                    found=f"{len(value)} frames, {(~np.isfinite(value)).sum()} values not finite",
                    expected=f"{len(self.time)} frames of numbers",
                )
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        step = np.diff(self.time)
        if len(self.time) < 8 or step.min() <= 0 or step.max() > 1.05 * step.min():
            raise InputError(
                "foot motion",
                "time",
                found=f"{len(self.time)} frames",
                expected="at least 8 evenly spaced frames",
            )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.time)

    @property
    def rate(self) -> float:
        """Frames per second."""
        return (len(self) - 1) / float(self.time[-1] - self.time[0])

    @property
    def cutoff_hz(self) -> float:
        """Of the low-pass filter that events are looked for behind."""
        return min(_CUTOFF_HZ, _CUTOFF_SHARE * self.rate)

    def smooth(self) -> "FootMotion":
        """Low-pass filtered at `cutoff_hz`."""
        heel, toe, pelvis = (
            low_pass(value, rate=self.rate, cutoff_hz=self.cutoff_hz)
            for value in (self.heel, self.toe, self.pelvis)
        )
        return dataclasses.replace(self, heel=heel, toe=toe, pelvis=pelvis)


def velocity(
    position: Float[np.ndarray, "T *n"], time: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "T *n"]:
    """Central differences along the first axis (one-sided at the ends)."""
    return np.gradient(position, time, axis=0)


def belt_velocity(motion: FootMotion) -> Float[np.ndarray, " 3"]:
    """Velocity of the treadmill's belt in the recording's frame, m/s; zero overground.

    It is that of the standing feet (`standing_velocity`), if they move and the pelvis hardly does.
    """
    if motion.on_floor:
        return np.zeros(3)
    belt = standing_velocity(motion)
    seconds = float(motion.time[-1] - motion.time[0])
    drift = (motion.pelvis[-1] - motion.pelvis[0])[:2] / seconds
    size = float(np.linalg.norm(belt))
    walks = size > _SLOWEST_BELT and float(np.linalg.norm(drift)) < _ON_THE_SPOT * size
    return belt if walks else np.zeros(3)


def standing_velocity(motion: FootMotion) -> Float[np.ndarray, " 3"]:
    """Horizontal velocity of standing feet, m/s: zero overground, a treadmill belt's, or a slide.

    The median of the forefeet while the feet lie flattest (the third of the frames with both ends
    of a foot low in which they rise or sink least); zero if they never do.
    """
    smooth = motion.smooth()
    heel, toe = (velocity(point, motion.time) for point in (smooth.heel, smooth.toe))
    flat = np.ones(motion.heel.shape[:2], dtype=bool)
    for point in (smooth.heel, smooth.toe):
        flat &= point[..., 2] - np.percentile(point[..., 2], 2, axis=0) < _FLAT_HEIGHT
    rise = np.abs(heel[..., 2]) + np.abs(toe[..., 2])
    flat &= rise < _FLAT_RISE
    if not flat.any():
        return np.zeros(3)
    flat &= rise <= np.quantile(rise[flat], 1 / 3)
    stand = np.median(toe[flat], axis=0)
    stand[2] = 0.0
    return stand


def overground(motion: FootMotion) -> FootMotion:
    """The same walk as if the belt stood still: positions plus the way the belt has moved."""
    way = -np.outer(motion.time - motion.time[0], belt_velocity(motion))
    return dataclasses.replace(
        motion,
        heel=motion.heel + way[:, None],
        toe=motion.toe + way[:, None],
        pelvis=motion.pelvis + way,
    )


def travel_speed(motion: FootMotion) -> float:
    """Mean speed along the pelvis' path, m/s, of someone overground (see `overground`)."""
    cutoff = min(1.0, motion.cutoff_hz)
    level = motion.pelvis[:, :2]
    if len(motion) / motion.rate > 3.0 / cutoff:
        level = low_pass(level, rate=motion.rate, cutoff_hz=cutoff)
    way = np.linalg.norm(np.diff(level, axis=0), axis=1).sum()
    return float(way / (motion.time[-1] - motion.time[0]))


def backwards(motion: FootMotion) -> bool:
    """Whether someone overground walks towards their heels."""
    facing = (motion.toe - motion.heel).mean(axis=1)[:, :2]
    going = velocity(motion.pelvis, motion.time)[:, :2]
    return float(np.sum(facing * going)) < 0


def heading(motion: FootMotion) -> Float[np.ndarray, " T"]:
    """Where the feet point (mean of both), rad from +x to the left, without jumps."""
    facing = (motion.toe - motion.heel).mean(axis=1)
    return np.unwrap(np.arctan2(facing[:, 1], facing[:, 0]))


def smooth_heading(motion: FootMotion) -> Float[np.ndarray, " T"]:
    """`heading` without what every step does to it."""
    cutoff = min(_TURNING_HZ, 0.4 * motion.rate)
    return low_pass(heading(motion), rate=motion.rate, cutoff_hz=cutoff)
