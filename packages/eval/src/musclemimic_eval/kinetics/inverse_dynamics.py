"""Inverse dynamics: the generalised forces that a motion takes."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MusculoModel
from musclemimic_models.couplings import Couplings
from scipy.spatial.transform import Rotation

from musclemimic_eval.kinetics.differentiate import DifferentiatedMotion
from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_eval.kinetics.newton_euler import Wrench, newton_euler

FEET = ("calcn_l", "calcn_r")
# Residual force over the largest ground force that is usual (Hicks et al. 2015, J Biomech Eng
# 137:020905).
USUAL_RESIDUAL = 0.05
_ROOT = 6


@dataclass(frozen=True)
class InverseDynamics:
    """Generalised forces over time, positive along their coordinate. Read-only arrays.

    They are what joints (muscles, ligaments, passive structures together: the net joint moment)
    have to supply on top of gravity and the given ground reaction.

    Attributes:
        time: (T,) s.
        names: (F) coordinates that no coupling determines: "root_tx" … "root_rz" on a floating
            body, then joints.
        force: (T, F) N m for angles, N for lengths; the forces of coupled joints are included
            through their couplings (virtual work).
        every_dof: (T, nv) of each coordinate by itself, before that.
        residual_force: (T, 3) N, world: what no joint can supply, since nothing holds the root.
        residual_moment: (T, 3) N m, world, about the root body's origin. Both are 0 on a body
            that is fixed to the world.
        mass: of the whole body, kg.
    """

    time: Float[np.ndarray, " T"]
    names: tuple[str, ...]
    force: Float[np.ndarray, "T F"]
    every_dof: Float[np.ndarray, "T nv"]
    residual_force: Float[np.ndarray, "T 3"]
    residual_moment: Float[np.ndarray, "T 3"]
    mass: float

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        arrays = ("time", "force", "every_dof", "residual_force", "residual_moment")
        for value in (getattr(self, name) for name in arrays):
            value.flags.writeable = False

    def joint(self, name: str) -> Float[np.ndarray, " T"]:
        """Generalised force of one coordinate.

        Raises:
            InputError: no such independent coordinate; lists them.
        """
        if name not in self.names:
            raise InputError(
                "inverse dynamics", "coordinate", found=repr(name), expected=", ".join(self.names)
            )
        return self.force[:, self.names.index(name)]


def inverse_dynamics(
    model: MusculoModel,
    motion: DifferentiatedMotion,
    ground: GroundReaction | None = None,
) -> InverseDynamics:
    """Net joint moments of a motion, by recursive Newton–Euler over all frames at once.

    τ = M(q) q̈ + c(q, q̇) − Σ Jᵀ w over the feet, w the given ground reaction at the heel bone's
    body. Nothing else acts: no contact of the model with its floor, no joint limit, no muscle or
    passive force, no damping, no rotor inertia (`dof_armature`, which is there for numerical
    stability only). Joint couplings enter by virtual work: with q̇ = S q̇_free the independent
    coordinates' force is Sᵀ τ.

    Args:
        model: the body.
        motion: positions, velocities and accelerations (see `differentiate`).
        ground: of the same body, in its frame "model"; interpolated to the motion's times. None
            for a body that touches nothing.

    Raises:
        InputError: ground reaction in another frame, or that does not cover the motion; arrays
            of another model.
    """
    body = model.mj_model
    if motion.qpos.shape[1] != body.nq or motion.qvel.shape[1] != body.nv:
        raise InputError(
            "motion",
            "qpos, qvel",
            found=f"{motion.qpos.shape[1]} and {motion.qvel.shape[1]} columns",
            expected=f"{body.nq} and {body.nv} ({model.label})",
        )
    if ground is not None:
        ground = _on_model(ground, model, motion.time)
    pushes = [] if ground is None else _pushes(body, ground)
    every = newton_euler(body, motion.qpos, motion.qvel, motion.qacc, pushes)
    residual = np.zeros((len(motion), 6))
    if model.has_free_root:
        residual[:, :3] = every[:, :3]
        turn = Rotation.from_quat(motion.qpos[:, 3:7].copy(), scalar_first=True)
        residual[:, 3:] = turn.apply(every[:, 3:_ROOT].copy())
    return InverseDynamics(
        time=motion.time.copy(),
        names=independent_names(model),
        force=through_couplings(model.couplings, motion.qpos, every),
        every_dof=every,
        residual_force=residual[:, :3],
        residual_moment=residual[:, 3:],
        mass=float(body.body_subtreemass[0]),
    )


def through_couplings(
    couplings: Couplings, qpos: Float[np.ndarray, "T nq"], force: Float[np.ndarray, "T nv"]
) -> Float[np.ndarray, "T F"]:
    """Sᵀ · force: each dependent joint's force added to its independent one's, times the slope."""
    result = force.copy()
    gained = couplings.slope(qpos) * force[:, couplings.dependent_dof]
    moving = couplings.independent_dof != couplings.dependent_dof
    for column, force_along in zip(
        couplings.independent_dof[moving], gained[:, moving].T, strict=True
    ):
        result[:, column] += force_along
    return result[:, couplings.free_dof]


def independent_names(model: MusculoModel) -> tuple[str, ...]:
    """Name of each independent velocity coordinate, in the order of `couplings.free_dof`."""
    names: list[str] = []
    for joint, name in enumerate(model.joint_names):
        free = model.mj_model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_FREE)
        names += [f"root_{kind}{axis}" for kind in "tr" for axis in "xyz"] if free else [name]
    return tuple(names[int(dof)] for dof in model.couplings.free_dof)


def _on_model(
    ground: GroundReaction, model: MusculoModel, time: Float[np.ndarray, " T"]
) -> GroundReaction:
    if ground.frame != "model":
        raise InputError(
            "ground reaction",
            "frame",
            found=ground.frame,
            expected="'model': place it under the motion first (place_under)",
        )
    if not model.has_free_root:
        raise InputError(
            "ground reaction", "model", found=model.label, expected="a body that stands on feet"
        )
    return ground.resampled(time)


def _pushes(body: mujoco.MjModel, ground: GroundReaction) -> list[Wrench]:
    """What the ground does to each foot, which is nothing where it is unloaded."""
    return [
        Wrench(body.body(name).id, ground.force[:, foot], ground.moment_about_origin[:, foot])
        for foot, name in enumerate(FEET)
    ]
