"""Configuration of the imitation task."""

import dataclasses
from dataclasses import dataclass, field

from musclemimic_models import InputError

from musclemimic_sim.adaptation import CurriculumConfig, SamplingConfig
from musclemimic_sim.delay import ActionDelay
from musclemimic_sim.divergence import DivergenceConfig
from musclemimic_sim.noise import SensorNoise
from musclemimic_sim.pushes import PushConfig
from musclemimic_sim.randomisation import RandomisationConfig
from musclemimic_sim.whole_body_config import WholeBodyConfig

# Maps whose action moves the targets of the independent joints.
JOINT_MAPS = ("coordinated", "whole_body")
ACTION_MAPS = ("clip", "affine", *JOINT_MAPS)


@dataclass(frozen=True)
class RewardTerm:
    """w · exp(−β · mean squared error)."""

    weight: float
    beta: float


@dataclass(frozen=True)
class RewardConfig:
    """Weights and sharpness of the imitation reward (defaults: published full-body values).

    Attributes:
        joint_position: rad. joint_velocity: rad/s.
        site_position: m. site_orientation: rad. site_velocity: m/s. site_angular: rad/s; these
            four are relative to the reference site.
        root_position: m. root_velocity: m/s and rad/s; world frame, 0 for a fixed trunk.
        bound_penalty: λ on the mean squared action excess beyond [−1, 1].
        rate_penalty: λ on the mean squared change of action.
        effort_penalty: λ on the mean squared activation.
    """

    joint_position: RewardTerm = RewardTerm(0.1, 10.0)
    joint_velocity: RewardTerm = RewardTerm(0.1, 2.0)
    site_position: RewardTerm = RewardTerm(0.6, 100.0)
    site_orientation: RewardTerm = RewardTerm(0.01, 10.0)
    site_velocity: RewardTerm = RewardTerm(0.1, 0.1)
    site_angular: RewardTerm = RewardTerm(0.1, 0.1)
    root_position: RewardTerm = RewardTerm(0.1, 10.0)
    root_velocity: RewardTerm = RewardTerm(0.1, 10.0)
    bound_penalty: float = 0.01
    rate_penalty: float = 0.01
    effort_penalty: float = 0.0

    @classmethod
    def for_arms(cls) -> "RewardConfig":
        """The published weights of the two-arm body, which has no moving root."""
        return cls(
            joint_position=RewardTerm(0.5, 10.0),
            joint_velocity=RewardTerm(0.5, 2.0),
            site_position=RewardTerm(2.0, 100.0),
            site_orientation=RewardTerm(0.2, 10.0),
            site_velocity=RewardTerm(0.5, 0.1),
            site_angular=RewardTerm(0.5, 0.1),
            root_position=RewardTerm(0.0, 10.0),
            root_velocity=RewardTerm(0.0, 10.0),
        )

    @classmethod
    def for_close_tracking(cls) -> "RewardConfig":
        """The two-arm weights, as sharp as a policy needs that is already within a centimetre.

        The published terms saturate there: with coordinated actions, action 0 earns 99.6 % of
        them, and what exploration costs outweighs what is left to gain. Here each β is within a
        factor of 4 of 1 / mean squared error of action 0 on the built-in motion. Too sharp to
        begin with for direct actions, which start centimetres off and would hardly earn anything.
        """
        return cls(
            joint_position=RewardTerm(0.5, 3_000.0),
            joint_velocity=RewardTerm(0.5, 50.0),
            site_position=RewardTerm(2.0, 20_000.0),
            site_orientation=RewardTerm(0.2, 1_000.0),
            site_velocity=RewardTerm(0.5, 10.0),
            site_angular=RewardTerm(0.5, 1.0),
            root_position=RewardTerm(0.0, 10.0),
            root_velocity=RewardTerm(0.0, 10.0),
        )


def default_reward(*, free_root: bool) -> RewardConfig:
    """The published weights for a body with or without a moving root."""
    return RewardConfig() if free_root else RewardConfig.for_arms()


@dataclass(frozen=True)
class TerminationConfig:
    """When an episode has lost the reference (defaults: published evaluation thresholds).

    Attributes:
        relative_site_m: largest mean deviation of the sites relative to the reference site.
        root_m: largest deviation of the reference site in the world frame.
    """

    relative_site_m: float = 0.3
    root_m: float = 0.5


