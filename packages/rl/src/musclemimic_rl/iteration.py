"""One turn of the training loop, whatever is learnt: collect, then update."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Float
from musclemimic_sim import Environment

from musclemimic_rl.config import TrainConfig
from musclemimic_rl.learner import LearnerState
from musclemimic_rl.rollout import RolloutStats, collect, warm_up
from musclemimic_rl.update import make_update


@runtime_checkable
class Metrics(Protocol):
    """What an update says about itself."""

    def scalars(self) -> dict[str, float]:
        """Every number under a name like "learner/approx_kl"."""
        ...

    def warnings(self) -> list[str]:
        """What a person should be told at once; reading it waits for the update to finish."""
        ...


class Turn(NamedTuple):
    """What one turn leaves.

    Attributes:
        learner: after the update; the one given was consumed.
        obs: to go on from.
        stats: of the rollout.
        metrics: of the update.
    """

    learner: LearnerState
    obs: Float[Array, "N O"]
    stats: RolloutStats
    metrics: Metrics


# (learner, observation, share of the schedule that is done) to what the turn leaves.
Iteration = Callable[[LearnerState, Float[Array, "N O"], float], Turn]
# Compiles what can be compiled before the first turn.
Begin = Callable[
    [TrainConfig, Environment, LearnerState, Float[Array, "N O"], Mesh | None], Iteration
]


def ppo(
    config: TrainConfig,
    env: Environment,
    learner: LearnerState,
    obs: Float[Array, "N O"],
    mesh: Mesh | None,
) -> Iteration:
    """Rollout and update of proximal policy optimisation."""
    update = make_update(config.ppo, mesh)
    warm_up(learner, obs, mesh=mesh)

    def turn(learner: LearnerState, obs: Float[Array, "N O"], progress: float) -> Turn:
        rollout, stats, obs = collect(env, obs, learner, num_steps=config.ppo.num_steps, mesh=mesh)
        learner, metrics = update(learner, rollout, jnp.asarray(progress, jnp.float32))
        return Turn(learner, obs, stats, metrics)

    return turn
