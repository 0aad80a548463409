"""One learner update: rollout in, better policy out; a pure, jitted function of typed state."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int

from musclemimic_rl.descent import Descent, descend
from musclemimic_rl.learner import LearnerState, update_keys
from musclemimic_rl.loss import LossInfo, explained_variance
from musclemimic_rl.normalise import merge_moments
from musclemimic_rl.optim import adapt_scale, make_optimiser, scheduled_rate
from musclemimic_rl.parallel import replicated
from musclemimic_rl.ppo import PPOConfig
from musclemimic_rl.samples import Rollout, prepare
from musclemimic_rl.trees import if_finite


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


@cache
def make_update(config: PPOConfig, mesh: Mesh | None = None, *, donate: bool = True) -> Update:
    """The compiled update of a configuration (one compilation a process and shape).

    Args:
        config: the algorithm.
        mesh: the devices that share the work; None for one.
        donate: reuse the memory of the given state: copy what must outlive the call.

    Returns:
        A function (state, rollout, progress in [0, 1]) → (state, metrics).
    """
    function = partial(_update, config=config, optimiser=make_optimiser(config.optim), mesh=mesh)
    donated = (0,) if donate else ()
    if mesh is None:
        return jax.jit(function, donate_argnums=donated)
    return jax.jit(function, donate_argnums=donated, out_shardings=replicated(mesh))


def _update(
    state: LearnerState,
    rollout: Rollout,
    progress: Float[Array, ""],
    *,
    config: PPOConfig,
    optimiser: optax.GradientTransformation,
    mesh: Mesh | None,
) -> tuple[LearnerState, UpdateMetrics]:
    keys = update_keys(state.key)
    samples, return_scale = prepare(config, state, rollout)
    rate = scheduled_rate(config.optim, progress=progress, scale=state.lr_scale)
    start = Descent(state.params, state.opt_state, jnp.zeros((), jnp.int32))
    acts = state.updates >= config.warmup_updates
    end, (infos, norms) = descend(
        config,
        optimiser,
        start,
        samples,
        rate=rate,
        actor_learns=acts,
        key=keys.shuffle,
        mesh=mesh,
    )
    last_kl = jnp.mean(infos.approx_kl[-1])
    loss = LossInfo(*(jnp.mean(part, axis=(0, 1)) for part in infos))._replace(
        approx_kl=last_kl, clip_fraction=jnp.mean(infos.clip_fraction[-1])
    )
    obs = rollout.obs.reshape(-1, rollout.obs.shape[-1])
    new = LearnerState(
        params=end.params,
        opt_state=end.opt_state,
        obs_moments=if_finite(merge_moments(state.obs_moments, obs), state.obs_moments),
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
