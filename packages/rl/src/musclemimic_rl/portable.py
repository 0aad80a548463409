"""A policy that needs NumPy and nothing else: for hardware, services and other simulators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from musclemimic_models.errors import InputError

from musclemimic_rl.forward import action_mean
from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.policy_file import StoredPolicy, read_policy_file
from musclemimic_rl.policy_shapes import array_shapes

if TYPE_CHECKING:
    from musclemimic_sim import EnvSpec

# As the trainable network has them: `normalise.py` and Equinox's LayerNorm.
OBS_CLIP = 10.0
OBS_EPSILON = 1e-8
NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class NumpyPolicy:
    """Observation in, action out; calling it is `act`.

    Attributes:
        network: shape of the actor.
        spec_fields: the environment it acts in, as plain values; `spec` gives the typed form.
        provenance: how it was trained, as plain JSON values.
        arrays: by name; those of experts one by one.
        obs_size: length of an observation. action_size: length of an action.
    """

    network: NetworkConfig
    spec_fields: Mapping[str, object]
    provenance: Mapping[str, object]
    arrays: Mapping[str, np.ndarray]
    obs_size: int
    action_size: int

    def __call__(self, obs: Float[np.ndarray, "*N O"]) -> Float[np.ndarray, "*N A"]:
        """The mean action for one raw observation, or for one a row."""
        return self.act(obs)

    def act(
        self, obs: Float[np.ndarray, "*N O"], rng: np.random.Generator | None = None
    ) -> Float[np.ndarray, "*N A"]:
        """Actions for raw observations: the mean, or with a generator a sample; float32.

        Raises:
            InputError: the observation has another length than the policy's.
        """
        if obs.ndim not in (1, 2) or obs.shape[-1] != self.obs_size:
            expected = f"({self.obs_size},) or (N, {self.obs_size})"
            raise InputError("observation", "shape", found=obs.shape, expected=expected)
        rows = np.atleast_2d(obs).astype(np.float32)
        mean = action_mean(
            _NumpyOperations(self.arrays), self.network, rows, obs_size=self.obs_size
        )
        if rng is not None:
            std = np.exp(self.arrays["log_std"])
            mean = mean + std * rng.standard_normal(mean.shape, np.float32)
        return mean.reshape(*obs.shape[:-1], self.action_size)

    @property
    def spec(self) -> "EnvSpec":
        """The environment it acts in (this alone imports musclemimic_sim, and so JAX)."""
        from musclemimic_sim import EnvSpec

        return EnvSpec.from_dict(self.spec_fields)


def load_numpy_policy(path: Path | str) -> NumpyPolicy:
    """Read a policy file; also the entry point "npz" of the group `musclemimic.policies`.

    Raises:
        InputError: no such file, not a policy, damaged, of a newer version, or with arrays that
            do not fit its network; names file, field, found and expected.
    """
    stored = read_policy_file(Path(path))
    obs_size, action_size = _sizes(stored)
    wanted = array_shapes(stored.network, obs_size=obs_size, action_size=action_size)
    for name in sorted(set(wanted) ^ set(stored.arrays)):
        found, expected = ("nothing", "an array") if name in wanted else ("an array", "nothing")
        raise InputError(stored.path, name, found=found, expected=expected)
    for name, shape in wanted.items():
        array = stored.arrays[name]
        if array.shape != shape or array.dtype != np.float32:
            raise InputError(
                stored.path,
                name,
                found=f"{array.dtype} {array.shape}",
                expected=f"float32 {shape}",
            )
    return NumpyPolicy(
        network=stored.network,
        spec_fields=stored.spec,
        provenance=stored.provenance,
        arrays=_one_by_one(stored.arrays, stored.network.experts),
        obs_size=obs_size,
        action_size=action_size,
    )


def _sizes(stored: StoredPolicy) -> tuple[int, int]:
    """Lengths of observation and action."""
    try:
        fields: Sequence[Mapping[str, object]] = stored.spec["obs_fields"]  # pyright: ignore[reportAssignmentType]
        names: Sequence[str] = stored.spec["action_names"]  # pyright: ignore[reportAssignmentType]
        return sum(int(str(field["dim"])) for field in fields), len(names)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            stored.path, "spec", found=f"ill-typed ({error!r})", expected="an EnvSpec"
        ) from error


def _one_by_one(arrays: Mapping[str, np.ndarray], experts: int) -> dict[str, np.ndarray]:
    """Names without "actor."; stacked experts as "experts.layers.0.weight" and so on."""
    result: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        short = name.removeprefix("actor.")
        owner, _, leaf = short.rpartition(".")
        if owner in ("experts.layers", "experts.norms"):
            result |= {f"{owner}.{e}.{leaf}": array[e] for e in range(experts)}
        else:
            result[short] = array
    return result


@dataclass(frozen=True)
class _NumpyOperations:
    """`Operations` on float32 arrays."""

    arrays: Mapping[str, np.ndarray]

    def normalised(self, obs: Float[np.ndarray, "N O"]) -> Float[np.ndarray, "N O"]:
        std = np.sqrt(self.arrays["obs_moments.var"] + np.float32(OBS_EPSILON))
        z = (obs - self.arrays["obs_moments.mean"]) / std
        return np.clip(z, -OBS_CLIP, OBS_CLIP)

    def dense(self, x: Float[np.ndarray, "N I"], name: str) -> Float[np.ndarray, "N H"]:
        return x @ self.arrays[f"{name}.weight"].T + self.arrays[f"{name}.bias"]

    def layer_norm(self, x: Float[np.ndarray, "N H"], name: str) -> Float[np.ndarray, "N H"]:
        centred = x - x.mean(axis=-1, keepdims=True)
        std = np.sqrt(x.var(axis=-1, keepdims=True) + np.float32(NORM_EPSILON))
        return centred / std * self.arrays[f"{name}.weight"] + self.arrays[f"{name}.bias"]

    def silu(self, x: Float[np.ndarray, "N H"]) -> Float[np.ndarray, "N H"]:
        return x * _sigmoid(x)

    def softmax(self, x: Float[np.ndarray, "N E"]) -> Float[np.ndarray, "N E"]:
        weights = np.exp(x - x.max(axis=-1, keepdims=True))
        return weights / weights.sum(axis=-1, keepdims=True)

    def gated_sum(
        self, skip: Float[np.ndarray, "N H"], inner: Float[np.ndarray, "N H"], name: str
    ) -> Float[np.ndarray, "N H"]:
        return skip + _sigmoid(self.arrays[name]) * inner

    def weighted_sum(
        self, shares: Float[np.ndarray, "N E"], parts: Sequence[Float[np.ndarray, "N H"]]
    ) -> Float[np.ndarray, "N H"]:
        return np.einsum("ne,enh->nh", shares, np.stack(parts))


def _sigmoid(x: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
    """1 / (1 + exp(−x)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float32)
