"""The reference bank: all clips end to end in float32 on the device, addressed by frame."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_sim.relative import RelativeState, SiteState, relative_state
from musclemimic_sim.sensors import quaternion_matrix


class ReferenceBank(NamedTuple):
    """F frames of C clips.

    Attributes:
        qpos, qvel: MuJoCo positions and velocities.
        sites: world-frame site states.
        relative: the same relative to the reference site, computed once.
        start, length: (C,) first frame and number of frames of each clip.
    """

    qpos: Float[jax.Array, "F nq"]
    qvel: Float[jax.Array, "F nv"]
    sites: SiteState
    relative: RelativeState
    start: Int[jax.Array, " C"]
    length: Int[jax.Array, " C"]

    def at(
        self, clip: Int[jax.Array, "*#b"], frame: Int[jax.Array, "*#b"]
    ) -> Int[jax.Array, "..."]:
        """Rows of clips' frames (broadcast); frames beyond the end stay on the last one."""
        return self.start[clip] + jnp.clip(frame, 0, self.length[clip] - 1)

    def sites_at(self, rows: Int[jax.Array, "*b"]) -> SiteState:
        """World-frame site states of the given rows."""
        return SiteState(*(part[rows] for part in self.sites))

    def relative_at(self, rows: Int[jax.Array, "*b"]) -> RelativeState:
        """Relative site states of the given rows."""
        return RelativeState(*(part[rows] for part in self.relative))


def build_bank(
    model: MusculoModel, clips: Sequence[MotionClip], *, control_dt: float
) -> ReferenceBank:
    """Put clips on the device.

    Raises:
        InputError: no clips, a clip of another model, or frames at another rate than control.
    """
    if not clips:
        raise InputError("make_env", "clips", found="none", expected="at least one MotionClip")
    for index, clip in enumerate(clips):
        clip.require_model(model, f"clip {index} ({clip.provenance.source})")
        if abs(clip.dt - control_dt) > 1e-9:
            raise InputError(
                f"clip {index} ({clip.provenance.source})",
                "dt",
                found=f"{clip.dt:.6g} s",
                expected=f"the control step, {control_dt:.6g} s",
            )

    def join(name: str) -> Float[jax.Array, "F ..."]:
        rows = [np.asarray(getattr(clip, name), dtype=np.float32) for clip in clips]
        return jnp.asarray(np.concatenate(rows))

    rotation = quaternion_matrix(np.concatenate([clip.site_quat for clip in clips]))
    sites = SiteState(
        join("site_pos"),
        jnp.asarray(rotation, dtype=jnp.float32),
        join("site_linvel"),
        join("site_angvel"),
    )
    lengths = np.array([len(clip) for clip in clips])
    return ReferenceBank(
        qpos=join("qpos"),
        qvel=join("qvel"),
        sites=sites,
        relative=relative_state(sites),
        start=jnp.asarray(np.concatenate([[0], np.cumsum(lengths)[:-1]])),
        length=jnp.asarray(lengths),
    )
