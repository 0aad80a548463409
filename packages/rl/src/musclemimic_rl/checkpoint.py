"""Checkpoints of a training run: all it takes to go on as if nothing had happened."""

import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from jaxtyping import Array, Float
from musclemimic_sim import EnvSpec, InputError, State, jsonable

from musclemimic_rl.arrays import from_arrays, to_arrays
from musclemimic_rl.budget import Counters
from musclemimic_rl.config import TrainConfig
from musclemimic_rl.learner import LearnerState, init_learner
from musclemimic_rl.network_config import NetworkConfig

_VERSION = 1


class Checkpoint(NamedTuple):
    """A run between two updates.

    Attributes:
        learner: parameters, optimiser, statistics, random key.
        env_state: of the environment.
        obs: what the environment last returned; stored, so that going on does not depend on the
            environment computing it again to the last bit.
        counters: progress.
    """

    learner: LearnerState
    env_state: State
    obs: Float[Array | np.ndarray, "N O"]
    counters: Counters


class StoredCheckpoint(NamedTuple):
    """What a checkpoint's files hold, before anything is required of it.

    Attributes:
        source: its folder.
        meta: what it was made for, and the counters.
        learner: arrays of the learner by path, such as "params.actor.head.bias".
        env: the environment's packed state under "npz", its last observation under "obs".
    """

    source: Path
    meta: Mapping[str, object]
    learner: Mapping[str, np.ndarray]
    env: Mapping[str, np.ndarray]


