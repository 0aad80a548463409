"""Why a tendon jumps: the joint that turns then, and how fast the person turned there."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.linkage import dofs_above
from musclemimic_retarget.retargeter import RetargetResult
from musclemimic_retarget.rotations import angle_between, quaternion_product
from musclemimic_retarget.tendon_jumps import tendon_jumps

# The person's fastest turn is looked for so long before and after the jump, s.
_ABOUT_S = 0.05


@dataclass(frozen=True)
class JumpCause:
    """A tendon that changes in one frame by more than 5 % of its rest length.

    Attributes:
        time_s: of the frame. tendon: its name, and change_percent of its rest length.
        joint: the one whose motion alone changes the tendon most, and speed_deg_per_s, its own.
        source_deg_per_s: how fast the targets, and so the person, turn at that joint: the segment
            below against the one above, about any axis, the fastest within 50 ms.
    """

    time_s: float
    tendon: str
    change_percent: float
    joint: str
    speed_deg_per_s: float
    source_deg_per_s: float


def jump_causes(
    model: Articulated, body: KinematicBody, result: RetargetResult
) -> tuple[JumpCause, ...]:
    """Causes of all tendon jumps of a clip, one a frame, in the order of time."""
    full, qpos = model.mj_model, np.asarray(result.clip.qpos)
    lengths, causes = TendonLengths(full), list[JumpCause]()
    for frame, tendon in tendon_jumps(full, qpos).where:
        before, after = qpos[frame - 1], qpos[frame]
        change = lengths(after)[tendon] - lengths(before)[tendon]
        address = _most_moving(model, lengths, tendon, before, after)
        joint = int(np.flatnonzero(full.jnt_qposadr == address)[0])
        speed = (after[address] - before[address]) / result.clip.dt
        causes.append(
            JumpCause(
                time_s=frame * result.clip.dt,
                tendon=full.tendon(tendon).name,
                change_percent=100.0 * abs(float(change)) / float(full.tendon_length0[tendon]),
                joint=full.joint(joint).name,
                speed_deg_per_s=abs(float(np.rad2deg(speed))),
                source_deg_per_s=_source_speed(body, result, int(full.jnt_dofadr[joint]), frame),
            )
        )
    return tuple(causes)


class TendonLengths:
    """Lengths of all tendons in a pose, m."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Of a model."""
        self._model, self._data = model, mujoco.MjData(model)

    def __call__(self, qpos: Float[np.ndarray, " nq"]) -> Float[np.ndarray, " nt"]:
        """In one pose."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_tendon(self._model, self._data)
        return self._data.ten_length.copy()


def _most_moving(
    model: Articulated,
    lengths: TendonLengths,
    tendon: int,
    before: Float[np.ndarray, " nq"],
    after: Float[np.ndarray, " nq"],
) -> int:
    """The qpos address of the independent joint whose step alone changes a tendon most."""
    scalars, start = model.couplings.scalar_qpos, lengths(before)[tendon]
    changes: list[float] = []
    for address in scalars:
        moved = before.copy()
        moved[address] = after[address]
        changes.append(abs(float(lengths(model.couplings.apply(moved))[tendon] - start)))
    return int(scalars[int(np.argmax(changes))])


def _source_speed(body: KinematicBody, result: RetargetResult, dof: int, frame: int) -> float:
    """How fast targets turn about a joint near a frame, °/s."""
    below, above = _neighbours(body, dof)
    about = max(round(_ABOUT_S / result.clip.dt), 1)
    rows = slice(max(frame - 1 - about, 0), frame + about + 1)
    turn: Float[np.ndarray, "T 4"] = result.targets.quat[rows, below]
    if above is not None:
        conjugate = result.targets.quat[rows, above] * np.array([1.0, -1.0, -1.0, -1.0])
        turn = quaternion_product(conjugate, turn)
    angles = angle_between(turn[1:], turn[:-1])
    return float(np.rad2deg(angles.max()) / result.clip.dt)


def _neighbours(body: KinematicBody, dof: int) -> tuple[int, int | None]:
    """Columns of the first site beyond a joint, and of the last one before it, if any."""
    chains: Bool[np.ndarray, "S nv"] = dofs_above(body)
    sizes = chains.sum(axis=1)
    beyond = np.flatnonzero(chains[:, dof])
    below = int(beyond[np.argmin(sizes[beyond])])
    # Of the sites on the way there, which have no dof that the one below does not have.
    before = np.flatnonzero(~chains[:, dof] & ~(chains & ~chains[below]).any(axis=1))
    return below, int(before[np.argmax(sizes[before])]) if len(before) else None
