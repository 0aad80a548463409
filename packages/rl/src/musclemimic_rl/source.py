"""Starting a run from what another one learned."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from musclemimic_sim import EnvSpec, InputError

from musclemimic_rl.arrays import from_arrays, to_arrays
from musclemimic_rl.budget import schedule_progress
from musclemimic_rl.checkpoint import (
    CheckpointStore,
    counters_of,
    require_same_environment,
    require_same_network,
    spec_of,
)
from musclemimic_rl.config import DistilConfig, ResetConfig, TrainConfig, ValidationConfig
from musclemimic_rl.config_file import read_config
from musclemimic_rl.from_json import from_dict
from musclemimic_rl.learner import LearnerState
from musclemimic_rl.networks import ActorCritic
from musclemimic_rl.optim import OptimConfig
from musclemimic_rl.policy import load_policy
from musclemimic_rl.ppo import PPOConfig

_Tree = TypeVar("_Tree")

# Advice stays right however often it is read, unlike advantages.
LESSONS = PPOConfig(epochs=4, optim=OptimConfig(learning_rate=1e-3, schedule="linear"))


@dataclass(frozen=True)
class Source:
    """What a run or a policy file offers.

    Attributes:
        path: where it was read.
        config: of the run that made it.
        spec: of the environment it was made in.
        arrays: of the learner by path; a policy file has no critic and no optimiser.
        progress: share of its learning-rate schedule that it had behind it.
    """

    path: Path
    config: TrainConfig
    spec: EnvSpec
    arrays: Mapping[str, np.ndarray]
    progress: float

    @property
    def is_policy(self) -> bool:
        """Whether there is an actor only."""
        return not any(name.startswith("params.critic.") for name in self.arrays)


def read_source(path: Path) -> Source:
    """Read a run's folder (its newest checkpoint), one of its checkpoints, or a policy file.

    Raises:
        InputError: it is none of them, or damaged.
    """
    if path.is_file():
        return _from_policy(path)
    if path.name.isdigit() and path.parent.name == "checkpoints":
        return _from_run(path.parent.parent, int(path.name))
    if (path / "checkpoints").is_dir():
        return _from_run(path, None)
    raise InputError(
        path,
        "from",
        found="a folder without checkpoints" if path.is_dir() else "nothing there",
        expected="a run's folder, RUN/checkpoints/NUMBER or a policy file",
    )


def source_config(path: Path) -> TrainConfig:
    """Settings for a new run from a source: the same but for clips, folder and limits.

    Raises:
        InputError: as for `read_source`.
    """
    return replace(
        read_source(path).config,
        source=path,
        clips=(),
        out=TrainConfig.out,
        total_steps=None,
        minutes=None,
        cpu_minutes=None,
        reset=ResetConfig(),
        distil=DistilConfig(),
        validation=ValidationConfig(),
    )


def distil_config(teacher: Path) -> TrainConfig:
    """Settings for a student of a policy: its task and network, excitations as actions.

    Args:
        teacher: a policy file, or the folder of the run that made it.

    Raises:
        InputError: it is neither, or damaged.
    """
    source = _from_policy(teacher / "policy.npz" if teacher.is_dir() else teacher)
    return replace(
        source_config(source.path),
        source=None,
        env=replace(source.config.env, action_map="clip"),
        distil=DistilConfig(teacher=source.path),
        ppo=LESSONS,
    )


def take_over(
    config: TrainConfig, spec: EnvSpec, fresh: LearnerState
) -> tuple[LearnerState, float]:
    """The learner of a new run, with what it takes over from `config.source`.

    Args:
        config: of the new run.
        spec: of its environment.
        fresh: its learner as from scratch.

    Returns:
        The learner, and the share of the learning-rate schedule that is already behind it.

    Raises:
        InputError: the source fits another model, environment, network or optimiser, or lacks
            what is not reset.
    """
    assert config.source is not None
    source, reset = read_source(config.source), config.reset
    require_same_environment(source.path, source.spec, spec)
    require_same_network(source.path, asdict(source.config.network), config.network)
    _require_offered(source, config)
    learner = fresh._replace(params=_params(source, reset, fresh.params))
    if not reset.normaliser:
        learner = learner._replace(obs_moments=_part(source, "obs_moments", fresh.obs_moments))
        if not source.is_policy:
            moments = _part(source, "return_scale.moments", fresh.return_scale.moments)
            learner = learner._replace(return_scale=fresh.return_scale._replace(moments=moments))
    if not reset.optimiser:
        learner = learner._replace(opt_state=_part(source, "opt_state", fresh.opt_state))
    if not reset.critic:
        learner = learner._replace(updates=_part(source, "updates", fresh.updates))
    if reset.schedule:
        return learner, 0.0
    if not source.is_policy:
        learner = learner._replace(lr_scale=_part(source, "lr_scale", fresh.lr_scale))
    return learner, source.progress


def _from_run(run: Path, step: int | None) -> Source:
    config = read_config(run / "config.json")
    with closing(CheckpointStore(run / "checkpoints")) as store:
        stored = store.read(step)
    progress = schedule_progress(config, counters_of(stored.meta))
    return Source(stored.source, config, spec_of(stored), stored.learner, progress)


def _from_policy(path: Path) -> Source:
    policy = load_policy(path)
    if "config" not in policy.provenance:
        raise InputError(
            path, "provenance", found="no config", expected="a policy that a training run saved"
        )
    config = from_dict(TrainConfig, policy.provenance["config"], source=path, place="config.")
    arrays = to_arrays({"params": {"actor": policy.actor}, "obs_moments": policy.obs_moments})
    progress = schedule_progress(config, counters_of(policy.provenance))
    return Source(path, replace(config, network=policy.network), policy.spec, arrays, progress)


def _require_offered(source: Source, config: TrainConfig) -> None:
    """Refuse to make up silently what the source does not have."""
    reset = config.reset
    if source.is_policy and not (reset.critic and reset.optimiser):
        raise InputError(
            source.path,
            "from",
            found="a policy file, which has neither critic nor optimiser",
            expected="a run's folder, or --reset.critic --reset.optimiser",
        )
    if reset.critic and not reset.optimiser:
        raise InputError(
            "TrainConfig",
            "reset.optimiser",
            found="a new critic with the old one's momentum",
            expected="--reset.critic together with --reset.optimiser",
        )
    if source.config.distil.teacher is not None and not (reset.critic and reset.optimiser):
        raise InputError(
            source.path,
            "from",
            found="a distilled policy, whose critic has learnt nothing",
            expected="--reset.critic --reset.optimiser",
        )
    old, new = source.config.ppo.optim.name, config.ppo.optim.name
    if old != new and not reset.optimiser:
        raise InputError(
            source.path, "optimiser", found=old, expected=f"{new}, or --reset.optimiser"
        )


def _part(source: Source, name: str, template: _Tree) -> _Tree:
    """One part of the source's learner in the shape of `template`."""
    whole = {name: template}
    own = {k: v for k, v in source.arrays.items() if k == name or k.startswith(f"{name}.")}
    return from_arrays(whole, own, source=source.path)[name]


def _params(source: Source, reset: ResetConfig, fresh: ActorCritic) -> ActorCritic:
    params = eqx.tree_at(_actor, fresh, _part(source, "params.actor", fresh.actor))
    if not reset.critic:
        params = eqx.tree_at(_critic, params, _part(source, "params.critic", fresh.critic))
    if reset.std:
        params = eqx.tree_at(_log_std, params, jnp.copy(fresh.actor.log_std))
    return params


# tree_at calls these on wrapped leaves, so they promise no more than an object.
def _actor(params: ActorCritic) -> object:
    return params.actor


def _critic(params: ActorCritic) -> object:
    return params.critic


def _log_std(params: ActorCritic) -> object:
    return params.actor.log_std
