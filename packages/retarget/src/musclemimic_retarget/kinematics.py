"""A bare kinematic copy of a model: the same joints and mimic sites, nothing else to compute."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import MusculoModel
from musclemimic_models.build import MIMIC_PREFIX

from musclemimic_retarget.rotations import quaternions


@dataclass(frozen=True)
class Poses:
    """World poses over a clip.

    Attributes:
        site_pos: (T, S, 3) m. site_quat: (T, S, 4) wxyz.
        body_pos: (T, B, 3) m. body_mat: (T, B, 3, 3) of every body, in body-id order.
    """

    site_pos: Float[np.ndarray, "T S 3"]
    site_quat: Float[np.ndarray, "T S 4"]
    body_pos: Float[np.ndarray, "T B 3"]
    body_mat: Float[np.ndarray, "T B 3 3"]


@dataclass(frozen=True)
class KinematicBody:
    """Kinematics of a model stripped of geoms, tendons, muscles and sensors.

    A pose costs microseconds instead of a millisecond. Joint, qpos, dof and body numbering are
    those of the full model.

    Attributes:
        musculo: the full model with its couplings.
        model: the stripped model. data: scratch space; not safe across threads.
        site_names: (S) the mimic sites. site_ids: (S) their ids in the stripped model.
    """

    musculo: MusculoModel
    model: mujoco.MjModel
    data: mujoco.MjData
    site_names: tuple[str, ...]
    site_ids: Int[np.ndarray, " S"]

    @classmethod
    def of(cls, musculo: MusculoModel) -> "KinematicBody":
        """Strip a model."""
        names = tuple(musculo.mimic_sites)
        model = stripped(musculo.mj_model, [MIMIC_PREFIX + name for name in names])
        ids = np.array([model.site(MIMIC_PREFIX + name).id for name in names])
        return cls(musculo, model, mujoco.MjData(model), names, ids)

    def site(self, name: str) -> int:
        """Column of a mimic site."""
        return self.site_names.index(name)

    def update(self, qpos: Float[np.ndarray, " nq"]) -> None:
        """Put the scratch data into a pose."""
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)

    def poses(self, qpos: Float[np.ndarray, "T nq"]) -> Poses:
        """Forward kinematics of every frame."""
        frames, sites, bodies = len(qpos), len(self.site_names), self.model.nbody
        site_pos, site_mat = np.empty((frames, sites, 3)), np.empty((frames, sites, 9))
        body_pos, body_mat = np.empty((frames, bodies, 3)), np.empty((frames, bodies, 9))
        for frame, row in enumerate(qpos):
            self.update(row)
            site_pos[frame] = self.data.site_xpos[self.site_ids]
            site_mat[frame] = self.data.site_xmat[self.site_ids]
            body_pos[frame] = self.data.xpos
            body_mat[frame] = self.data.xmat
        return Poses(
            site_pos=site_pos,
            site_quat=quaternions(site_mat.reshape(frames, sites, 3, 3)),
            body_pos=body_pos,
            body_mat=body_mat.reshape(frames, bodies, 3, 3),
        )

    def site_jacobian(self, out: Float[np.ndarray, "S 6 nv"]) -> None:
        """World Jacobians of all sites (rows: linear, then angular) in the updated pose."""
        mujoco.mj_comPos(self.model, self.data)
        for row, site in zip(out, self.site_ids, strict=True):
            mujoco.mj_jacSite(self.model, self.data, row[:3], row[3:], site)

    def site_velocities(
        self, qpos: Float[np.ndarray, "T nq"], qvel: Float[np.ndarray, "T nv"]
    ) -> tuple[Float[np.ndarray, "T S 3"], Float[np.ndarray, "T S 3"]]:
        """Linear, m/s, and angular, rad/s, velocity of every site in the world frame."""
        result = np.empty((len(qpos), len(self.site_ids), 6))
        kind = mujoco.mjtObj.mjOBJ_SITE
        for frame, velocity in enumerate(qvel):
            self.update(qpos[frame])
            mujoco.mj_comPos(self.model, self.data)
            self.data.qvel[:] = velocity
            mujoco.mj_comVel(self.model, self.data)
            for column, site in enumerate(self.site_ids):
                mujoco.mj_objectVelocity(
                    self.model, self.data, kind, site, result[frame, column], 0
                )
        return result[..., 3:].copy(), result[..., :3].copy()


def stripped(model: mujoco.MjModel, sites: list[str]) -> mujoco.MjModel:
    """A copy with the bodies, joints and named sites of a model only.

    Masses are placeholders: the copy is for kinematics.
    """
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    bodies: list[mujoco.MjsBody] = [spec.worldbody]
    joints_of = [np.flatnonzero(model.jnt_bodyid == body) for body in range(model.nbody)]
    for body in range(1, model.nbody):
        parent = bodies[int(model.body_parentid[body])]
        copy: mujoco.MjsBody = parent.add_body(
            name=model.body(body).name, pos=model.body_pos[body], quat=model.body_quat[body]
        )
        copy.explicitinertial, copy.mass, copy.inertia = True, 1.0, np.ones(3)
        for joint in joints_of[body]:
            copy.add_joint(
                name=model.joint(joint).name,
                type=mujoco.mjtJoint(model.jnt_type[joint]),
                pos=model.jnt_pos[joint],
                axis=model.jnt_axis[joint],
                ref=0.0
                if model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_FREE)
                else model.qpos0[model.jnt_qposadr[joint]],
            )
        bodies.append(copy)
    for name in sites:
        site = model.site(name)
        bodies[int(site.bodyid[0])].add_site(name=name, pos=site.pos, quat=site.quat)
    return spec.compile()
