"""Jacobians of the mimic sites for many poses at once, in the independent coordinates."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array

from musclemimic_retarget.kinematics import KinematicBody


@dataclass(frozen=True)
class Linkage:
    """Sites and joint axes of many poses, in the world.

    Attributes:
        site_pos: (T, S, 3) m. site_mat: (T, S, 3, 3).
        motion: (nv, T, 6) what a unit of a dof's velocity does to all that hangs on it: angular
            velocity w, and shift v, m: a point p moves with w × p + v.
    """

    site_pos: Float[np.ndarray, "T S 3"]
    site_mat: Float[np.ndarray, "T S 3 3"]
    motion: Float[np.ndarray, "nv T 6"]

    def __getitem__(self, poses: Int[np.ndarray, " N"]) -> "Linkage":
        """Of some poses; itself if it has no others."""
        if len(poses) == len(self.site_pos):
            return self
        return Linkage(self.site_pos[poses], self.site_mat[poses], self.motion[:, poses])


def linkage(body: KinematicBody, qpos: Float[np.ndarray, "T nq"]) -> Linkage:
    """Forward kinematics of every pose, with the axes of every dof."""
    model, data, frames = body.model, body.data, len(qpos)
    # A free root is the first body. Views into MuJoCo's memory: looking them up anew would cost as
    # much as the kinematics.
    views = (data.site_xpos, data.site_xmat, data.xaxis, data.xanchor, data.xpos[1], data.xmat[1])
    copies = tuple(np.empty((frames, *view.shape)) for view in views)
    pose = data.qpos
    for frame in range(frames):
        pose[:] = qpos[frame]
        mujoco.mj_kinematics(model, data)
        for copy, view in zip(copies, views, strict=True):
            copy[frame] = view
    site_pos, site_mat, axis, anchor, root_pos, root_mat = copies
    # Dofs first: sums over dofs are then products with one sparse matrix.
    motion = np.zeros((model.nv, frames, 6))
    kinds = model.jnt_type
    hinges = np.flatnonzero(kinds == int(mujoco.mjtJoint.mjJNT_HINGE))
    slides = np.flatnonzero(kinds == int(mujoco.mjtJoint.mjJNT_SLIDE))
    axis, anchor = axis.transpose(1, 0, 2), anchor.transpose(1, 0, 2)
    motion[model.jnt_dofadr[hinges], :, :3] = axis[hinges]
    motion[model.jnt_dofadr[hinges], :, 3:] = cross(anchor[hinges], axis[hinges])
    motion[model.jnt_dofadr[slides], :, 3:] = axis[slides]
    if body.musculo.has_free_root:
        motion[:3, :, 3:] = np.eye(3)[:, None]
        own = root_mat.reshape(frames, 3, 3).transpose(2, 0, 1)
        motion[3:6, :, :3] = own
        motion[3:6, :, 3:] = cross(root_pos, own)
    sites = body.site_ids
    return Linkage(site_pos[:, sites], site_mat[:, sites].reshape(frames, -1, 3, 3), motion)


class SiteJacobian:
    """d(site position and rotation; world) / d(independent coordinates), couplings included.

    The unknowns are the dofs of `couplings.free_dof` that move a site, directly or through a
    coupling: the free root's six and independent joints.
    """

    def __init__(self, body: KinematicBody) -> None:
        """Find which dof moves which site on behalf of which unknown."""
        self._couplings = body.musculo.couplings
        self.dofs = moving_dofs(body)
        pairs = _pairs(body, self.dofs)
        # One row for every (site, unknown) that has to do with each other.
        group = pairs[:, 0] * len(self.dofs) + pairs[:, 1]
        groups, row = np.unique(group, return_inverse=True)
        self._sum = csr_array(
            (np.ones(len(pairs)), (row, pairs[:, 2])), shape=(len(groups), body.model.nv)
        )
        self._site, self._unknown = np.divmod(groups, len(self.dofs))
        self._moving = np.unique(pairs[:, 2])
        self._below = dofs_above(body)[:, self._moving].T.astype(np.float64)
        # One dof has one unknown, whichever site it moves.
        unknown = dict(zip(pairs[:, 2].tolist(), pairs[:, 1].tolist(), strict=True))
        self._collect = np.zeros((len(self.dofs), len(self._moving)))
        for column, dof in enumerate(self._moving.tolist()):
            self._collect[unknown[dof], column] = 1.0
        self._sites = len(body.site_ids)

    def __call__(
        self,
        qpos: Float[np.ndarray, "T nq"],
        linkage: Linkage,
        weight: Float[np.ndarray, "S #T 6"] | None = None,
        out: Float[np.ndarray, "T F S 6"] | None = None,
    ) -> Float[np.ndarray, "T F S 6"]:
        """Jacobians at poses whose linkage is known.

        Args:
            qpos: with the couplings satisfied.
            linkage: of the same poses.
            weight: factor on each row (position x, y, z, rotation x, y, z of a site), of every pose
                or the same for all.
            out: a result of an earlier call to write over; most entries are zero for good.
        """
        couplings, frames = self._couplings, len(qpos)
        motion = linkage.motion.copy()
        motion[couplings.dependent_dof] *= couplings.slope(qpos).T[..., None]
        summed = (self._sum @ motion.reshape(len(motion), -1)).reshape(-1, frames, 6)
        turn, shift = summed[..., :3], summed[..., 3:]
        where = linkage.site_pos.transpose(1, 0, 2)[self._site]
        rows = np.concatenate([cross(turn, where) + shift, turn], axis=2)
        if weight is not None:
            rows *= weight[self._site]
        result = np.zeros((frames, len(self.dofs), self._sites, 6)) if out is None else out
        result[:, self._unknown, self._site] = rows.transpose(1, 0, 2)
        return result

    def pulled(
        self,
        qpos: Float[np.ndarray, "T nq"],
        linkage: Linkage,
        pull: Float[np.ndarray, "S T 6"],
    ) -> Float[np.ndarray, "T F"]:
        """Jacobianᵀ · pull without the Jacobian: what a torque and a force on each site do.

        Args:
            qpos: with the couplings satisfied.
            linkage: of the same poses.
            pull: torque x, y, z and force x, y, z on every site, world axes.
        """
        couplings = self._couplings
        wrench = pull.copy()
        wrench[..., :3] += cross(linkage.site_pos.transpose(1, 0, 2), pull[..., 3:])
        below = self._below @ wrench.reshape(len(wrench), -1)
        work = np.einsum(
            "dti,dti->dt", linkage.motion[self._moving], below.reshape(-1, len(qpos), 6)
        )
        slope = np.ones((len(linkage.motion), len(qpos)))
        slope[couplings.dependent_dof] = couplings.slope(qpos).T
        return (self._collect @ (slope[self._moving] * work)).T


def site_velocities(
    body: KinematicBody, links: Linkage, qvel: Float[np.ndarray, "T nv"]
) -> tuple[Float[np.ndarray, "T S 3"], Float[np.ndarray, "T S 3"]]:
    """Linear, m/s, and angular, rad/s, velocity of every site in the world frame."""
    moved = links.motion * qvel.T[..., None]
    total = dofs_above(body).astype(np.float64) @ moved.reshape(len(moved), -1)
    total = total.reshape(-1, len(qvel), 6).transpose(1, 0, 2)
    angular = np.ascontiguousarray(total[..., :3])
    return cross(angular, links.site_pos) + total[..., 3:], angular


def moving_dofs(body: KinematicBody) -> Int[np.ndarray, " F"]:
    """The free dofs that move a mimic site, directly or through a coupling."""
    couplings = body.musculo.couplings
    above: Bool[np.ndarray, " nv"] = np.any(dofs_above(body), axis=0)
    above[couplings.independent_dof[above[couplings.dependent_dof]]] = True
    return couplings.free_dof[above[couplings.free_dof]]


def cross(
    a: Float[np.ndarray, "*#b 3"], b: Float[np.ndarray, "*#b 3"]
) -> Float[np.ndarray, "*b 3"]:
    """Cross product over the last axis, without the overhead of numpy's general one."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


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


def _pairs(body: KinematicBody, dofs: Int[np.ndarray, " F"]) -> Int[np.ndarray, "P 3"]:
    """(site, unknown, dof) sorted, one row for every dof that moves a site."""
    couplings = body.musculo.couplings
    leader = np.arange(body.model.nv)
    leader[couplings.dependent_dof] = couplings.independent_dof
    unknown = np.full(body.model.nv, -1)
    unknown[dofs] = np.arange(len(dofs))
    constant = couplings.dependent_dof[couplings.dependent_dof == couplings.independent_dof]
    site, dof = np.nonzero(dofs_above(body))
    leads = np.where(np.isin(dof, constant), -1, unknown[leader[dof]])
    rows = np.stack([site, leads, dof], axis=1)[leads >= 0]
    return rows[np.lexsort(rows.T[::-1])]
