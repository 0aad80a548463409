"""A trained policy as one file: everything needed to act, nothing needed only to learn."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from musclemimic_sim import EnvSpec, InputError, jsonable, read_npz, write_npz

from musclemimic_rl.arrays import from_arrays, to_arrays
from musclemimic_rl.config_file import from_dict
from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.networks import Actor, parameter_count
from musclemimic_rl.normalise import Moments, empty_moments, normalise

FORMAT = "musclemimic policy"
VERSION = 1
_HEADER = "header"
_HEADER_FIELDS = ("format", "version", "network", "spec", "provenance")


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
        # A copy: the caller may reuse its NumPy buffer while the device still reads it.
        return _act(self.actor, self.obs_moments, jnp.array(obs, jnp.float32, copy=True), key)

    @property
    def parameter_count(self) -> int:
        """Number of trainable scalars."""
        return parameter_count(self.actor)

    def save(self, path: Path | str) -> None:
        """Write one .npz file, whole or not at all."""
        header = {
            "format": FORMAT,
            "version": VERSION,
            "network": dataclasses.asdict(self.network),
            "spec": self.spec.to_dict(),
            "provenance": dict(self.provenance),
        }
        text = json.dumps(jsonable(header))
        arrays = to_arrays({"actor": self.actor, "obs_moments": self.obs_moments})
        write_npz(Path(path), {_HEADER: np.array(text), **arrays})


def load_policy(path: Path | str) -> PolicyBundle:
    """Read a policy file.

    Raises:
        InputError: no such file, not a policy, damaged, of a newer version, or with numbers that
            are not finite; names file, field, found and expected.
    """
    path = Path(path)
    arrays = read_npz(path)
    header = _read_header(path, arrays.pop(_HEADER, None))
    network = from_dict(NetworkConfig, header["network"], source=path, place="network.")
    spec = _read_spec(path, header["spec"])
    for name, array in arrays.items():
        if np.issubdtype(array.dtype, np.floating) and not np.all(np.isfinite(array)):
            raise InputError(path, name, found="NaN or infinity", expected="finite numbers")
    template = jax.eval_shape(partial(_template, network, spec))
    content = from_arrays(template, arrays, source=path)
    return PolicyBundle(
        actor=content["actor"],
        obs_moments=content["obs_moments"],
        network=network,
        spec=spec,
        provenance=MappingProxyType(dict(_mapping(path, "provenance", header["provenance"]))),
    )


def _template(network: NetworkConfig, spec: EnvSpec) -> dict[str, object]:
    size = spec.obs_size
    actor = Actor(network, obs_size=size, action_size=spec.action_size, key=jax.random.key(0))
    return {"actor": actor, "obs_moments": empty_moments((size,))}


def _read_header(path: Path, stored: np.ndarray | None) -> Mapping[str, object]:
    if stored is None or stored.dtype.kind != "U" or stored.ndim != 0:
        found = "nothing" if stored is None else f"{stored.dtype} {stored.shape}"
        raise InputError(path, _HEADER, found=found, expected=f"the header of a {FORMAT}")
    try:
        parsed = json.loads(str(stored))
    except ValueError as error:
        raise InputError(path, _HEADER, found=f"{error}", expected="JSON") from error
    header = _mapping(path, _HEADER, parsed)
    for name in _HEADER_FIELDS:
        if name not in header:
            raise InputError(path, name, found="nothing", expected=f"a field of a {FORMAT}")
    for name, expected in (("format", FORMAT), ("version", VERSION)):
        if header[name] != expected:
            raise InputError(path, name, found=repr(header[name]), expected=repr(expected))
    return header


def _read_spec(path: Path, values: object) -> EnvSpec:
    try:
        return EnvSpec.from_dict(_mapping(path, "spec", values), source=path)
    except (TypeError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        found = f"ill-typed ({error})"
        raise InputError(path, "spec", found=found, expected="an EnvSpec") from error


def _mapping(path: Path, field: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InputError(path, field, found=repr(value), expected="an object")
    return value  # pyright: ignore[reportUnknownVariableType]


@eqx.filter_jit
def _act(
    actor: Actor, moments: Moments, obs: Float[Array, "N O"], key: Key[Array, ""] | None
) -> Float[Array, "N A"]:
    distribution = actor(normalise(moments, obs))
    return distribution.mean if key is None else distribution.sample(key)
