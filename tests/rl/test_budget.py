"""Limits on a run: whichever comes first, in steps, in time and in processor time."""

import pytest
from musclemimic_rl import TrainConfig
from musclemimic_rl.budget import Counters, budget_used, remaining_seconds, schedule_progress

NOW = Counters(updates=3, env_steps=300, elapsed_s=120.0, cpu_s=30.0)


@pytest.mark.parametrize(
    ("limits", "used", "left"),
    [
        # 200 more steps at 300 in 120 s.
        ({"total_steps": 500}, 0.6, 80.0),
        ({"minutes": 3.0}, 2 / 3, 60.0),
        # 30 more seconds of a process that got a quarter of the time.
        ({"cpu_minutes": 1.0}, 0.5, 120.0),
        ({"total_steps": 500, "minutes": 3.0, "cpu_minutes": 1.0}, 2 / 3, 60.0),
    ],
)
def test_the_first_limit_counts(limits, used, left):
    config = TrainConfig(**limits)
    assert budget_used(config, NOW) == pytest.approx(used)
    assert remaining_seconds(config, NOW, Counters()) == pytest.approx(left)
    # A schedule taken over at 0.2 has 0.8 left to go through.
    started = NOW._replace(schedule_start=0.2)
    assert schedule_progress(config, started) == pytest.approx(0.2 + 0.8 * used)
