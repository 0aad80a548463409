"""Left and right are mirror images: lengths, moment arms and forces, for every muscle."""

import mujoco
import numpy as np
from jaxtyping import Float

from musclemimic_models.musculo import MusculoModel
from musclemimic_models.validation.check import Check
from musclemimic_models.validation.poses import mirror_pose, mirror_velocity, muscle_geometry

# Left and right parts of myo-sim are built with ~7 digits, and some axes with 4; 0.5 mm is far
# below anatomical variation and far above rounding.
SYMMETRY_LIMIT_M = 5e-4
# Of isometric strength: a 0.5 mm longer fibre of 5 cm is 1 % longer and some 1 % stronger.
FORCE_LIMIT = 1e-2
_SPEED = 2.0


def check_length_symmetry(model: MusculoModel, poses: Float[np.ndarray, "P nq"]) -> Check:
    """A mirrored pose gives every muscle the length of its opposite."""
    lengths, _ = muscle_geometry(model, poses, arms=False)
    mirrored, _ = muscle_geometry(model, mirror_pose(model, poses), arms=False)
    error = np.abs(mirrored - lengths[:, model.mirror_muscle]).max(axis=0)
    name = "left-right symmetry of lengths"
    return _per_muscle(model, name, error, SYMMETRY_LIMIT_M, "m")


def check_moment_arm_symmetry(model: MusculoModel, poses: Float[np.ndarray, "P nq"]) -> Check:
    """A mirrored pose gives every muscle the moment arms of its opposite."""
    _, arms = muscle_geometry(model, poses)
    _, mirrored = muscle_geometry(model, mirror_pose(model, poses))
    m = model.mj_model
    joints = np.flatnonzero(model.mirror_joint_sign != 0)
    here, there = m.jnt_dofadr[joints], m.jnt_dofadr[model.mirror_joint[joints]]
    expected = model.mirror_joint_sign[joints] * arms[:, model.mirror_muscle][:, :, there]
    error = np.abs(mirrored[:, :, here] - expected).max(axis=0)
    muscle, joint = divmod(int(error.argmax()), error.shape[1])
    failing = np.argwhere(error > SYMMETRY_LIMIT_M)
    return Check(
        "left-right symmetry of moment arms",
        float(error.max()),
        SYMMETRY_LIMIT_M,
        "m",
        f"{model.muscle_names[muscle]} at {model.joint_names[joints[joint]]}",
        tuple(
            f"{model.muscle_names[i]} at {model.joint_names[joints[k]]}: {error[i, k]:.2g} m"
            for i, k in failing
        ),
    )


def check_force_symmetry(
    model: MusculoModel, poses: Float[np.ndarray, "P nq"], *, seed: int = 0
) -> Check:
    """Mirrored poses, velocities and activations give mirrored muscle forces."""
    rng = np.random.default_rng(seed)
    qvel = model.couplings.apply_velocity(
        poses, rng.uniform(-_SPEED, _SPEED, (len(poses), model.mj_model.nv))
    )
    act = rng.uniform(size=(len(poses), model.mj_model.nu))
    forces = muscle_forces(model, poses, qvel, act)
    mirrored = muscle_forces(
        model,
        mirror_pose(model, poses),
        mirror_velocity(model, qvel),
        act[:, model.mirror_muscle],
    )
    strength = model.muscles.max_isometric_force
    error = (np.abs(mirrored - forces[:, model.mirror_muscle]) / strength).max(axis=0)
    name = "left-right symmetry of forces"
    return _per_muscle(model, name, error, FORCE_LIMIT, "of isometric strength")


def muscle_forces(
    model: MusculoModel,
    qpos: Float[np.ndarray, "P nq"],
    qvel: Float[np.ndarray, "P nv"],
    act: Float[np.ndarray, "P nu"],
) -> Float[np.ndarray, "P nu"]:
    """MuJoCo's actuator forces, N (negative: pulling), at given states and activations."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    forces = np.zeros((len(qpos), m.nu))
    for index in range(len(qpos)):
        d.qpos[:], d.qvel[:], d.act[:] = qpos[index], qvel[index], act[index]
        mujoco.mj_fwdPosition(m, d)
        mujoco.mj_fwdVelocity(m, d)
        mujoco.mj_fwdActuation(m, d)
        forces[index] = d.actuator_force
    return forces


def _per_muscle(
    model: MusculoModel, name: str, error: Float[np.ndarray, " nu"], limit: float, unit: str
) -> Check:
    worst = int(error.argmax())
    details = tuple(
        f"{model.muscle_names[i]}: {error[i]:.2g} {unit}" for i in np.flatnonzero(error > limit)
    )
    return Check(name, float(error[worst]), limit, unit, model.muscle_names[worst], details)
