"""What learning benchmarks make of a run's metrics."""

import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def curves(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.curves")


def record(update: int, error: float | None = None) -> str:
    values = {"update": update, "env_steps": 100 * update, "env/error/site_position_m": 0.1}
    if error is not None:
        values["validation/error/site_position_m"] = error
    return json.dumps(values)


def test_a_thinned_curve_keeps_every_validation(curves, tmp_path):
    validated = {0: 0.5, 333: 0.2, 777: 0.1}
    lines = [record(update, validated.get(update)) for update in range(1000)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    curve = curves.read_curve(tmp_path / "metrics.jsonl")
    assert curves.POINTS <= len(curve) <= curves.POINTS + 10
    kept = {r["env_steps"]: r["validation_site_error_m"] for r in curve}
    assert {step: error for step, error in kept.items() if error is not None} == {
        0: 0.5,
        33300: 0.2,
        77700: 0.1,
    }
    assert curves.steps_to_reach(curve, 0.2) == 33300
    assert curves.steps_to_reach(curve, 0.15) == 77700
    assert curves.steps_to_reach(curve, 0.05) is None

    curves.write_curves(tmp_path / "curves.csv", {"a": curve})
    header, first, *_ = (tmp_path / "curves.csv").read_text().splitlines()
    assert header.split(",")[:2] == ["run", "env_steps"]
    # What was not measured is empty, not zero.
    assert first.split(",")[:5] == ["a", "0", "", "", "0.1"]
