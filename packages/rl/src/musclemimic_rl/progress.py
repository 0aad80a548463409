"""What a run reports after each update."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from musclemimic_rl.budget import Counters
from musclemimic_rl.experts import experts_used
from musclemimic_rl.rollout import RolloutStats
from musclemimic_rl.update import UpdateMetrics

SITE_ERROR = "error/site_position_m"


@dataclass(frozen=True)
class Progress:
    """State of a run after an update.

    Attributes:
        counters: how far the run has come.
        fraction: share of the budget used, in [0, 1].
        steps_per_second: environment steps over all environments, in the last update.
        remaining_s: until the budget is used up, at the average pace of this session.
        peak_memory_mb: largest resident memory of this process so far.
        rollout: what the policy did.
        update: what the learner did.
        validation: figures on held-out motions; empty where it was not their turn.
    """

    counters: Counters
    fraction: float
    steps_per_second: float
    remaining_s: float
    peak_memory_mb: float
    rollout: RolloutStats
    update: UpdateMetrics
    validation: Mapping[str, float] = field(default_factory=dict[str, float])

    def scalars(self) -> dict[str, float]:
        """Every number under a name like "learner/approx_kl"; `env/` holds the named terms."""
        rollout, update = self.rollout, self.update
        return {
            "time/elapsed_s": self.counters.elapsed_s,
            "time/steps_per_second": self.steps_per_second,
            "time/peak_memory_mb": self.peak_memory_mb,
            "rollout/reward": rollout.reward,
            "rollout/episodes": rollout.episodes,
            "rollout/termination_rate": rollout.termination_rate,
            "rollout/unhealthy": rollout.unhealthy,
            "learner/policy_loss": float(update.loss.policy),
            "learner/value_loss": float(update.loss.value),
            "learner/entropy": float(update.loss.entropy),
            "learner/approx_kl_k3": float(update.loss.approx_kl),
            "learner/clip_fraction": float(update.loss.clip_fraction),
            "learner/explained_variance": float(update.explained_variance),
            "learner/grad_norm": float(update.grad_norm),
            "learner/learning_rate": float(update.learning_rate),
            "learner/mean_std": float(update.mean_std),
            "learner/skipped": float(update.skipped),
            **_expert_scalars(np.asarray(update.loss.expert_load)),
            **{f"env/{name}": value for name, value in rollout.terms.items()},
            **self.validation,
        }


def _expert_scalars(loads: Float[np.ndarray, "2 E"]) -> dict[str, float]:
    """Share of each expert in the actor and in the critic, and the effective number of them."""
    scalars: dict[str, float] = {}
    if not loads.shape[1]:
        return scalars
    for part, load in zip(("actor", "critic"), loads, strict=True):
        scalars[f"experts/{part}_used"] = used(load)
        scalars |= {f"experts/{part}_load_{e}": float(share) for e, share in enumerate(load)}
    return scalars


def used(load: Float[Array | np.ndarray, " E"]) -> float:
    """Effective number of experts."""
    return float(experts_used(jnp.asarray(load)))
