"""Weights & Biases behind its extra: imported only when a run asks for it."""

import dataclasses
from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

from musclemimic_sim import InputError, jsonable

from musclemimic_rl.budget import Counters
from musclemimic_rl.config import TrainConfig


@runtime_checkable
class _Run(Protocol):
    def log(self, data: Mapping[str, float], step: int) -> None: ...
    def finish(self) -> None: ...


@runtime_checkable
class _Wandb(Protocol):
    def init(
        self, *, project: str, mode: str, dir: str, config: object, id: str, resume: str
    ) -> _Run: ...


class WandbSink:
    """One Weights & Biases run for a run's folder; a resumed run goes on in it."""

    def __init__(self, config: TrainConfig) -> None:
        """Start or continue the run named after the folder and its seed.

        Raises:
            InputError: the package is not installed.
        """
        try:
            wandb = cast(_Wandb, import_module("wandb"))
        except ModuleNotFoundError as error:
            raise InputError(
                "TrainConfig",
                "wandb.project",
                found=f"no module {error.name}",
                expected="pip install 'musclemimic-rl[wandb]'",
            ) from error
        config.out.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=str(config.wandb.project),
            mode=config.wandb.mode,
            dir=str(config.out),
            config=jsonable(dataclasses.asdict(config)),
            id=_run_id(config),
            resume="allow",
        )

    def write(self, counters: Counters, scalars: Mapping[str, float]) -> None:
        """Log one update."""
        self._run.log({**scalars, "env_steps": counters.env_steps}, step=counters.updates)

    def close(self) -> None:
        """Finish uploading."""
        self._run.finish()


def _run_id(config: TrainConfig) -> str:
    """The same for the same folder, in characters that Weights & Biases takes."""
    name = "-".join(config.out.absolute().parts[-2:])
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in f"{name}-{config.seed}")
