"""How far a run has come, and how much of it is left."""

from typing import NamedTuple

from musclemimic_rl.config import TrainConfig


class Counters(NamedTuple):
    """How far a run has come.

    Attributes:
        updates: learner updates.
        env_steps: environment steps, over all environments.
        elapsed_s: wall-clock time, over all sessions of the run.
        cpu_s: processor time of the training process, all threads together, over all sessions.
        schedule_start: share of the learning-rate schedule that was behind it when it started;
            more than 0 for a run that took a schedule over from another.
    """

    updates: int = 0
    env_steps: int = 0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    schedule_start: float = 0.0


def budget_used(config: TrainConfig, counters: Counters) -> float:
    """Share of the run's limits on steps, time and processor time that is used: the largest."""
    limits = (
        (config.total_steps, counters.env_steps),
        (_seconds(config.minutes), counters.elapsed_s),
        (_seconds(config.cpu_minutes), counters.cpu_s),
    )
    return max(
        (used / max(limit, 1e-9) for limit, used in limits if limit is not None), default=0.0
    )


def schedule_progress(config: TrainConfig, counters: Counters) -> float:
    """Share of the learning-rate schedule that is done, in [0, 1]."""
    used = min(budget_used(config, counters), 1.0)
    return counters.schedule_start + (1.0 - counters.schedule_start) * used


def remaining_seconds(config: TrainConfig, now: Counters, start: Counters) -> float:
    """Time until the budget is used up, at the average pace since `start`."""
    limits: list[float] = []
    elapsed = now.elapsed_s - start.elapsed_s
    if config.minutes is not None:
        limits.append(60.0 * config.minutes - now.elapsed_s)
    if config.cpu_minutes is not None:
        pace = elapsed / max(now.cpu_s - start.cpu_s, 1e-9)
        limits.append(pace * (60.0 * config.cpu_minutes - now.cpu_s))
    if config.total_steps is not None:
        pace = elapsed / max(now.env_steps - start.env_steps, 1)
        limits.append(pace * (config.total_steps - now.env_steps))
    return max(0.0, min(limits))


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else 60.0 * minutes
