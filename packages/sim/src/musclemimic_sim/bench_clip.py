"""A small motion made in joint space, to measure and show an environment without any file."""

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import ClipProvenance, MotionClip, MusculoModel

from musclemimic_sim.native import NativeSimulator
from musclemimic_sim.replay import replay_motion

# Middle and swing, rad, of the joints that move; both arms wave half-way up, out of phase.
_WAVE = {
    "shoulder_elv": (0.8, 0.4),
    "elv_angle": (0.5, 0.2),
    "elbow_flexion": (1.0, 0.4),
}
_FREQUENCY_HZ = 0.5
_PHASE = {"_r": 0.0, "_l": 0.7}


def built_in_clip(model: MusculoModel, *, seconds: float = 4.0, dt: float = 0.01) -> MotionClip:
    """Standing (the full body) or sitting still (the arms) and waving both arms.

    Args:
        model: MyoFullBody or BimanualMuscle.
        seconds: length of the clip.
        dt: s between frames; the environment wants its control step.
    """
    t = dt * np.arange(round(seconds / dt))
    qpos = np.tile(model.mj_model.qpos0, (len(t), 1))
    for side, phase in _PHASE.items():
        for joint, (middle, swing) in _WAVE.items():
            address = int(model.mj_model.joint(f"{joint}{side}").qposadr[0])
            qpos[:, address] = middle + swing * np.sin(2 * np.pi * _FREQUENCY_HZ * t + phase)
    return clip_of(model, qpos, dt=dt, source="built-in wave")


def clip_of(
    model: MusculoModel, qpos: Float[np.ndarray, "T nq"], *, dt: float, source: str
) -> MotionClip:
    """A clip of given positions: couplings applied, velocities and site states computed.

    Velocities are central differences (one-sided at the ends), the root quaternion is normalised.

    Args:
        model: the body.
        qpos: positions, m and rad, in MuJoCo's order.
        dt: s between frames.
        source: told in the clip's provenance.
    """
    m = model.mj_model
    qpos = model.couplings.apply(qpos)
    if model.has_free_root:
        qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
    qvel = np.zeros((len(qpos), m.nv))
    for t in range(len(qpos)):
        before, after = max(t - 1, 0), min(t + 1, len(qpos) - 1)
        mujoco.mj_differentiatePos(m, qvel[t], (after - before) * dt, qpos[before], qpos[after])
    simulator = NativeSimulator(model, num_worlds=min(len(qpos), 64), substeps=1)
    sites = replay_motion(simulator, model, qpos, qvel)
    return MotionClip(
        qpos=qpos,
        qvel=qvel,
        dt=dt,
        joint_names=model.joint_names,
        site_names=tuple(model.mimic_sites),
        site_pos=np.asarray(sites.site_pos),
        site_quat=_quaternions(np.asarray(sites.site_mat)),
        site_linvel=np.asarray(sites.site_linvel),
        site_angvel=np.asarray(sites.site_angvel),
        foot_contact=np.zeros((len(qpos), 2), dtype=bool),
        frame_status=np.zeros(len(qpos), dtype=int),
        model_name=model.label,
        model_sha256=model.content_sha256,
        provenance=ClipProvenance(source=source, method="joint space"),
    )


def _quaternions(matrices: Float[np.ndarray, "T S 3 3"]) -> Float[np.ndarray, "T S 4"]:
    flat = matrices.reshape(-1, 9).astype(np.float64)
    quaternions = np.zeros((len(flat), 4))
    for matrix, quaternion in zip(flat, quaternions, strict=True):
        mujoco.mju_mat2Quat(quaternion, matrix)
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    return quaternions.reshape(*matrices.shape[:2], 4)
