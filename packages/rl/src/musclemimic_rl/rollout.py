"""Collecting experience: policy on the device, physics on the host, one step at a time."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int, Key
from musclemimic_sim import Environment, TimeStep

from musclemimic_rl.learner import LearnerState, update_keys
from musclemimic_rl.networks import Actor, Critic
from musclemimic_rl.normalise import Moments, normalise
from musclemimic_rl.parallel import gather, spread, spread_rollout
from musclemimic_rl.samples import Rollout


class RolloutStats(NamedTuple):
    """What happened in a rollout, told in the environment's own units.

    Attributes:
        reward: mean per step.
        episodes: how many ended.
        terminated: how many of those failed.
        unhealthy: how many steps left physics not finite.
        terms: mean of every named term, over the steps where it is finite.
    """

    reward: float
    episodes: int
    terminated: int
    unhealthy: int
    terms: Mapping[str, float]

    @property
    def termination_rate(self) -> float:
        """Share of ended episodes that failed; NaN if none ended."""
        return self.terminated / self.episodes if self.episodes else float("nan")


def collect(
    env: Environment,
    obs: Float[Array, "N O"],
    state: LearnerState,
    *,
    num_steps: int,
    mesh: Mesh | None = None,
) -> tuple[Rollout, RolloutStats, Float[Array, "N O"]]:
    """Act for `num_steps` with the present policy.

    Args:
        env: stepped in place.
        obs: what it last returned.
        state: the learner, which stays as it is.
        num_steps: T.
        mesh: devices that share the policy's work; None for one.

    Returns:
        The rollout, its statistics, and the observation to go on from.
    """
    key = update_keys(state.key).rollout
    # One transfer of the step counters, instead of one an iteration.
    counters = jnp.arange(num_steps)
    seen: list[Float[Array, "N O"]] = []
    actions: list[Float[Array, "N A"]] = []
    log_probs: list[Float[Array, " N"]] = []
    final_values: list[Float[Array, " N"]] = []
    steps: list[TimeStep] = []
    for index in range(num_steps):
        obs = spread(obs, mesh)
        action, log_prob = _act(state.params.actor, state.obs_moments, obs, key, counters[index])
        step = env.step(gather(action, mesh))
        seen.append(obs)
        actions.append(action)
        log_probs.append(log_prob)
        final_values.append(_final_value(state, step, mesh))
        steps.append(step)
        obs = step.obs
    rollout = Rollout(
        obs=jnp.stack(seen),
        action=jnp.stack(actions),
        log_prob=jnp.stack(log_probs),
        reward=jnp.stack([step.reward for step in steps]),
        terminated=jnp.stack([step.terminated for step in steps]),
        truncated=jnp.stack([step.truncated for step in steps]),
        final_value=jnp.stack(final_values),
        last_obs=obs,
    )
    return spread_rollout(rollout, mesh), summarise(steps), obs


def warm_up(state: LearnerState, obs: Float[Array, "N O"], *, mesh: Mesh | None = None) -> None:
    """Compile the value of final observations now, not in whichever update needs it first."""
    _value(state.params.critic, state.obs_moments, spread(obs, mesh)).block_until_ready()


def summarise(steps: Sequence[TimeStep]) -> RolloutStats:
    """Means and counts over the steps."""
    terminated = np.array([step.terminated for step in steps])
    truncated = np.array([step.truncated for step in steps])
    return RolloutStats(
        reward=_finite_mean([step.reward for step in steps]),
        episodes=int(np.sum(terminated | truncated)),
        terminated=int(np.sum(terminated)),
        unhealthy=int(np.sum([step.unhealthy for step in steps])),
        terms={name: _finite_mean([step.terms[name] for step in steps]) for name in steps[0].terms},
    )


def _finite_mean(rows: Sequence[Float[Array, " N"]]) -> float:
    values = np.array(rows, dtype=np.float64)
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def _final_value(state: LearnerState, step: TimeStep, mesh: Mesh | None) -> Float[Array, " N"]:
    """V(final_obs) if any episode was truncated (else unread zeros, to save the critic's time)."""
    if not np.any(step.truncated):
        return spread(jnp.zeros(step.reward.shape), mesh)
    return _value(state.params.critic, state.obs_moments, spread(step.final_obs, mesh))


@eqx.filter_jit
def _act(
    actor: Actor,
    moments: Moments,
    obs: Float[Array, "N O"],
    key: Key[Array, ""],
    counter: Int[Array, ""],
) -> tuple[Float[Array, "N A"], Float[Array, " N"]]:
    distribution = actor(normalise(moments, obs))
    action = distribution.sample(jax.random.fold_in(key, counter))
    return action, distribution.log_prob(action)


@eqx.filter_jit
def _value(critic: Critic, moments: Moments, obs: Float[Array, "N O"]) -> Float[Array, " N"]:
    return critic(normalise(moments, obs))
