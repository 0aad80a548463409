"""Two evaluations side by side, with the published figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.files import require_file
from rich.table import Table

from musclemimic_eval import published
from musclemimic_eval.estimate import (
    Estimate,
    estimate_difference,
    format_estimate,
    format_number,
)
from musclemimic_eval.metrics import METRICS
from musclemimic_eval.validation import EpisodeScore, ValidationTable, tabulate

NUMBERS = "report.json"
FULL_BODY = "MyoFullBody"


@dataclass(frozen=True)
class Evaluated:
    """An evaluation to compare.

    Attributes:
        name: what its column is called. model: label of the body. table: its numbers.
    """

    name: str
    model: str
    table: ValidationTable


@dataclass(frozen=True)
class Comparison:
    """Two evaluations and what the second has more of than the first.

    Attributes:
        first, second: the evaluations.
        difference: metric key to second minus first, with its interval.
        paired: whether both ran the same episodes (clip and start), so that differences are taken
            episode by episode.
    """

    first: Evaluated
    second: Evaluated
    difference: Mapping[str, Estimate]
    paired: bool

    @property
    def has_published(self) -> bool:
        """Whether figures are published for this body."""
        return self.first.model.startswith(FULL_BODY)

    @property
    def note(self) -> str:
        """How to read it."""
        pairing = (
            "the same episodes, compared one by one"
            if self.paired
            else "not the same episodes: clips and starts differ, so part of the difference may "
            "be theirs"
        )
        source = f" Published (train / test): {published.SOURCE}." if self.has_published else ""
        return f"Means and 95 % intervals; {pairing}.{source}"

    def cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and rows as text."""
        header = ("", self.first.name, self.second.name, "difference")
        header += ("published",) if self.has_published else ()
        rows: list[tuple[str, ...]] = []
        for key, metric in METRICS.items():
            row = (
                metric.title,
                format_estimate(self.first.table.pooled[key]),
                format_estimate(self.second.table.pooled[key]),
                format_estimate(self.difference[key]),
            )
            if self.has_published:
                figures = published.FULL_BODY_VALIDATION[key]
                row += (" / ".join(map(format_number, figures)),)
            rows.append(row)
        return header, rows

    def to_rich(self) -> Table:
        """For the terminal."""
        header, rows = self.cells()
        table = Table(title="Comparison", caption=self.note)
        for index, name in enumerate(header):
            table.add_column(name, justify="right" if index else "left")
        for row in rows:
            table.add_row(*row)
        return table

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        sides = {
            side: {"name": it.name, "model": it.model, **it.table.to_dict()}
            for side, it in (("first", self.first), ("second", self.second))
        }
        return {
            **sides,
            "difference": {key: asdict(value) for key, value in self.difference.items()},
            "paired": self.paired,
            "published_full_body": dict(published.FULL_BODY_VALIDATION)
            if self.has_published
            else None,
            "note": self.note,
        }


def compare_evaluations(first: Evaluated, second: Evaluated, *, seed: int = 0) -> Comparison:
    """Set two evaluations side by side.

    Where both ran the same episodes (fixed starts make that the rule), the difference is the mean
    of the episodes' differences and its interval a bootstrap over pairs; else both sides are
    resampled independently.

    Raises:
        InputError: evaluations of different bodies, whose errors mean different things.
    """
    if first.model != second.model:
        raise InputError(
            second.name, "model", found=second.model, expected=f"{first.model} as in {first.name}"
        )
    sides = [_by_start(it.table.episodes) for it in (first, second)]
    paired = set(sides[0]) == set(sides[1]) and all(
        len(side) == len(it.table.episodes) for side, it in zip(sides, (first, second), strict=True)
    )
    keys = sorted(sides[0]) if paired else []

    def values(side: int, key: str) -> Float[np.ndarray, " n"]:
        episodes = sides[side]
        chosen = [episodes[start] for start in (keys or sorted(episodes))]
        return np.array([episode.values[key] for episode in chosen])

    difference = {
        key: estimate_difference(values(0, key), values(1, key), paired=paired, seed=seed)
        for key in METRICS
    }
    return Comparison(first, second, difference, paired)


def read_evaluation(path: Path) -> Evaluated:
    """The evaluation in a report's folder or its report.json.

    Raises:
        InputError: not a report, or one of another release.
    """
    file = path / NUMBERS if path.is_dir() else path
    require_file(file)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        validation, model = document["validation"], str(document["model"]["name"])
        rows: list[dict[str, object]] = validation["episodes"]
        splits: dict[str, list[str]] = document.get("splits", {})
        episodes = [_episode(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            file, "validation", found=f"{error!r}", expected="the report.json of an evaluation"
        ) from error
    if not episodes:
        raise InputError(file, "episodes", found="none", expected="at least one")
    name = path.name if path.is_dir() else (path.parent.name or path.stem)
    return Evaluated(name, model, tabulate(episodes, splits))


def _episode(row: Mapping[str, object]) -> EpisodeScore:
    values = {key: np.nan if row[key] is None else float(str(row[key])) for key in METRICS}
    return EpisodeScore(str(row["clip"]), int(str(row["start_frame"])), values)


def _by_start(episodes: Sequence[EpisodeScore]) -> dict[tuple[str, int], EpisodeScore]:
    return {(episode.clip, episode.start_frame): episode for episode in episodes}
