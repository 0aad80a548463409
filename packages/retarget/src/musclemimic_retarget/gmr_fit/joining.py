"""Windows of a motion become one clip again, without a seam."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from musclemimic_retarget.gmr_fit.output import Output
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.rotations import normalized
from musclemimic_retarget.targets import Targets


def blended(
    body: KinematicBody, before: Float[np.ndarray, "T nq"], after: Float[np.ndarray, "T nq"]
) -> Float[np.ndarray, "T nq"]:
    """From one row of poses to another, smoothly; ranges and couplings still hold."""
    share = np.sin(0.5 * np.pi * (np.arange(len(before)) + 0.5) / len(before))[:, None] ** 2
    mixed = (1.0 - share) * before + share * after
    if body.musculo.has_free_root:
        same = np.sum(before[:, 3:7] * after[:, 3:7], axis=1, keepdims=True)
        turned = (1.0 - share) * before[:, 3:7] + share * np.copysign(1.0, same) * after[:, 3:7]
        mixed[:, 3:7] = normalized(turned)
    return body.musculo.couplings.apply(mixed)


@dataclass(frozen=True)
class Joined:
    """Poses of a whole clip, filled window by window.

    Attributes:
        qpos: (T, nq). contact: (T, 2). converged: (T,).
    """

    qpos: Float[np.ndarray, "T nq"]
    contact: Bool[np.ndarray, "T 2"]
    converged: Bool[np.ndarray, " T"]

    @classmethod
    def empty(cls, frames: int, size: int) -> "Joined":
        """Nothing filled yet."""
        return cls(
            np.empty((frames, size)),
            np.zeros((frames, 2), dtype=bool),
            np.zeros(frames, dtype=bool),
        )

    def add(self, body: KinematicBody, rows: slice, output: Output, done: int) -> None:
        """Fill rows, blending into those that the window before has made already.

        Args:
            body: of the model.
            rows: of this window.
            output: its poses.
            done: rows filled so far.
        """
        shared = done - rows.start
        poses = output.qpos
        if shared > 0:
            mixed = blended(body, self.qpos[rows.start : done], poses[:shared])
            poses = np.concatenate([mixed, poses[shared:]])
        self.qpos[rows] = poses
        later = slice(rows.start + shared // 2, rows.stop)
        self.contact[later] = output.contact[shared // 2 :]
        self.converged[later] = output.converged[shared // 2 :]


def joined_targets(parts: list[Targets]) -> Targets:
    """Targets of neighbouring windows, one after the other; they leave the list meanwhile."""
    first = parts[0]
    if len(parts) == 1:
        return first
    frames, done = sum(len(part) for part in parts), 0
    pos, quat, human_pos = (
        np.empty((frames, *array.shape[1:])) for array in (first.pos, first.quat, first.human_pos)
    )
    while parts:
        part = parts.pop(0)
        rows = slice(done, done + len(part))
        pos[rows], quat[rows], human_pos[rows] = part.pos, part.quat, part.human_pos
        done = rows.stop
    for array in (pos, quat, human_pos):
        # Else the targets would copy them.
        array.flags.writeable = False
    return dataclasses.replace(first, pos=pos, quat=quat, human_pos=human_pos)
