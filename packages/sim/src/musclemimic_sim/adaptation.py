"""What the environment adapts to the policy: termination thresholds, and which clips it shows.

Both follow the share of episodes that end early, as an exponential moving average over ended
episodes (not steps, so that the number of environments does not matter). Of k episodes that end
together, f of them early, with weight α each:
    rate ← (1 − α)^k rate + (1 − (1 − α)^k) f / k
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int
from musclemimic_models import InputError


@dataclass(frozen=True)
class CurriculumConfig:
    """Loose termination thresholds that tighten as the policy learns, and never loosen again.

    Attributes:
        enabled: off by default: the thresholds of `TerminationConfig` hold from the start.
        start_scale: factor on those thresholds in the beginning.
        tighten_below: tighten while the share of episodes that end early is below this.
        tightening: relative change of the scale for each ended episode, until it is 1.
        smoothing: α, weight of the newest episode in the share.
    """

    enabled: bool = False
    start_scale: float = 2.0
    tighten_below: float = 0.3
    tightening: float = 0.001
    smoothing: float = 0.01

    def __post_init__(self) -> None:
        """Refuse values that cannot tighten anything.

        Raises:
            InputError: naming the field.
        """
        _require("curriculum", "start_scale", self.start_scale, 1.0, float("inf"))
        _require("curriculum", "tighten_below", self.tighten_below, 0.0, 1.0)
        _require("curriculum", "tightening", self.tightening, 0.0, 1.0)
        _require("curriculum", "smoothing", self.smoothing, 0.0, 1.0)


@dataclass(frozen=True)
class SamplingConfig:
    """Which clip an episode starts in.

    Attributes:
        adaptive: show clips in proportion to the share of their episodes that end early; off by
            default: all alike. A clip not yet seen counts as one that always ends early.
        smoothing: α, weight of a clip's newest episode in its share.
        uniform_share: of the starts that stay uniform.
    """

    adaptive: bool = False
    smoothing: float = 0.1
    uniform_share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse shares that are none.

        Raises:
            InputError: naming the field.
        """
        _require("sampling", "smoothing", self.smoothing, 0.0, 1.0)
        _require("sampling", "uniform_share", self.uniform_share, 0.0, 1.0)


def _require(source: str, field: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InputError(source, field, found=value, expected=f"{least:g} to {most:g}")


class Adaptation(NamedTuple):
    """How far the adaptation has come; part of the environment's saved state.

    Attributes:
        threshold_scale: factor on the termination thresholds, 1 at the end.
        early_share: of recent episodes, how many ended early.
        clip_early_share: (C,) the same for every clip.
    """

    threshold_scale: Float[jax.Array, ""]
    early_share: Float[jax.Array, ""]
    clip_early_share: Float[jax.Array, " C"]


def fresh_adaptation(curriculum: CurriculumConfig, clips: int) -> Adaptation:
    """Before the first episode: loosest thresholds, nothing mastered."""
    scale = curriculum.start_scale if curriculum.enabled else 1.0
    return Adaptation(jnp.asarray(scale, jnp.float32), jnp.ones(()), jnp.ones(clips))


def adapted(
    curriculum: CurriculumConfig,
    sampling: SamplingConfig,
    before: Adaptation,
    *,
    clip: Int[jax.Array, " N"],
    early: Bool[jax.Array, " N"],
    ended: Bool[jax.Array, " N"],
) -> Adaptation:
    """The adaptation after a step.

    Args:
        curriculum: of the thresholds.
        sampling: of the clips.
        before: the adaptation so far.
        clip: of each environment.
        early: episodes that failed in this step.
        ended: episodes that ended in this step, failed ones included.
    """
    after = before
    if curriculum.enabled:
        count = jnp.sum(ended)
        share = moving_share(before.early_share, jnp.sum(early), count, curriculum.smoothing)
        tighter = before.threshold_scale * (1 - curriculum.tightening) ** count
        going = share < curriculum.tighten_below
        scale = jnp.where(going, jnp.maximum(1.0, tighter), before.threshold_scale)
        after = after._replace(threshold_scale=scale, early_share=share)
    if sampling.adaptive:
        none = jnp.zeros(before.clip_early_share.shape, jnp.int32)
        failed, counts = none.at[clip].add(early), none.at[clip].add(ended)
        shares = moving_share(before.clip_early_share, failed, counts, sampling.smoothing)
        after = after._replace(clip_early_share=shares)
    return after


def moving_share(
    share: Float[jax.Array, "*c"],
    early: Int[jax.Array, "*c"],
    ended: Int[jax.Array, "*c"],
    smoothing: float,
) -> Float[jax.Array, "*c"]:
    """The moving average above after `ended` more episodes, `early` of them failed."""
    kept = (1.0 - smoothing) ** ended
    return kept * share + (1.0 - kept) * early / jnp.maximum(ended, 1)


def clip_probability(
    sampling: SamplingConfig, clip_early_share: Float[jax.Array, " C"]
) -> Float[jax.Array, " C"]:
    """How likely an episode starts in each clip."""
    count = clip_early_share.shape[0]
    if not sampling.adaptive:
        return jnp.full(count, 1 / count)
    total = clip_early_share.sum()
    hard = jnp.where(total > 0, clip_early_share / jnp.maximum(total, 1e-12), 1 / count)
    return sampling.uniform_share / count + (1 - sampling.uniform_share) * hard


def draw_clips(
    key: jax.Array, probability: Float[jax.Array, " C"], count: int
) -> Int[jax.Array, " N"]:
    """`count` clips with the given probabilities, by inverse transform."""
    ladder = jnp.cumsum(probability)
    height = jax.random.uniform(key, (count,)) * ladder[-1]
    index = jnp.searchsorted(ladder, height, side="right")
    return jnp.minimum(index, probability.shape[0] - 1).astype(jnp.int32)
