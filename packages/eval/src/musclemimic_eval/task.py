"""The task a policy was trained in, read back from its provenance."""

from collections.abc import Mapping

from musclemimic_models import InputError
from musclemimic_sim import (
    ActionDelay,
    CoordinationConfig,
    CurriculumConfig,
    EnvConfig,
    RewardConfig,
    RewardTerm,
    SamplingConfig,
    SensorNoise,
    TerminationConfig,
)

# Parts of a task that are dataclasses of their own; a policy of an older release lacks some.
_PARTS = {
    "termination": TerminationConfig,
    "coordination": CoordinationConfig,
    "curriculum": CurriculumConfig,
    "sampling": SamplingConfig,
    "sensor_noise": SensorNoise,
    "action_delay": ActionDelay,
}


def trained_task(provenance: Mapping[str, object]) -> EnvConfig:
    """The environment's configuration in a policy's provenance; the default if it tells none.

    Raises:
        InputError: fields that this release does not know.
    """
    training = provenance.get("config")
    if not isinstance(training, Mapping) or "env" not in training:
        return EnvConfig()
    values: dict[str, object] = dict(training["env"])  # pyright: ignore[reportUnknownArgumentType]
    try:
        reward = values.pop("reward")
        parts = {name: part(**values.pop(name, {})) for name, part in _PARTS.items()}  # pyright: ignore[reportCallIssue]
        return EnvConfig(
            **values,  # pyright: ignore[reportArgumentType]
            **parts,  # pyright: ignore[reportArgumentType]
            reward=None if reward is None else _reward(reward),  # pyright: ignore[reportArgumentType]
        )
    except (TypeError, KeyError) as error:
        raise InputError(
            "policy", "config.env", found=f"{error}", expected="the fields of an EnvConfig"
        ) from error


def _reward(values: Mapping[str, Mapping[str, float] | float]) -> RewardConfig:
    terms = {
        name: RewardTerm(**value) if isinstance(value, Mapping) else value
        for name, value in values.items()
    }
    return RewardConfig(**terms)  # pyright: ignore[reportArgumentType]
