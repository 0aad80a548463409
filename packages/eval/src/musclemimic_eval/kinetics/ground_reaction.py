"""`GroundReaction`: what the ground does to the left and the right foot."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import InputError

from musclemimic_eval.signals import interpolated, low_pass

LEFT, RIGHT = 0, 1
GRAVITY = 9.81  # m/s²
# Below this vertical force, N, a centre of pressure is noise: the foot counts as unloaded.
UNLOADED_BELOW = 10.0
Frame = Literal["laboratory", "model"]


@dataclass(frozen=True)
class GroundReaction:
    """Ground reaction force, centre of pressure and free moment of both feet. Read-only arrays.

    All vectors are in one right-handed frame with z up. In the frame "laboratory" they are as
    measured, turned z-up; in the frame "model" they are in the world of a model's motion, with
    the model's lengths and weight (see `place_under`).

    Attributes:
        time: (T,) s, increasing.
        force: (T, 2, 3) N, on the left and the right foot.
        centre_of_pressure: (T, 2, 3) m; NaN exactly where the foot is unloaded.
        free_moment: (T, 2, 3) N m, on the foot, about the centre of pressure.
        frame: which of the two frames.
    """

    time: Float[np.ndarray, " T"]
    force: Float[np.ndarray, "T 2 3"]
    centre_of_pressure: Float[np.ndarray, "T 2 3"]
    free_moment: Float[np.ndarray, "T 2 3"]
    frame: Frame

    def __post_init__(self) -> None:
        """Validate and freeze.

        Raises:
            InputError: a wrong shape, time that does not increase, a value that is not finite
                (other than all of an unloaded centre of pressure), force without a centre.
        """
        samples = np.shape(self.time)[0]
        for name in ("time", "force", "centre_of_pressure", "free_moment"):
            value = np.array(getattr(self, name), dtype=np.float64)
            shape = (samples,) if name == "time" else (samples, 2, 3)
            if value.shape != shape:
                raise InputError(
                    "GroundReaction", name, found=f"shape {value.shape}", expected=f"{shape}"
                )
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        if samples < 2 or not (np.diff(self.time) > 0).all():
            raise InputError(
                "GroundReaction", "time", found="no increase", expected="increasing seconds"
            )
        for name in ("time", "force", "free_moment"):
            bad = int((~np.isfinite(getattr(self, name))).sum())
            if bad:
                raise InputError(
                    "GroundReaction", name, found=f"{bad} non-finite values", expected="numbers"
                )
        self._check_centre()

    def _check_centre(self) -> None:
        centre = self.centre_of_pressure
        whole = np.isfinite(centre).all(axis=2)
        if not (whole | np.isnan(centre).all(axis=2)).all():
            raise InputError(
                "GroundReaction",
                "centre_of_pressure",
                found="a point that is partly NaN or infinite",
                expected="three numbers, or three NaN when unloaded",
            )
        pushed = (self.force != 0).any(axis=2) | (self.free_moment != 0).any(axis=2)
        if (pushed & ~whole).any():
            raise InputError(
                "GroundReaction",
                "centre_of_pressure",
                found=f"NaN under force in {int((pushed & ~whole).sum())} samples",
                expected="zero force and moment wherever there is no centre",
            )

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.time)

    @property
    def loaded(self) -> Bool[np.ndarray, "T 2"]:
        """Whether each foot has ground under it."""
        return np.isfinite(self.centre_of_pressure[..., 0])

    @property
    def rate(self) -> float:
        """Samples per second (mean)."""
        return (len(self) - 1) / float(self.time[-1] - self.time[0])

    @property
    def moment_about_origin(self) -> Float[np.ndarray, "T 2 3"]:
        """Moment of the whole reaction about the frame's origin, N m."""
        arm = np.where(self.loaded[..., None], self.centre_of_pressure, 0.0)
        return np.cross(arm, self.force) + self.free_moment

    def moved(
        self, turn: Float[np.ndarray, "3 3"], shift: Float[np.ndarray, " 3"]
    ) -> "GroundReaction":
        """Seen from another frame: positions become turn · p + shift (m), vectors turn · v."""
        return dataclasses.replace(
            self,
            force=self.force @ turn.T,
            centre_of_pressure=self.centre_of_pressure @ turn.T + shift,
            free_moment=self.free_moment @ turn.T,
        )

    def scaled(self, *, length: float, force: float) -> "GroundReaction":
        """For a body of other size and weight: lengths, forces and their product scaled."""
        return dataclasses.replace(
            self,
            force=self.force * force,
            centre_of_pressure=self.centre_of_pressure * length,
            free_moment=self.free_moment * (force * length),
        )

    def carried(self, velocity: Float[np.ndarray, " 3"], *, since: float) -> "GroundReaction":
        """Seen from a frame in which everything moves on at a constant velocity, m/s.

        Treadmill to overground: minus the belt's velocity. Forces stay, as that frame is inertial.
        """
        way = np.outer(self.time - since, velocity)
        return dataclasses.replace(self, centre_of_pressure=self.centre_of_pressure + way[:, None])

    def delayed(self, seconds: float) -> "GroundReaction":
        """The same at later times."""
        return dataclasses.replace(self, time=self.time + seconds)

    def swapped(self) -> "GroundReaction":
        """Left and right exchanged."""
        return dataclasses.replace(
            self,
            force=self.force[:, ::-1],
            centre_of_pressure=self.centre_of_pressure[:, ::-1],
            free_moment=self.free_moment[:, ::-1],
        )

    def resampled(self, time: Float[np.ndarray, " N"]) -> "GroundReaction":
        """At other times, linearly between samples.

        Force and its moment about the origin are interpolated, not the centre of pressure, which
        jumps. Filter first when going to a much lower rate.

        Raises:
            InputError: times outside the record.
        """
        tolerance = 1e-6
        if time[0] < self.time[0] - tolerance or time[-1] > self.time[-1] + tolerance:
            raise InputError(
                "ground reaction",
                "time",
                found=f"{self.time[0]:g} to {self.time[-1]:g} s",
                expected=f"all of {time[0]:g} to {time[-1]:g} s",
            )
        columns = interpolated(self.time, _columns(self), time)
        return _from_columns(self, time, columns)

    def filtered(
        self, cutoff_hz: float, *, unloaded_below: float = UNLOADED_BELOW
    ) -> "GroundReaction":
        """Low-pass filtered (see `signals.low_pass`).

        Force and moment about the origin are filtered alike, so the centre of pressure stays
        theirs. Samples under `unloaded_below` N (vertical) then count as unloaded.

        Raises:
            InputError: a cut-off at or above half the rate, uneven steps in time.
        """
        step = np.diff(self.time)
        if step.max() > 1.01 * step.min():
            raise InputError(
                "ground reaction",
                "time",
                found=f"steps of {step.min():g} to {step.max():g} s",
                expected="evenly spaced samples",
            )
        columns = low_pass(_columns(self), rate=self.rate, cutoff_hz=cutoff_hz)
        return _from_columns(self, self.time, columns, unloaded_below)

    def in_body_weights(self, mass: float) -> Float[np.ndarray, "T 2 3"]:
        """Force over the weight of `mass` kg."""
        return self.force / (mass * GRAVITY)


