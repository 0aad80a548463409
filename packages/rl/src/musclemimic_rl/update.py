"""One learner update: rollout in, better policy out; a pure, jitted function of typed state."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from musclemimic_rl.gae import gae, successor_values
from musclemimic_rl.loss import Batch, LossConfig, LossInfo, explained_variance, ppo_loss
from musclemimic_rl.networks import Actor, ActorCritic, NetworkConfig
from musclemimic_rl.normalise import (
    Moments,
    ReturnScale,
    empty_moments,
    empty_return_scale,
    merge_moments,
    normalise,
    scale_rewards,
)
from musclemimic_rl.optim import OptimConfig, adapt_scale, make_optimiser, scheduled_rate

_Tree = TypeVar("_Tree")


@dataclass(frozen=True)
class PPOConfig:
    """Proximal policy optimisation (Schulman et al. 2017).

    The defaults suit two CPU cores: few environments, so each sample is used several times.

    Attributes:
        num_steps: environment steps per rollout and environment.
        epochs: passes over each rollout.
        minibatch_size: samples per gradient step.
        gamma: discount per control step (10 ms): 0.99 looks one second ahead.
        lam: λ of the advantage estimate (Schulman et al. 2016).
        warmup_updates: updates that only train the critic and gather observation statistics. An
            actor that starts out useful would otherwise first be spoilt by a critic that knows
            nothing and by observations that change their scale.
        loss: weights of the loss.
        optim: optimiser and learning rate.
    """

    num_steps: int = 32
    epochs: int = 4
    minibatch_size: int = 1024
    gamma: float = 0.99
    lam: float = 0.95
    warmup_updates: int = 0
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)


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


class LearnerState(NamedTuple):
    """Everything that learning changes. An update consumes (donates) the state it is given.

    Attributes:
        params: actor and critic.
        opt_state: of the optimiser.
        obs_moments: observation statistics; constant within a rollout and its update.
        return_scale: reward scaling statistics.
        lr_scale: factor on the learning rate, moved by the KL rule.
        key: source of all randomness of the learner.
        updates: updates done.
        skipped: gradient steps left out so far because loss or gradient was not finite.
    """

    params: ActorCritic
    opt_state: optax.OptState
    obs_moments: Moments
    return_scale: ReturnScale
    lr_scale: Float[Array, ""]
    key: Key[Array, ""]
    updates: Int[Array, ""]
    skipped: Int[Array, ""]


class UpdateMetrics(NamedTuple):
    """What one update did.

    Attributes:
        loss: means over the gradient steps; but `approx_kl` and `clip_fraction` over those of
            the last epoch, which tell how far the whole update went.
        explained_variance: of the returns by the values before the update.
        grad_norm: mean global norm before clipping.
        learning_rate: used.
        mean_std: of the policy's actions after the update.
        skipped: gradient steps left out in this update.
    """

    loss: LossInfo
    explained_variance: Float[Array, ""]
    grad_norm: Float[Array, ""]
    learning_rate: Float[Array, ""]
    mean_std: Float[Array, ""]
    skipped: Int[Array, ""]


Update = Callable[[LearnerState, Rollout, Float[Array, ""]], tuple[LearnerState, UpdateMetrics]]

# Jitted as a whole: one compilation, and Linear's own initial weights are never computed.
_build = eqx.filter_jit(ActorCritic)


def init_learner(
    network: NetworkConfig,
    optim: OptimConfig,
    *,
    obs_size: int,
    action_size: int,
    num_envs: int,
    seed: int,
) -> LearnerState:
    """The state before the first update."""
    key, network_key = jax.random.split(jax.random.key(seed))
    params = _build(network, obs_size=obs_size, action_size=action_size, key=network_key)
    return LearnerState(
        params=params,
        opt_state=make_optimiser(optim).init(params),  # pyright: ignore[reportArgumentType]
        obs_moments=empty_moments((obs_size,)),
        return_scale=empty_return_scale(num_envs),
        lr_scale=jnp.ones(()),
        key=key,
        updates=jnp.zeros((), jnp.int32),
        skipped=jnp.zeros((), jnp.int32),
    )


class UpdateKeys(NamedTuple):
    """The randomness of one iteration."""

    next: Key[Array, ""]
    rollout: Key[Array, ""]
    shuffle: Key[Array, ""]


def update_keys(key: Key[Array, ""]) -> UpdateKeys:
    """Split the learner's key into those of the present rollout and update, and the next."""
    following, rollout, shuffle = jax.random.split(key, 3)
    return UpdateKeys(following, rollout, shuffle)


@cache
def make_update(config: PPOConfig) -> Update:
    """The compiled update of a configuration (one compilation a process and shape).

    Returns:
        A function (state, rollout, progress in [0, 1]) → (state, metrics). It donates `state`:
        copy what must outlive the call.
    """
    return jax.jit(partial(_update, config, make_optimiser(config.optim)), donate_argnums=0)


