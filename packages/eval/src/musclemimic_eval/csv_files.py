"""Numbers as CSV files, for spreadsheets and statistics programs."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models.files import write_text

from musclemimic_eval.metrics import METRICS
from musclemimic_eval.validation import ALL_CLIPS, ValidationTable


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file (UTF-8, commas, header line) atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_columns(path: Path, columns: Mapping[str, Float[np.ndarray, " T"]]) -> None:
    """Write equally long columns of numbers as CSV."""
    rows: list[list[float]] = np.stack(list(columns.values()), axis=1).tolist()
    write_csv(path, list(columns), ([f"{value:.6g}" for value in row] for row in rows))


def write_validation(folder: Path, table: ValidationTable) -> None:
    """Write validation.csv (one row a scope and metric) and episodes.csv (one row an episode)."""
    scopes = {("all", ALL_CLIPS): table.pooled}
    scopes |= {("split", name): rows for name, rows in table.per_split.items()}
    scopes |= {("clip", name): rows for name, rows in table.per_clip.items()}
    write_csv(
        folder / "validation.csv",
        ("scope", "name", "metric", "unit", "mean", "low_95", "high_95", "n"),
        (
            (*scope, key, METRICS[key].unit, e.value, e.low, e.high, e.n)
            for scope, rows in scopes.items()
            for key, e in rows.items()
        ),
    )
    write_csv(
        folder / "episodes.csv",
        ("clip", "start_frame", *METRICS),
        (
            (episode.clip, episode.start_frame, *(episode.values[key] for key in METRICS))
            for episode in table.episodes
        ),
    )
