"""`C3DFile`: everything a motion laboratory recorded of one trial."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

_UNLOADED_N = 30.0  # Below this the centre of pressure is noise.


@dataclass(frozen=True)
class ForcePlate:
    """What one plate measured, in the laboratory's axes, at the analog rate. Arrays are read-only.

    Attributes:
        force: (A, 3) N, on the subject (up is positive on the vertical axis).
        centre_of_pressure: (A, 3) m; NaN where ezc3d gives none. Without load it is noise.
        free_moment: (A, 3) N m, about the normal of the plate through the centre of pressure.
        corners: (4, 3) m.
    """

    force: Float[np.ndarray, "A 3"]
    centre_of_pressure: Float[np.ndarray, "A 3"]
    free_moment: Float[np.ndarray, "A 3"]
    corners: Float[np.ndarray, "4 3"]

    def zeroed(self) -> "ForcePlate":
        """The plate with the offset of its unloaded amplifier taken out.

        The offset is the median of all samples within ±30 N of the least loaded tenth; force and
        moment about the plate's centre lose it, and the centre of pressure follows anew (NaN below
        30 N along the normal). A plate that is never unloaded comes back unchanged.
        """
        normal = _normal(self.corners)
        along = self.force @ normal
        low = np.quantile(along, 0.05)
        unloaded = np.abs(along - low) < _UNLOADED_N
        if abs(low) > _UNLOADED_N or not unloaded.any():
            return self
        centre = self.corners.mean(axis=0)
        arms = np.nan_to_num(self.centre_of_pressure - centre)
        moment = np.cross(arms, self.force) + np.nan_to_num(self.free_moment)
        force = self.force - np.median(self.force[unloaded], axis=0)
        moment = moment - np.median(moment[unloaded], axis=0)
        along = force @ normal
        loaded = np.abs(along) > _UNLOADED_N
        pressure = np.full_like(force, np.nan)
        pressure[loaded] = centre + np.cross(normal, moment[loaded]) / along[loaded, np.newaxis]
        free = np.zeros_like(force)
        twist = moment[loaded] - np.cross(pressure[loaded] - centre, force[loaded])
        free[loaded] = (twist @ normal)[:, np.newaxis] * normal
        return replace(self, force=force, centre_of_pressure=pressure, free_moment=free)


@dataclass(frozen=True)
class C3DEvent:
    """Something marked in the recording.

    Attributes:
        label: as in the file, for instance "Foot Strike".
        context: usually the side, "Left" or "Right"; may be empty.
        time_s: s, from the first frame of the file.
    """

    label: str
    context: str
    time_s: float


@dataclass(frozen=True)
class C3DFile:
    """One recorded trial, in the laboratory's axes. Arrays are read-only.

    Attributes:
        source: the file.
        labels: (M) of the points, as in the file; they may repeat.
        points: (T, M, 3) m; NaN in all three where the cameras did not see the marker.
        rate: frames per second.
        analog_labels: (C) of the channels.
        analog: (A, C) in `analog_units`, calibrated by the file's own scale and offset.
        analog_units: (C), "" where the file gives none.
        analog_rate: samples per second.
        plates: the force plates.
        events: in order of time.
    """

    source: str
    labels: tuple[str, ...]
    points: Float[np.ndarray, "T M 3"]
    rate: float
    analog_labels: tuple[str, ...]
    analog: Float[np.ndarray, "A C"]
    analog_units: tuple[str, ...]
    analog_rate: float
    plates: tuple[ForcePlate, ...]
    events: tuple[C3DEvent, ...]

    def __post_init__(self) -> None:
        """Validate and freeze.

        Raises:
            InputError: a rate that is not positive, or labels that do not match the data.
        """
        for field, rate in (("frame rate", self.rate), ("analog rate", self.analog_rate)):
            if not (np.isfinite(rate) and rate > 0):
                raise InputError(self.source, field, found=rate, expected="a number > 0")
        for field, labels, there in (
            ("markers", self.labels, self.points.shape[1]),
            ("analog channels", self.analog_labels, self.analog.shape[1]),
        ):
            if len(labels) != there:
                raise InputError(
                    self.source,
                    field,
                    found=f"{len(labels)} labels for {there}",
                    expected="one label each",
                )
        arrays = [self.points, self.analog]
        for plate in self.plates:
            arrays += [plate.force, plate.centre_of_pressure, plate.free_moment, plate.corners]
        for array in arrays:
            array.flags.writeable = False


def _normal(corners: Float[np.ndarray, "4 3"]) -> Float[np.ndarray, " 3"]:
    """Unit normal of a plate, in the direction of the axis it is closest to."""
    normal = np.cross(corners[2] - corners[0], corners[3] - corners[1])
    normal /= np.linalg.norm(normal)
    return normal * np.sign(normal[np.argmax(np.abs(normal))])