def _update(
    config: PPOConfig,
    optimiser: optax.GradientTransformation,
    state: LearnerState,
    rollout: Rollout,
    progress: Float[Array, ""],
) -> tuple[LearnerState, UpdateMetrics]:
    keys = update_keys(state.key)
    samples, return_scale = prepare(config, state, rollout)
    rate = scheduled_rate(config.optim, progress=progress, scale=state.lr_scale)
    start = _Descent(state.params, state.opt_state, jnp.zeros((), jnp.int32))
    acts = state.updates >= config.warmup_updates
    end, (infos, norms) = _descend(
        config, optimiser, start, samples, rate=rate, actor_learns=acts, key=keys.shuffle
    )
    last_kl = jnp.mean(infos.approx_kl[-1])
    loss = LossInfo(*map(jnp.mean, infos))._replace(
        approx_kl=last_kl, clip_fraction=jnp.mean(infos.clip_fraction[-1])
    )
    obs = rollout.obs.reshape(-1, rollout.obs.shape[-1])
    new = LearnerState(
        params=end.params,
        opt_state=end.opt_state,
        obs_moments=_if_finite(merge_moments(state.obs_moments, obs), state.obs_moments),
        return_scale=return_scale,
        lr_scale=jnp.where(
            acts, adapt_scale(config.optim, state.lr_scale, kl=last_kl), state.lr_scale
        ),
        key=keys.next,
        updates=state.updates + 1,
        skipped=state.skipped + end.skipped,
    )
    metrics = UpdateMetrics(
        loss=loss,
        explained_variance=explained_variance(samples.value, samples.target),
        grad_norm=jnp.mean(norms),
        learning_rate=rate,
        mean_std=jnp.mean(jnp.exp(end.params.actor.log_std)),
        skipped=end.skipped,
    )
    return new, metrics


def prepare(config: PPOConfig, state: LearnerState, rollout: Rollout) -> tuple[Batch, ReturnScale]:
    """Rollout to samples: normalised observations, advantages and value targets, time flattened."""
    ended = rollout.terminated | rollout.truncated
    scale, reward = scale_rewards(state.return_scale, rollout.reward, ended, gamma=config.gamma)
    scale = _if_finite(scale, state.return_scale)
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


class _Descent(NamedTuple):
    params: ActorCritic
    opt_state: optax.OptState
    skipped: Int[Array, ""]


def _descend(
    config: PPOConfig,
    optimiser: optax.GradientTransformation,
    start: _Descent,
    samples: Batch,
    *,
    rate: Float[Array, ""],
    actor_learns: Bool[Array, ""],
    key: Key[Array, ""],
) -> tuple[_Descent, tuple[LossInfo, Float[Array, "E M"]]]:
    """`epochs` passes over the samples, each in a new order, one gradient step a minibatch."""
    size = samples.log_prob.shape[0]

    def one_step(
        carry: _Descent, rows: Int[Array, " B"]
    ) -> tuple[_Descent, tuple[LossInfo, Float[Array, ""]]]:
        batch = Batch(*(x[rows] for x in samples))
        gradient = jax.value_and_grad(ppo_loss, has_aux=True)
        (loss, info), grads = gradient(carry.params, batch, config.loss)
        held = _scaled(grads.actor, jnp.where(actor_learns, 1.0, 0.0))
        grads = eqx.tree_at(_actor, grads, held)
        norm = optax.tree.norm(grads)
        direction, opt_state = optimiser.update(grads, carry.opt_state, carry.params)  # pyright: ignore[reportArgumentType]
        params = _add(carry.params, _scaled(direction, rate))
        finite = jnp.isfinite(loss) & jnp.isfinite(norm)
        tried = _Descent(params, opt_state, carry.skipped)
        skipped = carry._replace(skipped=carry.skipped + 1)
        return _choose(finite, tried, skipped), (info, norm)

    def one_epoch(
        carry: _Descent, epoch_key: Key[Array, ""]
    ) -> tuple[_Descent, tuple[LossInfo, Float[Array, " M"]]]:
        order = jax.random.permutation(epoch_key, size)
        return jax.lax.scan(one_step, carry, order.reshape(-1, config.minibatch_size))

    return jax.lax.scan(one_epoch, start, jax.random.split(key, config.epochs))


def _actor(params: ActorCritic) -> Actor:
    return params.actor


def _add(params: ActorCritic, step: optax.Updates) -> ActorCritic:
    return jax.tree.map(jnp.add, params, step)


def _scaled(tree: _Tree, factor: Float[Array, ""]) -> _Tree:
    return jax.tree.map(partial(jnp.multiply, factor), tree)


def _choose(condition: Bool[Array, ""], yes: _Tree, no: _Tree) -> _Tree:
    return jax.tree.map(partial(jnp.where, condition), yes, no)


def _if_finite(new: _Tree, old: _Tree) -> _Tree:
    """`new`, unless any number in it is not finite: one bad reward must not poison the rest."""
    finite = jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(new)])
    return _choose(jnp.all(finite), new, old)
