"""What a training run is made of."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from musclemimic_sim import EnvConfig, InputError

from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.ppo import PPOConfig


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
        devices: how many devices share the learner's work, each with its part of the samples.
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
    backend: Literal["native", "warp"] = "native"
    num_threads: int = 0
    devices: int = 1
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
        for name, value in self._counts():
            if value < 1:
                raise InputError("TrainConfig", name, found=value, expected=">= 1")
        self._require_divisor("ppo.minibatch_size", self.ppo.minibatch_size, self.steps_per_update)
        self._require_divisor("devices", self.devices, self.num_envs)
        self._require_divisor("devices", self.devices, self.ppo.minibatch_size)

    @property
    def steps_per_update(self) -> int:
        """Environment steps in one rollout."""
        return self.num_envs * self.ppo.num_steps

    def _counts(self) -> tuple[tuple[str, int], ...]:
        return (
            ("num_envs", self.num_envs),
            ("devices", self.devices),
            ("ppo.num_steps", self.ppo.num_steps),
            ("ppo.epochs", self.ppo.epochs),
            ("ppo.minibatch_size", self.ppo.minibatch_size),
            ("keep_checkpoints", self.keep_checkpoints),
        )

    def _require_divisor(self, name: str, value: int, whole: int) -> None:
        if whole % value:
            raise InputError(
                "TrainConfig",
                name,
                found=value,
                expected=f"a divisor of {whole} ({self.num_envs} environments, "
                f"{self.ppo.num_steps} steps, minibatches of {self.ppo.minibatch_size})",
            )
