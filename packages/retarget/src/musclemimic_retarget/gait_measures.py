"""Gait of a clip, to be held against the person: speed, stride, knees."""

import numpy as np
from jaxtyping import Float
from musclemimic_models import MotionClip
from scipy.signal import find_peaks

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.rotations import matrices
from musclemimic_retarget.stance import FEET

_SWING = 0.05  # m; ankles that move less about the pelvis do not walk


def walking_speed(clip: MotionClip) -> float:
    """Length of the root site's horizontal path over time, in human units, m/s."""
    path = clip.site_pos[:, 0, :2]
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    return length / clip.duration / clip.provenance.human_to_model_scale


def stride_seconds(clip: MotionClip) -> float | None:
    """Mean duration of a stride, s.

    Counted from one time to the next that an ankle is farthest before the pelvis, farthest behind
    it (foot strike and toe-off of Zeni et al. 2008, Gait Posture 27:710), or highest, both sides;
    each must stand out by half the range of its curve. None if the clip has no ankles or nothing
    repeats.
    """
    if "left_ankle" not in clip.site_names:
        return None
    forward = matrices(np.asarray(clip.site_quat[:, 0]))[:, :2, 0]
    forward = forward / np.linalg.norm(forward, axis=1, keepdims=True)
    strides: list[float] = []
    for side in FEET:
        away = clip.site_pos[:, clip.site_names.index(f"{side}_ankle")] - clip.site_pos[:, 0]
        ahead: Float[np.ndarray, " T"] = np.sum(away[:, :2] * forward, axis=1)
        for curve in (ahead, -ahead, away[:, 2]):
            peaks, _ = find_peaks(curve, prominence=max(0.5 * float(np.ptp(curve)), _SWING))
            strides += (np.diff(peaks) * clip.dt).tolist()
    return float(np.mean(strides)) if strides else None


def peak_knee_flexion_deg(model: Articulated, clip: MotionClip) -> tuple[float, float]:
    """Largest knee flexion of the left and the right knee, degrees.

    Raises:
        KeyError: the model has no knees.
    """
    columns = [model.mj_model.joint(f"knee_angle_{side}").qposadr[0] for side in "lr"]
    left, right = np.rad2deg(clip.qpos[:, columns].max(axis=0))
    return float(left), float(right)
