"""From what the environment gave to what the loss wants: normalised samples with advantages."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from musclemimic_rl.gae import gae, successor_values
from musclemimic_rl.learner import LearnerState
from musclemimic_rl.loss import Batch
from musclemimic_rl.normalise import ReturnScale, normalise, scale_rewards
from musclemimic_rl.ppo import PPOConfig
from musclemimic_rl.trees import if_finite


class Rollout(NamedTuple):
    """T steps of N environments, as the environment gave them (observations not normalised).

    Attributes:
        final_value: V(final_obs), read only where `truncated`.
        last_obs: the observation after the last step.
    """

    obs: Float[Array, "T N O"]
    action: Float[Array, "T N A"]
    log_prob: Float[Array, "T N"]
    reward: Float[Array, "T N"]
    terminated: Bool[Array, "T N"]
    truncated: Bool[Array, "T N"]
    final_value: Float[Array, "T N"]
    last_obs: Float[Array, "N O"]


def prepare(config: PPOConfig, state: LearnerState, rollout: Rollout) -> tuple[Batch, ReturnScale]:
    """Rollout to samples: normalised observations, advantages and value targets, time flattened."""
    ended = rollout.terminated | rollout.truncated
    scale, reward = scale_rewards(state.return_scale, rollout.reward, ended, gamma=config.gamma)
    scale = if_finite(scale, state.return_scale)
    num_steps, num_envs, obs_size = rollout.obs.shape
    every = jnp.concatenate([rollout.obs, rollout.last_obs[None]]).reshape(-1, obs_size)
    every = normalise(state.obs_moments, every)
    values = state.params.critic(every).reshape(num_steps + 1, num_envs)
    value, last_value = values[:-1], values[-1]
    following = successor_values(value, last_value, rollout.final_value, rollout.truncated)
    advantages, targets = gae(
        reward,
        value,
        following,
        rollout.terminated,
        rollout.truncated,
        gamma=config.gamma,
        lam=config.lam,
    )
    samples = Batch(
        obs=every[: num_steps * num_envs],
        action=rollout.action.reshape(num_steps * num_envs, -1),
        log_prob=rollout.log_prob.reshape(-1),
        value=value.reshape(-1),
        advantage=advantages.reshape(-1),
        target=targets.reshape(-1),
    )
    return samples, scale
