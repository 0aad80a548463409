"""The task a policy was trained in, read back from its provenance."""

from collections.abc import Mapping

from musclemimic_models import InputError
from musclemimic_sim import (
    CoordinationConfig,
    EnvConfig,
    RewardConfig,
    RewardTerm,
    TerminationConfig,
)


def trained_task(provenance: Mapping[str, object]) -> EnvConfig:
    """The environment's configuration in a policy's provenance; the default if it tells none.

    Raises:
        InputError: fields that this release does not know.
    """
    training = provenance.get("config")
    if not isinstance(training, Mapping) or "env" not in training:
        return EnvConfig()
    values: dict[str, object] = dict(training["env"])  # pyright: ignore[reportUnknownArgumentType]
    for name in ("randomisation", "pushes", "divergence"):
        # Of the training only: evaluation is on the nominal body, see `for_evaluation`.
        values.pop(name, None)
    try:
        reward, termination = values.pop("reward"), values.pop("termination")
        coordination = values.pop("coordination")
        return EnvConfig(
            **values,  # pyright: ignore[reportArgumentType]
            reward=None if reward is None else _reward(reward),  # pyright: ignore[reportArgumentType]
            termination=TerminationConfig(**termination),  # pyright: ignore[reportCallIssue]
            coordination=CoordinationConfig(**coordination),  # pyright: ignore[reportCallIssue]
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
