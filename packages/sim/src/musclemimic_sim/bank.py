"""The reference bank: all clips end to end in float32 on the device, addressed by frame.

A frame takes 4 (nq + nv + 13 S + 2) bytes: rotations are kept as quaternions and everything
relative is computed when looked at, which costs less than reading it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_sim.progress import watched
from musclemimic_sim.relative import RelativeState, SiteState, relative_state, rotation_matrix
from musclemimic_sim.swing import swing
from musclemimic_sim.velocity_check import require_consistent_velocities


class ReferenceBank(NamedTuple):
    """F frames of C clips.

    Attributes:
        qpos, qvel: MuJoCo positions and velocities.
        site_pos: m. site_quat: wxyz. site_linvel: m/s. site_angvel: rad/s; all world frame.
        swing: how far the left and right foot are off the ground, 0 to 1; no rows if not asked for.
        start, length: (C,) first frame and number of frames of each clip.
    """

    qpos: Float[jax.Array, "F nq"]
    qvel: Float[jax.Array, "F nv"]
    site_pos: Float[jax.Array, "F S 3"]
    site_quat: Float[jax.Array, "F S 4"]
    site_linvel: Float[jax.Array, "F S 3"]
    site_angvel: Float[jax.Array, "F S 3"]
    swing: Float[jax.Array, "G 2"]
    start: Int[jax.Array, " C"]
    length: Int[jax.Array, " C"]

    @property
    def bytes_per_frame(self) -> int:
        """Memory on the device of one frame."""
        fields = (*_FRAME_FIELDS, "swing")
        return sum(getattr(self, name).nbytes for name in fields) // self.qpos.shape[0]

    def at(
        self, clip: Int[jax.Array, "*#b"], frame: Int[jax.Array, "*#b"]
    ) -> Int[jax.Array, "..."]:
        """Rows of clips' frames (broadcast); frames beyond the end stay on the last one."""
        return self.start[clip] + jnp.clip(frame, 0, self.length[clip] - 1)

    def sites_at(self, rows: Int[jax.Array, "*b"]) -> SiteState:
        """World-frame site states of the given rows."""
        return SiteState(
            self.site_pos[rows],
            rotation_matrix(self.site_quat[rows]),
            self.site_linvel[rows],
            self.site_angvel[rows],
        )

    def relative_at(self, rows: Int[jax.Array, "*b"]) -> RelativeState:
        """Relative site states of the given rows."""
        return relative_state(self.sites_at(rows))

    def acceleration_at(
        self, clip: Int[jax.Array, " N"], frame: Int[jax.Array, " N"], *, dt: float
    ) -> Float[jax.Array, "N nv"]:
        """Rate of change of qvel: the slope of a line through 9 velocities around a frame."""
        window = jnp.arange(-_REACH, _REACH + 1)
        rows = self.at(clip[:, None], frame[:, None] + window)
        return jnp.einsum("nwv,w->nv", self.qvel[rows], window / (jnp.sum(window**2) * dt))


# Half width of the window that accelerations are fitted in, frames.
_REACH = 4
_FRAME_FIELDS = ("qpos", "qvel", "site_pos", "site_quat", "site_linvel", "site_angvel")


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
    return ReferenceBank(
        **{name: _join(clips, name) for name in _FRAME_FIELDS},
        swing=jnp.asarray(np.concatenate([*swings, np.zeros((0, 2), dtype=np.float32)])),
        start=jnp.asarray(np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int32)),
        length=jnp.asarray(lengths),
    )


def _join(clips: Sequence[MotionClip], name: str) -> Float[jax.Array, "F ..."]:
    rows = [np.asarray(getattr(clip, name), dtype=np.float32) for clip in clips]
    return jnp.asarray(np.concatenate(rows))
