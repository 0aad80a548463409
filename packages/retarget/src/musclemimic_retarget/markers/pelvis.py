"""Pelvis: its orientation from the iliac spines, hip and lumbar joint centres by regression."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.markers.frames import sideways_frame, turn_about_y
from musclemimic_retarget.markers.landmarks import Landmarks, pelvis_back
from musclemimic_retarget.markers.marker_sets import SIDES

# Anterior inclination of the plane through the iliac spines where the pelvis is neutral, rad.
# Source: bony landmarks of the pelvis in gait2392 (Delp et al. 1990) and Rajagopal et al. 2016,
# 2.7° to 3.2°. On the standing person it is subject-specific, which only a static trial can tell.
INCLINATION = float(np.deg2rad(3.0))
# Lumbar joint from the middle of the hips, forward and up, over the distance between the hips.
# Source: joint frames of Rajagopal et al. 2016.
_LUMBAR = np.array([-0.29, 0.0, 1.04])
# From the skin over the iliac spine to the middle of its marker: radius and base of the common
# 14 mm marker, m. Regressions count from the bone (Davis et al. 1991, Hum Mov Sci 10:575).
_STANDOFF = 9e-3


@dataclass(frozen=True)
class Pelvis:
    """The pelvis over time.

    Attributes:
        turn: (T, 3, 3) rotation from the rest pose.
        hips: per side (T, 3) hip joint centres, m.
        lumbar: (T, 3) lumbar joint centre, m.
    """

    turn: Float[np.ndarray, "T 3 3"]
    hips: dict[str, Float[np.ndarray, "T 3"]]
    lumbar: Float[np.ndarray, "T 3"]

    @property
    def left(self) -> Float[np.ndarray, "T 3"]:
        """The axis to the left."""
        return self.turn[:, :, 1]


def locate_pelvis(landmarks: Landmarks) -> Pelvis:
    """Pelvis frame, hip and lumbar joint centres of landmarks in z-up axes."""
    front = (landmarks["left_asis"] + landmarks["right_asis"]) / 2
    left = landmarks["left_asis"] - landmarks["right_asis"]
    ahead = front - pelvis_back(landmarks)
    plane = sideways_frame(left, np.cross(ahead, left))
    width = float(np.median(np.linalg.norm(left, axis=1)))
    depth = float(np.median(np.linalg.norm(ahead, axis=1)))
    hips: dict[str, Float[np.ndarray, "T 3"]] = {}
    for side in SIDES:
        given = f"{side}_hip"
        offset = harrington(width, depth, side)
        if landmarks.hip_offset is not None:
            offset = np.array(landmarks.hip_offset) * (1.0, 1.0 if side == "left" else -1.0, 1.0)
        hips[side] = landmarks[given] if landmarks.has(given) else front + plane @ offset
    turn = plane @ turn_about_y(INCLINATION).T
    spacing = float(np.median(np.linalg.norm(hips["left"] - hips["right"], axis=1)))
    lumbar = (hips["left"] + hips["right"]) / 2 + turn @ (spacing * _LUMBAR)
    return Pelvis(turn, hips, lumbar)


def harrington(width: float, depth: float, side: str) -> Float[np.ndarray, " 3"]:
    """Hip joint centre from the middle of the anterior iliac spines; forward, left, up, m.

    Source: Harrington et al. 2007, J Biomech 40:595, the regressions on pelvic width and depth
    in mm: forward −0.24 depth − 9.9, up −0.30 width − 10.9, outward 0.33 width + 7.3; depth and
    the place forward are corrected for the markers' size.

    Args:
        width: distance between the anterior superior iliac spines, m.
        depth: from their middle to that of the posterior ones, markers' middles, m.
        side: "left" or "right".
    """
    outward = 0.33 * width + 7.3e-3
    return np.array(
        [
            -0.24 * (depth - 2.0 * _STANDOFF) - 9.9e-3 - _STANDOFF,
            outward if side == "left" else -outward,
            -0.30 * width - 10.9e-3,
        ]
    )
