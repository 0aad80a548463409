"""An environment's configuration back from the plain values it was saved as."""

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from musclemimic_models import InputError

from musclemimic_sim.config import EnvConfig, RewardConfig

T = TypeVar("T")


def env_config_from(values: Mapping[str, object], source: object) -> EnvConfig:
    """The configuration that `dataclasses.asdict` (or its JSON) gave.

    Args:
        values: fields left out keep their defaults, so that an older release's can be read.
        source: named in errors.

    Raises:
        InputError: a field that this release does not know.
    """
    rest = dict(values)
    reward = rest.pop("reward", None)
    config = _with(EnvConfig(), rest, source, "config.env")
    if not isinstance(reward, Mapping):
        return config
    named: Mapping[str, object] = reward  # pyright: ignore[reportUnknownVariableType]
    weights = _with(RewardConfig(), named, source, "config.env.reward")
    return dataclasses.replace(config, reward=weights)


def _with(default: T, values: Mapping[str, object], source: object, place: str) -> T:
    """A dataclass with some fields replaced, those that are dataclasses themselves in depth."""
    known = [field.name for field in dataclasses.fields(default)]  # pyright: ignore[reportArgumentType]
    changed: dict[str, object] = {}
    for name, value in values.items():
        if name not in known:
            raise InputError(
                source, f"{place}.{name}", found="an unknown field", expected=", ".join(known)
            )
        present: object = getattr(default, name)
        if dataclasses.is_dataclass(present) and isinstance(value, Mapping):
            inner: Mapping[str, object] = value  # pyright: ignore[reportUnknownVariableType]
            changed[name] = _with(present, inner, source, f"{place}.{name}")
        else:
            changed[name] = tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return dataclasses.replace(default, **changed)  # pyright: ignore[reportArgumentType, reportUnknownVariableType, reportCallIssue]
