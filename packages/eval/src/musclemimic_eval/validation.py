"""The validation table: nine metrics, per clip and pooled, with intervals over episodes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip
from rich.table import Table
from scipy import stats

from musclemimic_eval.metrics import METRICS
from musclemimic_eval.rollout import Rollout

CONFIDENCE = 0.95
RESAMPLES = 2000
ALL_CLIPS = "all clips"


@dataclass(frozen=True)
class Estimate:
    """A mean over n episodes with its 95 % interval; NaN where the data do not give it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ValidationTable:
    """The nine metrics of every clip and of all of them together.

    Attributes:
        pooled: metric key (of `METRICS`) to estimate over all episodes.
        per_clip: clip name to the same over its episodes.
    """

    pooled: Mapping[str, Estimate]
    per_clip: Mapping[str, Mapping[str, Estimate]]

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON (NaN becomes null there), with units and definitions."""
        return {
            "confidence": CONFIDENCE,
            "metrics": {
                key: {"label": metric.label, "unit": metric.unit, "definition": metric.definition}
                for key, metric in METRICS.items()
            },
            "pooled": _plain(self.pooled),
            "per_clip": {name: _plain(rows) for name, rows in self.per_clip.items()},
        }

    def to_rich(self, title: str = "Validation") -> Table:
        """For the terminal: the pooled column, then one per clip where there are few."""
        table = Table(title=title)
        table.add_column("metric")
        table.add_column(f"{ALL_CLIPS} [95 % interval]", justify="right")
        few = 1 < len(self.per_clip) <= 4
        clips: Mapping[str, Mapping[str, Estimate]] = self.per_clip if few else {}
        for name in clips:
            table.add_column(name, justify="right")
        for key, metric in METRICS.items():
            label = f"{metric.label} ({metric.unit})" if metric.unit else metric.label
            cells = [format_estimate(self.pooled[key])]
            cells += [format_number(rows[key].value) for rows in clips.values()]
            table.add_row(label, *cells)
        return table


def validate(
    rollouts: Sequence[Rollout],
    clips: Mapping[str, MotionClip] | Sequence[MotionClip],
    *,
    seed: int = 0,
) -> ValidationTable:
    """The validation table of some episodes.

    Each value is the mean over episodes; episodes weigh equally. The interval is a percentile
    bootstrap over episodes (2,000 resamples, seeded; Efron & Tibshirani 1993, chapter 13),
    except for the early-termination rate, where a bootstrap of "none of n" would claim
    certainty: there it is Wilson's score interval (Wilson 1927). Episodes of one clip start at
    different frames but share the reference, so the intervals speak of these clips, not of new
    ones.

    Args:
        rollouts: the episodes.
        clips: the references, by the names the rollouts use (see `named_clips`).
        seed: of the bootstrap.

    Raises:
        InputError: no episode, or one whose clip is missing or belongs to another model.
    """
    if not rollouts:
        raise InputError("validate", "rollouts", found="none", expected="at least one episode")
    references = named_clips(clips)
    values = np.array([_measure(rollout, references) for rollout in rollouts])
    names = [rollout.reference_clip for rollout in rollouts]
    return ValidationTable(
        pooled=_estimates(values, seed),
        per_clip={
            name: _estimates(values[[other == name for other in names]], seed)
            for name in dict.fromkeys(names)
        },
    )


def named_clips(clips: Mapping[str, MotionClip] | Sequence[MotionClip]) -> dict[str, MotionClip]:
    """Clips by name: a mapping as it is, a sequence by source file, numbered where equal."""
    if isinstance(clips, Mapping):
        return dict(clips)
    named: dict[str, MotionClip] = {}
    for clip in clips:
        base = name = clip.provenance.source
        number = 2
        while name in named:
            name, number = f"{base} #{number}", number + 1
        named[name] = clip
    return named


def estimate_mean(values: Float[np.ndarray, " n"], *, seed: int = 0) -> Estimate:
    """Mean with its percentile-bootstrap interval; NaN values are left out and not counted."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        mean = float(known[0]) if len(known) else np.nan
        return Estimate(mean, np.nan, np.nan, len(known))
    interval = stats.bootstrap(
        (known,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(float(known.mean()), float(interval.low), float(interval.high), len(known))


def estimate_rate(values: Float[np.ndarray, " n"]) -> Estimate:
    """Share of ones with Wilson's score interval."""
    hits, n = int(values.sum()), len(values)
    interval = stats.binomtest(hits, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(hits / n, float(interval.low), float(interval.high), n)


def format_number(value: float) -> str:
    """Three significant digits, plain up to thousands; n/a for NaN."""
    if np.isnan(value):
        return "n/a"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def format_estimate(estimate: Estimate) -> str:
    """Value and interval, as in `0.12 [0.10, 0.14]`."""
    if np.isnan(estimate.low):
        return format_number(estimate.value)
    low, high = format_number(estimate.low), format_number(estimate.high)
    return f"{format_number(estimate.value)} [{low}, {high}]"


def _measure(rollout: Rollout, clips: Mapping[str, MotionClip]) -> list[float]:
    clip = clips.get(rollout.reference_clip)
    if clip is None:
        raise InputError(
            "validate",
            "clips",
            found=f"no {rollout.reference_clip!r}",
            expected=f"the reference of every rollout (have {', '.join(clips)})",
        )
    rollout.require_clip(clip)
    return [metric.measure(rollout, clip) for metric in METRICS.values()]


def _estimates(values: Float[np.ndarray, "n 9"], seed: int) -> dict[str, Estimate]:
    return {
        key: estimate_rate(column)
        if key == "early_termination_rate"
        else estimate_mean(column, seed=seed)
        for key, column in zip(METRICS, values.T, strict=True)
    }


def _plain(rows: Mapping[str, Estimate]) -> dict[str, object]:
    return {key: asdict(estimate) for key, estimate in rows.items()}
