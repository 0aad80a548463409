"""Recursive Newton–Euler over the links of a model, all frames at once.

The algorithm is Featherstone's (Rigid Body Dynamics Algorithms, 2008, table 5.1) in world axes:
velocities, accelerations and forces are spatial vectors about the world's origin, so nothing has
to be carried from one link's frame to the next. MuJoCo's `mj_rne` gives the same numbers one
frame at a time; its batches of worlds have no inverse dynamics.

Arrays have time last, so that every operation runs along memory: vectors (3, T), rotation
matrices (3, 3, T).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import mujoco
import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from musclemimic_eval.kinetics.links import WORLD, Links, links_of

_FREE, _SLIDE, _HINGE = (
    int(getattr(mujoco.mjtJoint, f"mjJNT_{name}")) for name in ("FREE", "SLIDE", "HINGE")
)
# Frames worked on at once: the arrays of a link then stay in the processor's cache.
_BLOCK = 1000


@dataclass(frozen=True)
class Wrench:
    """What pushes a body from outside, world frame.

    Attributes:
        body: its id.
        force: (T, 3) N. moment: (T, 3) N m, about the world's origin.
    """

    body: int
    force: Float[np.ndarray, "T 3"]
    moment: Float[np.ndarray, "T 3"]


class _Motion(NamedTuple):
    """A link in every frame.

    Attributes:
        place: m. turn: rotation matrix.
        omega, v: spatial velocity: rad/s, and m/s of the link's point at the world's origin.
        alpha, a: its rate.
    """

    place: Float[np.ndarray, "3 T"]
    turn: Float[np.ndarray, "3 3 T"]
    omega: Float[np.ndarray, "3 T"]
    v: Float[np.ndarray, "3 T"]
    alpha: Float[np.ndarray, "3 T"]
    a: Float[np.ndarray, "3 T"]


class _Axis(NamedTuple):
    """What one unit of a joint's velocity is: rad/s, and m/s at the world's origin."""

    about: Float[np.ndarray, "3 T"]
    along: Float[np.ndarray, "3 T"]


class _State(NamedTuple):
    """Positions, velocities and accelerations, time last."""

    qpos: Float[np.ndarray, "nq T"]
    qvel: Float[np.ndarray, "nv T"]
    qacc: Float[np.ndarray, "nv T"]


def newton_euler(
    model: mujoco.MjModel,
    qpos: Float[np.ndarray, "T nq"],
    qvel: Float[np.ndarray, "T nv"],
    qacc: Float[np.ndarray, "T nv"],
    wrenches: Sequence[Wrench] = (),
) -> Float[np.ndarray, "T nv"]:
    """Generalised forces of a motion: M q̈ + c(q, q̇) − Σ Jᵀ w, without rotor inertia.

    Args:
        model: of free, slide and hinge joints.
        qpos: as in MuJoCo, m and rad.
        qvel: as in MuJoCo, m/s and rad/s.
        qacc: as in MuJoCo, m/s² and rad/s².
        wrenches: pushes from outside.

    Raises:
        ValueError: the model has ball joints.
    """
    if set(model.jnt_type.tolist()) - {_FREE, _SLIDE, _HINGE}:
        raise ValueError("newton_euler knows free, slide and hinge joints, not ball joints")
    links = links_of(model)
    result = np.empty(qvel.shape)
    for first in range(0, len(qpos), _BLOCK):
        part = slice(first, first + _BLOCK)
        state = _State(*(np.ascontiguousarray(x[part].T) for x in (qpos, qvel, qacc)))
        axes: dict[int, _Axis] = {}
        motions = _outward(model, links, state, axes)
        efforts = [_effort(links, link, motion) for link, motion in enumerate(motions)]
        for wrench in wrenches:
            link = int(links.of_body[wrench.body])
            if link != WORLD:
                force, moment = efforts[link]
                efforts[link] = force - wrench.force[part].T, moment - wrench.moment[part].T
        result[part] = _inward(model, links, efforts, axes).T
    return result


def _outward(
    model: mujoco.MjModel, links: Links, state: _State, axes: dict[int, _Axis]
) -> list[_Motion]:
    """Motion of all links; notes the axis of each velocity coordinate."""
    zero = np.zeros((3, state.qpos.shape[1]))
    turn = np.repeat(np.eye(3)[:, :, None], zero.shape[1], axis=2)
    # The world falls upwards, which is gravity.
    world = _Motion(zero, turn, zero, zero, zero, zero - model.opt.gravity[:, None])
    motions: list[_Motion] = []
    parents: list[int] = links.parent.tolist()
    for link, parent in enumerate(parents):
        before = world if parent == WORLD else motions[parent]
        if links.offset[link].any():
            place = before.place + np.matmul(links.offset[link], before.turn)
            before = before._replace(place=place)
        if (links.turn[link] != np.eye(3)).any():
            before = before._replace(turn=np.matmul(links.turn[link].T, before.turn))
        motions.append(_through(model, int(links.joint[link]), before, state, axes))
    return motions


def _through(
    model: mujoco.MjModel, joint: int, before: _Motion, state: _State, axes: dict[int, _Axis]
) -> _Motion:
    """The motion beyond a joint."""
    at, dof = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
    if model.jnt_type[joint] == _FREE:
        return _floating(before, state, (at, dof), axes)
    axis = np.matmul(model.jnt_axis[joint], before.turn)
    away = state.qpos[at] - model.qpos0[at]
    if model.jnt_type[joint] == _SLIDE:
        moved = before._replace(place=before.place + axis * away)
        axes[dof] = _Axis(np.zeros_like(axis), axis)
    else:
        anchor, turn = before.place, _turned(before.turn, model.jnt_axis[joint], away)
        moved = before._replace(turn=turn)
        if model.jnt_pos[joint].any():
            anchor = anchor + np.matmul(model.jnt_pos[joint], before.turn)
            moved = moved._replace(place=anchor - np.matmul(model.jnt_pos[joint], turn))
        axes[dof] = _Axis(axis, _cross(anchor, axis))
    return _driven(moved, *(_times(axes[dof], rate[dof]) for rate in (state.qvel, state.qacc)))


def _floating(
    before: _Motion, state: _State, address: tuple[int, int], axes: dict[int, _Axis]
) -> _Motion:
    """A body on a free joint: velocity in the world, then angular velocity in its own axes."""
    at, dof = address
    place, quaternion = state.qpos[at : at + 3], state.qpos[at + 3 : at + 7]
    matrices = Rotation.from_quat(quaternion.T.copy(), scalar_first=True).as_matrix()
    turn = np.ascontiguousarray(np.moveaxis(matrices, 0, 2))
    zero = np.zeros_like(place)
    for k, unit in enumerate(np.eye(3)):
        axes[dof + k] = _Axis(zero, zero + unit[:, None])
        axes[dof + 3 + k] = _Axis(turn[:, k], _cross(place, turn[:, k]))
    rates = (state.qvel[dof : dof + 6], state.qacc[dof : dof + 6])
    motion = _driven(before, *(_Axis(zero, rate[:3]) for rate in rates))
    spins = [_applied(turn, rate[3:]) for rate in rates]
    motion = motion._replace(place=place, turn=turn)
    return _driven(motion, *(_Axis(spin, _cross(place, spin)) for spin in spins))


def _driven(motion: _Motion, rate: _Axis, up: _Axis) -> _Motion:
    """With the velocity and the acceleration that a joint adds.

    Its axes are carried along by the motion so far: Ṡ q̇ = (ω, v) × S q̇.
    """
    omega, v = motion.omega, motion.v
    return motion._replace(
        omega=omega + rate.about,
        v=v + rate.along,
        alpha=motion.alpha + up.about + _cross(omega, rate.about),
        a=motion.a + up.along + _cross(omega, rate.along) + _cross(v, rate.about),
    )


def _effort(
    links: Links, link: int, motion: _Motion
) -> tuple[Float[np.ndarray, "3 T"], Float[np.ndarray, "3 T"]]:
    """Force, and moment about the origin, that give a link its acceleration."""
    mass, inertia = float(links.mass[link]), links.inertia[link]
    if not (mass or inertia.any()):
        return np.zeros_like(motion.a), np.zeros_like(motion.a)
    centre = motion.place + np.matmul(links.centre[link], motion.turn)
    swing = _cross(motion.omega, _cross(motion.omega, centre) + motion.v)
    force = mass * (motion.a + _cross(motion.alpha, centre) + swing)
    back = np.swapaxes(motion.turn, 0, 1)
    spin, spin_up = _applied(back, motion.omega), _applied(back, motion.alpha)
    own = inertia @ spin_up + _cross(spin, inertia @ spin)
    return force, _applied(motion.turn, own) + _cross(centre, force)


def _inward(
    model: mujoco.MjModel,
    links: Links,
    efforts: list[tuple[Float[np.ndarray, "3 T"], Float[np.ndarray, "3 T"]]],
    axes: dict[int, _Axis],
) -> Float[np.ndarray, "nv T"]:
    """Sum the efforts from the tips to the root, and take what each joint gives of them."""
    result = np.empty((model.nv, efforts[0][0].shape[1]))
    for link in reversed(range(len(efforts))):
        (force, moment), joint = efforts[link], int(links.joint[link])
        first = int(model.jnt_dofadr[joint])
        for dof in range(first, first + (6 if model.jnt_type[joint] == _FREE else 1)):
            about, along = axes[dof]
            result[dof] = (about * moment + along * force).sum(axis=0)
        parent = int(links.parent[link])
        if parent != WORLD:
            efforts[parent][0][:] += force
            efforts[parent][1][:] += moment
    return result


def _turned(
    turn: Float[np.ndarray, "3 3 T"], axis: Float[np.ndarray, "3"], angle: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "3 3 T"]:
    """After a rotation about an axis of its own: R (I + K sin φ + K² (1 − cos φ)) (Rodrigues)."""
    x, y, z = axis
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    once = np.matmul(K.T, turn)
    twice = np.matmul(K.T, once)
    # In place: fresh memory costs more than the arithmetic.
    once *= np.sin(angle)
    twice *= 1 - np.cos(angle)
    once += twice
    once += turn
    return once


def _applied(
    turn: Float[np.ndarray, "3 3 T"], vectors: Float[np.ndarray, "3 T"]
) -> Float[np.ndarray, "3 T"]:
    """Matrix times vector. Written out: `einsum` takes several times as long here."""
    result = turn[:, 0] * vectors[0]
    result += turn[:, 1] * vectors[1]
    result += turn[:, 2] * vectors[2]
    return result


def _times(axis: _Axis, rate: Float[np.ndarray, " T"]) -> _Axis:
    return _Axis(axis.about * rate, axis.along * rate)


def _cross(a: Float[np.ndarray, "3 T"], b: Float[np.ndarray, "3 T"]) -> Float[np.ndarray, "3 T"]:
    result = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        result[i] = a[j] * b[k] - a[k] * b[j]
    return result
