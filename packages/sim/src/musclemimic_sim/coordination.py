"""Coordination: the muscle excitations that come closest to wanted joint torques.

For each body, with activations a that the muscles can reach within one control step,

    minimise ½ ‖W (A a − b)‖² + ½ λ ‖a‖²   subject to   lo ≤ a ≤ hi,

A = Sᵀ (moment arms)ᵀ diag(gain), S the coupling map, b the wanted torque less the passive one.
The optimum is a = clip(Ãᵀ y / λ, lo, hi) with y = b̃ − Ã a (the tilde: rows scaled by W), one
unknown a joint: a piecewise linear system, solved by Newton steps with exact line search
(semi-smooth Newton; Qi & Sun 1993, Math Program 58:353).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import MusculoModel

# At most; most states take under 12.
_NEWTON_STEPS = 40
_TOLERANCE = 1e-4
# Newton steps are shortened (or stretched a little) to the exact minimum along them.
_LONGEST_STEP, _HALVINGS = 1.5, 14


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


def joint_dynamics(
    model: MusculoModel,
) -> tuple[Float[np.ndarray, " J"], Float[np.ndarray, " J"]]:
    """Inertia, kg m² (kg), and passive damping, N m s (N s/m), felt by each independent joint.

    Diagonals of Sᵀ M S at qpos0 and of Sᵀ D S.
    """
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    d.qpos[:] = model.couplings.apply(m.qpos0)
    mujoco.mj_fwdPosition(m, d)
    M = np.zeros((m.nv, m.nv))
    mujoco.mj_fullM(m, d, M)
    S = model.couplings.jacobian(d.qpos)
    free = model.couplings.free_dof.tolist()
    columns = [free.index(dof) for dof in _joint_dofs(model)]
    inertia, damping = np.diag(S.T @ M @ S), np.diag(S.T @ np.diag(m.dof_damping) @ S)
    return inertia[columns], damping[columns]


def _joint_dofs(model: MusculoModel) -> list[int]:
    """Qvel addresses of the independent joints, in the order of `Couplings.scalar_qpos`."""
    m = model.mj_model
    dof_of = dict(zip(m.jnt_qposadr.tolist(), m.jnt_dofadr.tolist(), strict=True))
    return [dof_of[address] for address in model.couplings.scalar_qpos.tolist()]


def _solve(matrix: Float[jax.Array, "N J J"], b: Float[jax.Array, "N J"]) -> jax.Array:
    return jnp.linalg.solve(matrix, b[..., None])[..., 0]  # pyright: ignore[reportUnknownVariableType]


def _length(rows: Float[jax.Array, "N J"]) -> Float[jax.Array, " N"]:
    return jnp.sqrt(jnp.sum(jnp.square(rows), axis=1))


class _Iterate(NamedTuple):
    """One round of the Newton iteration: dual point, its gradient, rounds so far."""

    y: Float[jax.Array, "N J"]
    slope: Float[jax.Array, "N J"]
    steps: Int[jax.Array, ""]


def coordinate(
    A: Float[jax.Array, "N J M"],
    b: Float[jax.Array, "N J"],
    *,
    low: Float[jax.Array, "N M"],
    high: Float[jax.Array, "N M"],
    regularisation: float,
    tolerance: float = _TOLERANCE,
) -> Float[jax.Array, "N M"]:
    """Activations solving the problem above, rows of A and b already weighted.

    Args:
        A: torque per unit of activation.
        b: wanted torque.
        low: least activation in reach.
        high: largest activation in reach.
        regularisation: λ > 0.
        tolerance: of the dual's slope, relative to 1 + ‖b‖; below 1e-6 only in float64.
    """

    def pull_of(y: Float[jax.Array, "N J"]) -> Float[jax.Array, "N M"]:
        return jnp.einsum("njm,nj->nm", A, y) / regularisation

    def slope_at(y: Float[jax.Array, "N J"]) -> Float[jax.Array, "N J"]:
        return y + jnp.einsum("njm,nm->nj", A, jnp.clip(pull_of(y), low, high)) - b

    def step(now: _Iterate) -> _Iterate:
        y, pull = now.y, pull_of(now.y)
        free = (pull >= low) & (pull <= high)
        masked = jnp.where(free[:, None, :], A, 0.0)
        jacobian = jnp.eye(A.shape[1]) + masked @ jnp.swapaxes(A, 1, 2) / regularisation
        newton = _solve(jacobian, -now.slope)
        turn = pull_of(newton)

        def halve(
            _: Int[jax.Array, ""], bounds: Float[jax.Array, "2 N"]
        ) -> Float[jax.Array, "2 N"]:
            """The dual is convex along the step: bisect on the sign of its slope."""
            middle = bounds.mean(axis=0)
            activation = jnp.clip(pull + middle[:, None] * turn, low, high)
            slope = jnp.sum(newton * (y + middle[:, None] * newton - b), axis=1)
            slope += regularisation * jnp.sum(turn * activation, axis=1)
            rising = slope > 0
            return jnp.stack(
                [jnp.where(rising, bounds[0], middle), jnp.where(rising, middle, bounds[1])]
            )

        ends = jnp.stack([jnp.zeros(len(b)), jnp.full(len(b), _LONGEST_STEP)])
        ends: Float[jax.Array, "2 N"] = jax.lax.fori_loop(0, _HALVINGS, halve, ends)
        y += ends.mean(axis=0)[:, None] * newton
        return _Iterate(y, slope_at(y), now.steps + 1)

    def unfinished(now: _Iterate) -> Bool[jax.Array, ""]:
        # NaN compares false: a diverged world does not keep the others waiting.
        error = _length(now.slope) / (1 + _length(b))
        return jnp.any(error > tolerance) & (now.steps < _NEWTON_STEPS)

    zeros = jnp.zeros_like(b)
    start = _Iterate(zeros, slope_at(zeros), jnp.zeros((), dtype=jnp.int32))
    return jnp.clip(pull_of(jax.lax.while_loop(unfinished, step, start).y), low, high)