@dataclass(frozen=True)
class CoordinationConfig:
    """Joint targets to muscle excitations (`action_map="coordinated"`).

    Wanted joint acceleration: q̈_ref + ω² (q_ref + scale · action − q) + 2 ζ ω (q̇_ref − q̇). The
    torque for it is that of the equations of motion (computed torque), muscle and joint damping
    counted; muscles then share it, see `coordination.py`.

    Attributes:
        frequency_hz: ω / 2π. Muscles take 20 to 60 ms to build force, so keep it below 3 Hz.
        damping_ratio: ζ.
        scale_rad: target offset at action 1.
        regularisation: λ on squared activation; torque errors count in rad of joint error.
    """

    frequency_hz: float = 2.0
    damping_ratio: float = 1.0
    scale_rad: float = 0.3
    regularisation: float = 0.003


@dataclass(frozen=True)
class EnvConfig:
    """The imitation environment.

    Attributes:
        substeps: physics steps of 2 ms per action; 5 give 100 Hz control.
        lookahead_frames: how many future reference frames the goal shows.
        lookahead_stride: control steps between them.
        action_map: "clip" (excitation = clip(action, 0, 1)), "affine" ((action + 1) / 2), or
            "coordinated" (joint targets around the reference, turned into excitations), or
            "whole_body" (the same for a body on its feet, ground reaction included).
        initial_activation: of every muscle at the start of an episode.
        horizon: longest episode in control steps; None for the clip's end.
        auto_reset: restart finished episodes inside `step` (off for evaluation).
        reward: None takes the published weights of the model at hand.
        termination: thresholds.
        coordination: of the "coordinated" action.
        whole_body: of the "whole_body" action.
        randomisation: bodies that differ between worlds.
        pushes: forces that perturb the body.
        divergence: where the last moments of diverged worlds are kept.
        curriculum: thresholds that tighten as the policy learns; off by default.
        sampling: which clips episodes start in; all alike by default.
        sensor_noise: errors on the observation; none by default.
        action_delay: control steps until an action reaches the muscles; none by default.
    """

    substeps: int = 5
    lookahead_frames: int = 4
    lookahead_stride: int = 20
    action_map: str = "clip"
    initial_activation: float = 0.0
    horizon: int | None = None
    auto_reset: bool = True
    reward: RewardConfig | None = None
    termination: TerminationConfig = field(default_factory=TerminationConfig)
    coordination: CoordinationConfig = field(default_factory=CoordinationConfig)
    whole_body: WholeBodyConfig = field(default_factory=WholeBodyConfig)
    randomisation: RandomisationConfig = field(default_factory=RandomisationConfig)
    pushes: PushConfig = field(default_factory=PushConfig)
    divergence: DivergenceConfig = field(default_factory=DivergenceConfig)
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    sensor_noise: SensorNoise = field(default_factory=SensorNoise)
    action_delay: ActionDelay = field(default_factory=ActionDelay)

    def __post_init__(self) -> None:
        """Refuse values no environment can run with.

        Raises:
            InputError: naming the field.
        """
        if self.action_map not in ACTION_MAPS:
            raise InputError(
                "EnvConfig", "action_map", found=self.action_map, expected=" or ".join(ACTION_MAPS)
            )
        for name, least in (("substeps", 1), ("lookahead_frames", 0), ("lookahead_stride", 1)):
            if getattr(self, name) < least:
                raise InputError(
                    "EnvConfig", name, found=getattr(self, name), expected=f">= {least}"
                )
        if not 0 <= self.initial_activation <= 1:
            raise InputError(
                "EnvConfig", "initial_activation", found=self.initial_activation, expected="0 to 1"
            )
        if self.horizon is not None and self.horizon < 1:
            raise InputError("EnvConfig", "horizon", found=self.horizon, expected=">= 1 or none")

    def for_evaluation(self, *, horizon: int | None = None) -> "EnvConfig":
        """The same task, nominal body, published thresholds, not adapted, no automatic restarts.

        Sensor noise and action delay belong to the task and stay.
        """
        return dataclasses.replace(
            self,
            auto_reset=False,
            horizon=horizon,
            termination=TerminationConfig(),
            randomisation=RandomisationConfig(),
            pushes=PushConfig(),
            divergence=DivergenceConfig(),
            curriculum=CurriculumConfig(),
            sampling=SamplingConfig(),
        )
