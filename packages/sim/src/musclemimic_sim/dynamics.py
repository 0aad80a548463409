"""Equations of motion of N bodies, reduced to their independent velocities.

With the couplings imposed, qvel = S u with u the F = 6 + J velocities of root and independent
joints (J without a root), and
    Sᵀ M S u̇ + Sᵀ (bias − passive) = Sᵀ (muscle and contact forces),
where terms with the rate of change of S are left out (they are small: couplings bend slowly).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import MusculoModel

from musclemimic_sim.coordination import JointMap, joint_map
from musclemimic_sim.types import Dynamics

ROOT_DOF = 6


class Reduction(NamedTuple):
    """Constants that turn `Dynamics` into matrices over the F independent velocities.

    Attributes:
        joints: the map to the independent joints.
        root: qvel addresses of the root's six coordinates; empty without a free root.
        mass_at: (nv, nv) where each entry of the full mass matrix is stored; one beyond the end
            for those that are zero.
    """

    joints: JointMap
    root: Int[jax.Array, " R"]
    mass_at: Int[jax.Array, "nv nv"]

    def forces(
        self, values: Float[jax.Array, "N *m nv"], qpos: Float[jax.Array, "N nq"]
    ) -> Float[jax.Array, "N *m F"]:
        """Sᵀ times generalised forces, or rows of a Jacobian times S."""
        reduced = self.joints.reduce(values, qpos)
        return jnp.concatenate([values[..., self.root], reduced], axis=-1)

    def mass_matrix(
        self, dynamics: Dynamics, qpos: Float[jax.Array, "N nq"]
    ) -> Float[jax.Array, "N F F"]:
        """Sᵀ M S."""
        padded = jnp.pad(jnp.asarray(dynamics.mass), ((0, 0), (0, 1)))
        half = self.forces(padded[:, self.mass_at], qpos)
        return self.forces(jnp.swapaxes(half, 1, 2), qpos)


def reduction(model: MusculoModel) -> Reduction:
    """The constants of a model."""
    m = model.mj_model
    nnz, start, columns = m.M_rownnz, m.M_rowadr, m.M_colind
    at = np.full((m.nv, m.nv), len(columns))
    for row in range(m.nv):
        stored = np.arange(int(start[row]), int(start[row] + nnz[row]))
        at[row, columns[stored]] = at[columns[stored], row] = stored
    root = np.arange(ROOT_DOF if model.has_free_root else 0)
    return Reduction(joint_map(model), jnp.array(root, dtype=jnp.int32), jnp.array(at))


def root_body(model: mujoco.MjModel) -> int:
    """The body whose subtree's centre of mass `axes` refer to (the only tree of the model)."""
    return int(model.body_rootid[-1])
