"""Whole-body coordination: muscles and ground forces that make the body accelerate as wanted.

The coordination layer of `coordinator.py` shares joint torques among muscles and leaves it to
chance what the ground does; a body on its feet then falls within half a second. Here the ground
reaction is part of the problem. With activations a within reach, and forces f ≥ 0 along the edges
of the friction pyramids at the points of the feet that are on the ground, the body accelerates by
    u̇ = M⁻¹ (A a + C f − h),
and the wanted acceleration u̇* is approached in the metric of Gauss's principle of least
constraint (the mass matrix M, plus a weight on the root):
    minimise ½ ‖u̇ − u̇*‖²_(M + D) + ½ λ ‖a‖² + ½ ε ‖f‖²,   lo ≤ a ≤ hi,  f ≥ 0.
That is the bounded least-squares problem of the coordination layer with ground forces as further
"muscles". Acceleration-level tracking with ground forces in friction pyramids: da Silva, Abe and
Popović 2008, Comput Graph Forum 27:371; steps that follow the body's velocity: Raibert 1986.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int
from musclemimic_models import MusculoModel

from musclemimic_sim.body import BodyState
from musclemimic_sim.box_least_squares import solve_in_box
from musclemimic_sim.dynamics import Reduction, reduction
from musclemimic_sim.foot_points import FootPoints, foot_points
from musclemimic_sim.gauss import gauss_rows
from musclemimic_sim.muscle import (
    MuscleParameters,
    bias,
    excitation_for,
    gain,
    muscle_parameters,
    reach,
)
from musclemimic_sim.relative import rotate, rotation_log, rotation_matrix
from musclemimic_sim.types import Dynamics
from musclemimic_sim.whole_body_config import WholeBodyConfig

Value = Float[jax.Array, " N"] | Float[jax.Array, ""] | float

# The largest force along one edge of a friction pyramid, N.
_STRONGEST = 3000.0


class WholeBodyGains(NamedTuple):
    """How the wanted acceleration follows the reference; see `WholeBodyConfig` for each.

    Numbers, or one for each world, so that many settings can be tried side by side.
    """

    root_horizontal: Value
    root_vertical: Value
    root_rotation: Value
    joint: Value
    root_damping: Value
    joint_damping: Value
    root_weight: Value
    step_velocity: Value
    step_position: Value
    side_velocity: Value
    side_position: Value
    step_pitch: Value
    step_yaw: Value
    step_roll: Value
    lift: Value
    apart: Value


def gains_of(config: WholeBodyConfig) -> WholeBodyGains:
    """The same gains in all worlds."""
    values: dict[str, float] = {name: getattr(config, name) for name in WholeBodyGains._fields}
    return WholeBodyGains(**values)


class Reference(NamedTuple):
    """Where the body should be at the end of the control step, in the world of the episode.

    Attributes:
        qpos, qvel: MuJoCo's.
        acceleration: rate of change of qvel, m/s² and rad/s².
        swing: how far each foot (left, right) is off the ground, 0 to 1.
        swing_rate: its rate of change, 1/s.
    """

    qpos: Float[jax.Array, "N nq"]
    qvel: Float[jax.Array, "N nv"]
    acceleration: Float[jax.Array, "N nv"]
    swing: Float[jax.Array, "N 2"]
    swing_rate: Float[jax.Array, "N 2"]


class Legs(NamedTuple):
    """Positions of the legs' joints among the J independent joints, (2,) left and right."""

    hip_flexion: Int[jax.Array, "2"]
    hip_adduction: Int[jax.Array, "2"]
    hip_rotation: Int[jax.Array, "2"]
    knee_angle: Int[jax.Array, "2"]
    ankle_angle: Int[jax.Array, "2"]


