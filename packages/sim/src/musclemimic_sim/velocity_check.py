"""Refuses clips whose velocities are not the rate of change of their positions.

A wrong unit, frame rate or frame of reference passes every other check and spoils training in
silence: the reward asks for motions that cannot be.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip, MusculoModel

# Allowed: this much, rad/s or m/s, plus this share of the largest rate of the joint (or of any
# component of the vector). Central differences at 100 Hz miss 1.6 % of a 5 Hz swing and 6.6 % of a
# 10 Hz one.
_SLACK = 0.1
_SHARE = 0.2


@dataclass(frozen=True)
class _Rates:
    """Stored velocities of one kind and the rates they should be, both (T, columns).

    `width` columns together are one vector (1 for joints).
    """

    field: str
    names: tuple[str, ...]
    unit: str
    width: int
    stored: Float[np.ndarray, "T c"]
    expected: Float[np.ndarray, "T c"]


def require_consistent_velocities(model: MusculoModel, clip: MotionClip, source: str) -> None:
    """Compare qvel, site_linvel and site_angvel with central differences of the positions.

    The first and last frame, where only one-sided differences exist, are left out.

    Args:
        model: the clip's body.
        clip: at least three frames long to be checked at all.
        source: name of the clip for the message.

    Raises:
        InputError: naming clip, field, joint or site, and frame of the worst disagreement.
    """
    if len(clip) < 3:
        return
    for rates in _all_rates(model, clip):
        peak = np.abs(rates.expected).max(axis=0).reshape(-1, rates.width).max(axis=1)
        allowed = _SLACK + _SHARE * np.repeat(peak, rates.width)
        excess = np.abs(rates.stored - rates.expected) / allowed
        frame, column = np.unravel_index(int(excess.argmax()), excess.shape)
        if excess[frame, column] > 1:
            stored, expected = rates.stored[frame, column], rates.expected[frame, column]
            raise InputError(
                source,
                f"{rates.field} of {rates.names[column]}, frame {frame + 1}",
                found=f"{stored:.4g} {rates.unit}",
                expected=f"{expected:.4g} {rates.unit} as the positions change "
                f"(± {allowed[column]:.2g})",
            )


def _all_rates(model: MusculoModel, clip: MotionClip) -> Iterator[_Rates]:
    m, dt = model.mj_model, clip.dt
    scalar = np.flatnonzero(m.jnt_type >= int(mujoco.mjtJoint.mjJNT_SLIDE))
    names = tuple(model.joint_names[joint] for joint in scalar)
    yield _Rates(
        "qvel",
        names,
        "rad/s (m/s)",
        1,
        clip.qvel[1:-1, m.jnt_dofadr[scalar]],
        _central(clip.qpos[:, m.jnt_qposadr[scalar]], dt),
    )
    xyz = ("x", "y", "z")
    if model.has_free_root:
        root = model.joint_names[0]
        yield _Rates(
            "qvel",
            tuple(f"{root} {axis}" for axis in xyz),
            "m/s",
            3,
            clip.qvel[1:-1, :3],
            _central(clip.qpos[:, :3], dt),
        )
        yield _Rates(
            "qvel",
            tuple(f"{root} rotation {axis}" for axis in xyz),
            "rad/s in the body's frame",
            3,
            clip.qvel[1:-1, 3:6],
            _turning(clip.qpos[:, 3:7], dt, world=False),
        )
    columns = tuple(f"site {name} {axis}" for name in clip.site_names for axis in xyz)
    frames = len(clip) - 2
    yield _Rates(
        "site_linvel",
        columns,
        "m/s",
        3,
        clip.site_linvel[1:-1].reshape(frames, -1),
        _central(clip.site_pos, dt).reshape(frames, -1),
    )
    yield _Rates(
        "site_angvel",
        columns,
        "rad/s in the world frame",
        3,
        clip.site_angvel[1:-1].reshape(frames, -1),
        _turning(clip.site_quat, dt, world=True).reshape(frames, -1),
    )


def _central(values: Float[np.ndarray, "T ..."], dt: float) -> Float[np.ndarray, "T2 ..."]:
    return (values[2:] - values[:-2]) / (2 * dt)


def _turning(
    quaternions: Float[np.ndarray, "T *n 4"], dt: float, *, world: bool
) -> Float[np.ndarray, "T2 *n 3"]:
    """Angular velocity between the frames before and after each, rad/s."""
    before, after = quaternions[:-2], quaternions[2:]
    conjugate = before * np.array([1.0, -1.0, -1.0, -1.0])
    turn = _product(after, conjugate) if world else _product(conjugate, after)
    turn = np.where(turn[..., :1] < 0, -turn, turn)
    sine = np.linalg.norm(turn[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, turn[..., :1])
    # angle / sine tends to 2 as the turn vanishes.
    factor = np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 2.0)
    return turn[..., 1:] * factor / (2 * dt)


def _product(a: Float[np.ndarray, "*n 4"], b: Float[np.ndarray, "*n 4"]) -> np.ndarray:
    """Hamilton product of quaternions wxyz, (*n, 4)."""
    w = a[..., :1] * b[..., :1] - np.sum(a[..., 1:] * b[..., 1:], axis=-1, keepdims=True)
    v = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([w, v], axis=-1)
