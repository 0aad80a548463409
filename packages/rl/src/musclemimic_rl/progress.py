"""What a run reports after each update."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from musclemimic_rl.budget import Counters
from musclemimic_rl.iteration import Metrics
from musclemimic_rl.rollout import RolloutStats

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
    update: Metrics
    validation: Mapping[str, float] = field(default_factory=dict[str, float])

    def scalars(self) -> dict[str, float]:
        """Every number under a name like "learner/approx_kl"; `env/` holds the named terms."""
        rollout = self.rollout
        return {
            "time/elapsed_s": self.counters.elapsed_s,
            "time/cpu_s": self.counters.cpu_s,
            "time/steps_per_second": self.steps_per_second,
            "time/peak_memory_mb": self.peak_memory_mb,
            "rollout/reward": rollout.reward,
            "rollout/episodes": rollout.episodes,
            "rollout/termination_rate": rollout.termination_rate,
            "rollout/unhealthy": rollout.unhealthy,
            **self.update.scalars(),
            **{f"env/{name}": value for name, value in rollout.terms.items()},
            **self.validation,
        }
