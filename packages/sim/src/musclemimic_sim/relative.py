"""Site states relative to the reference site (pelvis, or upper body on the arms).

With R0, p0, v0, ω0 the reference site's rotation, position and velocities (world frame):
    rpos_i = R0ᵀ (p_i − p_0)
    rrot_i = log(R0ᵀ R_i)
    rlin_i = R0ᵀ (v_i − v_0 − ω_0 × (p_i − p_0))
    rang_i = R0ᵀ (ω_i − ω_0)
The third is d/dt of the first, so a rigid motion of the whole scene, moving or not, changes
nothing.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float


class SiteState(NamedTuple):
    """World-frame state of S sites: m, rotation matrices, m/s, rad/s."""

    pos: Float[jax.Array, "*b S 3"]
    mat: Float[jax.Array, "*b S 3 3"]
    linvel: Float[jax.Array, "*b S 3"]
    angvel: Float[jax.Array, "*b S 3"]


class RelativeState(NamedTuple):
    """State of the other S−1 sites in the reference site's frame: m, rad, m/s, rad/s."""

    pos: Float[jax.Array, "*b S1 3"]
    rot: Float[jax.Array, "*b S1 3"]
    linvel: Float[jax.Array, "*b S1 3"]
    angvel: Float[jax.Array, "*b S1 3"]

    def flat(self) -> Float[jax.Array, "*b D"]:
        """All 12 (S−1) numbers in one row: pos, rot, linvel, angvel."""
        parts = [part.reshape(*part.shape[:-2], -1) for part in self]
        return jnp.concatenate(parts, axis=-1)

    @classmethod
    def of_flat(cls, values: Float[jax.Array, "*b D"]) -> "RelativeState":
        """Back from `flat`."""
        parts = values.reshape(*values.shape[:-1], len(cls._fields), -1, 3)
        return cls(*(parts[..., i, :, :] for i in range(len(cls._fields))))


def relative_state(sites: SiteState) -> RelativeState:
    """The sites 1… relative to site 0."""
    to_local = jnp.swapaxes(sites.mat[..., :1, :, :], -1, -2)  # (*b, 1, 3, 3)
    offset = sites.pos[..., 1:, :] - sites.pos[..., :1, :]
    carried = jnp.cross(sites.angvel[..., :1, :], offset)
    linvel = sites.linvel[..., 1:, :] - sites.linvel[..., :1, :] - carried
    angvel = sites.angvel[..., 1:, :] - sites.angvel[..., :1, :]
    # One product instead of three.
    vectors = rotate(to_local, jnp.concatenate([offset, linvel, angvel], axis=-2))
    pos, linvel, angvel = jnp.split(vectors, 3, axis=-2)
    rot = rotation_log(to_local @ sites.mat[..., 1:, :, :])
    return RelativeState(pos=pos, rot=rot, linvel=linvel, angvel=angvel)


def rotate(
    matrix: Float[jax.Array, "*#b 3 3"], vectors: Float[jax.Array, "*#b 3"]
) -> Float[jax.Array, "... 3"]:
    """Matrix times vector, broadcast over the leading dimensions."""
    return (matrix @ vectors[..., None])[..., 0]


def rotation_matrix(quaternion: Float[jax.Array, "*b 4"]) -> Float[jax.Array, "*b 3 3"]:
    """Rotation matrix of a unit quaternion wxyz."""
    w, x, y, z = (quaternion[..., i] for i in range(4))
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def rotation_log(matrix: Float[jax.Array, "*b 3 3"]) -> Float[jax.Array, "*b 3"]:
    """Rotation vector of a rotation matrix, rad; well-behaved at 0 and near π.

    Goes through the quaternion with the largest component taken from the diagonal (Shepperd
    1978, J Guidance and Control 1:223), which keeps precision in float32 at every angle.
    """
    m = [[matrix[..., i, j] for j in range(3)] for i in range(3)]
    trace = m[0][0] + m[1][1] + m[2][2]
    # Four times (w², x², y², z²), and each candidate quaternion scaled by its own component.
    squares = jnp.stack([1 + trace, *(1 + 2 * m[i][i] - trace for i in range(3))], axis=-1)
    antisymmetric = [m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]]
    xy, xz, yz = m[0][1] + m[1][0], m[0][2] + m[2][0], m[1][2] + m[2][1]
    a = antisymmetric
    candidates = jnp.stack(
        [
            jnp.stack([squares[..., 0], a[0], a[1], a[2]], axis=-1),
            jnp.stack([a[0], squares[..., 1], xy, xz], axis=-1),
            jnp.stack([a[1], xy, squares[..., 2], yz], axis=-1),
            jnp.stack([a[2], xz, yz, squares[..., 3]], axis=-1),
        ],
        axis=-2,
    )
    best = jnp.argmax(squares, axis=-1)
    quaternion = jnp.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    quaternion /= jnp.sqrt(jnp.sum(quaternion * quaternion, axis=-1, keepdims=True))
    quaternion = jnp.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    w, v = quaternion[..., 0], quaternion[..., 1:]
    sine = jnp.sqrt(jnp.maximum(jnp.sum(v * v, axis=-1), 1e-20))
    angle = 2 * jnp.arctan2(sine, w)
    # angle/sine tends to 2 as the rotation vanishes; sine is floored, so use the limit there.
    factor = jnp.where(sine < 1e-7, 2.0, angle / sine)
    return v * factor[..., None]
