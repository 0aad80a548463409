"""Where sites are and how joints move them, for many poses at once."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float

from musclemimic_retarget.kinematics import KinematicBody


@dataclass(frozen=True)
class Linkage:
    """Sites and joint axes of many poses, in the world.

    Attributes:
        site_pos: (T, S, 3) m. site_mat: (T, S, 3, 3).
        motion: (nv, 6, T) what a unit of a dof's velocity does to all that hangs on it: angular
            velocity w, and shift v, m: a point p moves with w × (p − o) + v, where o is the first
            site (moments about a far origin would cost digits).
    """

    site_pos: Float[np.ndarray, "T S 3"]
    site_mat: Float[np.ndarray, "T S 3 3"]
    motion: Float[np.ndarray, "nv 6 T"]

    @property
    def arms(self) -> Float[np.ndarray, "S 3 T"]:
        """From the first site to every site, m."""
        return (self.site_pos - self.site_pos[:, :1]).transpose(1, 2, 0)


def linkage(body: KinematicBody, qpos: Float[np.ndarray, "T nq"]) -> Linkage:
    """Forward kinematics of every pose, with the axes of every dof."""
    model, data, frames = body.model, body.data, len(qpos)
    # A free root is the first body. Views into MuJoCo's memory: looking them up anew would cost as
    # much as the kinematics.
    views = (data.site_xpos, data.site_xmat, data.xaxis, data.xanchor, data.xmat[1])
    copies = tuple(np.empty((frames, *view.shape)) for view in views)
    pose = data.qpos
    for frame in range(frames):
        pose[:] = qpos[frame]
        mujoco.mj_kinematics(model, data)
        for copy, view in zip(copies, views, strict=True):
            copy[frame] = view
    site_pos, site_mat, axis, anchor, root_mat = copies
    site_pos = site_pos[:, body.site_ids]
    # Poses last: what follows then runs along them, and sums over dofs are products of matrices.
    anchor = (anchor - site_pos[:, :1]).transpose(1, 2, 0)
    motion, free = np.empty((model.nv, 6, frames)), int(body.musculo.has_free_root)
    single = motion[6 * free :]
    single[:, :3] = axis[:, free:].transpose(1, 2, 0)
    single[:, 3:] = cross(anchor[free:], single[:, :3])
    slides = model.jnt_type[free:] == int(mujoco.mjtJoint.mjJNT_SLIDE)
    single[slides, 3:] = single[slides, :3]
    single[slides, :3] = 0.0
    if free:
        motion[:3, :3], motion[:3, 3:] = 0.0, np.eye(3)[..., None]
        motion[3:6, :3] = root_mat.reshape(frames, 3, 3).transpose(2, 1, 0)
        motion[3:6, 3:] = cross(anchor[0], motion[3:6, :3])
    return Linkage(site_pos, site_mat[:, body.site_ids].reshape(frames, -1, 3, 3), motion)


def site_velocities(
    body: KinematicBody, links: Linkage, qvel: Float[np.ndarray, "T nv"]
) -> tuple[Float[np.ndarray, "T S 3"], Float[np.ndarray, "T S 3"]]:
    """Linear, m/s, and angular, rad/s, velocity of every site in the world frame."""
    moved = links.motion * qvel.T[:, None]
    total = dofs_above(body).astype(np.float64) @ moved.reshape(len(moved), -1)
    total = total.reshape(-1, 6, len(qvel))
    linear = cross(total[:, :3], links.arms) + total[:, 3:]
    return linear.transpose(2, 0, 1), total[:, :3].transpose(2, 0, 1)


def dofs_above(body: KinematicBody) -> Bool[np.ndarray, "S nv"]:
    """Which dofs lie between the world and each site."""
    model = body.model
    parents, owner = model.body_parentid.tolist(), model.dof_bodyid
    chain = np.zeros((len(body.site_ids), model.nbody), dtype=bool)
    for row, site in enumerate(body.site_ids):
        node = int(model.site_bodyid[site])
        while node:
            chain[row, node] = True
            node = parents[node]
    return chain[:, owner]


def cross(
    a: Float[np.ndarray, "*#b 3 T"], b: Float[np.ndarray, "*#b 3 T"]
) -> Float[np.ndarray, "*b 3 T"]:
    """Cross product over the last axis but one, without the overhead of numpy's general one."""
    ax, ay, az = a[..., 0, :], a[..., 1, :], a[..., 2, :]
    bx, by, bz = b[..., 0, :], b[..., 1, :], b[..., 2, :]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-2)
