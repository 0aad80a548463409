"""Stage two: mocap bodies welded to the mimic sites pull the model in MuJoCo."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models.build import MIMIC_PREFIX

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.kinematics import stripped_spec
from musclemimic_retarget.targets import Targets

_GOAL = "goal_"
# Bodies weigh alike and joints have inertia of their own: this is a search for rest, not motion.
_MASS, _INERTIA, _ARMATURE = 1.0, 0.05, 0.02


@dataclass(frozen=True)
class PullConfig:
    """How hard the mocap bodies pull, and for how long.

    Attributes:
        timestep: of the pull, s.
        steps: for each frame.
        first_steps: for the first frame.
        time_constant: of the welds, s. A weld is a spring with critical damping.
        torque_scale: rotation against position in a weld, m/rad.
        damping: of every joint, N·m·s/rad or N·s/m.
        settled: a frame has settled when no coordinate is faster than this, rad/s or m/s.
    """

    timestep: float = 0.01
    steps: int = 20
    first_steps: int = 400
    time_constant: float = 0.02
    torque_scale: float = 0.15
    damping: float = 0.2
    settled: float = 1.0


def pull_model(model: Articulated, config: PullConfig) -> mujoco.MjModel:
    """The model's skeleton with its ranges and couplings, every site welded to a mocap body.

    No muscles, contacts or gravity. The couplings and ranges are MuJoCo's soft constraints, as the
    published method has them.
    """
    m = model.mj_model
    spec = stripped_spec(m, [MIMIC_PREFIX + site for site in model.mimic_sites])
    spec.option.timestep = config.timestep
    spec.option.gravity = np.zeros(3)
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    for body in spec.bodies:
        if body.name != "world":
            body.mass, body.inertia = _MASS, np.full(3, _INERTIA)
    for joint in spec.joints:
        compiled = m.joint(joint.name)
        if int(compiled.type[0]) != int(mujoco.mjtJoint.mjJNT_FREE):
            # Linear, quadratic and cubic damping.
            joint.damping, joint.armature = np.array([config.damping, 0.0, 0.0]), _ARMATURE
            joint.range = compiled.range
            joint.limited = bool(m.jnt_limited[compiled.id])
    for row in np.flatnonzero(m.eq_type == int(mujoco.mjtEq.mjEQ_JOINT)):
        leader = int(m.eq_obj2id[row])
        spec.add_equality(
            type=mujoco.mjtEq.mjEQ_JOINT,
            name1=m.joint(int(m.eq_obj1id[row])).name,
            name2="" if leader < 0 else m.joint(leader).name,
            data=m.eq_data[row].tolist(),
        )
    for site in model.mimic_sites:
        goal = spec.worldbody.add_body(name=_GOAL + site, mocap=True)
        goal.add_site(name=_GOAL + site)
        data = np.zeros(mujoco.mjNEQDATA)
        data[10] = config.torque_scale
        spec.add_equality(
            name=_GOAL + site,
            type=mujoco.mjtEq.mjEQ_WELD,
            objtype=mujoco.mjtObj.mjOBJ_SITE,
            name1=_GOAL + site,
            name2=MIMIC_PREFIX + site,
            data=data.tolist(),
            solref=[config.time_constant, 1.0],
        )
    return spec.compile()


def pull(
    model: mujoco.MjModel,
    targets: Targets,
    start: Float[np.ndarray, " nq"],
    config: PullConfig,
) -> tuple[Float[np.ndarray, "T nq"], Bool[np.ndarray, " T"]]:
    """Follow the targets frame by frame, each from where the one before came to rest.

    Args:
        model: from `pull_model`.
        targets: of every frame.
        start: pose to begin with.
        config: of the pull.

    Returns:
        (T, nq) poses, soft constraints and all, and whether each frame settled.
    """
    data = mujoco.MjData(model)
    data.qpos[:] = start
    goals = [int(model.body(_GOAL + site).mocapid[0]) for site in targets.site_names]
    for site, goal in zip(targets.site_names, goals, strict=True):
        if not targets.rot_weight[targets.site_names.index(site)]:
            model.eq_data[model.equality(_GOAL + site).id, 10] = 0.0
        data.mocap_pos[goal] = targets.pos[0, targets.site_names.index(site)]
    poses, settled = np.empty((len(targets), model.nq)), np.zeros(len(targets), dtype=bool)
    for frame in range(len(targets)):
        data.mocap_pos[goals] = targets.pos[frame]
        data.mocap_quat[goals] = targets.quat[frame]
        for _ in range(config.first_steps if frame == 0 else config.steps):
            mujoco.mj_step(model, data)
        settled[frame] = np.abs(data.qvel).max() < config.settled
        poses[frame] = data.qpos
    return poses, settled
