"""The acceleration that brings a body on its feet back to its reference.

Root and joints are pulled as by springs and dampers; the swinging leg steps to where the pelvis is
going (steps that follow the body's velocity: Raibert 1986, Legged Robots That Balance).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from musclemimic_sim.body import BodyState
from musclemimic_sim.dynamics import Reduction
from musclemimic_sim.relative import rotate, rotation_log, rotation_matrix
from musclemimic_sim.whole_body_gains import WholeBodyGains, column


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


class Following(NamedTuple):
    """How one model follows a reference.

    Attributes:
        reduction: to the independent velocities.
        legs: joints that step.
    """

    reduction: Reduction
    legs: Legs

    def acceleration(
        self,
        gains: WholeBodyGains,
        state: BodyState,
        reference: Reference,
        joint_offset: Float[jax.Array, "N J"],
    ) -> Float[jax.Array, "N F"]:
        """u̇*: the reference's acceleration, corrected for the deviations from it."""
        joints, root = self.reduction.joints, self.reduction.root
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
                jnp.broadcast_to(column(value), (len(error), count))
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
                jnp.broadcast_to(column(value), (len(error), count))
                for value, count in ((gains.root_damping, 6), (gains.joint_damping, joint_count))
            ],
            axis=1,
        )
        forward = jnp.concatenate(
            [
                reference.acceleration[:, root],
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
        lift = column(gains.lift) * reference.swing
        flexion = (forward + gains.step_pitch * turn[:, 0])[:, None]
        adduction = (left + gains.step_roll * turn[:, 1])[:, None]
        rotation = (gains.step_yaw * turn[:, 2])[:, None]
        legs = self.legs
        offset = jnp.zeros((len(ahead), len(self.reduction.joints.joint_dof)))
        offset = offset.at[:, legs.hip_flexion].add(off * flexion + 0.5 * lift)
        offset = offset.at[:, legs.hip_adduction].add(off * side * adduction - column(gains.apart))
        offset = offset.at[:, legs.hip_rotation].add(off * side * rotation)
        offset = offset.at[:, legs.knee_angle].add(lift)
        offset = offset.at[:, legs.ankle_angle].add(0.5 * lift)
        lifting = column(gains.lift) * reference.swing_rate
        rate = jnp.zeros_like(offset).at[:, legs.hip_flexion].add(0.5 * lifting)
        rate = rate.at[:, legs.knee_angle].add(lifting)
        return offset, rate.at[:, legs.ankle_angle].add(0.5 * lifting)