class WholeBody(NamedTuple):
    """The layer for one model with a free root.

    Attributes:
        muscles: force and activation parameters.
        reduction: to the independent velocities.
        points: where the feet may touch the ground.
        legs: joints that step.
    """

    muscles: MuscleParameters
    reduction: Reduction
    points: FootPoints
    legs: Legs

    def excite(
        self,
        gains: WholeBodyGains,
        *,
        state: BodyState,
        dynamics: Dynamics,
        moments: Float[jax.Array, "N nu nv"],
        reference: Reference,
        joint_offset: Float[jax.Array, "N J"],
        config: WholeBodyConfig,
        timestep: float,
        substeps: int,
    ) -> Float[jax.Array, "N nu"]:
        """Excitations whose forces, with the ground's, bring the wanted acceleration nearest.

        Args:
            gains: see there.
            state: of the bodies.
            dynamics: of the bodies, see `Simulator`.
            moments: dL/dq, see `Simulator`.
            reference: to follow.
            joint_offset: added to the reference's independent joints, rad.
            config: regularisation and ground.
            timestep: of the physics, s.
            substeps: of a control step.
        """
        qpos = state.qpos
        wanted = self.wanted(gains, state, reference, joint_offset)
        root = len(self.reduction.root)
        mass = self.reduction.mass_matrix(dynamics, qpos)
        arms = self.reduction.forces(moments, qpos)  # (N, nu, F)
        pull = gain(self.muscles, state.length, state.velocity)[..., None] * arms
        passive = jnp.einsum("nmf,nm->nf", arms, bias(self.muscles, state.length))
        load, bound = self.ground(dynamics, qpos, reference.swing, config)
        held = jnp.asarray(dynamics.bias_force) - jnp.asarray(dynamics.passive_force)
        rest = self.reduction.forces(held, qpos) - passive
        scale = math.sqrt(config.regularisation / config.ground_regularisation)
        columns = jnp.concatenate([jnp.swapaxes(pull, 1, 2), load * scale], axis=2)
        weight = jnp.zeros(mass.shape[-1]).at[:root].set(1.0) * _column(gains.root_weight)
        matrix, target = gauss_rows(mass, weight, columns, wanted, rest)
        low, high = reach(self.muscles, state.act, timestep=timestep, substeps=substeps)
        solution = solve_in_box(
            matrix,
            target,
            low=jnp.concatenate([low, jnp.zeros_like(bound)], axis=1),
            high=jnp.concatenate([high, bound / scale], axis=1),
            regularisation=config.regularisation,
        )
        activation = solution[:, : state.act.shape[1]]
        excitation = excitation_for(activation, act=state.act, low=low, high=high)
        return jnp.nan_to_num(excitation)

    def wanted(
        self,
        gains: WholeBodyGains,
        state: BodyState,
        reference: Reference,
        joint_offset: Float[jax.Array, "N J"],
    ) -> Float[jax.Array, "N F"]:
        """u̇*: the reference's acceleration, corrected for the deviations from it."""
        joints = self.reduction.joints
        now, goal = (rotation_matrix(q[:, 3:7]) for q in (state.qpos, reference.qpos))
        turn = rotation_log(jnp.swapaxes(now, 1, 2) @ goal)  # in the pelvis's own frame
        away = reference.qpos[:, :3] - state.qpos[:, :3]
        slower = reference.qvel[:, :6] - state.qvel[:, :6]
        offset, rate = self.steps(gains, reference, -away, -slower[:, :3], turn)
        bend = reference.qpos - state.qpos
        bend = bend[:, joints.joint_qpos] + joint_offset + offset
        speed = (reference.qvel - state.qvel)[:, joints.joint_dof] + rate
        error = jnp.concatenate([away, turn, bend], axis=1)
        rates = jnp.concatenate([slower, speed], axis=1)
        joint_count = bend.shape[1]
        stiffness = jnp.concatenate(
            [
                jnp.broadcast_to(_column(value), (len(error), count))
                for value, count in (
                    (gains.root_horizontal, 2),
                    (gains.root_vertical, 1),
                    (gains.root_rotation, 3),
                    (gains.joint, joint_count),
                )
            ],
            axis=1,
        )
        ratio = jnp.concatenate(
            [
                jnp.broadcast_to(_column(value), (len(error), count))
                for value, count in ((gains.root_damping, 6), (gains.joint_damping, joint_count))
            ],
            axis=1,
        )
        forward = jnp.concatenate(
            [
                reference.acceleration[:, self.reduction.root],
                reference.acceleration[:, joints.joint_dof],
            ],
            axis=1,
        )
        return forward + stiffness * error + 2 * ratio * jnp.sqrt(stiffness) * rates

    def steps(
        self,
        gains: WholeBodyGains,
        reference: Reference,
        ahead: Float[jax.Array, "N 3"],
        faster: Float[jax.Array, "N 3"],
        turn: Float[jax.Array, "N 3"],
    ) -> tuple[Float[jax.Array, "N J"], Float[jax.Array, "N J"]]:
        """Changes of the joints' targets, rad, and their rates: where the swinging leg goes.

        Args:
            gains: see there.
            reference: gives the swing and the heading.
            ahead: how far the pelvis is beyond the reference, world frame, m.
            faster: the same for its velocity, m/s.
            turn: rotation from the pelvis to the reference's (about its left, back
                and upward axes), rad.
        """
        heading = rotation_matrix(reference.qpos[:, 3:7])
        # In the root's frame x points to the left, -y forward, z up.
        local = [rotate(jnp.swapaxes(heading, 1, 2), v) for v in (ahead, faster)]
        forward = -gains.step_position * local[0][:, 1] - gains.step_velocity * local[1][:, 1]
        left = gains.side_position * local[0][:, 0] + gains.side_velocity * local[1][:, 0]
        # Adduction and inward rotation have opposite senses on the two sides.
        side = jnp.array([-1.0, 1.0])
        off = (reference.swing > 0.5).astype(jnp.float32)
        lift = _column(gains.lift) * reference.swing
        flexion = (forward + gains.step_pitch * turn[:, 0])[:, None]
        adduction = (left + gains.step_roll * turn[:, 1])[:, None]
        rotation = (gains.step_yaw * turn[:, 2])[:, None]
        legs = self.legs
        offset = jnp.zeros((len(ahead), len(self.reduction.joints.joint_dof)))
        offset = offset.at[:, legs.hip_flexion].add(off * flexion + 0.5 * lift)
        offset = offset.at[:, legs.hip_adduction].add(off * side * adduction - _column(gains.apart))
        offset = offset.at[:, legs.hip_rotation].add(off * side * rotation)
        offset = offset.at[:, legs.knee_angle].add(lift)
        offset = offset.at[:, legs.ankle_angle].add(0.5 * lift)
        lifting = _column(gains.lift) * reference.swing_rate
        rate = jnp.zeros_like(offset).at[:, legs.hip_flexion].add(0.5 * lifting)
        rate = rate.at[:, legs.knee_angle].add(lifting)
        return offset, rate.at[:, legs.ankle_angle].add(0.5 * lifting)

    def ground(
        self,
        dynamics: Dynamics,
        qpos: Float[jax.Array, "N nq"],
        swing: Float[jax.Array, "N 2"],
        config: WholeBodyConfig,
    ) -> tuple[Float[jax.Array, "N F E"], Float[jax.Array, "N E"]]:
        """Force on the independent coordinates of 1 N along each pyramid edge, and its bound, N.

        A foot that should swing carries nothing: otherwise its toes would go on pushing, and drag.
        """
        points = self.points.lowest(dynamics)
        jacobian = self.reduction.forces(self.points.jacobian(dynamics, points), qpos)
        mu = config.friction
        edges = jnp.array([[mu, 0, 1], [-mu, 0, 1], [0, mu, 1], [0, -mu, 1]])
        load = jnp.einsum("npxf,ex->nfpe", jacobian, edges)
        touching: Bool[jax.Array, "N P"] = points[..., 2] < config.contact_height_m
        standing = swing[:, self.points.side] < config.swing_release
        bound = jnp.where(touching & standing, _STRONGEST, 0.0)
        bound = jnp.repeat(bound, edges.shape[0], axis=1)
        return load.reshape(*load.shape[:2], -1), bound


def _column(value: Value) -> Float[jax.Array, "#N 1"]:
    return jnp.reshape(jnp.asarray(value, dtype=jnp.float32), (-1, 1))


def build_whole_body(model: MusculoModel) -> WholeBody:
    """The layer of a model."""
    m = model.mj_model
    names = {int(m.jnt_qposadr[m.joint(name).id]): name for name in model.joint_names}
    order = [names[address] for address in model.couplings.scalar_qpos.tolist()]
    legs = Legs(
        *(jnp.array([order.index(f"{stem}_{side}") for side in "lr"]) for stem in Legs._fields)
    )
    return WholeBody(muscle_parameters(model), reduction(model), foot_points(model), legs)
