"""A model as a tree of links, one for each joint, for algorithms that go up and down it."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

WORLD = -1


@dataclass(frozen=True)
class Links:
    """L links, sorted by rank: how many links there are between them and the world.

    A body with several joints is as many links, of which the last has the mass; bodies without
    joints are part of what they are welded to.

    Attributes:
        rank: (L,) from 0. parent: (L,) link it hangs on, or `WORLD`.
        joint: (L,) MuJoCo's id.
        offset: (L, 3) m, turn: (L, 3, 3): its place and axes in its parent's axes, joint at 0.
        mass: (L,) kg. centre: (L, 3) m, in its own axes. inertia: (L, 3, 3) kg m² about it.
        of_body: (B,) the link that each body belongs to, or `WORLD`.
    """

    rank: Int[np.ndarray, " L"]
    parent: Int[np.ndarray, " L"]
    joint: Int[np.ndarray, " L"]
    offset: Float[np.ndarray, "L 3"]
    turn: Float[np.ndarray, "L 3 3"]
    mass: Float[np.ndarray, " L"]
    centre: Float[np.ndarray, "L 3"]
    inertia: Float[np.ndarray, "L 3 3"]
    of_body: Int[np.ndarray, " B"]


def links_of(model: mujoco.MjModel) -> Links:
    """The links of a compiled model."""
    turns = _matrices(model.body_quat)
    head: Int[np.ndarray, " B"] = np.full(model.nbody, WORLD)  # joint of each body's link
    place, turn = np.zeros((model.nbody, 3)), np.tile(np.eye(3), (model.nbody, 1, 1))
    rank, parent = np.zeros(model.njnt, dtype=int), np.full(model.njnt, WORLD)
    offset, axes = np.zeros((model.njnt, 3)), np.tile(np.eye(3), (model.njnt, 1, 1))
    for body in range(1, model.nbody):
        above = int(model.body_parentid[body])
        head[body] = head[above]
        place[body] = place[above] + turn[above] @ model.body_pos[body]
        turn[body] = turn[above] @ turns[body]
        joints = range(
            int(model.body_jntadr[body]), int(model.body_jntadr[body] + model.body_jntnum[body])
        )
        for joint in joints:
            parent[joint], offset[joint], axes[joint] = head[body], place[body], turn[body]
            rank[joint] = 0 if head[body] == WORLD else rank[head[body]] + 1
            head[body], place[body], turn[body] = joint, np.zeros(3), np.eye(3)
    order = np.argsort(rank, kind="stable")
    new: Int[np.ndarray, " L1"] = np.full(model.njnt + 1, WORLD)  # the last one is WORLD's
    new[order] = np.arange(model.njnt)
    mass, centre, inertia = _mass_properties(model, head, place, turn)
    return Links(
        rank=rank[order],
        parent=new[parent[order]],
        joint=order,
        offset=offset[order],
        turn=axes[order],
        mass=mass[order],
        centre=centre[order],
        inertia=inertia[order],
        of_body=new[head],
    )


def _mass_properties(
    model: mujoco.MjModel,
    head: Int[np.ndarray, " B"],
    place: Float[np.ndarray, "B 3"],
    turn: Float[np.ndarray, "B 3 3"],
) -> tuple[Float[np.ndarray, " L"], Float[np.ndarray, "L 3"], Float[np.ndarray, "L 3 3"]]:
    """Mass, centre and inertia of the bodies of each link as one (Steiner's theorem)."""
    mass, centre = np.zeros(model.njnt), np.zeros((model.njnt, 3))
    inertia = np.zeros((model.njnt, 3, 3))
    moving: Bool[np.ndarray, " B"] = head != WORLD
    of, m = head[moving], model.body_mass[moving]
    at = (place + np.einsum("bij,bj->bi", turn, model.body_ipos))[moving]
    np.add.at(mass, of, m)
    np.add.at(centre, of, m[:, None] * at)
    centre /= mass.clip(mujoco.mjMINVAL)[:, None]
    axes = (turn @ _matrices(model.body_iquat))[moving]
    own = (axes * model.body_inertia[moving][:, None]) @ np.swapaxes(axes, 1, 2)
    arm = at - centre[of]
    square = np.einsum("bi,bi->b", arm, arm)[:, None, None] * np.eye(3)
    away = m[:, None, None] * (square - arm[:, :, None] * arm[:, None])
    np.add.at(inertia, of, own + away)
    return mass, centre, inertia


def _matrices(quaternions: Float[np.ndarray, "B 4"]) -> Float[np.ndarray, "B 3 3"]:
    return Rotation.from_quat(quaternions.copy(), scalar_first=True).as_matrix()