class CheckpointStore:
    """The last few checkpoints in a folder, one subfolder an update; Orbax writes each atomically.

    The number format inside is Orbax's; the environment's state is one packed .npz, because Orbax
    refuses empty arrays and an environment may well have some.
    """

    def __init__(self, folder: Path, *, keep: int | None = None) -> None:
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, enable_async_checkpointing=False)
        self._folder = folder.absolute()
        self._manager = ocp.CheckpointManager(self._folder, options=options)

    def save(self, checkpoint: Checkpoint, config: TrainConfig, spec: EnvSpec) -> None:
        """Write a checkpoint, then delete the oldest beyond the number to keep."""
        step = checkpoint.counters.updates
        if step in self._manager.all_steps():
            return
        meta = {**_identity(config, spec), "counters": checkpoint.counters._asdict()}
        self._manager.save(
            step,
            args=ocp.args.Composite(
                learner=ocp.args.StandardSave(to_arrays(_without_key(checkpoint.learner))),
                env=ocp.args.StandardSave(
                    {"npz": _pack(checkpoint.env_state), "obs": np.array(checkpoint.obs)}
                ),
                meta=ocp.args.JsonSave(meta),
            ),
        )

    def read(self, step: int | None = None) -> StoredCheckpoint:
        """Read a checkpoint, by default the newest.

        Raises:
            InputError: there is none, or it is damaged.
        """
        step = self._manager.latest_step() if step is None else step
        if step is None:
            raise InputError(self._folder, "checkpoint", found="none", expected="at least one")
        source = self._folder / str(step)
        try:
            found = self._manager.restore(
                step,
                args=ocp.args.Composite(
                    meta=ocp.args.JsonRestore(),
                    learner=ocp.args.StandardRestore(),
                    env=ocp.args.StandardRestore(),
                ),
            )
            return StoredCheckpoint(source, found["meta"], found["learner"], found["env"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                source, "checkpoint", found=f"unreadable ({error})", expected="a whole checkpoint"
            ) from error

    def load_latest(self, config: TrainConfig, spec: EnvSpec) -> Checkpoint:
        """Read the newest checkpoint to go on from.

        Raises:
            InputError: there is none, it is damaged, or it was made for another environment,
                network or optimiser; names what differs.
        """
        stored = self.read()
        _require_same(stored, config, spec)
        template = jax.eval_shape(lambda: _without_key(new_learner(config, spec)))
        learner = from_arrays(template, stored.learner, source=stored.source)
        return Checkpoint(
            learner._replace(key=jax.random.wrap_key_data(learner.key)),
            _unpack(stored),
            stored.env["obs"],
            counters_of(stored.meta),
        )

    def close(self) -> None:
        """Finish writing and free what is open."""
        self._manager.close()


def has_checkpoint(folder: Path) -> bool:
    """Whether a folder of checkpoints holds a finished one (unfinished ones have longer names)."""
    return folder.is_dir() and any(path.name.isdigit() for path in folder.iterdir())


def new_learner(config: TrainConfig, spec: EnvSpec) -> LearnerState:
    """The learner before its first update."""
    return init_learner(
        config.network,
        config.ppo.optim,
        obs_size=spec.obs_size,
        action_size=spec.action_size,
        num_envs=config.num_envs,
        seed=config.seed,
    )


def counters_of(meta: Mapping[str, object]) -> Counters:
    """The counters in a checkpoint's or a policy's description; those it lacks are 0."""
    stored: Mapping[str, float] = meta.get("counters", meta)  # pyright: ignore[reportAssignmentType]
    known = {name: stored[name] for name in Counters._fields if name in stored}
    return Counters(**known)  # pyright: ignore[reportArgumentType]


def require_same_environment(source: object, stored: EnvSpec, spec: EnvSpec) -> None:
    """Refuse what was made for another body, observation, action or control step.

    Raises:
        InputError: naming the first difference; for another body, both names.
    """
    if stored.model_sha256 != spec.model_sha256:
        raise InputError(
            source,
            "model",
            found=f"{stored.model_name} ({stored.model_sha256[:12]})",
            expected=f"{spec.model_name} ({spec.model_sha256[:12]})",
        )
    difference = spec.difference(stored)
    if difference is not None:
        raise InputError(
            source, "environment", found=difference, expected="the environment it was made for"
        )


def require_same_network(source: object, stored: object, config: NetworkConfig) -> None:
    """Refuse another shape of network.

    Args:
        source: the file, for errors.
        stored: `dataclasses.asdict` of the network it holds, perhaps through JSON.
        config: the network that is wanted.

    Raises:
        InputError: naming the first field that differs.
    """
    wanted: dict[str, object] = jsonable(asdict(config))  # pyright: ignore[reportAssignmentType]
    found: dict[str, object] = jsonable(stored)  # pyright: ignore[reportAssignmentType]
    for name, value in wanted.items():
        # A field that an older release did not have yet had its default's meaning.
        old = found.get(name, jsonable(getattr(NetworkConfig(), name)))
        if old != value and name != "initial_std":
            raise InputError(source, f"network.{name}", found=old, expected=value)


def _identity(config: TrainConfig, spec: EnvSpec) -> dict[str, object]:
    """What must be equal for a checkpoint to fit."""
    return {
        "version": _VERSION,
        "spec": spec.to_dict(),
        "network": jsonable(asdict(config.network)),
        "optimiser": config.ppo.optim.name,
        "num_envs": config.num_envs,
    }


def _require_same(stored: StoredCheckpoint, config: TrainConfig, spec: EnvSpec) -> None:
    source, meta, expected = stored.source, stored.meta, _identity(config, spec)
    require_same_environment(source, spec_of(stored), spec)
    require_same_network(source, meta["network"], config.network)
    for name in ("version", "optimiser", "num_envs"):
        if meta[name] != expected[name]:
            raise InputError(source, name, found=meta[name], expected=expected[name])


def spec_of(stored: StoredCheckpoint) -> EnvSpec:
    """The environment a checkpoint was made in."""
    return EnvSpec.from_dict(stored.meta["spec"], source=stored.source)  # pyright: ignore[reportArgumentType]


def _without_key(learner: LearnerState) -> LearnerState:
    """The state with its random key as plain numbers."""
    return learner._replace(key=jax.random.key_data(learner.key))


def _pack(state: State) -> np.ndarray:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **state)
    return np.frombuffer(buffer.getvalue(), np.uint8)


def _unpack(stored: StoredCheckpoint) -> State:
    try:
        with np.load(io.BytesIO(stored.env["npz"].tobytes()), allow_pickle=False) as archive:
            return {name: np.asarray(archive[name]) for name in archive.files}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            stored.source, "env", found=f"unreadable ({error})", expected="a whole checkpoint"
        ) from error
