"""The validation table: nine metrics, per clip, per split and pooled, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip
from rich.table import Table

from musclemimic_eval.estimate import (
    CONFIDENCE,
    Estimate,
    estimate_mean,
    estimate_rate,
    format_estimate,
    format_number,
)
from musclemimic_eval.metrics import METRICS
from musclemimic_eval.rollout import Rollout

ALL_CLIPS = "all clips"
Estimates = Mapping[str, Estimate]


@dataclass(frozen=True)
class EpisodeScore:
    """What one episode scored.

    Attributes:
        clip, start_frame: which episode.
        values: metric key (of `METRICS`) to value; NaN where it does not exist.
    """

    clip: str
    start_frame: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class ValidationTable:
    """The nine metrics of every clip, of every split and of all clips together.

    Attributes:
        pooled: metric key (of `METRICS`) to estimate over all episodes.
        per_clip: clip name to the same over its episodes.
        per_split: split name to the same over the episodes of its clips.
        episodes: what the estimates are made of.
    """

    pooled: Estimates
    per_clip: Mapping[str, Estimates]
    per_split: Mapping[str, Estimates]
    episodes: tuple[EpisodeScore, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON (NaN becomes null there), with units and definitions."""
        return {
            "confidence": CONFIDENCE,
            "metrics": {
                key: {"label": metric.label, "unit": metric.unit, "definition": metric.definition}
                for key, metric in METRICS.items()
            },
            "pooled": _plain(self.pooled),
            "per_split": {name: _plain(rows) for name, rows in self.per_split.items()},
            "per_clip": {name: _plain(rows) for name, rows in self.per_clip.items()},
            "episodes": [
                {"clip": e.clip, "start_frame": e.start_frame, **e.values} for e in self.episodes
            ],
        }

    def to_rich(self, title: str = "Validation") -> Table:
        """For the terminal: the pooled column, then one per split, and per clip where few."""
        table = Table(title=title)
        table.add_column("metric")
        table.add_column(f"{ALL_CLIPS} [95 % interval]", justify="right")
        columns = self.columns()
        for name in columns:
            table.add_column(name, justify="right")
        for key, metric in METRICS.items():
            cells = [format_estimate(self.pooled[key])]
            cells += [format_number(rows[key].value) for rows in columns.values()]
            table.add_row(metric.title, *cells)
        return table

    def columns(self, *, most: int = 4) -> dict[str, Estimates]:
        """What stands beside the pooled column: the splits, and the clips where they are few.

        A single clip's column would repeat the pooled one.
        """
        clips = dict(self.per_clip) if 1 < len(self.per_clip) <= most else {}
        return dict(self.per_split) | clips


def validate(
    rollouts: Sequence[Rollout],
    clips: Mapping[str, MotionClip] | Sequence[MotionClip],
    *,
    splits: Mapping[str, Sequence[str]] = MappingProxyType({}),
    seed: int = 0,
) -> ValidationTable:
    """The validation table of some episodes; docs/validation-table.md has every definition.

    Each value is the mean over episodes; episodes weigh equally. The interval is a percentile
    bootstrap over episodes (2,000 resamples, seeded), except for the early-termination rate,
    where a bootstrap of "none of n" would claim certainty: there it is Wilson's score interval.
    Episodes of one clip start at different frames but share the reference, so the intervals
    speak of these clips, not of new ones.

    Args:
        rollouts: the episodes.
        clips: the references, by the names the rollouts use (see `named_clips`).
        splits: name to clip names, for a column each.
        seed: of the bootstrap.

    Raises:
        InputError: no episode, one whose clip is missing or belongs to another model, or a split
            with clips that have no episode.
    """
    if not rollouts:
        raise InputError("validate", "rollouts", found="none", expected="at least one episode")
    references = named_clips(clips)
    return tabulate([score(rollout, references) for rollout in rollouts], splits, seed=seed)


def score(rollout: Rollout, clips: Mapping[str, MotionClip]) -> EpisodeScore:
    """Measure one episode against its reference.

    Raises:
        InputError: its clip is missing or belongs to another model.
    """
    clip = clips.get(rollout.reference_clip)
    if clip is None:
        raise InputError(
            "validate",
            "clips",
            found=f"no {rollout.reference_clip!r}",
            expected=f"the reference of every rollout (have {', '.join(clips)})",
        )
    rollout.require_clip(clip)
    values = {key: metric.measure(rollout, clip) for key, metric in METRICS.items()}
    return EpisodeScore(rollout.reference_clip, rollout.start_frame, values)


def tabulate(
    episodes: Sequence[EpisodeScore],
    splits: Mapping[str, Sequence[str]] = MappingProxyType({}),
    *,
    seed: int = 0,
) -> ValidationTable:
    """The table of episodes that are measured already; see `validate`."""
    values = np.array([[episode.values[key] for key in METRICS] for episode in episodes])
    names = [episode.clip for episode in episodes]
    for split, members in splits.items():
        missing = sorted(set(members) - set(names))
        if missing:
            raise InputError(
                split,
                "clips",
                found=f"no episode of {missing[0]!r} ({len(missing)} such)",
                expected="every clip of the split evaluated",
            )

    pooled = _estimates(values, seed)

    def over(members: Sequence[str]) -> Estimates:
        chosen = np.isin(names, list(members))
        return pooled if chosen.all() else _estimates(values[chosen], seed)

    return ValidationTable(
        pooled=pooled,
        per_clip={name: over([name]) for name in dict.fromkeys(names)},
        per_split={split: over(members) for split, members in splits.items()},
        episodes=tuple(episodes),
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


def _estimates(values: Float[np.ndarray, "n 9"], seed: int) -> dict[str, Estimate]:
    return {
        key: estimate_rate(column)
        if key == "early_termination_rate"
        else estimate_mean(column, seed=seed)
        for key, column in zip(METRICS, values.T, strict=True)
    }


def _plain(rows: Estimates) -> dict[str, object]:
    return {key: asdict(estimate) for key, estimate in rows.items()}
