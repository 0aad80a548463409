"""What an update of proximal policy optimisation is made of: its settings."""

from dataclasses import dataclass, field

from musclemimic_rl.checks import require_between
from musclemimic_rl.loss import LossConfig
from musclemimic_rl.optim import OptimConfig


@dataclass(frozen=True)
class PPOConfig:
    """Proximal policy optimisation (Schulman et al. 2017).

    The defaults suit two CPU cores: few environments, so each sample is used several times.

    Attributes:
        num_steps: environment steps per rollout and environment.
        epochs: passes over each rollout; one is best at equal time (README, "What the defaults
            rest on").
        minibatch_size: samples per gradient step.
        gamma: discount per control step (10 ms): 0.99 looks one second ahead.
        lam: λ of the advantage estimate (Schulman et al. 2016).
        warmup_updates: updates that only train the critic and gather observation statistics. An
            actor that starts out useful would otherwise first be spoilt by a critic that knows
            nothing and by observations that change their scale.
        loss: weights of the loss.
        optim: optimiser and learning rate.
    """

    num_steps: int = 32
    epochs: int = 1
    minibatch_size: int = 1024
    gamma: float = 0.99
    lam: float = 0.95
    warmup_updates: int = 0
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)

    def __post_init__(self) -> None:
        """Refuse discounts outside [0, 1].

        Raises:
            InputError: naming the field.
        """
        require_between("PPOConfig", "gamma", self.gamma, low=0.0, high=1.0)
        require_between("PPOConfig", "lam", self.lam, low=0.0, high=1.0)
        require_between("PPOConfig", "warmup_updates", float(self.warmup_updates), low=0.0)
