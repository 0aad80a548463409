"""The numbers agree with each other: couplings, moment arms, force curves."""

import mujoco
import numpy as np
from jaxtyping import Float

from musclemimic_models import curves
from musclemimic_models.musculo import MusculoModel
from musclemimic_models.validation.check import Check
from musclemimic_models.validation.poses import muscle_geometry

COUPLING_LIMIT = 1e-9
MOMENT_ARM_LIMIT_M = 1e-5
# Of isometric strength, and of 1/s for activation: both sides compute in double precision.
CURVE_LIMIT = 1e-10
_STEP_RAD = 1e-6
_GRID = 25


def check_couplings(model: MusculoModel, poses: Float[np.ndarray, "P nq"]) -> Check:
    """Our explicit couplings satisfy MuJoCo's own equality constraints."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    worst = 0.0
    for qpos in model.couplings.apply(poses):
        d.qpos[:] = qpos
        mujoco.mj_fwdPosition(m, d)
        equality = d.efc_type[: d.nefc] == int(mujoco.mjtConstraint.mjCNSTR_EQUALITY)
        worst = max(worst, float(np.abs(d.efc_pos[: d.nefc][equality]).max()))
    return Check("couplings equal MuJoCo's", worst, COUPLING_LIMIT, "rad or m", "all joints")


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


def check_force_curves(model: MusculoModel) -> Check:
    """Our force–length–velocity curves equal MuJoCo's for every muscle, beyond its range too."""
    m, t = model.mj_model, model.muscles
    normalised, speeds = np.linspace(0.2, 2.0, _GRID), np.linspace(-1.3, 1.3, _GRID)
    worst, where = 0.0, ""
    for x in normalised:
        length = t.length_range[:, 0] + (x - t.normalised_range[:, 0]) * t.optimal_length
        passive = curves.passive_force(t, length)
        for speed in speeds:
            velocity = speed * t.max_velocity
            active = curves.active_force(t, length, velocity)
            for i in range(m.nu):
                own = m.actuator_lengthrange[i], m.actuator_acc0[i], m.actuator_gainprm[i, :9]
                gain = mujoco.mju_muscleGain(length[i], velocity[i], *own)
                bias = mujoco.mju_muscleBias(length[i], own[0], own[1], m.actuator_biasprm[i, :9])
                error = max(abs(active[i] + gain), abs(passive[i] + bias))
                relative = float(error / t.max_isometric_force[i])
                if not relative <= worst:
                    worst, where = relative, t.names[i]
    name, unit = "force-length-velocity equals MuJoCo's", "of isometric strength"
    return Check(name, worst, CURVE_LIMIT, unit, where or "all muscles")


def check_activation(model: MusculoModel) -> Check:
    """Our activation dynamics equal MuJoCo's for every muscle."""
    m, t = model.mj_model, model.muscles
    worst, where = 0.0, ""
    for activation in np.linspace(0, 1, _GRID):
        for excitation in np.linspace(0, 1, _GRID):
            rate = curves.activation_rate(t, np.full(m.nu, activation), np.full(m.nu, excitation))
            for i in range(m.nu):
                own = mujoco.mju_muscleDynamics(excitation, activation, m.actuator_dynprm[i, :3])
                if not abs(rate[i] - own) <= worst:
                    worst, where = abs(float(rate[i] - own)), t.names[i]
    name = "activation dynamics equal MuJoCo's"
    return Check(name, worst, CURVE_LIMIT, "1/s", where or "all muscles")
