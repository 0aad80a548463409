"""The reference bank: all clips end to end in float32 on the device, addressed by frame.

A frame of S sites takes 4 (nq + nv + 19 S − 6) bytes. What every step looks at several times, the
sites relative to the reference site, is computed here, once; of the world frame only what the
reward needs is kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_sim.compiled import jit
from musclemimic_sim.progress import watched
from musclemimic_sim.relative import RelativeState, SiteState, relative_state, rotation_matrix
from musclemimic_sim.swing import swing
from musclemimic_sim.velocity_check import require_consistent_velocities


class ReferenceBank(NamedTuple):
    """F frames of C clips.

    Attributes:
        qpos, qvel: MuJoCo positions and velocities.
        site_pos: m. site_quat: wxyz. root_linvel: m/s. root_angvel: rad/s, of the reference site;
            all world frame.
        relative: `RelativeState.flat` of the sites.
        swing: how far the left and right foot are off the ground, 0 to 1; no rows if not asked for.
        start, length: (C,) first frame and number of frames of each clip.
    """

    qpos: Float[jax.Array, "F nq"]
    qvel: Float[jax.Array, "F nv"]
    site_pos: Float[jax.Array, "F S 3"]
    site_quat: Float[jax.Array, "F S 4"]
    root_linvel: Float[jax.Array, "F 3"]
    root_angvel: Float[jax.Array, "F 3"]
    relative: Float[jax.Array, "F D"]
    swing: Float[jax.Array, "G 2"]
    start: Int[jax.Array, " C"]
    length: Int[jax.Array, " C"]

    @property
    def bytes_per_frame(self) -> int:
        """Memory on the device of one frame."""
        fields = (value for name, value in self._asdict().items() if name not in _CLIP_FIELDS)
        return sum(value.nbytes for value in fields) // self.qpos.shape[0]

    def at(
        self, clip: Int[jax.Array, "*#b"], frame: Int[jax.Array, "*#b"]
    ) -> Int[jax.Array, "..."]:
        """Rows of clips' frames (broadcast); frames beyond the end stay on the last one."""
        return self.start[clip] + jnp.clip(frame, 0, self.length[clip] - 1)

    def relative_at(self, rows: Int[jax.Array, "*b"]) -> RelativeState:
        """Relative site states of the given rows."""
        return RelativeState.of_flat(self.relative[rows])

    def root_at(self, rows: Int[jax.Array, "*b"]) -> SiteState:
        """World-frame state of the reference site alone (S = 1) in the given rows."""
        return SiteState(
            self.site_pos[rows, :1],
            rotation_matrix(self.site_quat[rows, :1]),
            self.root_linvel[rows][..., None, :],
            self.root_angvel[rows][..., None, :],
        )

    def acceleration_at(
        self, clip: Int[jax.Array, " N"], frame: Int[jax.Array, " N"], *, dt: float
    ) -> Float[jax.Array, "N nv"]:
        """Rate of change of qvel: the slope of a line through 9 velocities around a frame."""
        window = jnp.arange(-_REACH, _REACH + 1)
        rows = self.at(clip[:, None], frame[:, None] + window)
        return jnp.einsum("nwv,w->nv", self.qvel[rows], window / (jnp.sum(window**2) * dt))


# Half width of the window that accelerations are fitted in, frames.
_REACH = 4
# Frames that relative states are computed of at once: one program for all clips.
_BLOCK = 1024
_CLIP_FIELDS = ("start", "length")


def build_bank(
    model: MusculoModel,
    clips: Sequence[MotionClip],
    *,
    control_dt: float,
    with_swing: bool = False,
) -> ReferenceBank:
    """Put clips on the device.

    Args:
        model: the body.
        clips: made for it.
        control_dt: control step, s.
        with_swing: find out when the feet swing, which the whole-body coordination needs.

    Raises:
        InputError: no clips, a clip of another model, frames at another rate than control, or
            velocities that are not the rate of change of the positions.
    """
    if not clips:
        raise InputError("make_env", "clips", found="none", expected="at least one MotionClip")
    for index, clip in enumerate(watched(clips, "checking clips")):
        source = f"clip {index} ({clip.provenance.source})"
        clip.require_model(model, source)
        if abs(clip.dt - control_dt) > 1e-9:
            raise InputError(
                source,
                "dt",
                found=f"{clip.dt:.6g} s",
                expected=f"the control step, {control_dt:.6g} s",
            )
        require_consistent_velocities(model, clip, source)
    swings = [swing(model, clip) for clip in watched(clips, "finding steps")] if with_swing else []
    lengths = np.array([len(clip) for clip in clips], dtype=np.int32)
    pos, quat = _join(clips, "site_pos"), _join(clips, "site_quat")
    linvel, angvel = _join(clips, "site_linvel"), _join(clips, "site_angvel")
    return ReferenceBank(
        qpos=jnp.asarray(_join(clips, "qpos")),
        qvel=jnp.asarray(_join(clips, "qvel")),
        site_pos=jnp.asarray(pos),
        site_quat=jnp.asarray(quat),
        root_linvel=jnp.array(linvel[:, 0]),
        root_angvel=jnp.array(angvel[:, 0]),
        relative=_relative(pos, quat, linvel, angvel),
        swing=jnp.asarray(np.concatenate([*swings, np.zeros((0, 2), dtype=np.float32)])),
        start=jnp.asarray(np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int32)),
        length=jnp.asarray(lengths),
    )


def _join(clips: Sequence[MotionClip], name: str) -> Float[np.ndarray, "F ..."]:
    return np.concatenate([np.asarray(getattr(clip, name), dtype=np.float32) for clip in clips])


def _relative(*sites: Float[np.ndarray, "F S _"]) -> Float[jax.Array, "F D"]:
    """`ReferenceBank.relative` from positions, quaternions and velocities in the world frame."""
    frames = len(sites[0])
    # The last block repeats the last frame.
    blocks = [np.arange(first, first + _BLOCK) for first in range(0, frames, _BLOCK)]
    rows = [np.minimum(block, frames - 1) for block in blocks]
    parts = [_relative_block(*(jnp.asarray(field[some]) for field in sites)) for some in rows]
    return jnp.concatenate(parts)[:frames]


def _flat_relative(
    pos: Float[jax.Array, "b S 3"],
    quat: Float[jax.Array, "b S 4"],
    linvel: Float[jax.Array, "b S 3"],
    angvel: Float[jax.Array, "b S 3"],
) -> Float[jax.Array, "b D"]:
    sites = SiteState(pos, rotation_matrix(quat), linvel, angvel)
    return relative_state(sites).flat()


_relative_block = jit(_flat_relative)
