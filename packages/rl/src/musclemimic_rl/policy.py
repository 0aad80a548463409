"""A trained policy as one file: everything needed to act, nothing needed only to learn."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from musclemimic_sim import EnvSpec, InputError
from musclemimic_sim.compiled import jit

from musclemimic_rl.arrays import from_arrays, to_arrays
from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.networks import Actor, parameter_count
from musclemimic_rl.normalise import Moments, empty_moments, normalise
from musclemimic_rl.policy_file import StoredPolicy, read_policy_file, write_policy_file


@dataclass(frozen=True)
class PolicyBundle:
    """A policy and what it was trained for.

    Attributes:
        actor: the network.
        obs_moments: observation statistics at the end of training; acting never changes them.
        network: shape of the actor.
        spec: the environment it acts in.
        provenance: how it was trained, as plain JSON values.
    """

    actor: Actor
    obs_moments: Moments
    network: NetworkConfig
    spec: EnvSpec
    provenance: Mapping[str, object]

    def act(
        self, obs: Float[Array | np.ndarray, "N O"], key: Key[Array, ""] | None = None
    ) -> Float[Array, "N A"]:
        """Actions for raw observations: the mean, or with a key a sample.

        Raises:
            InputError: the observation has another length than the policy's.
        """
        if obs.ndim != 2 or obs.shape[1] != self.spec.obs_size:
            raise InputError(
                "observation", "shape", found=obs.shape, expected=f"(N, {self.spec.obs_size})"
            )
        if isinstance(obs, np.ndarray):
            # A copy: the caller may reuse its buffer while the device still reads it.
            obs = jnp.array(obs, jnp.float32, copy=True)
        if obs.dtype != jnp.float32:
            obs = obs.astype(jnp.float32)
        return _act(self.actor, self.obs_moments, obs, key)

    @property
    def parameter_count(self) -> int:
        """Number of trainable scalars."""
        return parameter_count(self.actor)

    def save(self, path: Path | str) -> None:
        """Write one .npz file, whole or not at all."""
        write_policy_file(
            Path(path),
            network=self.network,
            spec=self.spec.to_dict(),
            provenance=self.provenance,
            arrays=to_arrays({"actor": self.actor, "obs_moments": self.obs_moments}),
        )


def load_policy(path: Path | str) -> PolicyBundle:
    """Read a policy file.

    Raises:
        InputError: no such file, not a policy, damaged, of a newer version, or with numbers that
            are not finite; names file, field, found and expected.
    """
    stored = read_policy_file(Path(path))
    spec = _read_spec(stored)
    template = jax.eval_shape(partial(_template, stored.network, spec))
    content = from_arrays(template, stored.arrays, source=stored.path)
    return PolicyBundle(
        actor=content["actor"],
        obs_moments=content["obs_moments"],
        network=stored.network,
        spec=spec,
        provenance=MappingProxyType(dict(stored.provenance)),
    )


def _template(network: NetworkConfig, spec: EnvSpec) -> dict[str, object]:
    size = spec.obs_size
    actor = Actor(network, obs_size=size, action_size=spec.action_size, key=jax.random.key(0))
    return {"actor": actor, "obs_moments": empty_moments((size,))}


def _read_spec(stored: StoredPolicy) -> EnvSpec:
    try:
        return EnvSpec.from_dict(stored.spec, source=stored.path)
    except (TypeError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        found = f"ill-typed ({error})"
        raise InputError(stored.path, "spec", found=found, expected="an EnvSpec") from error


@jit
def _act(
    actor: Actor, moments: Moments, obs: Float[Array, "N O"], key: Key[Array, ""] | None
) -> Float[Array, "N A"]:
    distribution = actor(normalise(moments, obs))
    return distribution.mean if key is None else distribution.sample(key)
