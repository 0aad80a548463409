"""Forces in the joints: what net motion and muscles together press the bones with.

The force a joint transmits is the intersegmental force of inverse dynamics less what the muscles
that cross it supply (Steele et al. 2012, Gait Posture 35:556). Both are generalised forces of an
imagined translation of everything beyond the joint: of a slide joint that is never moved, between
the joint and the bone beyond. A muscle's share is its tension times the change of its length with
that slide, so wrapping surfaces and the patella are dealt with exactly as in the moment arms.
Ligaments, which the model lacks, are part of it.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import MusculoModel, load_spec
from musclemimic_models.build import compile_spec

from musclemimic_eval.inverse.geometry import dense_moments, update_tendons
from musclemimic_eval.kinetics.differentiate import DifferentiatedMotion
from musclemimic_eval.kinetics.ground_reaction import GRAVITY, GroundReaction
from musclemimic_eval.kinetics.inverse_dynamics import FEET

# Joint to the body beyond it, whose frame the force is told in (x forward, y up along the bone,
# z right at the reference pose).
BEYOND = {
    "hip": "femur",
    "knee": "tibia",
    "ankle": "talus",
    "shoulder": "humerus",
    "elbow": "ulna",
}
_AXES = "xyz"


@dataclass(frozen=True)
class JointContact:
    """Forces in the joints.

    Attributes:
        names: joints, as "knee_r".
        force: (T, K, 3) N, on the bone beyond the joint, in that bone's frame; pressing a leg's
            joint together is −y.
        intersegmental: (T, K, 3) the same without muscles.
        body_weight: N.
    """

    names: tuple[str, ...]
    force: Float[np.ndarray, "T K 3"]
    intersegmental: Float[np.ndarray, "T K 3"]
    body_weight: float

    @property
    def in_body_weights(self) -> Float[np.ndarray, "T K"]:
        """Size of the force over body weight."""
        return np.linalg.norm(self.force, axis=2) / self.body_weight


def joint_contact(
    model: MusculoModel,
    motion: DifferentiatedMotion,
    force: Float[np.ndarray, "T nu"],
    ground: GroundReaction | None,
) -> JointContact:
    """Forces in hips, knees and ankles (shoulders and elbows) that a motion's muscles cause.

    Args:
        model: of the motion, without phantom inertia.
        motion: with accelerations.
        force: of the muscles, N, negative for pulling.
        ground: in the frame "model"; None without contact.
    """
    bodies = {model.mj_model.body(index).name for index in range(model.mj_model.nbody)}
    names = tuple(
        f"{joint}_{side}"
        for joint, beyond in BEYOND.items()
        for side in "rl"
        if f"{beyond}_{side}" in bodies
    )
    if ground is not None:
        ground = ground.resampled(motion.time)
    net = np.empty((len(motion), len(names), 3))
    muscles = np.empty_like(net)
    for axis in range(3):
        body = _slide_model(model.name, model.fingers, axis, names)
        body.body_inertia[:] = model.mj_model.body_inertia
        slides = [int(body.joint(f"contact_{name}").dofadr[0]) for name in names]
        for frame, (data, total) in enumerate(_replayed(body, model, motion, ground)):
            net[frame, :, axis] = total[slides]
            moments = np.zeros((body.nu, body.nv))
            dense_moments(data, moments)
            muscles[frame, :, axis] = moments[:, slides].T @ force[frame]
    weight = GRAVITY * float(model.mj_model.body_subtreemass[0])
    return JointContact(names, net - muscles, net, weight)


def _replayed(
    body: mujoco.MjModel,
    model: MusculoModel,
    motion: DifferentiatedMotion,
    ground: GroundReaction | None,
) -> Iterator[tuple[mujoco.MjData, Float[np.ndarray, " nv"]]]:
    """Frame by frame the pose with its tendons, and the generalised forces it takes."""
    data, total = mujoco.MjData(body), np.empty(body.nv)
    qpos_at, qvel_at = _addresses(body, model)
    feet = [body.body(name).id for name in FEET] if ground is not None else []
    for frame in range(len(motion)):
        data.qpos[qpos_at] = motion.qpos[frame]
        data.qvel[qvel_at], data.qacc[qvel_at] = motion.qvel[frame], motion.qacc[frame]
        update_tendons(body, data)
        mujoco.mj_comVel(body, data)
        mujoco.mj_rne(body, data, 1, total)
        for foot, index in enumerate(feet):
            if ground is None or np.isnan(ground.centre_of_pressure[frame, foot, 0]):
                continue
            pushed = np.zeros(body.nv)
            wrench = (ground.force[frame, foot], ground.free_moment[frame, foot])
            point = ground.centre_of_pressure[frame, foot]
            mujoco.mj_applyFT(body, data, *wrench, point, index, pushed)
            total -= pushed
        yield data, total


@functools.lru_cache(maxsize=6)
def _slide_model(name: str, fingers: bool, axis: int, joints: tuple[str, ...]) -> mujoco.MjModel:
    """The model with one slide along an axis in every joint (a body takes 6 degrees of freedom)."""
    spec = load_spec(name, fingers=fingers, visual=False)
    for joint in joints:
        kind, _, side = joint.partition("_")
        spec.body(f"{BEYOND[kind]}_{side}").add_joint(
            name=f"contact_{joint}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=np.eye(3)[axis],
            range=[-1.0, 1.0],
            limited=mujoco.mjtLimited.mjLIMITED_FALSE,
        )
    return compile_spec(spec)


def _addresses(body: mujoco.MjModel, model: MusculoModel) -> tuple[list[int], list[int]]:
    """Where the model's qpos and qvel columns lie in the model with slides."""
    qpos: list[int] = []
    qvel: list[int] = []
    for name in model.joint_names:
        joint = body.joint(name)
        free = joint.type[0] == int(mujoco.mjtJoint.mjJNT_FREE)
        qpos += range(int(joint.qposadr[0]), int(joint.qposadr[0]) + (7 if free else 1))
        qvel += range(int(joint.dofadr[0]), int(joint.dofadr[0]) + (6 if free else 1))
    return qpos, qvel
