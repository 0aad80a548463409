"""The observation vector, as named blocks with units."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from musclemimic_sim.bank import ReferenceBank
from musclemimic_sim.body import Body, BodyState
from musclemimic_sim.relative import SiteState, relative_state, rotate, rotation_log
from musclemimic_sim.types import ObsField

BODY_WEIGHT_N = 800.0


class Goal(NamedTuple):
    """Which reference frames an observation looks at.

    Attributes:
        rows: (N, L) rows of the bank: the frame to reach next, then the lookahead frames.
        origin: (N, 3) world position of the episode's start, subtracted from the reference, m.
        phase: (N,) share of the clip done, in [0, 1].
    """

    rows: Int[jax.Array, "N L"]
    origin: Float[jax.Array, "N 3"]
    phase: Float[jax.Array, " N"]


def observe(
    *,
    body: Body,
    bank: ReferenceBank,
    state: BodyState,
    action: Float[jax.Array, "N A"],
    excitation: Float[jax.Array, "N nu"],
    goal: Goal,
    free_root: bool,
) -> dict[str, Float[jax.Array, "N _"]]:
    """The observation's blocks by name, each (N, dim); `UNITS` gives their units."""
    blocks = _root_blocks(state.sites) if free_root else {}
    low, high = body.length_range[:, 0], body.length_range[:, 1]
    # Factors instead of divisors: XLA would make them of its own accord, but not for one row.
    blocks |= {
        "joint_position": state.qpos[:, body.joint_qpos],
        "joint_velocity": state.qvel[:, body.joint_qvel],
        "muscle_length": (state.length - low) * (1 / (high - low)),
        "muscle_velocity": state.velocity * (1 / body.max_velocity),
        "muscle_force": -state.force * (1 / body.strength),
        "excitation": excitation,
        "activation": state.act,
        "touch": state.touch / BODY_WEIGHT_N,
        "previous_action": action,
        "site_state": relative_state(state.sites).flat(),
        "goal_site_state": _flatten(bank.relative[goal.rows]),
    }
    if free_root:
        root = bank.root_at(goal.rows)
        blocks["goal_root"] = _flatten(_root_goal(root, state.sites, goal.origin))
    angle = 2 * jnp.pi * goal.phase[:, None]
    blocks["phase"] = jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=1)
    return {name: block for name, block in blocks.items() if block.shape[1]}


# In the order of the blocks.
UNITS = {
    "root_height": "m",
    "root_up": "1 (world up in the reference site's frame)",
    "root_linear_velocity": "m/s (reference site's frame)",
    "root_angular_velocity": "rad/s (reference site's frame)",
    "joint_position": "rad or m (independent joints)",
    "joint_velocity": "rad/s or m/s",
    "muscle_length": "share of the length range",
    "muscle_velocity": "share of the maximal shortening speed",
    "muscle_force": "share of the isometric strength",
    "excitation": "1",
    "activation": "1",
    "touch": f"{BODY_WEIGHT_N:.0f} N",
    "previous_action": "1",
    "site_state": "m, rad, m/s, rad/s (relative to the reference site)",
    "goal_site_state": "m, rad, m/s, rad/s (relative to the reference site)",
    "goal_root": "m, rad, m/s, rad/s (from the present root, in its frame)",
    "phase": "1 (sine and cosine)",
}


def fields_of(widths: Mapping[str, int]) -> tuple[ObsField, ...]:
    """The layout as it crosses the border, from the size of every block."""
    return tuple(ObsField(name, width, UNITS[name]) for name, width in widths.items())


def _flatten(values: Float[jax.Array, "N L D"]) -> Float[jax.Array, "N LD"]:
    return values.reshape(values.shape[0], -1)


def _root_blocks(sites: SiteState) -> dict[str, Float[jax.Array, "N _"]]:
    to_local = jnp.swapaxes(sites.mat[:, 0], -1, -2)
    return {
        "root_height": sites.pos[:, 0, 2:],
        "root_up": to_local[:, :, 2],
        "root_linear_velocity": rotate(to_local, sites.linvel[:, 0]),
        "root_angular_velocity": rotate(to_local, sites.angvel[:, 0]),
    }


def _root_goal(
    reference: SiteState, sites: SiteState, origin: Float[jax.Array, "N 3"]
) -> Float[jax.Array, "N L 12"]:
    """Displacement, rotation and velocity changes from the root to each goal frame's root."""
    to_local = jnp.swapaxes(sites.mat[:, 0], -1, -2)[:, None]  # (N, 1, 3, 3)
    position = reference.pos[:, :, 0] - origin[:, None]
    return jnp.concatenate(
        [
            rotate(to_local, position - sites.pos[:, None, 0]),
            rotation_log(to_local @ reference.mat[:, :, 0]),
            rotate(to_local, reference.linvel[:, :, 0] - sites.linvel[:, None, 0]),
            rotate(to_local, reference.angvel[:, :, 0] - sites.angvel[:, None, 0]),
        ],
        axis=-1,
    )
