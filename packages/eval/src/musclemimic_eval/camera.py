"""The orthographic camera of the pictures."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Camera:
    """An orthographic view.

    Attributes:
        azimuth: direction of view about the vertical, degrees: 0 looks along +x (the body's
            back), 90 at its right side, 180 at its face.
        elevation: height of the viewer above the horizon, degrees.
    """

    azimuth: float = 150.0
    elevation: float = 8.0

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Rows: right, away from the viewer, up; unit vectors of the world frame."""
        a, e = np.deg2rad([self.azimuth, self.elevation])
        away = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), -np.sin(e)])
        right = np.array([np.sin(a), -np.cos(a), 0.0])
        return np.stack([right, away, np.cross(right, away)])

    def project(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """World points as (right, away, up), m."""
        return points @ self.axes.T
