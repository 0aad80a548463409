"""Where the model's sensors stand in `sensordata`, for both physics backends."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Int


@dataclass(frozen=True)
class SensorLayout:
    """Columns of sensordata; sites in the model's order.

    Attributes:
        pos, linvel, angvel: (S, 3) columns of the mimic sites' frame sensors.
        quat: (S, 4) columns, wxyz.
        com: (3,) columns of the whole body's centre of mass.
        touch: (K,) columns of the touch sensors.
    """

    pos: Int[np.ndarray, "S 3"]
    quat: Int[np.ndarray, "S 4"]
    linvel: Int[np.ndarray, "S 3"]
    angvel: Int[np.ndarray, "S 3"]
    com: Int[np.ndarray, " 3"]
    touch: Int[np.ndarray, " K"]


def sensor_layout(model: mujoco.MjModel, sites: tuple[str, ...]) -> SensorLayout:
    """Find the sensors that musclemimic_models adds to a body."""

    def columns(name: str) -> Int[np.ndarray, " n"]:
        sensor = model.sensor(name)
        first, size = int(sensor.adr[0]), int(sensor.dim[0])
        return np.arange(first, first + size)

    frames = {
        kind: np.stack([columns(f"mimic_{site}_{kind}") for site in sites])
        for kind in ("pos", "quat", "linvel", "angvel")
    }
    is_touch = model.sensor_type == int(mujoco.mjtSensor.mjSENS_TOUCH)
    touch = np.asarray(model.sensor_adr[is_touch], dtype=np.int64)
    return SensorLayout(**frames, com=columns("com"), touch=touch)


def quaternion_matrix(quaternion: np.ndarray) -> np.ndarray:
    """Rotation matrices (*b, 3, 3) of unit quaternions wxyz (*b, 4)."""
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
