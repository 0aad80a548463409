"""When feet stand, and the floor they stand on."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_closing, binary_opening

from musclemimic_retarget.kinematics import KinematicBody

FEET = ("left", "right")
# Footholds must spread over about this, m, before their heights tell a slope.
_LEVELLED_SPREAD = 0.3
# Steeper than any laboratory floor is tilted: 1°.
_STEEPEST = 0.0175


@dataclass(frozen=True)
class StanceConfig:
    """When a foot counts as standing.

    Attributes:
        height: sole clearance above the lowest soles of the motion, m.
        speed: horizontal speed of the slower of ankle and toes, m/s.
        shortest: stance (and swing) phases shorter than this are noise, s.
    """

    height: float = 0.04
    speed: float = 0.45
    shortest: float = 0.06


def detect_stance(
    clearance: Float[np.ndarray, "T 2"],
    speed: Float[np.ndarray, "T 2"],
    *,
    rate: float,
    config: StanceConfig,
) -> Bool[np.ndarray, "T 2"]:
    """Frames in which each foot is low and slow."""
    level = np.percentile(clearance.min(axis=1), 10)
    stance = (clearance - level < config.height) & (speed < config.speed)
    width = max(round(config.shortest * rate), 1)
    window = np.ones(width, dtype=bool)
    for side in (0, 1):
        padded = np.pad(stance[:, side], width, mode="edge")
        settled = binary_opening(binary_closing(padded, window), window)
        stance[:, side] = settled[width:-width]
    return stance


def foot_speed(
    body: KinematicBody, site_pos: Float[np.ndarray, "T S 3"], rate: float
) -> Float[np.ndarray, "T 2"]:
    """Horizontal speed of the slower of ankle and toes of each foot, m/s."""
    columns = np.array([[body.site(f"{s}_ankle"), body.site(f"{s}_toes")] for s in FEET])
    velocity = np.gradient(site_pos[:, columns, :2], 1.0 / rate, axis=0)
    return np.linalg.norm(velocity, axis=-1).min(axis=-1)


@dataclass(frozen=True)
class FloorPlane:
    """Where a recording's floor lies: z = height + slope · (x, y), m."""

    height: float
    slope: Float[np.ndarray, " 2"]

    def above(self, lower: "FloorPlane") -> "FloorPlane":
        """This plane, counted from another, as one."""
        return FloorPlane(self.height + lower.height, self.slope + lower.slope)

    def at(self, pos: Float[np.ndarray, "*b 3"]) -> Float[np.ndarray, "*b"]:
        """Height of the floor under points, m."""
        return self.height + pos[..., :2] @ self.slope


def fit_floor(
    clearance: Float[np.ndarray, "T 2"],
    stance: Bool[np.ndarray, "T 2"],
    feet: Float[np.ndarray, "T 2 3"],
) -> FloorPlane:
    """The plane the standing soles lie on, from where they float or sink over the motion.

    A laboratory's axes are never exactly level: 0.3° are 3 cm over a walkway of 5 m. The slope
    counts only as far as footholds lie apart, and never for more than `_STEEPEST`.

    Args:
        clearance: of both soles over z = 0, m.
        stance: of both feet.
        feet: positions of both feet, m.
    """
    if not stance.any():
        return FloorPlane(float(np.percentile(clearance.min(axis=1), 10)), np.zeros(2))
    height: Float[np.ndarray, " N"] = clearance[stance]
    place: Float[np.ndarray, "N 2"] = feet[stance][:, :2]
    centre: Float[np.ndarray, " 2"] = np.mean(place, axis=0)
    offset: Float[np.ndarray, "N 2"] = place - centre
    middle = float(np.median(height))
    scatter = offset.T @ offset / len(offset) + _LEVELLED_SPREAD**2 * np.eye(2)
    trend = offset.T @ (height - middle) / len(offset)
    full: Float[np.ndarray, " 2"] = np.linalg.solve(scatter, trend)
    slope: Float[np.ndarray, " 2"] = full * min(
        1.0, _STEEPEST / max(float(np.linalg.norm(full)), 1e-9)
    )
    level = float(np.median(height - offset @ slope))
    return FloorPlane(level - float(centre @ slope), slope)
