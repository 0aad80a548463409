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
from musclemimic_rl.config import TrainConfig
from musclemimic_rl.learner import LearnerState, init_learner

_VERSION = 1


class Counters(NamedTuple):
    """How far a run has come.

    Attributes:
        updates: learner updates.
        env_steps: environment steps, over all environments.
        elapsed_s: wall-clock time, over all sessions of the run.
    """

    updates: int = 0
    env_steps: int = 0
    elapsed_s: float = 0.0


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


class CheckpointStore:
    """The last few checkpoints in a folder, one subfolder an update; Orbax writes each atomically.

    The number format inside is Orbax's; the environment's state is one packed .npz, because Orbax
    refuses empty arrays and an environment may well have some.
    """

    def __init__(self, folder: Path, *, keep: int) -> None:
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

    def load_latest(self, config: TrainConfig, spec: EnvSpec) -> Checkpoint:
        """Read the newest checkpoint.

        Raises:
            InputError: there is none, it is damaged, or it was made for another environment,
                network or optimiser; names what differs.
        """
        step = self._manager.latest_step()
        if step is None:
            raise InputError(self._folder, "checkpoint", found="none", expected="at least one")
        source = self._folder / str(step)
        try:
            found = self._manager.restore(
                step, args=ocp.args.Composite(meta=ocp.args.JsonRestore())
            )
            _require_same(source, found["meta"], config, spec)
            arrays = self._manager.restore(
                step,
                args=ocp.args.Composite(
                    learner=ocp.args.StandardRestore(), env=ocp.args.StandardRestore()
                ),
            )
            env_state = _unpack(arrays["env"]["npz"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                source, "checkpoint", found=f"unreadable ({error})", expected="a whole checkpoint"
            ) from error
        template = jax.eval_shape(lambda: _without_key(new_learner(config, spec)))
        learner = from_arrays(template, arrays["learner"], source=source)
        return Checkpoint(
            learner._replace(key=jax.random.wrap_key_data(learner.key)),
            env_state,
            arrays["env"]["obs"],
            Counters(**found["meta"]["counters"]),
        )

    def close(self) -> None:
        """Finish writing and free what is open."""
        self._manager.close()


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


def _identity(config: TrainConfig, spec: EnvSpec) -> dict[str, object]:
    """What must be equal for a checkpoint to fit."""
    return {
        "version": _VERSION,
        "spec": spec.to_dict(),
        "network": jsonable(asdict(config.network)),
        "optimiser": config.ppo.optim.name,
        "num_envs": config.num_envs,
    }


def _require_same(
    source: Path, meta: Mapping[str, object], config: TrainConfig, spec: EnvSpec
) -> None:
    expected = _identity(config, spec)
    stored = EnvSpec.from_dict(meta["spec"], source=source)  # pyright: ignore[reportArgumentType]
    difference = spec.difference(stored)
    if difference is not None:
        raise InputError(
            source, "environment", found=difference, expected="the environment it was made for"
        )
    for name in ("version", "network", "optimiser", "num_envs"):
        if meta[name] != expected[name]:
            raise InputError(source, name, found=meta[name], expected=expected[name])


def _without_key(learner: LearnerState) -> LearnerState:
    """The state with its random key as plain numbers."""
    return learner._replace(key=jax.random.key_data(learner.key))


def _pack(state: State) -> np.ndarray:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **state)
    return np.frombuffer(buffer.getvalue(), np.uint8)


def _unpack(packed: np.ndarray) -> State:
    with np.load(io.BytesIO(packed.tobytes()), allow_pickle=False) as archive:
        return {name: np.asarray(archive[name]) for name in archive.files}
