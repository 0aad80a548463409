"""Whole-clip resampling and smoothing of poses, feasible again afterwards."""

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.feasible import clip_to_feasible
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.smoothing import (
    resample,
    resample_rotations,
    smooth,
    smooth_rotations,
)

# Below this elevation the plane of elevation matters ever less, rad; it never counts for nothing.
_CLEAR_ELEVATION, _LEAST_TRUST = 0.35, 1e-4


def smooth_poses(
    body: KinematicBody,
    qpos: Float[np.ndarray, "T nq"],
    times: Float[np.ndarray, " T"],
    new_times: Float[np.ndarray, " N"],
    *,
    rate: float,
    cutoff: float,
) -> Float[np.ndarray, "N nq"]:
    """Poses on a new uniform grid, low-passed, inside the ranges and on the couplings.

    Args:
        body: of the model.
        qpos: solved poses at `times`, s.
        times: s.
        new_times: s.
        rate: frames per second of `new_times`.
        cutoff: half-gain frequency, Hz.
    """
    dense = resample(qpos, times, new_times)
    smoothed = smooth(dense, rate=rate, cutoff=cutoff)
    if body.musculo.has_free_root:
        turned = resample_rotations(qpos[:, 3:7], times, new_times)
        smoothed[:, 3:7] = smooth_rotations(turned, rate=rate, cutoff=cutoff)
    for side in "lr" if body.has_joint("elv_angle_l") else "":
        plane = int(body.model.joint(f"elv_angle_{side}").qposadr[0])
        elevation = int(body.model.joint(f"shoulder_elv_{side}").qposadr[0])
        # A hanging arm has no plane of elevation: what inverse kinematics found there is noise,
        # and shoulder_rot alone already holds the twist (shoulder1_r2 undoes elv_angle).
        trust = np.clip(dense[:, elevation] / _CLEAR_ELEVATION, 0.0, 1.0) ** 4
        smoothed[:, plane] = smooth(
            dense[:, plane], rate=rate, cutoff=cutoff, trust=np.maximum(trust, _LEAST_TRUST)
        )
    return clip_to_feasible(body, smoothed)