def ground_reaction(
    time: Float[np.ndarray, " T"],
    force: Float[np.ndarray, "T 2 3"],
    moment: Float[np.ndarray, "T 2 3"],
    *,
    height: Float[np.ndarray, " 2"],
    frame: Frame,
    unloaded_below: float = UNLOADED_BELOW,
) -> GroundReaction:
    """Ground reaction from forces and their moments about the origin.

    The centre of pressure is the point at `height` about which the horizontal moment vanishes;
    what is left is the vertical free moment.

    Args:
        time: s.
        force: N, on the left and the right foot.
        moment: N m, about the origin.
        height: of each foot's centre of pressure, m.
        frame: what the vectors are in; z up.
        unloaded_below: vertical force, N, under which everything is set to zero.
    """
    loaded = force[..., 2] >= unloaded_below
    force = np.where(loaded[..., None], force, 0.0)
    moment = np.where(loaded[..., None], moment, 0.0)
    down = np.where(loaded, force[..., 2], 1.0)
    centre = np.full(force.shape, np.nan)
    x = (height * force[..., 0] - moment[..., 1]) / down
    y = (height * force[..., 1] + moment[..., 0]) / down
    for axis, value in enumerate((x, y, np.broadcast_to(height, x.shape))):
        centre[..., axis] = np.where(loaded, value, np.nan)
    free = np.zeros(force.shape)
    free[..., 2] = moment[..., 2] - (x * force[..., 1] - y * force[..., 0])
    return GroundReaction(time, force, centre, free, frame)


def _columns(ground: GroundReaction) -> Float[np.ndarray, "T 12"]:
    """Force and moment about the origin of both feet, side by side."""
    stacked = np.concatenate([ground.force, ground.moment_about_origin], axis=2)
    return stacked.reshape(len(ground), 12)


def _from_columns(
    ground: GroundReaction,
    time: Float[np.ndarray, " N"],
    columns: Float[np.ndarray, "N 12"],
    unloaded_below: float = UNLOADED_BELOW,
) -> GroundReaction:
    """Inverse of `_columns`, with the centres at their median height."""
    stacked = columns.reshape(-1, 2, 6)
    heights = [
        float(np.median(ground.centre_of_pressure[on, foot, 2])) if on.any() else 0.0
        for foot, on in enumerate(ground.loaded.T)
    ]
    return ground_reaction(
        time,
        stacked[..., :3],
        stacked[..., 3:],
        height=np.array(heights),
        frame=ground.frame,
        unloaded_below=unloaded_below,
    )
