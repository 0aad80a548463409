"""What acts in a shown environment: nothing, chance, or a trained policy."""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_sim.types import EnvSpec

# Packages that can read policies offer their loader here, under the file's suffix.
POLICY_GROUP = "musclemimic.policies"
Agent = Callable[[Float[jax.Array, "N O"]], Float[jax.Array, "N A"]]


@runtime_checkable
class Policy(Protocol):
    """What a policy loader returns."""

    @property
    def spec(self) -> EnvSpec:
        """The environment it was trained in."""
        ...

    @property
    def provenance(self) -> Mapping[str, object]:
        """How it was trained; its "config" holds the environment's configuration as "env"."""
        ...

    def act(self, obs: Float[np.ndarray, "N O"]) -> Float[np.ndarray, "N A"]:
        """Its best actions."""
        ...


def zero_agent(spec: EnvSpec) -> Agent:
    """Action 0: no excitation ("clip"), half of it ("affine"), or the reference itself."""

    def act(obs: Float[jax.Array, "N O"]) -> Float[jax.Array, "N A"]:
        return jnp.zeros((obs.shape[0], spec.action_size))

    return act


def random_agent(spec: EnvSpec, *, seed: int) -> Agent:
    """Uniform actions in [−1, 1], new in every step."""
    keys = [jax.random.PRNGKey(seed)]

    def act(obs: Float[jax.Array, "N O"]) -> Float[jax.Array, "N A"]:
        keys[0], now = jax.random.split(keys[0])
        return jax.random.uniform(now, (obs.shape[0], spec.action_size), minval=-1.0)

    return act


def load_policy(path: Path) -> Policy:
    """Read a policy with the loader some installed package offers for its kind of file.

    Raises:
        InputError: no loader for this suffix, or the loader refuses the file.
    """
    kind = path.suffix.removeprefix(".")
    loaders = {point.name: point for point in entry_points(group=POLICY_GROUP)}
    if kind not in loaders:
        offered = ", ".join(f".{name}" for name in sorted(loaders)) or "none installed"
        raise InputError(
            path,
            "policy",
            found=f"no loader for {path.suffix or 'files without suffix'}",
            expected=f"one of: {offered} (pip install musclemimic_rl brings .npz)",
        )
    load: Callable[[Path], Policy] = loaders[kind].load()
    return load(path)


def policy_agent(policy: Policy, spec: EnvSpec, source: object) -> Agent:
    """A policy as an agent of an environment.

    Raises:
        InputError: it was trained for another observation, action or body.
    """
    difference = spec.difference(policy.spec)
    if difference is not None:
        raise InputError(
            source, "spec", found=difference, expected="a policy trained for this environment"
        )

    def act(obs: Float[jax.Array, "N O"]) -> Float[jax.Array, "N A"]:
        return jnp.asarray(policy.act(np.asarray(obs)))

    return act
