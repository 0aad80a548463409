"""Tendons that change from one frame to the next by more than a motion explains."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float

# Share of the rest length, m, times the running mean, and that mean's memory per frame.
_JUMP_SHARE, _JUMP_LENGTH, _JUMP_RATIO, _JUMP_MEMORY = 0.05, 1e-3, 10.0, 0.01
# A quick look takes every so many poses and suspects tendons that come up to this share of a jump
# on average: at 100 Hz a movement of 10 Hz keeps sin(0.4 π) / 0.4 π of its peak speed.
_STRIDE, _SUSPECT = 4, 0.75


@dataclass(frozen=True)
class TendonJumps:
    """Jumps of tendons from one frame to the next.

    Attributes:
        frames: how many have a jump. worst: tendon of the largest relative change of all, and
            worst_change, that change over the rest length.
        where: (frame, tendon id) of every frame with a jump, the tendon that changes most.
    """

    frames: int
    worst: str
    worst_change: float
    where: tuple[tuple[int, int], ...]


def tendon_jumps(model: mujoco.MjModel, qpos: Float[np.ndarray, "T nq"]) -> TendonJumps:
    """Look at every tendon's change from frame to frame; see `ClipMetrics.tendon_jump`."""
    if not model.ntendon:
        return TendonJumps(0, "none", 0.0, ())
    return _jumps(model, qpos, stride=1, severity=1.0)


def may_jump(model: mujoco.MjModel, qpos: Float[np.ndarray, "T nq"]) -> bool:
    """A quick look at smooth poses: False if `tendon_jumps` is not worth its time.

    Tendons take ten times as long as all else that a pose takes.
    """
    if not model.ntendon:
        return False
    return _jumps(model, qpos[::_STRIDE], stride=_STRIDE, severity=_SUSPECT).frames > 0


def _jumps(
    model: mujoco.MjModel, qpos: Float[np.ndarray, "T nq"], *, stride: int, severity: float
) -> TendonJumps:
    """Of poses so many frames apart, by a share of the limits of a jump in each of these."""
    # Per pose, from per frame.
    most_share, most_length = severity * stride * _JUMP_SHARE, severity * stride * _JUMP_LENGTH
    ratio, memory = severity * _JUMP_RATIO, stride * _JUMP_MEMORY
    data, before, mean = mujoco.MjData(model), np.empty(0), np.empty(0)
    largest, where = np.zeros(model.ntendon), list[tuple[int, int]]()
    for frame, row in enumerate(qpos):
        data.qpos[:] = row
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_tendon(model, data)
        change = np.abs(data.ten_length - before) if frame else np.zeros(model.ntendon)
        # The running mean starts from the first change.
        mean = change.copy() if frame <= 1 else mean
        share = change / model.tendon_length0
        jumps = (share > most_share) & (change > most_length) & (change > ratio * mean)
        if jumps.any():
            where.append((frame, int(np.argmax(share * jumps))))
        mean += memory * (change - mean)
        np.maximum(largest, change, out=largest)
        before = data.ten_length.copy()
    relative = largest / model.tendon_length0
    worst = int(relative.argmax())
    name = model.tendon(worst).name
    return TendonJumps(len(where), name, float(relative[worst]), tuple(where))
