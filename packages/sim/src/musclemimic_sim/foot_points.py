"""Where feet may touch the ground, and how those points move with the velocities.

Candidates are the lowest points of the feet's capsules (one for each end), spheres and
ellipsoids, found anew in every state; a point takes load while it is on the ground.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import MusculoModel

from musclemimic_sim.ground import FEET
from musclemimic_sim.types import Array, Dynamics

_CAPSULE = int(mujoco.mjtGeom.mjGEOM_CAPSULE)
_ROUND = (int(mujoco.mjtGeom.mjGEOM_SPHERE), int(mujoco.mjtGeom.mjGEOM_ELLIPSOID))


class FootPoints(NamedTuple):
    """P candidates.

    Attributes:
        body: of each candidate.
        side: 0 for the left foot, 1 for the right.
        centre: of its ellipsoid, in the body's frame, m.
        frame: axes of its ellipsoid, in the body's frame.
        axes: half lengths of its ellipsoid, m.
        moved_by: (P, nv) velocities that move the body.
    """

    body: Int[jax.Array, " P"]
    side: Int[jax.Array, " P"]
    centre: Float[jax.Array, "P 3"]
    frame: Float[jax.Array, "P 3 3"]
    axes: Float[jax.Array, "P 3"]
    moved_by: Bool[jax.Array, "P nv"]

    def lowest(
        self, body_pos: Float[Array, "N B 3"], body_mat: Float[Array, "N B 3 3"]
    ) -> Float[jax.Array, "N P 3"]:
        """World position of each candidate's lowest point, m, for bodies there."""
        pos = jnp.asarray(body_pos)[:, self.body]
        mat = jnp.asarray(body_mat)[:, self.body]
        centre = pos + (mat @ self.centre[..., None])[..., 0]
        frame = mat @ self.frame
        # Support of the ellipsoid towards -z: centre − Q D² Qᵀ z / |D Qᵀ z|.
        scaled = frame[..., 2, :] * self.axes
        length = jnp.sqrt(jnp.sum(jnp.square(scaled), axis=-1, keepdims=True))
        return centre - (frame @ (scaled * self.axes / length)[..., None])[..., 0]

    def jacobian(
        self, dynamics: Dynamics, points: Float[jax.Array, "N P 3"]
    ) -> Float[jax.Array, "N P 3 nv"]:
        """Velocity of each point with every velocity coordinate, as if fixed to its body."""
        axes = jnp.asarray(dynamics.axes)[:, None]
        arm = points - jnp.asarray(dynamics.centre)[:, None]
        columns = axes[..., 3:] + jnp.cross(axes[..., :3], arm[:, :, None])
        return jnp.swapaxes(jnp.where(self.moved_by[..., None], columns, 0.0), -1, -2)


def foot_points(model: MusculoModel) -> FootPoints:
    """The candidates of both feet; none for a body without feet."""
    m = model.mj_model
    names = {m.body(index).name for index in range(m.nbody)}
    feet = [m.body(name).id for pair in FEET for name in pair if name in names]
    rows = [row for body in feet for geom in _geoms(m, body) for row in _ends(m, geom)]
    bodies = [row[0] for row in rows]
    side = {
        m.body(name).id: index for index, pair in enumerate(FEET) for name in pair if name in names
    }
    return FootPoints(
        body=jnp.array(bodies, dtype=jnp.int32),
        side=jnp.array([side[body] for body in bodies], dtype=jnp.int32),
        centre=jnp.array([row[1] for row in rows]).reshape(-1, 3),
        frame=jnp.array([row[2] for row in rows]).reshape(-1, 3, 3),
        axes=jnp.array([row[3] for row in rows]).reshape(-1, 3),
        moved_by=jnp.array([_moving(m, body) for body in bodies], dtype=bool).reshape(-1, m.nv),
    )


def _geoms(m: mujoco.MjModel, body: int) -> list[int]:
    """A body's colliding round geoms."""
    collides = (m.geom_contype != 0) | (m.geom_conaffinity != 0)
    kinds = np.isin(m.geom_type, (_CAPSULE, *_ROUND))
    return np.flatnonzero((m.geom_bodyid == body) & collides & kinds).tolist()


def _ends(m: mujoco.MjModel, geom: int) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Body, centre, frame and half axes of the spheres or the ellipsoid that bound a geom."""
    frame = np.zeros(9)
    mujoco.mju_quat2Mat(frame, m.geom_quat[geom])
    frame = frame.reshape(3, 3)
    body, centre, size = int(m.geom_bodyid[geom]), m.geom_pos[geom], m.geom_size[geom]
    if m.geom_type[geom] == _CAPSULE:
        half = frame[:, 2] * size[1]
        return [(body, centre + side * half, frame, np.full(3, size[0])) for side in (-1, 1)]
    axes = size if m.geom_type[geom] == _ROUND[1] else np.full(3, size[0])
    return [(body, centre, frame, axes)]


def _moving(m: mujoco.MjModel, body: int) -> np.ndarray:
    """Which velocities move a body: those of its own and its ancestors' joints."""
    moving = np.zeros(m.nv, dtype=bool)
    while body > 0:
        start = m.body_dofadr[body]
        moving[start : start + m.body_dofnum[body]] |= m.body_dofnum[body] > 0
        body = int(m.body_parentid[body])
    return moving
