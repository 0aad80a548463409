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
from musclemimic_rl.experts import collapse_warnings, load_scalars
from musclemimic_rl.learner import LearnerState, update_keys
from musclemimic_rl.loss import LossInfo, explained_variance, ppo_loss
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

    def scalars(self) -> dict[str, float]:
        """The figures by their names in the logs."""
        actor, critic = self.loss.expert_load
        return {
            "learner/policy_loss": float(self.loss.policy),
            "learner/value_loss": float(self.loss.value),
            "learner/entropy": float(self.loss.entropy),
            "learner/approx_kl_k3": float(self.loss.approx_kl),
            "learner/clip_fraction": float(self.loss.clip_fraction),
            "learner/explained_variance": float(self.explained_variance),
            "learner/grad_norm": float(self.grad_norm),
            "learner/learning_rate": float(self.learning_rate),
            "learner/mean_std": float(self.mean_std),
            "learner/skipped": float(self.skipped),
            **load_scalars("actor", actor),
            **load_scalars("critic", critic),
        }

    def warnings(self) -> list[str]:
        """Gradient steps that were left out, and experts that have collapsed."""
        actor, critic = self.loss.expert_load
        told = skip_warnings(self.skipped)
        return [*told, *collapse_warnings("actor", actor), *collapse_warnings("critic", critic)]


def skip_warnings(skipped: Int[Array, ""]) -> list[str]:
    """What to tell of gradient steps that were left out."""
    count = int(skipped)
    return [f"{count} gradient steps skipped: loss or gradient not finite"] if count else []


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
        partial(ppo_loss, config=config.loss),
        optimiser,
        start,
        samples,
        epochs=config.epochs,
        minibatch_size=config.minibatch_size,
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
