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
from musclemimic_sim.coordination import MomentBlock, joint_damping, moment_blocks
from musclemimic_sim.dynamics import Reduction, reduction
from musclemimic_sim.muscle import (
    MuscleParameters,
    bias,
    excitation_for,
    gain,
    gain_slope,
    muscle_parameters,
    reach,
)
from musclemimic_sim.types import Dynamics

# N m/rad below which a joint's torque errors do not weigh more: all but shoulders, hips and trunk
# then weigh alike. Of 5, 20, 50 and 100, 50 left the smallest errors on 13 motions of the arms.
_LEAST_STIFFNESS = 50.0


class JointTarget(NamedTuple):
    """How the J independent joints should move: rad (m), rad/s (m/s), rad/s² (m/s²)."""

    position: Float[jax.Array, "N J"]
    velocity: Float[jax.Array, "N J"]
    acceleration: Float[jax.Array, "N J"]


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
        reduction: to the independent joints.
        damping: (J,) N m s (N s/m), see `joint_damping`.
        blocks: which muscles act on which joints.
    """

    muscles: MuscleParameters
    reduction: Reduction
    damping: Float[jax.Array, " J"]
    blocks: tuple[MomentBlock, ...]

    def excite(
        self,
        config: EnvConfig,
        *,
        state: BodyState,
        moments: Float[jax.Array, "N nu nv"],
        dynamics: Dynamics,
        target: JointTarget,
        timestep: float,
    ) -> Float[jax.Array, "N nu"]:
        """Excitations whose forces, one control step on, come closest to the wanted torques.

        Args:
            config: of the environment.
            state: of the bodies.
            moments: dL/dq, see `Simulator`.
            dynamics: of the bodies, see `Simulator`.
            target: of the joints.
            timestep: of the physics, s.
        """
        problem = self.problem(
            config,
            state=state,
            moments=moments,
            dynamics=dynamics,
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
        dynamics: Dynamics,
        target: JointTarget,
        timestep: float,
    ) -> TorqueProblem:
        """What the muscles should do and can do; see `excite` for the arguments."""
        c = config.coordination
        omega = 2 * math.pi * c.frequency_hz
        joints = self.reduction.joints
        bend = target.position - state.qpos[:, joints.joint_qpos]
        speed = target.velocity - state.qvel[:, joints.joint_dof]
        wanted = target.acceleration + omega**2 * bend + 2 * c.damping_ratio * omega * speed
        torque = self.torque_per_newton(moments, state.qpos)
        inertia = self.inertia(state, dynamics, torque, horizon=timestep * config.substeps)
        push = jnp.einsum("njk,nk->nj", inertia, wanted) + self.held(state, dynamics)
        # Torque errors weigh by the joint error they amount to; without the floor, joints with
        # little inertia (wrist, forearm) would outweigh all others, and a joint that cannot get
        # where it should would drag its neighbours along.
        stiffness = omega**2 * jnp.einsum("njj->nj", inertia)
        weight = 1 / jnp.maximum(stiffness, _LEAST_STIFFNESS)
        passive = torque.times(bias(self.muscles, state.length))
        strength = gain(self.muscles, state.length, state.velocity)
        active = torque.scaled(weight, strength)
        low, high = reach(self.muscles, state.act, timestep=timestep, substeps=config.substeps)
        return TorqueProblem(active, (push - passive) * weight, low, high)

    def inertia(
        self, state: BodyState, dynamics: Dynamics, torque: BlockMatrix, *, horizon: float
    ) -> Float[jax.Array, "N J J"]:
        """Torque a unit of acceleration takes that is to last over τ = `horizon` s: M + τ (B + D).

        B is the damping of active muscles (see `whole_body.py`), D that of the joints themselves;
        in small segments they are most of it.
        """
        slope = gain_slope(self.muscles, state.length, state.velocity) * state.act
        root = len(self.reduction.root)
        mass = self.reduction.mass_matrix(dynamics, state.qpos)[:, root:, root:]
        return mass + horizon * (jnp.diag(self.damping) - torque.weighted_square(slope))

    def held(self, state: BodyState, dynamics: Dynamics) -> Float[jax.Array, "N J"]:
        """Torques that keep the joints from accelerating: gravity's and the joints' own.

        A floating body's weight is carried by the ground, which gravity alone ignores.
        """
        floating = len(self.reduction.root) > 0
        gravity = 0.0 if floating else jnp.asarray(dynamics.bias_force)
        held = gravity - jnp.asarray(dynamics.passive_force)
        return self.reduction.joints.reduce(held, state.qpos)

    def torque_per_newton(
        self, moments: Float[jax.Array, "N nu nv"], qpos: Float[jax.Array, "N nq"]
    ) -> BlockMatrix:
        """Joint torque per muscle force, m per rad (pulling forces are negative): (J, nu) each."""
        parts = (jnp.swapaxes(block.arms(moments, qpos), 1, 2) for block in self.blocks)
        return BlockMatrix(
            tuple(parts),
            tuple(tuple(block.joints.tolist()) for block in self.blocks),
            tuple(tuple(block.muscles.tolist()) for block in self.blocks),
            len(self.damping),
        )


def build_coordinator(model: MusculoModel) -> Coordinator:
    """The coordination layer of a model."""
    damping = jnp.array(joint_damping(model))
    return Coordinator(muscle_parameters(model), reduction(model), damping, moment_blocks(model))
