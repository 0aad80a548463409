"""The task a policy was trained in, read back from its provenance."""

from collections.abc import Mapping
from typing import cast

from musclemimic_sim import EnvConfig, env_config_from


def trained_task(provenance: Mapping[str, object]) -> EnvConfig:
    """The environment's configuration in a policy's provenance; the default if it tells none.

    Raises:
        InputError: fields that this release does not know.
    """
    training = provenance.get("config")
    if not isinstance(training, Mapping) or "env" not in training:
        return EnvConfig()
    return env_config_from(cast("Mapping[str, object]", training["env"]), "policy")
