"""What a recipe is made of."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from musclemimic_sim import InputError, WholeBodyConfig


@dataclass(frozen=True)
class SearchConfig:
    """Evolution of the whole-body gains (CMA-ES).

    All candidates of a generation are stepped together, each from the same starts: `population`
    times `starts` environments.

    Attributes:
        generations: at most so many; 0 keeps the gains it starts from.
        population: candidates in a generation.
        starts: episodes of each candidate, spread evenly over the clip from a random offset.
        horizon_s: longest episode, s. A sway that grows from side to side takes five strides or
            more to throw a body: shorter episodes do not show it.
        sigma: first step size, in the gains' own scales (`gain_space.py`).
        good_enough: stop when the mean candidate of a generation lasts for this share of the
            horizon.
        activation_limit: mean activation that costs nothing.
        activation_cost: share of the horizon that an excess of 0.1 over the limit costs.
        error_cost: share of the horizon that a mean deviation of the sites by 0.1 m costs.
    """

    generations: int = 20
    population: int = 12
    starts: int = 10
    horizon_s: float = 12.0
    sigma: float = 0.5
    good_enough: float = 0.97
    activation_limit: float = 0.22
    activation_cost: float = 0.2
    error_cost: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot run.

        Raises:
            InputError: naming the field.
        """
        least = {"generations": 0, "population": 4, "starts": 1}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise InputError("search", name, found=getattr(self, name), expected=f">= {bound}")
        for name in ("horizon_s", "sigma"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError("search", name, found=getattr(self, name), expected="> 0")


@dataclass(frozen=True)
class JudgeConfig:
    """Episodes that say how good the result is.

    Attributes:
        episodes: from starts drawn evenly over the clip, the same for every stage.
        horizon_s: longest episode, s.
        goal_s: an episode this long has succeeded.
    """

    episodes: int = 96
    horizon_s: float = 10.0
    goal_s: float = 5.0


@dataclass(frozen=True)
class CorrectionConfig:
    """The policy on top of the coordination (PPO).

    Attributes:
        minutes: wall-clock time; 0 leaves the stage out, as by default: it has not been shown to
            help (README, "Walking").
        num_envs: environments stepped together.
        num_steps: control steps of a rollout.
        hidden: widths of the plain networks.
        initial_std: spread of the actions at the start; an action of 1 moves a joint target by
            `whole_body.scale_rad`.
        learning_rate: of Adam, at first.
        gamma: discount per control step; 0.995 looks two seconds ahead.
        target_kl: the rate is adapted so that an update's KL stays near this, nats.
        warmup_updates: that only train the critic and gather statistics.
    """

    minutes: float = 0.0
    num_envs: int = 128
    num_steps: int = 32
    hidden: tuple[int, ...] = (512, 256)
    initial_std: float = 0.1
    learning_rate: float = 3e-5
    gamma: float = 0.995
    target_kl: float = 0.01
    warmup_updates: int = 5


@dataclass(frozen=True)
class StudentConfig:
    """The policy of excitations that learns from what came before (DAgger, see `distil.py`).

    Attributes:
        minutes: wall-clock time; 0 leaves the stage out, as by default: no student walks yet.
        num_envs: environments stepped together.
        num_steps: control steps of a rollout.
        hidden: widths of the plain networks.
        learning_rate: of Adam, at first; falls linearly.
        teacher_until: share of the time over which the teacher drives fewer and fewer bodies.
    """

    minutes: float = 0.0
    num_envs: int = 128
    num_steps: int = 32
    hidden: tuple[int, ...] = (512, 512, 512)
    learning_rate: float = 1e-3
    teacher_until: float = 0.5


@dataclass(frozen=True)
class WalkRecipe:
    """A body on its feet follows its clips with its muscles.

    Attributes:
        clips: motion clip files, all for one model; each at least as long as the horizons (see
            `musclemimic retarget cycle`).
        out: folder of the recipe; the same command goes on where it was stopped, and the limits
            (`search.generations`, `correction.minutes`, `student.minutes`) may be others then.
        model: name of the body; by default the one the first clip was made for.
        fingers: of the named model.
        num_threads: of the physics engine; 0 takes one per core.
        seed: of everything random.
        gains: where the search starts.
        search: of gains.
        correction: the policy on top.
        student: the policy without the layer.
        judge: of every stage.
    """

    clips: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    out: Path = Path("runs/walk")
    model: str | None = None
    fingers: bool = False
    num_threads: int = 0
    seed: int = 0
    gains: WholeBodyConfig = field(default_factory=WholeBodyConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    correction: CorrectionConfig = field(default_factory=CorrectionConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    judge: JudgeConfig = field(default_factory=JudgeConfig)
