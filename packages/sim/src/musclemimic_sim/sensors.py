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
    # Few calls on all elements at once: this is done after every control step.
    products = quaternion[..., _LEFT] * quaternion[..., _RIGHT] * _FACTOR.astype(quaternion.dtype)
    elements = products[..., 0] + products[..., 1]
    elements[..., ::4] += 1
    return elements.reshape(*quaternion.shape[:-1], 3, 3)


# Row by row, an element is the sum of two products of components, but for the identity:
#     −2yy − 2zz    2xy − 2wz    2xz + 2wy
#      2xy + 2wz   −2xx − 2zz    2yz − 2wx
#      2xz − 2wy    2yz + 2wx   −2xx − 2yy
_W, _X, _Y, _Z = range(4)
_LEFT = np.array(
    [(_Y, _Z), (_X, _W), (_X, _W), (_X, _W), (_X, _Z), (_Y, _W), (_X, _W), (_Y, _W), (_X, _Y)]
)
_RIGHT = np.array(
    [(_Y, _Z), (_Y, _Z), (_Z, _Y), (_Y, _Z), (_X, _Z), (_Z, _X), (_Z, _Y), (_Z, _X), (_X, _Y)]
)
_FACTOR = 2.0 * np.array(
    [(-1, -1), (1, -1), (1, 1), (1, 1), (-1, -1), (1, -1), (1, -1), (1, 1), (-1, -1)]
)
