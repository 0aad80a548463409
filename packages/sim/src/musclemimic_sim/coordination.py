"""Coordination: the muscle excitations that come closest to wanted joint torques.

For each body, with activations a that the muscles can reach within one control step,

    minimise ½ ‖W (A a − b)‖² + ½ λ ‖a‖²   subject to   lo ≤ a ≤ hi,

A = Sᵀ (moment arms)ᵀ diag(gain), S the coupling map, b the wanted torque less the passive one.
Here is the reduction to the independent joints; `box_least_squares` solves the problem.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import MusculoModel

from musclemimic_sim.blocks import group_columns, moment_pattern


class JointMap(NamedTuple):
    """Reduction from all velocities to the J independent scalar joints.

    Attributes:
        joint_qpos, joint_dof: (J,) qpos and qvel addresses of the independent joints.
        dependent_dof: (K,) qvel addresses of the coupled joints.
        follows: (K,) which of the J joints each follows (0 where the slope is 0 anyway).
        independent_qpos, qpos0, coefficients: of the couplings, see `Couplings`.
    """

    joint_qpos: Int[jax.Array, " J"]
    joint_dof: Int[jax.Array, " J"]
    dependent_dof: Int[jax.Array, " K"]
    follows: Int[jax.Array, " K"]
    independent_qpos: Int[jax.Array, " K"]
    qpos0: Float[jax.Array, " K"]
    coefficients: Float[jax.Array, "K 5"]

    def reduce(
        self, forces: Float[jax.Array, "N *m nv"], qpos: Float[jax.Array, "N nq"]
    ) -> Float[jax.Array, "N *m J"]:
        """Sᵀ times generalised forces (or rows of a Jacobian times S), coupled joints included."""
        x = qpos[:, self.independent_qpos] - self.qpos0
        slope = jnp.zeros_like(x)
        for power in range(4, 0, -1):
            slope = slope * x + power * self.coefficients[:, power]
        slope = slope.reshape(slope.shape[0], *([1] * (forces.ndim - 2)), slope.shape[1])
        carried = slope * forces[..., self.dependent_dof]
        return forces[..., self.joint_dof].at[..., self.follows].add(carried)


def joint_map(model: MusculoModel) -> JointMap:
    """The reduction of a model."""
    c, joint_dof = model.couplings, _joint_dofs(model)
    follows = [joint_dof.index(d) if d in joint_dof else 0 for d in c.independent_dof.tolist()]
    return JointMap(
        joint_qpos=jnp.array(c.scalar_qpos),
        joint_dof=jnp.array(joint_dof),
        dependent_dof=jnp.array(c.dependent_dof),
        follows=jnp.array(follows),
        independent_qpos=jnp.array(c.independent_qpos),
        qpos0=jnp.array(c.qpos0[c.independent_qpos]),
        coefficients=jnp.array(c.coefficients),
    )


def joint_damping(model: MusculoModel) -> Float[np.ndarray, " J"]:
    """Passive damping of each independent joint, N m s (N s/m): the diagonal of Sᵀ D S at qpos0."""
    m = model.mj_model
    S = model.couplings.jacobian(model.couplings.apply(m.qpos0))
    free = model.couplings.free_dof.tolist()
    columns = [free.index(dof) for dof in _joint_dofs(model)]
    return np.diag(S.T @ np.diag(m.dof_damping) @ S)[columns]


def _joint_dofs(model: MusculoModel) -> list[int]:
    """Qvel addresses of the independent joints, in the order of `Couplings.scalar_qpos`."""
    m = model.mj_model
    dof_of = dict(zip(m.jnt_qposadr.tolist(), m.jnt_dofadr.tolist(), strict=True))
    return [dof_of[address] for address in model.couplings.scalar_qpos.tolist()]


class MomentBlock(NamedTuple):
    """Some muscles, the joints they can move, and what of the moments that takes.

    Attributes:
        joints, muscles: (j,) and (m,) among the J independent joints and the muscles.
        dofs: (d,) velocity coordinates of those joints and of what is coupled to them.
        reduction: from those coordinates to those joints.
    """

    joints: Int[np.ndarray, " j"]
    muscles: Int[np.ndarray, " m"]
    dofs: Int[np.ndarray, " d"]
    reduction: JointMap

    def arms(
        self, moments: Float[jax.Array, "N nu nv"], qpos: Float[jax.Array, "N nq"]
    ) -> Float[jax.Array, "N m j"]:
        """dL/dq of these muscles with these joints, couplings included."""
        return self.reduction.reduce(moments[:, self.muscles[:, None], self.dofs], qpos)


def moment_blocks(model: MusculoModel) -> tuple[MomentBlock, ...]:
    """All muscles, in a few blocks that share most of their joints."""
    joints = joint_map(model)
    joint_dof, dependent_dof, follows, coupled_qpos = (
        np.asarray(values)
        for values in (
            joints.joint_dof,
            joints.dependent_dof,
            joints.follows,
            joints.independent_qpos,
        )
    )
    moving = coupled_qpos != _qpos_of(model, dependent_dof)
    pattern = moment_pattern(model)
    support = pattern[:, joint_dof].T
    for k in np.flatnonzero(moving):
        support[follows[k]] |= pattern[:, dependent_dof[k]]
    blocks: list[MomentBlock] = []
    for rows, muscles in group_columns(support):
        coupled = np.flatnonzero(moving & np.isin(follows, rows))
        dofs = np.concatenate([joint_dof[rows], dependent_dof[coupled]])
        reduction = joints._replace(
            joint_qpos=joints.joint_qpos[rows],
            joint_dof=jnp.arange(len(rows)),
            dependent_dof=len(rows) + jnp.arange(len(coupled)),
            follows=jnp.asarray(np.searchsorted(rows, follows[coupled])),
            independent_qpos=joints.independent_qpos[coupled],
            qpos0=joints.qpos0[coupled],
            coefficients=joints.coefficients[coupled],
        )
        blocks.append(MomentBlock(rows, muscles, dofs, reduction))
    return tuple(blocks)


def _qpos_of(model: MusculoModel, dofs: Int[np.ndarray, " K"]) -> Int[np.ndarray, " K"]:
    """Qpos address of scalar joints given by their qvel address."""
    m = model.mj_model
    return m.jnt_qposadr[m.dof_jntid[dofs]]
