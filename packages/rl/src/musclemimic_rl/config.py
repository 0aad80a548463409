"""What a training run is made of, and reading it back from its config.json."""

import dataclasses
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro
from musclemimic_sim import EnvConfig, InputError, require_file

from musclemimic_rl.networks import NetworkConfig
from musclemimic_rl.update import PPOConfig

_T = TypeVar("_T")


@dataclass(frozen=True)
class TrainConfig:
    """A training run. It stops at whichever of `total_steps` and `minutes` comes first.

    Attributes:
        clips: motion clip files, all for one model.
        out: folder of the run: config.json, metrics.jsonl, tensorboard, checkpoints, policy.npz.
        model: name of the body; by default the one the first clip was made for.
        fingers: of the named model.
        num_envs: environments stepped together. 128 × 32 steps kept two cores busy.
        backend: physics engine.
        num_threads: of the physics engine; 0 takes one per core.
        seed: of the networks, exploration and episode starts.
        total_steps: environment steps, over all environments.
        minutes: wall-clock time, including what the run used before it was resumed.
        checkpoint_minutes: time between checkpoints; one more is written at the end.
        keep_checkpoints: how many of the latest to keep.
        env: the imitation task.
        network: actor and critic.
        ppo: the learning algorithm.
    """

    clips: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    out: Path = Path("runs/latest")
    model: str | None = None
    fingers: bool = False
    num_envs: int = 128
    backend: Literal["native"] = "native"
    num_threads: int = 0
    seed: int = 0
    total_steps: int | None = None
    minutes: float | None = None
    checkpoint_minutes: float = 5.0
    keep_checkpoints: int = 3
    env: EnvConfig = field(default_factory=EnvConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot run, before anything is loaded.

        Raises:
            InputError: naming the field.
        """
        if self.total_steps is None and self.minutes is None:
            raise InputError(
                "TrainConfig",
                "total_steps and minutes",
                found="neither",
                expected="a limit on steps, on minutes, or on both",
            )
        for name, value in (
            ("num_envs", self.num_envs),
            ("ppo.num_steps", self.ppo.num_steps),
            ("ppo.epochs", self.ppo.epochs),
            ("ppo.minibatch_size", self.ppo.minibatch_size),
            ("keep_checkpoints", self.keep_checkpoints),
        ):
            if value < 1:
                raise InputError("TrainConfig", name, found=value, expected=">= 1")
        samples = self.num_envs * self.ppo.num_steps
        if samples % self.ppo.minibatch_size:
            raise InputError(
                "TrainConfig",
                "ppo.minibatch_size",
                found=self.ppo.minibatch_size,
                expected=f"a divisor of num_envs * ppo.num_steps = {samples}",
            )

    @property
    def steps_per_update(self) -> int:
        """Environment steps in one rollout."""
        return self.num_envs * self.ppo.num_steps


def read_config(path: Path) -> TrainConfig:
    """Read the config.json of a run.

    Raises:
        InputError: no such file, not JSON, or an unknown, missing or ill-typed field.
    """
    require_file(path)
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(path, "file", found=f"unreadable ({error})", expected="JSON") from error
    return from_dict(TrainConfig, values, source=path)


def from_dict(cls: type[_T], values: object, *, source: object, place: str = "") -> _T:
    """Rebuild nested frozen dataclasses from `dataclasses.asdict` or its JSON.

    Unknown keys are errors: a misspelt option must not silently become a default. Fields left
    out keep their defaults, so that a run of an older version can be read.

    Raises:
        InputError: naming source and field.
    """
    if not isinstance(values, Mapping):
        raise InputError(source, place or "top", found=repr(values), expected="an object")
    names = [item.name for item in dataclasses.fields(cls)]  # pyright: ignore[reportArgumentType]
    hints = get_type_hints(cls)
    arguments: dict[str, object] = {}
    given: dict[str, object] = {str(key): value for key, value in values.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    for name, value in given.items():
        if name not in names:
            expected = "one of " + ", ".join(names)
            raise InputError(source, place + name, found="an unknown field", expected=expected)
        arguments[name] = _convert(hints[name], value, source=source, place=place + name)
    return cls(**arguments)


def _convert(hint: object, value: object, *, source: object, place: str) -> object:
    """`value` as the annotated type; JSON has no tuples, paths or integral floats."""
    origin, options = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_dict(hint, value, source=source, place=f"{place}.")
    if origin in (Union, types.UnionType):
        if value is None and type(None) in options:
            return None
        hint = next(option for option in options if option is not type(None))
        return _convert(hint, value, source=source, place=place)
    if origin is tuple and isinstance(value, list | tuple):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return tuple(_convert(options[0], item, source=source, place=place) for item in items)
    if origin is Literal and value in options:
        return value
    return _plain(hint, value, source=source, place=place)


def _plain(hint: object, value: object, *, source: object, place: str) -> object:
    """`value` if it is of the annotated plain type."""
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    if not isinstance(hint, type) or type(value) is not hint:
        raise InputError(source, place, found=repr(value), expected=str(hint))
    return value
