"""An environment's configuration back from the plain values it was saved as."""

from collections.abc import Mapping

from musclemimic_models import InputError

from musclemimic_sim.adaptation import CurriculumConfig, SamplingConfig
from musclemimic_sim.config import (
    CoordinationConfig,
    EnvConfig,
    RewardConfig,
    RewardTerm,
    TerminationConfig,
)
from musclemimic_sim.delay import ActionDelay
from musclemimic_sim.noise import SensorNoise

# Parts that are dataclasses of their own; what an older release saved lacks some.
_PARTS = {
    "termination": TerminationConfig,
    "coordination": CoordinationConfig,
    "curriculum": CurriculumConfig,
    "sampling": SamplingConfig,
    "sensor_noise": SensorNoise,
    "action_delay": ActionDelay,
}


def env_config_from(values: Mapping[str, object], source: object) -> EnvConfig:
    """The configuration that `dataclasses.asdict` (or its JSON) gave.

    Args:
        values: fields left out keep their defaults.
        source: named in errors.

    Raises:
        InputError: a field that this release does not know.
    """
    rest = dict(values)
    reward = rest.pop("reward", None)
    try:
        parts = {name: part(**rest.pop(name, {})) for name, part in _PARTS.items()}  # pyright: ignore[reportCallIssue]
        return EnvConfig(
            **rest,  # pyright: ignore[reportArgumentType]
            **parts,  # pyright: ignore[reportArgumentType]
            reward=None if reward is None else _reward(reward),  # pyright: ignore[reportArgumentType]
        )
    except TypeError as error:
        raise InputError(
            source, "config.env", found=f"{error}", expected="the fields of an EnvConfig"
        ) from error


def _reward(values: Mapping[str, Mapping[str, float] | float]) -> RewardConfig:
    terms = {
        name: RewardTerm(**value) if isinstance(value, Mapping) else value
        for name, value in values.items()
    }
    return RewardConfig(**terms)  # pyright: ignore[reportArgumentType]
