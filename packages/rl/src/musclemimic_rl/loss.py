"""The clipped surrogate loss of proximal policy optimisation."""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from musclemimic_rl.checks import require_between
from musclemimic_rl.experts import balance_loss
from musclemimic_rl.networks import ActorCritic


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss (Schulman et al. 2017, table 3 and eq. 9, unless noted).

    Attributes:
        clip: largest change of the probability ratio that is rewarded.
        value_clip: largest change of the value in one update, in units of the scaled return;
            None leaves the value free (Andrychowicz et al. 2021 find that clipping does not help).
        value_coef: weight of the value loss.
        entropy_coef: weight of the entropy bonus; 0 as usual for continuous control.
        balance_coef: weight of the experts' balance loss (networks without experts ignore it).
    """

    clip: float = 0.2
    value_clip: float | None = None
    value_coef: float = 0.5
    entropy_coef: float = 0.0
    balance_coef: float = 0.01

    def __post_init__(self) -> None:
        """Refuse weights that turn the loss round.

        Raises:
            InputError: naming the field.
        """
        require_between("LossConfig", "clip", self.clip, low=0.0, without_low=True)
        if self.value_clip is not None:
            require_between("LossConfig", "value_clip", self.value_clip, low=0.0, without_low=True)
        for name in ("value_coef", "entropy_coef", "balance_coef"):
            require_between("LossConfig", name, getattr(self, name), low=0.0)


class Batch(NamedTuple):
    """Samples of one minibatch; observations are already normalised."""

    obs: Float[Array, "B O"]
    action: Float[Array, "B A"]
    log_prob: Float[Array, " B"]
    value: Float[Array, " B"]
    advantage: Float[Array, " B"]
    target: Float[Array, " B"]


class LossInfo(NamedTuple):
    """Parts of the loss and what tells whether the update went too far.

    Attributes:
        approx_kl: KL(old ‖ new) in nats by the k3 estimator, mean of (r − 1) − log r
            (Schulman 2020, "Approximating KL divergence"): never negative, low variance.
        clip_fraction: share of samples whose ratio left [1 − clip, 1 + clip].
        expert_load: mean share of each expert of the actor and of the critic; no columns without
            experts.
    """

    policy: Float[Array, ""]
    value: Float[Array, ""]
    entropy: Float[Array, ""]
    approx_kl: Float[Array, ""]
    clip_fraction: Float[Array, ""]
    expert_load: Float[Array, "2 E"]


def ppo_loss(
    params: ActorCritic, batch: Batch, config: LossConfig
) -> tuple[Float[Array, ""], LossInfo]:
    """Loss to minimise on one minibatch, whose advantages are standardised here and only here."""
    distribution, actor_load = params.actor.with_load(batch.obs)
    values, critic_load = params.critic.with_load(batch.obs)
    advantage = standardise(batch.advantage)
    log_ratio = distribution.log_prob(batch.action) - batch.log_prob
    policy = policy_loss(log_ratio, advantage, clip=config.clip)
    value = value_loss(values, batch.value, batch.target, config.value_clip)
    balance = balance_loss(actor_load) + balance_loss(critic_load)
    entropy = distribution.entropy()
    ratio = jnp.exp(log_ratio)
    info = LossInfo(
        policy=policy,
        value=value,
        entropy=entropy,
        approx_kl=jnp.mean(ratio - 1.0 - log_ratio),
        clip_fraction=jnp.mean(jnp.abs(ratio - 1.0) > config.clip),
        expert_load=jnp.stack([actor_load, critic_load]),
    )
    total = policy + config.value_coef * value - config.entropy_coef * entropy
    return total + config.balance_coef * balance, info


def policy_loss(
    log_ratio: Float[Array, " B"], advantage: Float[Array, " B"], *, clip: float
) -> Float[Array, ""]:
    """−mean min(r A, clip(r, 1 − ε, 1 + ε) A) (Schulman et al. 2017, eq. 7)."""
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1.0 - clip, 1.0 + clip)
    return -jnp.mean(jnp.minimum(ratio * advantage, clipped * advantage))


def value_loss(
    value: Float[Array, " B"],
    old_value: Float[Array, " B"],
    target: Float[Array, " B"],
    clip: float | None,
) -> Float[Array, ""]:
    """Mean squared error; with `clip`, of the worse of the value and its clipped change."""
    error = (value - target) ** 2
    if clip is not None:
        near = old_value + jnp.clip(value - old_value, -clip, clip)
        error = jnp.maximum(error, (near - target) ** 2)
    return jnp.mean(error)


def standardise(x: Float[Array, " B"]) -> Float[Array, " B"]:
    """Zero mean, unit (population) standard deviation."""
    return (x - jnp.mean(x)) / (jnp.std(x) + 1e-8)


def explained_variance(
    prediction: Float[Array, " *S"], target: Float[Array, " *S"]
) -> Float[Array, ""]:
    """1 − Var(target − prediction) / Var(target): 1 is perfect, 0 no better than the mean."""
    return 1.0 - jnp.var(target - prediction) / (jnp.var(target) + 1e-8)
