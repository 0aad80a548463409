"""Imitation errors, reward and loss of the reference; small pure functions."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from musclemimic_sim.bank import ReferenceBank
from musclemimic_sim.body import Body, BodyState
from musclemimic_sim.config import RewardConfig, RewardTerm, TerminationConfig
from musclemimic_sim.relative import relative_state, rotation_log, rotation_matrix


class Tracking(NamedTuple):
    """How far N bodies are from their reference frame.

    `squares` are mean squared errors, the arguments of the reward terms; `errors` are the
    figures a person reads.
    """

    squares: dict[str, Float[jax.Array, " N"]]
    errors: dict[str, Float[jax.Array, " N"]]


def track(
    *,
    body: Body,
    bank: ReferenceBank,
    state: BodyState,
    rows: Int[jax.Array, " N"],
    origin: Float[jax.Array, "N 3"],
) -> Tracking:
    """Compare states with bank rows, the reference moved by −origin."""
    now, goal = relative_state(state.sites), bank.relative_at(rows)
    pos, mat = bank.site_pos[rows], rotation_matrix(bank.site_quat[rows])
    joint = state.qpos[:, body.joint_qpos] - bank.qpos[rows][:, body.joint_qpos]
    speed = state.qvel[:, body.joint_qvel] - bank.qvel[rows][:, body.joint_qvel]
    site_offset = state.sites.pos - (pos - origin[:, None])
    root_turn = mat[:, 0] @ jnp.swapaxes(state.sites.mat[:, 0], -1, -2)
    root_velocity = jnp.concatenate(
        [
            state.sites.linvel[:, 0] - bank.root_linvel[rows],
            state.sites.angvel[:, 0] - bank.root_angvel[rows],
        ],
        axis=1,
    )
    # The orientation error is the angle between the two relative rotations, not the difference
    # of their logarithms, which jumps at half a turn.
    squares = {
        "joint_position": _mean_square(joint),
        "joint_velocity": _mean_square(speed),
        "site_position": _mean_square(now.pos - goal.pos),
        "site_orientation": _mean_square(_turns(state, mat)),
        "site_velocity": _mean_square(now.linvel - goal.linvel),
        "site_angular": _mean_square(now.angvel - goal.angvel),
        "root_position": _mean_square(site_offset[:, 0]),
        "root_velocity": _mean_square(root_velocity),
    }
    errors: dict[str, Float[jax.Array, " N"]] = {
        "joint_position_rad": jnp.sqrt(squares["joint_position"]),
        "joint_velocity_rad_per_s": jnp.sqrt(squares["joint_velocity"]),
        "site_position_m": jnp.linalg.norm(now.pos - goal.pos, axis=-1).mean(axis=-1),
        "site_absolute_m": jnp.linalg.norm(site_offset, axis=-1).mean(axis=-1),
        "root_position_m": jnp.linalg.norm(site_offset[:, 0], axis=-1),
        "root_yaw_rad": jnp.abs(jnp.arctan2(root_turn[:, 1, 0], root_turn[:, 0, 0])),
    }
    return Tracking(squares, errors)


def _turns(state: BodyState, reference: Float[jax.Array, "N S 3 3"]) -> Float[jax.Array, "N S1 3"]:
    """Rotation vector from each site's relative orientation to the reference's, rad."""
    mine = jnp.swapaxes(state.sites.mat[:, :1], -1, -2) @ state.sites.mat[:, 1:]
    theirs = jnp.swapaxes(reference[:, :1], -1, -2) @ reference[:, 1:]
    return rotation_log(jnp.swapaxes(mine, -1, -2) @ theirs)


def _mean_square(error: Float[jax.Array, "N ..."]) -> Float[jax.Array, " N"]:
    return jnp.mean(jnp.square(error).reshape(error.shape[0], -1), axis=1)


def imitation_reward(
    config: RewardConfig, squares: dict[str, Float[jax.Array, " N"]]
) -> dict[str, Float[jax.Array, " N"]]:
    """Terms w · exp(−β · mean squared error), for every one with a weight."""
    terms: dict[str, Float[jax.Array, " N"]] = {}
    for name, square in squares.items():
        term: RewardTerm = getattr(config, name)
        if term.weight:
            terms[name] = term.weight * jnp.exp(-term.beta * square)
    return terms


def penalty(
    config: RewardConfig,
    *,
    action: Float[jax.Array, "N A"],
    previous: Float[jax.Array, "N A"],
    activation: Float[jax.Array, "N nu"],
) -> Float[jax.Array, " N"]:
    """P = max(−1, −Σ λ C), C: action beyond [−1, 1], change of action, activation; squared."""
    excess = action - jnp.clip(action, -1, 1)
    cost = (
        config.bound_penalty * _mean_square(excess)
        + config.rate_penalty * _mean_square(jnp.clip(action, -1, 1) - jnp.clip(previous, -1, 1))
        + config.effort_penalty * _mean_square(activation)
    )
    return jnp.maximum(-1.0, -cost)


def lost(
    config: TerminationConfig,
    errors: dict[str, Float[jax.Array, " N"]],
    healthy: Bool[jax.Array, " N"],
    *,
    scale: Float[jax.Array, ""] | float = 1.0,
) -> Bool[jax.Array, " N"]:
    """Whether an episode has lost its reference, or its physics diverged.

    Args:
        config: the thresholds.
        errors: of `track`.
        healthy: whether physics is finite.
        scale: factor on the thresholds, see `CurriculumConfig`.
    """
    return (
        (errors["site_position_m"] > scale * config.relative_site_m)
        | (errors["root_position_m"] > scale * config.root_m)
        | ~healthy
    )
