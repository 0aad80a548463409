"""Colours and thickness of drawn muscles."""

import numpy as np
from jaxtyping import Float, UInt8

# The field's convention (OpenSim, MyoSuite): a resting muscle is blue, a fully active one red.
REST_RGB = (20, 50, 200)
ACTIVE_RGB = (220, 15, 20)
_RADIUS_PER_ROOT_NEWTON_M = 8e-5
_SMALLEST_RADIUS_M, _LARGEST_RADIUS_M = 1.2e-3, 5e-3


def activation_colours(activation: Float[np.ndarray, " M"]) -> UInt8[np.ndarray, "M 3"]:
    """RGB of each muscle: blue at 0, red at 1, a straight line between; clipped outside."""
    share = np.clip(activation, 0.0, 1.0)[:, None]
    colours = (1.0 - share) * np.array(REST_RGB) + share * np.array(ACTIVE_RGB)
    return np.round(colours).astype(np.uint8)


def activation_rgba(activation: Float[np.ndarray, " M"]) -> Float[np.ndarray, "M 4"]:
    """The same colours as MuJoCo wants them: 0 to 1, opaque."""
    colours = activation_colours(activation).astype(np.float64) / 255.0
    return np.hstack([colours, np.ones((len(colours), 1))])


def muscle_radii(max_isometric_force: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
    """Radius to draw each muscle with, m: strength goes with cross-section, so with r squared.

    Kept between 1.2 and 5 mm, so that weak muscles stay visible and strong ones hide no bone.
    """
    radii = _RADIUS_PER_ROOT_NEWTON_M * np.sqrt(max_isometric_force)
    return np.clip(radii, _SMALLEST_RADIUS_M, _LARGEST_RADIUS_M)
