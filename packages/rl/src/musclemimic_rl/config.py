"""What a training run is made of."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from musclemimic_sim import EnvConfig, InputError

from musclemimic_rl.checks import require_between
from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.ppo import PPOConfig


@dataclass(frozen=True)
class ResetConfig:
    """What a run started `--from` another one does not take over from it.

    Attributes:
        std: the spread of the policy's actions: back to `network.initial_std`.
        optimiser: momentum and second moments.
        schedule: the learning rate: back to its beginning. Otherwise the new run goes through
            what was left of the source's schedule.
        normaliser: statistics of observations and returns.
        critic: the value function: where the reward changes, or the source is a policy file,
            which has none.
    """

    std: bool = False
    optimiser: bool = False
    schedule: bool = False
    normaliser: bool = False
    critic: bool = False


@dataclass(frozen=True)
class DistilConfig:
    """Learning what a teacher does instead of what is rewarded; see `musclemimic distil`.

    Attributes:
        teacher: its policy file; none means learning from reward. The run's `env` is the
            student's; the teacher's is the same, but for the action.
        teacher_until: share of the run over which the bodies that the teacher drives become
            fewer, from all to none.
    """

    teacher: Path | None = None
    teacher_until: float = 0.3

    def __post_init__(self) -> None:
        """Refuse a share outside [0, 1].

        Raises:
            InputError: naming the field.
        """
        require_between("DistilConfig", "teacher_until", self.teacher_until, low=0.0, high=1.0)


@dataclass(frozen=True)
class ValidationConfig:
    """Measuring the policy, without exploration, on motions that it does not learn from.

    Attributes:
        clips: held-out motion clip files, for the model of the run; none means no validation.
        every: updates between two validations; the first is before any learning.
        num_envs: episodes run together, each once, from starts that stay the same.
        horizon: longest episode in control steps.
    """

    clips: tuple[Path, ...] = ()
    every: int = 50
    num_envs: int = 32
    horizon: int = 300


@dataclass(frozen=True)
class WandbConfig:
    """Logging to Weights & Biases too (extra `wandb`).

    Attributes:
        project: name of the project; by default nothing is logged there.
        mode: "offline" keeps everything in the run's folder, to be synchronised later.
    """

    project: str | None = None
    mode: Literal["online", "offline"] = "online"


@dataclass(frozen=True)
class TrainConfig:
    """A training run. It stops at whichever of its limits comes first.

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
        cpu_minutes: processor time of this process, all threads together; other work on the
            machine hardly changes what a run gets for it.
        checkpoint_minutes: time between checkpoints, which is the most that a crash can cost; one
            more is written at the end.
        keep_checkpoints: how many of the latest to keep.
        snapshot_every: updates between two policies kept in `policies/`; none by default.
        source: run folder, one of its checkpoints, or a policy file to start from instead of
            random weights.
        reset: what not to take over from the source.
        distil: a teacher to learn from.
        env: the imitation task.
        network: actor and critic.
        ppo: the learning algorithm.
        validation: on held-out clips, during training.
        wandb: Weights & Biases.
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
    cpu_minutes: float | None = None
    checkpoint_minutes: float = 5.0
    keep_checkpoints: int = 3
    snapshot_every: int | None = None
    source: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    reset: ResetConfig = field(default_factory=ResetConfig)
    distil: DistilConfig = field(default_factory=DistilConfig)
    env: EnvConfig = field(default_factory=EnvConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    wandb: WandbConfig = field(default_factory=WandbConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot run, before anything is loaded.

        Raises:
            InputError: naming the field.
        """
        for name, value in self._counts():
            if value < 1:
                raise InputError("TrainConfig", name, found=value, expected=">= 1")
        self._require_divisor("ppo.minibatch_size", self.ppo.minibatch_size, self.steps_per_update)
        self._require_divisor("devices", self.devices, self.num_envs)
        self._require_divisor("devices", self.devices, self.ppo.minibatch_size)

    def require_limit(self, source: object = "TrainConfig") -> None:
        """Refuse to train for ever.

        Raises:
            InputError: neither steps nor time are limited.
        """
        if self.total_steps is None and self.minutes is None and self.cpu_minutes is None:
            raise InputError(
                source,
                "total_steps, minutes and cpu_minutes",
                found="none of them",
                expected="a limit on steps or on time",
            )

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
            ("snapshot_every", 1 if self.snapshot_every is None else self.snapshot_every),
            ("validation.every", self.validation.every),
            ("validation.num_envs", self.validation.num_envs),
            ("validation.horizon", self.validation.horizon),
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
