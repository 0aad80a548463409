"""What a learning benchmark keeps: thinned curves, a picture and a table."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from musclemimic_models.files import atomic_write, write_text

POINTS = 120
COLUMNS = {
    "env_steps": "env_steps",
    "cpu_s": "time/cpu_s",
    "elapsed_s": "time/elapsed_s",
    "site_error_m": "env/error/site_position_m",
    "early_ends": "rollout/termination_rate",
    "reward": "rollout/reward",
    "std": "learner/mean_std",
    "approx_kl": "learner/approx_kl_k3",
    "explained_variance": "learner/explained_variance",
    "validation_site_error_m": "validation/error/site_position_m",
    "validation_early_ends": "validation/termination_rate",
}
Curve = Sequence[Mapping[str, float | None]]


def read_curve(metrics: Path) -> Curve:
    """About `POINTS` records of a run, evenly spread, and every one with a validation."""
    records = [json.loads(line) for line in metrics.read_text().splitlines()]
    every = max(1, len(records) // POINTS)
    validation = COLUMNS["validation_site_error_m"]
    kept = [r for i, r in enumerate(records) if i % every == 0 or validation in r]
    return [{name: record.get(key) for name, key in COLUMNS.items()} for record in kept]


def steps_to_reach(curve: Curve, error_m: float) -> float | None:
    """Environment steps at the first validation with a site error this small; None if never."""
    for record in curve:
        found = record["validation_site_error_m"]
        if found is not None and found <= error_m:
            return record["env_steps"]
    return None


def write_curves(path: Path, curves: Mapping[str, Curve]) -> None:
    """One CSV with a column for the run; empty where nothing was measured."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", *COLUMNS])
    for run, curve in curves.items():
        for record in curve:
            values = ("" if v is None else f"{v:.6g}" for v in record.values())
            writer.writerow([run, *values])
    write_text(path, text.getvalue())


def draw_curves(path: Path, curves: Mapping[str, Curve], lines: Mapping[str, float]) -> None:
    """Site error without exploration over steps and processor time.

    Args:
        path: of the picture.
        curves: by run.
        lines: heights to compare with, cm, by name.
    """
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, key, scale, label in (
            (left, "env_steps", 1e-6, "million environment steps"),
            (right, "cpu_s", 1 / 60, "minutes of processor time"),
        ):
            for run, curve in curves.items():
                points = [
                    (scale * (r[key] or 0.0), 100 * r["validation_site_error_m"])
                    for r in curve
                    if r["validation_site_error_m"] is not None
                ]
                axes.plot(*zip(*points, strict=True), label=run)
            for (name, height), dashes in zip(lines.items(), ("--", ":", "-."), strict=False):
                axes.axhline(height, color="black", linewidth=0.8, linestyle=dashes, label=name)
            axes.set_xlabel(label)
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:.2g}")
            axes.yaxis.set_minor_formatter("{x:.2g}")
        left.set_ylabel("site error, cm")
        left.legend(fontsize=7)
        atomic_write(path, lambda file: figure.savefig(file, dpi=110, format="png"))


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)
