"""A table of an OpenSim model's coordinates over time, in the model's own signs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_retarget.opensim import coordinate_columns, frame_rate, in_radians, read_table
from musclemimic_retarget.osim.model import OsimModel


@dataclass(frozen=True)
class CoordinateTable:
    """Independent coordinates over time. Arrays are read-only.

    Attributes:
        source: the file.
        time: (T,) s, evenly spaced.
        values: coordinate to (T,) rad or m, with the signs that the model gives it.
    """

    source: Path
    time: Float[np.ndarray, " T"]
    values: Mapping[str, Float[np.ndarray, " T"]]

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.time)

    @property
    def rate(self) -> float:
        """Frames per second."""
        return (len(self) - 1) / float(self.time[-1] - self.time[0])


def read_coordinates(path: Path, model: OsimModel) -> CoordinateTable:
    """Read the columns of a .mot or .sto file that are coordinates of a model.

    Columns may be bare names or state paths. Coupled coordinates are left out: the model knows
    them, and some programs write them in another unit than the rest. Degrees are told from
    radians as in `read_opensim`, except that the model says what is an angle.

    Raises:
        InputError: a damaged table, time that does not increase evenly, no coordinate of the model.
    """
    table = read_table(path)
    time = table.values[:, 0]
    frame_rate(path, time)
    columns = coordinate_columns(table)
    coupled = {coupling.dependent for coupling in model.couplings}
    names = tuple(name for name in model.coordinates if name in columns and name not in coupled)
    if not names:
        raise InputError(
            path,
            "columns",
            found=", ".join(table.labels[1:6]) or "only time",
            expected=f"coordinates of {model.source.name}: "
            + ", ".join(list(model.coordinates)[:6]),
        )
    turning = {name for joint in model.joints for axis in joint.turns for name in axis.coordinates}
    angles = np.array([name in turning for name in names])
    values = table.values[:, [columns[name] for name in names]]
    values = in_radians(path, table.header, names, values, angles)
    for array in (time, values):
        array.flags.writeable = False
    return CoordinateTable(path, time, MappingProxyType(dict(zip(names, values.T, strict=True))))
