"""Small motions made in joint space, for tests that need a clip but no retargeting."""

import mujoco
import numpy as np
from musclemimic_models import ClipProvenance, MotionClip, MusculoModel


def clip_from_qpos(model: MusculoModel, qpos: np.ndarray, dt: float = 0.01) -> MotionClip:
    """A clip whose velocities and site states follow from the positions by MuJoCo."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    qpos = model.couplings.apply(qpos)
    frames = len(qpos)
    qvel = np.zeros((frames, m.nv))
    for t in range(frames):
        before, after = max(t - 1, 0), min(t + 1, frames - 1)
        mujoco.mj_differentiatePos(m, qvel[t], (after - before) * dt, qpos[before], qpos[after])
    sites = [m.site(f"mimic_{name}").id for name in model.mimic_sites]
    pos, quat = np.zeros((frames, len(sites), 3)), np.zeros((frames, len(sites), 4))
    lin, ang = np.zeros_like(pos), np.zeros_like(pos)
    velocity = np.zeros(6)
    for t in range(frames):
        d.qpos[:], d.qvel[:] = qpos[t], qvel[t]
        mujoco.mj_fwdPosition(m, d)
        mujoco.mj_fwdVelocity(m, d)
        for i, site in enumerate(sites):
            pos[t, i] = d.site_xpos[site]
            mujoco.mju_mat2Quat(quat[t, i], d.site_xmat[site])
            mujoco.mj_objectVelocity(m, d, mujoco.mjtObj.mjOBJ_SITE, site, velocity, 0)
            ang[t, i], lin[t, i] = velocity[:3], velocity[3:]
    return MotionClip(
        qpos=qpos,
        qvel=qvel,
        dt=dt,
        joint_names=model.joint_names,
        site_names=tuple(model.mimic_sites),
        site_pos=pos,
        site_quat=quat,
        site_linvel=lin,
        site_angvel=ang,
        foot_contact=np.zeros((frames, 2), dtype=bool),
        frame_status=np.zeros(frames, dtype=int),
        model_name=model.label,
        model_sha256=model.content_sha256,
        provenance=ClipProvenance(source="tests.motions"),
    )


def arm_wave(model: MusculoModel, seconds: float = 2.0) -> MotionClip:
    """Both arms raised half-way and waved, in joint space."""
    t = np.arange(0, seconds, 0.01)
    qpos = np.tile(model.mj_model.qpos0, (len(t), 1))
    for side, phase in (("r", 0.0), ("l", 0.7)):
        for joint, middle, swing in (
            ("shoulder_elv", 0.8, 0.4),
            ("elv_angle", 0.5, 0.2),
            ("elbow_flexion", 1.0, 0.4),
        ):
            address = model.mj_model.joint(f"{joint}_{side}").qposadr[0]
            qpos[:, address] = middle + swing * np.sin(2 * np.pi * 0.5 * t + phase)
    return clip_from_qpos(model, qpos)
