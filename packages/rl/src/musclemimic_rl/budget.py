"""How far a run has come, and how much of it is left."""

from typing import NamedTuple

from musclemimic_rl.config import TrainConfig


class Counters(NamedTuple):
    """How far a run has come.

    Attributes:
        updates: learner updates.
        env_steps: environment steps, over all environments.
        elapsed_s: wall-clock time, over all sessions of the run.
        schedule_start: share of the learning-rate schedule that was behind it when it started;
            more than 0 for a run that took a schedule over from another.
    """

    updates: int = 0
    env_steps: int = 0
    elapsed_s: float = 0.0
    schedule_start: float = 0.0


def budget_used(config: TrainConfig, counters: Counters) -> float:
    """Share of the run's limit on steps or time that is used, whichever is larger."""
    steps = 0.0 if config.total_steps is None else counters.env_steps / max(config.total_steps, 1)
    seconds = (
        0.0 if config.minutes is None else counters.elapsed_s / max(60.0 * config.minutes, 1e-9)
    )
    return max(steps, seconds)


def schedule_progress(config: TrainConfig, counters: Counters) -> float:
    """Share of the learning-rate schedule that is done, in [0, 1]."""
    used = min(budget_used(config, counters), 1.0)
    return counters.schedule_start + (1.0 - counters.schedule_start) * used


def remaining_seconds(config: TrainConfig, now: Counters, start: Counters) -> float:
    """Time until the budget is used up, at the average pace since `start`."""
    limits: list[float] = []
    if config.minutes is not None:
        limits.append(60.0 * config.minutes - now.elapsed_s)
    if config.total_steps is not None:
        pace = (now.elapsed_s - start.elapsed_s) / max(now.env_steps - start.env_steps, 1)
        limits.append(pace * (config.total_steps - now.env_steps))
    return max(0.0, min(limits))
