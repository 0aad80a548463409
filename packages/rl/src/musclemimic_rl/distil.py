"""Distillation: a policy that acts by excitations learns from one that acts through another layer.

DAgger (Ross, Gordon & Bagnell 2011): the student is asked what it would do in the states that it
comes to itself, and moved towards what the teacher would do there. At first the teacher drives
some of the bodies, so that the student sees good states before it can reach them.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int
from musclemimic_sim import Environment, TimeStep

from musclemimic_rl.config import TrainConfig
from musclemimic_rl.descent import Descent, descend
from musclemimic_rl.guided import LEAST_ACTION, GuidedEnv
from musclemimic_rl.iteration import Iteration, Turn
from musclemimic_rl.learner import LearnerState, update_keys
from musclemimic_rl.networks import Actor, ActorCritic
from musclemimic_rl.normalise import Moments, merge_moments, normalise
from musclemimic_rl.optim import make_optimiser, scheduled_rate
from musclemimic_rl.ppo import PPOConfig
from musclemimic_rl.rollout import RolloutStats, summarise
from musclemimic_rl.trees import if_finite
from musclemimic_rl.update import skip_warnings


class Lessons(NamedTuple):
    """Observations of the student (not normalised), and what the teacher would have done there."""

    obs: Float[Array, "S O"]
    advice: Float[Array, "S A"]


class DistilMetrics(NamedTuple):
    """What one update did.

    Attributes:
        loss: mean of `advice_loss` over the gradient steps of the first epoch, so nearly on
            samples that the student has not seen.
        grad_norm: mean global norm before clipping.
        learning_rate: used.
        teacher_share: of the bodies that the teacher drove.
        skipped: gradient steps left out.
    """

    loss: Float[Array, ""]
    grad_norm: Float[Array, ""]
    learning_rate: Float[Array, ""]
    teacher_share: Float[Array, ""]
    skipped: Int[Array, ""]

    def scalars(self) -> dict[str, float]:
        """The figures by their names in the logs."""
        return {
            "distil/loss": float(self.loss),
            "distil/teacher_share": float(self.teacher_share),
            "learner/grad_norm": float(self.grad_norm),
            "learner/learning_rate": float(self.learning_rate),
            "learner/skipped": float(self.skipped),
        }

    def warnings(self) -> list[str]:
        """Gradient steps that were left out."""
        return skip_warnings(self.skipped)


def advice_loss(
    mean: Float[Array, "B A"], advice: Float[Array, "B A"], *, least: float
) -> Float[Array, ""]:
    """Mean squared difference of actions, one-sided where the muscle is fully off or on.

    Beyond the action of excitation 0 or 1 a muscle does the same, so going further costs nothing.

    Args:
        mean: what the student would do.
        advice: what the teacher would do, in [least, 1].
        least: the action of excitation 0; that of excitation 1 is 1.
    """
    beyond = ((advice <= least) & (mean < least)) | ((advice >= 1.0) & (mean > 1.0))
    return jnp.mean(jnp.where(beyond, 0.0, mean - advice) ** 2)


def teacher_share(progress: float, until: float) -> float:
    """Share of the bodies that the teacher drives: falls from 1 to 0 over the first `until`."""
    return max(0.0, 1.0 - progress / until) if until > 0.0 else 0.0


def distillation(
    config: TrainConfig,
    env: Environment,
    learner: LearnerState,
    obs: Float[Array, "N O"],
    mesh: Mesh | None,
) -> Iteration:
    """Lessons and their update, for a `GuidedEnv`."""
    assert isinstance(env, GuidedEnv)
    assert mesh is None
    update = make_distil_update(config.ppo, LEAST_ACTION[env.spec.action_map])
    until = config.distil.teacher_until

    def turn(learner: LearnerState, obs: Float[Array, "N O"], progress: float) -> Turn:
        share = jnp.asarray(teacher_share(progress, until), jnp.float32)
        lessons, stats, obs = attend(
            env, obs, learner, num_steps=config.ppo.num_steps, teacher_share=share
        )
        learner, metrics = update(learner, lessons, jnp.asarray(progress, jnp.float32))
        return Turn(learner, obs, stats, metrics._replace(teacher_share=share))

    return turn


def attend(
    env: GuidedEnv,
    obs: Float[Array, "N O"],
    state: LearnerState,
    *,
    num_steps: int,
    teacher_share: Float[Array, ""],
) -> tuple[Lessons, RolloutStats, Float[Array, "N O"]]:
    """Act for `num_steps`, each body driven by the student, or by the teacher's advice.

    Args:
        env: stepped in place.
        obs: what it last returned.
        state: the learner, which stays as it is.
        num_steps: T.
        teacher_share: probability that a body is the teacher's in this rollout.

    Returns:
        T · N lessons, the rollout's statistics, and the observation to go on from.
    """
    key = update_keys(state.key).rollout
    taught = jax.random.bernoulli(key, teacher_share, (env.num_envs, 1))
    seen: list[Float[Array, "N O"]] = []
    advice: list[Float[Array, "N A"]] = []
    steps: list[TimeStep] = []
    for _ in range(num_steps):
        seen.append(obs)
        advice.append(env.target)
        own = _mean(state.params.actor, state.obs_moments, obs)
        steps.append(env.step(jnp.where(taught, env.target, own)))
        obs = steps[-1].obs
    return Lessons(jnp.concatenate(seen), jnp.concatenate(advice)), summarise(steps), obs


DistilUpdate = Callable[
    [LearnerState, Lessons, Float[Array, ""]], tuple[LearnerState, DistilMetrics]
]


@cache
def make_distil_update(config: PPOConfig, least: float) -> DistilUpdate:
    """The compiled update; see `advice_loss` for `least`. Consumes the state it is given."""
    function = partial(_update, config=config, optimiser=make_optimiser(config.optim), least=least)
    return jax.jit(function, donate_argnums=(0,))


def _update(
    state: LearnerState,
    lessons: Lessons,
    progress: Float[Array, ""],
    *,
    config: PPOConfig,
    optimiser: optax.GradientTransformation,
    least: float,
) -> tuple[LearnerState, DistilMetrics]:
    keys = update_keys(state.key)
    # The statistics first: nothing depends on those of before, unlike PPO's probability ratios.
    moments = if_finite(merge_moments(state.obs_moments, lessons.obs), state.obs_moments)
    samples = lessons._replace(obs=normalise(moments, lessons.obs))
    rate = scheduled_rate(config.optim, progress=progress, scale=state.lr_scale)
    end, (losses, norms) = descend(
        partial(_loss, least=least),
        optimiser,
        Descent(state.params, state.opt_state, jnp.zeros((), jnp.int32)),
        samples,
        epochs=config.epochs,
        minibatch_size=config.minibatch_size,
        rate=rate,
        actor_learns=True,
        key=keys.shuffle,
    )
    new = state._replace(
        params=end.params,
        opt_state=end.opt_state,
        obs_moments=moments,
        key=keys.next,
        updates=state.updates + 1,
        skipped=state.skipped + end.skipped,
    )
    first = jnp.mean(losses[0])
    return new, DistilMetrics(first, jnp.mean(norms), rate, jnp.zeros(()), end.skipped)


def _loss(
    params: ActorCritic, batch: Lessons, *, least: float
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    loss = advice_loss(params.actor(batch.obs).mean, batch.advice, least=least)
    return loss, loss


@eqx.filter_jit
def _mean(actor: Actor, moments: Moments, obs: Float[Array, "N O"]) -> Float[Array, "N A"]:
    return actor(normalise(moments, obs)).mean
