"""Muscle lengths, velocities and moments of a motion."""

from typing import NamedTuple

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import MusculoModel

from musclemimic_eval.kinetics.differentiate import DifferentiatedMotion


class MuscleGeometry(NamedTuple):
    """What a motion does to the muscles.

    Attributes:
        length: muscle-tendon length, m. velocity: its rate, m/s, negative when shortening.
        moments: dL/dq of every velocity coordinate, m per rad or m (moment arm = −dL/dq).
    """

    length: Float[np.ndarray, "T nu"]
    velocity: Float[np.ndarray, "T nu"]
    moments: Float[np.ndarray, "T nu nv"]


def muscle_geometry(
    model: MusculoModel, motion: DifferentiatedMotion, frames: range
) -> MuscleGeometry:
    """Muscle geometry of some frames (all at once: 8 MB of moments per 34 full-body frames)."""
    body = model.mj_model
    data = mujoco.MjData(body)
    count = len(frames)
    length = np.empty((count, body.nu))
    moments = np.zeros((count, body.nu, body.nv))
    for row, frame in enumerate(frames):
        data.qpos[:] = motion.qpos[frame]
        update_tendons(body, data)
        length[row] = data.actuator_length
        dense_moments(data, moments[row])
    velocity = np.einsum("tmv,tv->tm", moments, motion.qvel[frames.start : frames.stop])
    return MuscleGeometry(length, velocity, moments)


def update_tendons(body: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Everything that muscle lengths and moments need of a pose, and no more."""
    mujoco.mj_kinematics(body, data)
    mujoco.mj_comPos(body, data)
    mujoco.mj_tendon(body, data)
    mujoco.mj_transmission(body, data)


def dense_moments(data: mujoco.MjData, out: Float[np.ndarray, "nu nv"]) -> None:
    """The sparse muscle moments written into a dense matrix, in place."""
    mujoco.mju_sparse2dense(
        out,
        data.actuator_moment,
        data.moment_rownnz,
        data.moment_rowadr,
        data.moment_colind,
    )
