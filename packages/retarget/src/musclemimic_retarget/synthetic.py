"""The built-in two-arm motion: needs no download, and runs the same reader as real data."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models.files import write_npz
from scipy.spatial.transform import Rotation

from musclemimic_retarget.smoothing import uniform_times
from musclemimic_retarget.smpl import CANONICAL_FROM_SMPL, JOINT_NAMES, REST

_SMPL_H_WIDTH = 156
# One row a key pose: time s, then degrees for the right and the left arm: elevation from
# hanging, plane of elevation (0 sideways, 90 forwards), axial rotation (inwards positive),
# elbow flexion. Every key pose is at rest; between them the minimum-jerk profile.
_KEY_POSES = np.array(
    [
        # t     right arm           left arm
        [0.0, 18, 40, 0, 20, 18, 40, 0, 20],  # hanging
        [1.2, 75, 75, 0, 25, 75, 75, 0, 25],  # both reach forwards
        [2.2, 45, 70, 10, 85, 45, 70, 10, 85],  # hands towards the chest
        [3.4, 110, 30, 0, 30, 110, 30, 0, 30],  # both raise, wide
        [4.4, 80, 45, -35, 80, 40, 60, 0, 60],  # right hand up to wave
        [4.9, 80, 45, -5, 80, 40, 60, 0, 60],
        [5.4, 80, 45, -35, 80, 60, 70, 0, 40],
        [5.9, 80, 45, -5, 80, 75, 75, 0, 25],  # left reaches meanwhile
        [7.2, 18, 40, 0, 20, 18, 40, 0, 20],  # back to hanging
    ]
)


def synthetic_arm_motion(fps: float = 60.0) -> dict[str, np.ndarray]:
    """A person who stands, reaches, raises both arms, waves and returns: 7.2 s.

    Args:
        fps: frames per second.

    Returns:
        The arrays of an SMPL-H file as in AMASS: poses (T, 156) axis-angle rad, trans (T, 3) m,
        betas (16,), gender, mocap_framerate Hz; z up, facing +x, feet on the floor.
    """
    times = uniform_times(float(_KEY_POSES[-1, 0]), fps)
    angles = np.deg2rad(_minimum_jerk(_KEY_POSES[:, 0], _KEY_POSES[:, 1:], times))
    poses = np.zeros((len(times), _SMPL_H_WIDTH))
    upright = Rotation.from_matrix(CANONICAL_FROM_SMPL)
    poses[:, :3] = upright.as_rotvec()
    for side, columns in (("right", angles[:, :4]), ("left", angles[:, 4:])):
        shoulder, elbow = _arm(columns, side)
        for joint, turns in (("shoulder", shoulder), ("elbow", elbow)):
            first = 3 * JOINT_NAMES.index(f"{side}_{joint}")
            poses[:, first : first + 3] = turns.as_rotvec()
    # The root joint stays at trans + its rest position; stand the lowest joint near the floor.
    height = REST[0, 1] - REST[:, 1].min() - REST[0, 2]
    return {
        "poses": poses,
        "trans": np.tile([0.0, 0.0, height], (len(times), 1)),
        "betas": np.zeros(16),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(fps),
        "dataset": np.array("MuscleMimic built-in motion"),
    }


def write_synthetic_smpl(path: Path | str, fps: float = 60.0) -> Path:
    """Write `synthetic_arm_motion` as an .npz that `read_motion` takes; returns the path."""
    path = Path(path)
    write_npz(path, synthetic_arm_motion(fps))
    return path


def _minimum_jerk(
    key_times: Float[np.ndarray, " K"],
    key_values: Float[np.ndarray, "K C"],
    times: Float[np.ndarray, " T"],
) -> Float[np.ndarray, "T C"]:
    """Point-to-point profiles 10 s³ − 15 s⁴ + 6 s⁵ between key poses (Flash & Hogan 1985)."""
    left = np.clip(np.searchsorted(key_times, times, side="right") - 1, 0, len(key_times) - 2)
    share = np.clip((times - key_times[left]) / (key_times[left + 1] - key_times[left]), 0, 1)
    blend = (share**3 * (10 - 15 * share + 6 * share**2))[:, None]
    return key_values[left] * (1 - blend) + key_values[left + 1] * blend


def _arm(angles: Float[np.ndarray, "T 4"], side: str) -> tuple[Rotation, Rotation]:
    """SMPL shoulder and elbow rotations of one arm (axes: x left, y up, z forward)."""
    elevation, plane, twist, flexion = angles.T
    outward = 1.0 if side == "left" else -1.0
    # T-pose to hanging, then up in the plane of elevation, then about the humerus.
    hanging = Rotation.from_rotvec([0.0, 0.0, -outward * np.pi / 2])
    # Axis that turns "down" into the plane's horizontal direction.
    axis = np.stack([-np.sin(plane), np.zeros_like(plane), outward * np.cos(plane)], axis=1)
    raised = Rotation.from_rotvec(axis * elevation[:, None])
    inward = np.stack([twist, np.zeros_like(twist), np.zeros_like(twist)], axis=1)
    bend = np.stack([np.zeros_like(flexion), -outward * flexion, np.zeros_like(flexion)], axis=1)
    return raised * hanging * Rotation.from_rotvec(inward), Rotation.from_rotvec(bend)
