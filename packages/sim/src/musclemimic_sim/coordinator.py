"""The coordinated action: joint targets in, muscle excitations out."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float
from musclemimic_models import MusculoModel

from musclemimic_sim.blocks import BlockMatrix
from musclemimic_sim.body import BodyState
from musclemimic_sim.box_least_squares import solve_in_box
from musclemimic_sim.config import EnvConfig
from musclemimic_sim.coordination import (
    JointMap,
    MomentBlock,
    joint_dynamics,
    joint_map,
    moment_blocks,
)
from musclemimic_sim.muscle import (
    MuscleParameters,
    bias,
    excitation_for,
    gain,
    muscle_parameters,
    reach,
)

# N m/rad below which a joint's torque errors do not weigh more.
_LEAST_STIFFNESS = 5.0


class JointTarget(NamedTuple):
    """Where the J independent joints should go: rad (m) and rad/s (m/s)."""

    position: Float[jax.Array, "N J"]
    velocity: Float[jax.Array, "N J"]


class TorqueProblem(NamedTuple):
    """Minimise ½ ‖matrix · a − target‖² + ½ λ ‖a‖² over low ≤ a ≤ high, for N bodies.

    Rows are joints, in units of joint error (rad or m); columns are muscles.

    Attributes:
        matrix: joint error made up for by full activation of each muscle.
        target: joint error to make up for, less what passive muscles do.
        low, high: activations in reach within one control step.
    """

    matrix: BlockMatrix
    target: Float[jax.Array, "N J"]
    low: Float[jax.Array, "N nu"]
    high: Float[jax.Array, "N nu"]


class Coordinator(NamedTuple):
    """Turns joint targets into excitations for one model; see `CoordinationConfig`.

    Attributes:
        muscles: force and activation parameters.
        joints: reduction to the independent joints.
        inertia, damping: (J,) kg m² (kg) and N m s (N s/m), see `joint_dynamics`.
        blocks: which muscles act on which joints.
    """

    muscles: MuscleParameters
    joints: JointMap
    inertia: Float[jax.Array, " J"]
    damping: Float[jax.Array, " J"]
    blocks: tuple[MomentBlock, ...]

    def excite(
        self,
        config: EnvConfig,
        *,
        state: BodyState,
        moments: Float[jax.Array, "N nu nv"],
        bias_force: Float[jax.Array, "N nv"],
        target: JointTarget,
        timestep: float,
    ) -> Float[jax.Array, "N nu"]:
        """Excitations whose forces, one control step on, come closest to the wanted torques.

        Args:
            config: of the environment.
            state: of the bodies.
            moments: dL/dq, see `Simulator`.
            bias_force: see `Simulator`; zeros leave gravity to the targets.
            target: of the joints.
            timestep: of the physics, s.
        """
        problem = self.problem(
            config,
            state=state,
            moments=moments,
            bias_force=bias_force,
            target=target,
            timestep=timestep,
        )
        low, high = problem.low, problem.high
        activation = solve_in_box(
            problem.matrix,
            problem.target,
            low=low,
            high=high,
            regularisation=config.coordination.regularisation,
        )
        excitation = excitation_for(activation, act=state.act, low=low, high=high)
        # A diverged world keeps its harm to itself.
        return jnp.nan_to_num(excitation)

    def problem(
        self,
        config: EnvConfig,
        *,
        state: BodyState,
        moments: Float[jax.Array, "N nu nv"],
        bias_force: Float[jax.Array, "N nv"],
        target: JointTarget,
        timestep: float,
    ) -> TorqueProblem:
        """What the muscles should do and can do; see `excite` for the arguments."""
        c = config.coordination
        omega = 2 * math.pi * c.frequency_hz
        position = state.qpos[:, self.joints.joint_qpos]
        velocity = state.qvel[:, self.joints.joint_dof]
        # Bandwidth ω against inertia and against the joint's own damping, which dominates in
        # small segments; the damping along the reference is fed forward.
        stiffness = self.inertia * omega**2 + self.damping * omega
        wanted = (
            stiffness * (target.position - position)
            + 2 * c.damping_ratio * omega * self.inertia * (target.velocity - velocity)
            + self.damping * target.velocity
            + self.joints.reduce(bias_force, state.qpos)
        )
        # Torque errors weigh by the joint error they amount to; without the floor, joints with
        # little inertia (wrist, forearm) would outweigh all others.
        weight = 1 / jnp.maximum(stiffness, _LEAST_STIFFNESS)
        torque = self.torque_per_newton(moments, state.qpos)
        passive = torque.times(bias(self.muscles, state.length))
        strength = gain(self.muscles, state.length, state.velocity)
        active = torque.scaled(weight, strength)
        low, high = reach(self.muscles, state.act, timestep=timestep, substeps=config.substeps)
        return TorqueProblem(active, (wanted - passive) * weight, low, high)

    def torque_per_newton(
        self, moments: Float[jax.Array, "N nu nv"], qpos: Float[jax.Array, "N nq"]
    ) -> BlockMatrix:
        """Joint torque per muscle force, m per rad (pulling forces are negative): (J, nu) each."""
        parts = (jnp.swapaxes(block.arms(moments, qpos), 1, 2) for block in self.blocks)
        return BlockMatrix(
            tuple(parts),
            tuple(tuple(block.joints.tolist()) for block in self.blocks),
            tuple(tuple(block.muscles.tolist()) for block in self.blocks),
            len(self.inertia),
        )


def build_coordinator(model: MusculoModel) -> Coordinator:
    """The coordination layer of a model."""
    inertia, damping = (jnp.array(values) for values in joint_dynamics(model))
    return Coordinator(
        muscle_parameters(model), joint_map(model), inertia, damping, moment_blocks(model)
    )
