"""Checks a model must pass before anyone should trust it."""

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float

from musclemimic_models.musculo import MusculoModel

# Left and right parts of myo-sim are built with ~7 digits; 0.5 mm and 0.5 mm/rad is far below
# anatomical variation and far above rounding.
SYMMETRY_LIMIT_M = 5e-4
COUPLING_LIMIT = 1e-9
MOMENT_ARM_LIMIT_M = 1e-5
_STEP_RAD = 1e-6


@dataclass(frozen=True)
class Check:
    """Outcome of one check.

    Attributes:
        name: what was checked.
        worst: largest deviation found. limit: largest allowed. unit: of both.
        where: muscle, joint or site of the worst deviation.
    """

    name: str
    worst: float
    limit: float
    unit: str
    where: str

    @property
    def passed(self) -> bool:
        """Whether the deviation stays within the limit (NaN fails)."""
        return self.worst <= self.limit


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
    m = model.mj_model
    mirrored = qpos.copy()
    for joint, image in enumerate(model.mirror_joint):
        if model.mirror_joint_sign[joint]:
            mirrored[..., m.jnt_qposadr[joint]] = (
                model.mirror_joint_sign[joint] * qpos[..., m.jnt_qposadr[image]]
            )
    return mirrored


def validate_model(model: MusculoModel, *, poses: int = 20, seed: int = 0) -> list[Check]:
    """Run every check on random feasible poses."""
    sample = random_poses(model, poses, seed)
    checks: list[Callable[[MusculoModel, Float[np.ndarray, "P nq"]], Check]] = [
        check_couplings,
        check_length_symmetry,
        check_moment_arm_symmetry,
        check_moment_arms,
    ]
    return [check(model, sample) for check in checks]


def check_couplings(model: MusculoModel, poses: Float[np.ndarray, "P nq"]) -> Check:
    """Our explicit couplings satisfy MuJoCo's own equality constraints."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    worst = 0.0
    for qpos in poses:
        d.qpos[:] = qpos
        mujoco.mj_fwdPosition(m, d)
        equality = d.efc_type[: d.nefc] == int(mujoco.mjtConstraint.mjCNSTR_EQUALITY)
        worst = max(worst, float(np.abs(d.efc_pos[: d.nefc][equality]).max()))
    return Check("couplings equal MuJoCo's", worst, COUPLING_LIMIT, "rad or m", "all joints")


def check_length_symmetry(model: MusculoModel, poses: Float[np.ndarray, "P nq"]) -> Check:
    """A mirrored pose gives every muscle the length of its opposite."""
    lengths, _ = muscle_geometry(model, poses)
    mirrored, _ = muscle_geometry(model, mirror_pose(model, poses))
    error = np.abs(mirrored - lengths[:, model.mirror_muscle]).max(axis=0)
    worst = int(error.argmax())
    name = "left-right symmetry of lengths"
    return Check(name, float(error[worst]), SYMMETRY_LIMIT_M, "m", model.muscle_names[worst])


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
    return Check(
        "left-right symmetry of moment arms",
        float(error.max()),
        SYMMETRY_LIMIT_M,
        "m",
        f"{model.muscle_names[muscle]} at {model.joint_names[joints[joint]]}",
    )


def check_moment_arms(model: MusculoModel, poses: Float[np.ndarray, "P nq"]) -> Check:
    """Moment arm = −dL/dq, by central differences over every hinge (Sherman et al. 2013)."""
    m = model.mj_model
    # Where a muscle starts to wrap, length has a kink and the two differ by the kink: use the
    # median over poses, which a wrong formula would shift and a rare kink does not.
    _, arms = muscle_geometry(model, poses)
    joints = np.flatnonzero(m.jnt_type == int(mujoco.mjtJoint.mjJNT_HINGE))
    errors = np.zeros((len(poses), m.nu, len(joints)))
    for column, joint in enumerate(joints):
        shifted: list[Float[np.ndarray, "P nu"]] = []
        for sign in (1, -1):
            moved = poses.copy()
            moved[:, m.jnt_qposadr[joint]] += sign * _STEP_RAD
            shifted.append(muscle_geometry(model, moved, arms=False)[0])
        slope = (shifted[0] - shifted[1]) / (2 * _STEP_RAD)
        errors[:, :, column] = np.abs(arms[:, :, m.jnt_dofadr[joint]] + slope)
    typical = np.median(errors, axis=0)
    muscle, column = divmod(int(typical.argmax()), typical.shape[1])
    return Check(
        "moment arm = -dL/dq (median over poses)",
        float(typical.max()),
        MOMENT_ARM_LIMIT_M,
        "m",
        f"{model.muscle_names[muscle]} at {model.joint_names[joints[column]]}",
    )


def muscle_geometry(
    model: MusculoModel, poses: Float[np.ndarray, "P nq"], *, arms: bool = True
) -> tuple[Float[np.ndarray, "P nu"], Float[np.ndarray, "P nu nv"]]:
    """Muscle-tendon lengths, m, and moment arms −dL/dq, m (per rad), in each pose."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    lengths = np.zeros((len(poses), m.nu))
    moment_arms = np.zeros((len(poses), m.nu, m.nv) if arms else (len(poses), m.nu, 0))
    dense = np.zeros((m.nu, m.nv))
    for index, qpos in enumerate(poses):
        d.qpos[:] = qpos
        mujoco.mj_kinematics(m, d)
        mujoco.mj_comPos(m, d)
        mujoco.mj_tendon(m, d)
        mujoco.mj_transmission(m, d)
        lengths[index] = d.actuator_length
        if arms:
            mujoco.mju_sparse2dense(
                dense, d.actuator_moment, d.moment_rownnz, d.moment_rowadr, d.moment_colind
            )
            moment_arms[index] = -dense
    return lengths, moment_arms
