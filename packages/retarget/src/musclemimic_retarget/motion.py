"""`HumanMotion`: what every reader returns and every retargeter takes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_retarget.rotations import matrices, quaternions
from musclemimic_retarget.smoothing import resample, resample_rotations, uniform_times


@dataclass(frozen=True)
class MotionSource:
    """Where a human motion comes from; goes into the clip's provenance.

    Attributes:
        name: file name without its folder, or the generator.
        dataset, subject, licence: "unknown" where the file does not say.
    """

    name: str
    dataset: str = "unknown"
    subject: str = "unknown"
    licence: str = "unknown"


@dataclass(frozen=True)
class SkeletonMotion:
    """Joint centres and segment orientations of a human over time. Arrays are read-only.

    World and canonical frame: +x forward, +y left, z up. Rest pose: T-pose, upright, facing +x.

    Attributes:
        source: where the motion comes from.
        fps: frames per second, not necessarily an integer.
        joint_names: (J) in SMPL's naming, parents before children.
        parents: (J) index of each joint's parent, −1 for the root.
        rest_positions: (J, 3) joint centres in the rest pose, m.
        positions: (T, J, 3) joint centres in the world, m.
        rotations: (T, J, 4) wxyz; turns a segment's rest orientation into its orientation in the
            world, so that the rest pose is all identities.
        stature: body height, m.
    """

    source: MotionSource
    fps: float
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    rest_positions: Float[np.ndarray, "J 3"]
    positions: Float[np.ndarray, "T J 3"]
    rotations: Float[np.ndarray, "T J 4"]
    stature: float

    def __post_init__(self) -> None:
        """Validate and freeze.

        Raises:
            InputError: wrong shape, value that is not finite, quaternion that is not unit.
        """
        frames, joints = len(self.positions), len(self.joint_names)
        _require_rate(self.fps, self.source.name)
        _require_frames(frames, self.source.name, "positions")
        for name, shape in (
            ("rest_positions", (joints, 3)),
            ("positions", (frames, joints, 3)),
            ("rotations", (frames, joints, 4)),
        ):
            object.__setattr__(
                self, name, frozen_array(getattr(self, name), shape, self.source.name, name)
            )
        error = float(np.abs(np.linalg.norm(self.rotations, axis=-1) - 1).max())
        if error > 1e-6:
            raise InputError(
                self.source.name, "rotations", found=f"norm off by {error:.2g}", expected="unit"
            )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.positions)

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Time of each frame from the first, s."""
        return np.arange(len(self)) / self.fps

    def index(self, joint: str) -> int:
        """Column of a joint.

        Raises:
            InputError: the skeleton has no such joint.
        """
        if joint not in self.joint_names:
            raise InputError(
                self.source.name,
                "joint_names",
                found=f"no {joint!r}",
                expected=f"it among {', '.join(self.joint_names)}",
            )
        return self.joint_names.index(joint)

    def at_most(self, rate: float) -> "SkeletonMotion":
        """The motion resampled to `rate` frames per second if it has more and lasts a frame."""
        if self.fps <= rate * (1 + 1e-6) or self.times[-1] < 1.0 / rate:
            return self
        times = uniform_times(self.times[-1], rate)
        return SkeletonMotion(
            source=self.source,
            fps=rate,
            joint_names=self.joint_names,
            parents=self.parents,
            rest_positions=self.rest_positions,
            positions=resample(self.positions, self.times, times),
            rotations=resample_rotations(self.rotations, self.times, times),
            stature=self.stature,
        )

    def relative_to(self, joint: str) -> "SkeletonMotion":
        """The motion seen from one segment: that joint rests at the origin, upright."""
        column = self.index(joint)
        inverse = np.swapaxes(matrices(self.rotations[:, column]), -1, -2)[:, None]
        offsets = self.positions - self.positions[:, column : column + 1]
        return SkeletonMotion(
            source=self.source,
            fps=self.fps,
            joint_names=self.joint_names,
            parents=self.parents,
            rest_positions=self.rest_positions,
            positions=(inverse @ offsets[..., None])[..., 0],
            rotations=quaternions(inverse @ matrices(self.rotations)),
            stature=self.stature,
        )


@dataclass(frozen=True)
class CoordinateMotion:
    """Joint coordinates of an OpenSim full-body model over time. Arrays are read-only.

    Signs and axes are those of Rajagopal et al. 2016: ground y up, x forward, z right;
    knee_angle positive in flexion.

    Attributes:
        source: where the motion comes from.
        fps: frames per second.
        names: (C) coordinate names without path, such as "knee_angle_r".
        values: (T, C) rad, and m for pelvis_tx, pelvis_ty, pelvis_tz.
    """

    source: MotionSource
    fps: float
    names: tuple[str, ...]
    values: Float[np.ndarray, "T C"]

    def __post_init__(self) -> None:
        """Validate and freeze.

        Raises:
            InputError: wrong shape or value that is not finite.
        """
        _require_rate(self.fps, self.source.name)
        _require_frames(len(self.values), self.source.name, "values")
        shape = (len(self.values), len(self.names))
        object.__setattr__(
            self, "values", frozen_array(self.values, shape, self.source.name, "values")
        )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.values)

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Time of each frame from the first, s."""
        return np.arange(len(self)) / self.fps

    def has(self, name: str) -> bool:
        """Whether the file has this coordinate."""
        return name in self.names

    def column(self, name: str) -> Float[np.ndarray, " T"]:
        """One coordinate over time, rad or m.

        Raises:
            InputError: the motion lacks it.
        """
        if name not in self.names:
            raise InputError(
                self.source.name, "columns", found=f"no {name!r}", expected="this coordinate"
            )
        return self.values[:, self.names.index(name)]

    def at_most(self, rate: float) -> "CoordinateMotion":
        """The motion resampled to `rate` frames per second if it has more and lasts a frame."""
        if self.fps <= rate * (1 + 1e-6) or self.times[-1] < 1.0 / rate:
            return self
        times = uniform_times(self.times[-1], rate)
        # Headings may wrap at ±180°; translations never jump by π in a frame.
        values = resample(np.unwrap(self.values, axis=0), self.times, times)
        return CoordinateMotion(source=self.source, fps=rate, names=self.names, values=values)


HumanMotion = SkeletonMotion | CoordinateMotion


def frozen_array(
    value: np.ndarray, shape: tuple[int, ...], source: str, field: str
) -> Float[np.ndarray, "..."]:
    """A read-only float64 copy.

    Raises:
        InputError: another shape, or a value that is not finite.
    """
    array = np.array(value, dtype=np.float64)
    if array.shape != shape:
        raise InputError(source, field, found=f"shape {array.shape}", expected=f"shape {shape}")
    if not np.isfinite(array).all():
        frame = int(np.argwhere(~np.isfinite(array))[0][0])
        count = int((~np.isfinite(array)).sum())
        raise InputError(
            source, field, found=f"{count} non-finite, first in row {frame}", expected="numbers"
        )
    array.flags.writeable = False
    return array


def _require_rate(fps: float, source: str) -> None:
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(source, "frame rate", found=fps, expected="frames per second > 0")


def _require_frames(frames: int, source: str, field: str) -> None:
    if frames < 2:
        raise InputError(source, field, found=f"{frames} frames", expected="at least 2")
