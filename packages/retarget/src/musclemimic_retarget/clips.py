"""From joint coordinates on a time grid to a `MotionClip`."""

from functools import cache
from importlib.metadata import version

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import ClipProvenance, MotionClip

from musclemimic_retarget.kinematics import KinematicBody, blocks
from musclemimic_retarget.linkage import linkage, site_velocities
from musclemimic_retarget.motion import MotionSource
from musclemimic_retarget.rotations import continuous, quaternions


@cache
def _version() -> str:
    """Of this package; reading its metadata takes milliseconds."""
    return version("musclemimic-retarget")


def velocities(
    body: KinematicBody, qpos: Float[np.ndarray, "T nq"], dt: float
) -> Float[np.ndarray, "T nv"]:
    """Central differences of the pose (one-sided at the ends), couplings imposed."""
    qvel = np.empty((len(qpos), body.model.nv))
    last = len(qpos) - 1
    for frame in range(len(qpos)):
        before, after = max(frame - 1, 0), min(frame + 1, last)
        mujoco.mj_differentiatePos(
            body.model, qvel[frame], (after - before) * dt, qpos[before], qpos[after]
        )
    for rows in blocks(len(qpos)):
        qvel[rows] = body.musculo.couplings.apply_velocity(qpos[rows], qvel[rows])
    return qvel


def make_clip(
    body: KinematicBody,
    qpos: Float[np.ndarray, "T nq"],
    *,
    rate: float,
    foot_contact: Bool[np.ndarray, "T 2"],
    frame_status: Int[np.ndarray, " T"],
    source: MotionSource,
    method: str,
    human_to_model_scale: float,
) -> MotionClip:
    """Assemble the clip: velocities and site kinematics follow from the poses.

    Args:
        body: of the model.
        qpos: feasible poses at `rate` frames per second.
        rate: Hz.
        foot_contact: left, right.
        frame_status: `FrameStatus` values.
        source: of the human motion.
        method: the retargeter's name.
        human_to_model_scale: factor from human to model lengths.
    """
    qvel, shape = velocities(body, qpos, 1.0 / rate), (len(qpos), len(body.site_names))
    pos, linear, angular = (np.empty((*shape, 3)) for _ in range(3))
    quat = np.empty((*shape, 4))
    for rows in blocks(len(qpos)):
        links = linkage(body, qpos[rows])
        pos[rows], quat[rows] = links.site_pos, quaternions(links.site_mat)
        linear[rows], angular[rows] = site_velocities(body, links, qvel[rows])
    quat = continuous(quat)
    for array in (qvel, pos, quat, linear, angular):
        # What nobody can write to any more, the clip need not copy.
        array.flags.writeable = False
    return MotionClip(
        qpos=qpos,
        qvel=qvel,
        dt=1.0 / rate,
        joint_names=body.musculo.joint_names,
        site_names=body.site_names,
        site_pos=pos,
        site_quat=quat,
        site_linvel=linear,
        site_angvel=angular,
        foot_contact=foot_contact,
        frame_status=frame_status,
        model_name=body.musculo.label,
        model_sha256=body.musculo.content_sha256,
        provenance=ClipProvenance(
            source=source.name,
            dataset=source.dataset,
            subject=source.subject,
            licence=source.licence,
            method=method,
            version=_version(),
            human_to_model_scale=human_to_model_scale,
        ),
    )
