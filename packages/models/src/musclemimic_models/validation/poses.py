"""Feasible poses, their mirror images, and what the muscles look like in them."""

import mujoco
import numpy as np
from jaxtyping import Float

from musclemimic_models.musculo import MusculoModel


def neutral_pose(model: MusculoModel) -> Float[np.ndarray, " nq"]:
    """qpos0 with the couplings satisfied and every joint inside its feasible range."""
    couplings, qpos = model.couplings, model.mj_model.qpos0.copy()
    qpos[couplings.scalar_qpos] = np.clip(qpos[couplings.scalar_qpos], *couplings.box.T)
    return couplings.apply(qpos)


def random_poses(model: MusculoModel, count: int, seed: int) -> Float[np.ndarray, "count nq"]:
    """Uniform feasible poses with the couplings satisfied, root (if any) at qpos0."""
    rng = np.random.default_rng(seed)
    couplings = model.couplings
    low, high = couplings.box.T
    qpos = np.tile(model.mj_model.qpos0, (count, 1))
    qpos[:, couplings.scalar_qpos] = rng.uniform(low, high, (count, len(low)))
    return couplings.apply(qpos)


def mirror_pose(
    model: MusculoModel, qpos: Float[np.ndarray, "*batch nq"]
) -> Float[np.ndarray, "*batch nq"]:
    """Swap left and right joints; the root keeps its pose."""
    return _swap(model, qpos, model.mj_model.jnt_qposadr)


def mirror_velocity(
    model: MusculoModel, qvel: Float[np.ndarray, "*batch nv"]
) -> Float[np.ndarray, "*batch nv"]:
    """Swap left and right joint velocities; the root keeps its velocity."""
    return _swap(model, qvel, model.mj_model.jnt_dofadr)


def _swap(
    model: MusculoModel, values: Float[np.ndarray, "*batch n"], address: np.ndarray
) -> Float[np.ndarray, "*batch n"]:
    mirrored = values.copy()
    joints = np.flatnonzero(model.mirror_joint_sign != 0)
    images = model.mirror_joint[joints]
    mirrored[..., address[joints]] = model.mirror_joint_sign[joints] * values[..., address[images]]
    return mirrored


def muscle_geometry(
    model: MusculoModel, poses: Float[np.ndarray, "P nq"], *, arms: bool = True
) -> tuple[Float[np.ndarray, "P nu"], Float[np.ndarray, "P nu nv"]]:
    """Muscle-tendon lengths, m, and moment arms −dL/dq, m (per rad), in each pose.

    Joints are taken one by one: a moment arm here does not include what a coupled joint adds.
    With `arms=False` the second array is empty (P, nu, 0).
    """
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    lengths = np.zeros((len(poses), m.nu))
    moment_arms = np.zeros((len(poses), m.nu, m.nv) if arms else (len(poses), m.nu, 0))
    dense = np.zeros((m.nu, m.nv))
    for index, qpos in enumerate(poses):
        place(m, d, qpos)
        lengths[index] = d.actuator_length
        if arms:
            mujoco.mju_sparse2dense(
                dense, d.actuator_moment, d.moment_rownnz, d.moment_rowadr, d.moment_colind
            )
            moment_arms[index] = -dense
    return lengths, moment_arms


def coordinate_geometry(
    model: MusculoModel,
    poses: Float[np.ndarray, "P nq"],
    coordinate: int,
    data: mujoco.MjData | None = None,
) -> tuple[Float[np.ndarray, "P nu"], Float[np.ndarray, "P nu"]]:
    """Lengths, m, and moment arms about one independent coordinate, its couplings included, m.

    Args:
        model: the body.
        poses: with the couplings satisfied.
        coordinate: index into `couplings.scalar_qpos`.
        data: of the model, to work in; made anew if None (which costs as much as a few poses).
    """
    m, couplings = model.mj_model, model.couplings
    d = mujoco.MjData(m) if data is None else data
    address = couplings.scalar_qpos[coordinate]
    followers = np.flatnonzero(couplings.independent_qpos == address)
    followers = followers[couplings.dependent_qpos[followers] != address]
    joint = int(np.flatnonzero(m.jnt_qposadr == address)[0])
    slopes = couplings.slope(poses)[:, followers]
    lengths, arms = np.zeros((len(poses), m.nu)), np.zeros((len(poses), m.nu))
    direction = np.zeros(m.nv)
    direction[m.jnt_dofadr[joint]] = 1.0
    for index, qpos in enumerate(poses):
        place(m, d, qpos)
        lengths[index] = d.actuator_length
        direction[couplings.dependent_dof[followers]] = slopes[index]
        rows = np.repeat(np.arange(m.nu), d.moment_rownnz)
        entries = len(rows)
        pull = d.actuator_moment[:entries] * direction[d.moment_colind[:entries]]
        arms[index] = -np.bincount(rows, pull, minlength=m.nu)
    return lengths, arms


def place(m: mujoco.MjModel, d: mujoco.MjData, qpos: Float[np.ndarray, " nq"]) -> None:
    """Set a pose and compute what muscle lengths and moment arms need."""
    d.qpos[:] = qpos
    mujoco.mj_kinematics(m, d)
    mujoco.mj_comPos(m, d)
    mujoco.mj_tendon(m, d)
    mujoco.mj_transmission(m, d)
