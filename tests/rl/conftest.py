"""The toys as fixtures, and a small training configuration."""

from collections.abc import Callable, Iterator

import jax
import musclemimic_rl as rl
import pytest
from toys import Bandit, PointMass


@pytest.fixture
def point_mass() -> Callable[..., PointMass]:
    return PointMass


@pytest.fixture
def bandit() -> Callable[..., Bandit]:
    return Bandit


@pytest.fixture
def toy_config(tmp_path) -> Callable[..., rl.TrainConfig]:
    """A small run: 16 environments × 16 steps, one hidden layer."""

    def build(**changes: object) -> rl.TrainConfig:
        values: dict[str, object] = {
            "out": tmp_path / "run",
            "num_envs": 16,
            "total_steps": 16 * 16 * 4,
            "network": rl.NetworkConfig(hidden=(32,)),
            "ppo": rl.PPOConfig(num_steps=16, epochs=2, minibatch_size=64),
        }
        return rl.TrainConfig(**(values | changes))

    return build


@pytest.fixture
def compilations() -> Iterator[list[float]]:
    """Seconds of every compilation in this process from here on."""
    seen: list[float] = []

    def note(event: str, duration: float, **_: object) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(duration)

    jax.monitoring.register_event_duration_secs_listener(note)
    yield seen
    jax.monitoring.unregister_event_duration_listener(note)
