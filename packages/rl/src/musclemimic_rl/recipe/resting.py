"""Gains as a policy: what the whole-body coordination does by itself, for everything that acts."""

import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
from musclemimic_sim import EnvConfig, EnvSpec, InputError, WholeBodyConfig

from musclemimic_rl.from_json import from_dict
from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.networks import Actor
from musclemimic_rl.normalise import empty_moments
from musclemimic_rl.policy import PolicyBundle
from musclemimic_rl.recipe.judge import whole_body_task


def gains_task(file: Path | str) -> EnvConfig:
    """The task of a recipe's gains file (gains.json).

    Raises:
        InputError: no such file, not JSON, or not gains of whole-body coordination.
    """
    try:
        values = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        expected = "gains.json of a recipe"
        raise InputError(file, "gains", found=str(error), expected=expected) from error
    return whole_body_task(from_dict(WholeBodyConfig, values, source=file), auto_reset=False)


def resting_policy(file: Path | str, spec: EnvSpec) -> PolicyBundle:
    """A policy whose mean action is 0: no correction of the joint targets.

    Args:
        file: the recipe's gains, see `gains_task`.
        spec: of an environment with that task.

    Raises:
        InputError: as `gains_task`.
    """
    network = NetworkConfig(hidden=(1,))
    key = jax.random.key(0)
    actor = Actor(network, obs_size=spec.obs_size, action_size=spec.action_size, key=key)
    zero = jax.tree.map(_zero, actor)
    task = dataclasses.asdict(gains_task(file))
    provenance = {"stage": f"gains of {Path(file)}, no policy on top", "config": {"env": task}}
    return PolicyBundle(zero, empty_moments((spec.obs_size,)), network, spec, provenance)


def _zero(values: jax.Array) -> jax.Array:
    return jnp.zeros(values.shape, values.dtype)
