"""A bare kinematic copy of a model: the same joints and mimic sites, nothing else to compute."""

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models.build import MIMIC_PREFIX

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.rotations import quaternions

# So many poses are worked on at a time: their arrays fit into a processor's cache, and memory does
# not grow with the length of a motion.
_BLOCK = 128


def blocks(frames: int) -> Iterator[slice]:
    """Slices that cover so many frames, a block at a time."""
    for first in range(0, frames, _BLOCK):
        yield slice(first, min(first + _BLOCK, frames))


@dataclass(frozen=True)
class Poses:
    """World poses over a clip.

    Attributes:
        site_pos: (T, S, 3) m. site_mat: (T, S, 3, 3).
        body_pos: (T, B, 3) m. body_mat: (T, B, 3, 3) of every body, in body-id order.
    """

    site_pos: Float[np.ndarray, "T S 3"]
    site_mat: Float[np.ndarray, "T S 3 3"]
    body_pos: Float[np.ndarray, "T B 3"]
    body_mat: Float[np.ndarray, "T B 3 3"]

    def __getitem__(self, frames: Int[np.ndarray, " N"]) -> "Poses":
        """Some of the frames."""
        return Poses(
            self.site_pos[frames],
            self.site_mat[frames],
            self.body_pos[frames],
            self.body_mat[frames],
        )

    @property
    def site_quat(self) -> Float[np.ndarray, "T S 4"]:
        """The sites' orientations as quaternions wxyz."""
        return quaternions(self.site_mat)


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

    musculo: Articulated
    model: mujoco.MjModel
    data: mujoco.MjData
    site_names: tuple[str, ...]
    site_ids: Int[np.ndarray, " S"]

    @classmethod
    def of(cls, musculo: Articulated) -> "KinematicBody":
        """Strip a model."""
        names = tuple(musculo.mimic_sites)
        model = stripped(musculo.mj_model, [MIMIC_PREFIX + name for name in names])
        ids = np.array([model.site(MIMIC_PREFIX + name).id for name in names])
        return cls(musculo, model, mujoco.MjData(model), names, ids)

    def site(self, name: str) -> int:
        """Column of a mimic site."""
        return self.site_names.index(name)

    def has_joint(self, name: str) -> bool:
        """Whether the model has a joint of this name."""
        return name in self.musculo.joint_names

    def update(self, qpos: Float[np.ndarray, " nq"]) -> None:
        """Put the scratch data into a pose."""
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)

    def poses(self, qpos: Float[np.ndarray, "T nq"]) -> Poses:
        """Forward kinematics of every frame."""
        frames, data = len(qpos), self.data
        # Views into MuJoCo's memory: looking them up anew would cost as much as the kinematics.
        views = (data.site_xpos, data.site_xmat, data.xpos, data.xmat)
        copies = tuple(np.empty((frames, *view.shape)) for view in views)
        pose = data.qpos
        for frame in range(frames):
            pose[:] = qpos[frame]
            mujoco.mj_kinematics(self.model, data)
            for copy, view in zip(copies, views, strict=True):
                copy[frame] = view
        site_pos, site_mat, body_pos, body_mat = copies
        return Poses(
            site_pos=site_pos[:, self.site_ids],
            site_mat=site_mat[:, self.site_ids].reshape(frames, -1, 3, 3),
            body_pos=body_pos,
            body_mat=body_mat.reshape(frames, -1, 3, 3),
        )


def stripped(model: mujoco.MjModel, sites: list[str]) -> mujoco.MjModel:
    """A copy with the bodies, joints and named sites of a model only; see `stripped_spec`."""
    return stripped_spec(model, sites).compile()


def stripped_spec(model: mujoco.MjModel, sites: list[str]) -> mujoco.MjSpec:
    """The specification of a copy with the bodies, joints and named sites of a model only.

    Masses are placeholders and ranges are left out: the copy is for kinematics.
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
    return spec
