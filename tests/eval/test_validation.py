import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from musclemimic_eval import validate
from musclemimic_eval.csv_files import write_validation
from musclemimic_eval.estimate import (
    estimate_difference,
    estimate_mean,
    estimate_rate,
    format_estimate,
    format_number,
)
from musclemimic_eval.metrics import METRICS
from musclemimic_eval.validation import named_clips
from musclemimic_models import InputError
from musclemimic_models.files import jsonable
from rich.console import Console


def test_values_are_means_over_episodes(arms_clip, replay):
    rollouts = [
        replay(arms_clip),
        replay(arms_clip, start=19, terminated=True),
    ]  # 59 and 40 steps
    table = validate(rollouts, {"wave": arms_clip})
    assert table.pooled["episode_length_steps"].value == 49.5
    assert table.pooled["early_termination_rate"].value == 0.5
    assert table.pooled["relative_site_m"].value == 0
    assert table.pooled["relative_site_m"].n == 2
    assert table.pooled["root_yaw_rad"].n == 0


def test_clips_are_kept_apart(arms_clip, replay):
    other = replay(arms_clip, start=39)
    other = replace(other, reference_clip="other")
    table = validate([replay(arms_clip), other], {"wave": arms_clip, "other": arms_clip})
    assert table.per_clip["wave"]["episode_length_steps"].value == 59
    assert table.per_clip["other"]["episode_length_steps"].value == 20
    assert table.pooled["episode_length_steps"].value == 39.5


def test_bootstrap_interval_covers_the_mean_and_is_seeded():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        sample = rng.normal(3.0, 1.0, 40)
        estimate = estimate_mean(sample, seed=1)
        hits += estimate.low <= 3.0 <= estimate.high
    assert 87 <= hits <= 100  # 95 nominal; 3.5 standard deviations down
    assert estimate_mean(sample, seed=1) == estimate
    assert estimate_mean(sample, seed=2) != estimate


def test_bootstrap_width_is_that_of_the_mean():
    sample = np.random.default_rng(3).normal(0.0, 1.0, 400)
    estimate = estimate_mean(sample)
    expected = 2 * 1.96 * sample.std(ddof=1) / np.sqrt(400)
    assert estimate.high - estimate.low == pytest.approx(expected, rel=0.08)


def test_missing_values_are_left_out():
    estimate = estimate_mean(np.array([np.nan, 1.0, 3.0]))
    assert (estimate.value, estimate.n) == (2.0, 2)
    assert np.isnan(estimate_mean(np.array([np.nan, 1.0])).low)


def test_a_rate_of_none_is_not_certain():
    estimate = estimate_rate(np.zeros(32))
    assert estimate.value == 0
    # Wilson: z² / (n + z²) = 3.8415 / 35.8415
    assert estimate.high == pytest.approx(0.10718, abs=1e-4)


def test_table_becomes_json_and_text(arms_clip, replay):
    table = validate([replay(arms_clip), replay(arms_clip)], [arms_clip])
    document = json.loads(json.dumps(jsonable(table.to_dict())))
    assert document["pooled"]["root_yaw_rad"]["value"] is None
    assert document["pooled"]["episode_length_steps"]["value"] == 59
    assert document["metrics"]["root_yaw_rad"]["unit"] == "rad"
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table.to_rich())
    text = console.export_text()
    assert all(metric.label in text for metric in METRICS.values())
    assert "n/a" in text


def test_missing_clip_and_foreign_model_are_named(arms_clip, body_clip, replay):
    with pytest.raises(InputError, match="no 'wave'"):
        validate([replay(arms_clip)], {"other": arms_clip})
    with pytest.raises(InputError, match=r"MyoFullBody.*expected BimanualMuscle"):
        validate([replay(arms_clip)], {"wave": body_clip})
    with pytest.raises(InputError, match="at least one episode"):
        validate([], {"wave": arms_clip})


def test_clips_with_one_source_get_numbers(arms_clip):
    assert list(named_clips([arms_clip, arms_clip])) == ["wave", "wave #2"]


def test_numbers_are_short():
    assert format_number(0.123456) == "0.123"
    assert format_number(534.12) == "534.1"
    assert format_number(float("nan")) == "n/a"
    assert format_estimate(estimate_mean(np.array([1.0]))) == "1"


def test_splits_get_columns_of_their_own(arms_clip, replay):
    other = replace(replay(arms_clip, start=39), reference_clip="other")
    clips = {"wave": arms_clip, "other": arms_clip}
    splits = {"train": ["wave"], "both": ["wave", "other"]}
    table = validate([replay(arms_clip), other], clips, splits=splits)
    lengths = {name: rows["episode_length_steps"] for name, rows in table.per_split.items()}
    assert (lengths["train"].value, lengths["train"].n) == (59, 1)
    assert (lengths["both"].value, lengths["both"].n) == (39.5, 2)
    assert list(table.columns()) == ["train", "both", "wave", "other"]
    with pytest.raises(InputError, match=r"test: clips: found no episode of 'run' \(1 such\)"):
        validate([other], clips, splits={"test": ["run", "other"]})


def test_a_difference_of_pairs_is_sharper_than_one_of_groups():
    rng = np.random.default_rng(0)
    first = rng.normal(0, 5, 60)
    second = first + 0.5 + rng.normal(0, 0.1, 60)
    pairs = estimate_difference(first, second, paired=True)
    groups = estimate_difference(first, second, paired=False)
    assert pairs.value == pytest.approx(groups.value)
    assert pairs.high - pairs.low == pytest.approx(2 * 1.96 * 0.1 / np.sqrt(60), rel=0.3)
    assert groups.high - groups.low == pytest.approx(2 * 1.96 * 5 * np.sqrt(2 / 60), rel=0.3)
    missing = estimate_difference(np.array([np.nan, 1.0]), np.array([2.0, 3.0]), paired=False)
    assert missing.value == 1.5
    assert np.isnan(missing.low)


def test_tables_become_csv(arms_clip, replay, tmp_path):
    table = validate([replay(arms_clip), replay(arms_clip, start=9)], {"wave": arms_clip})
    write_validation(tmp_path, table)
    episodes = list(csv.DictReader((tmp_path / "episodes.csv").read_text().splitlines()))
    assert [row["episode_length_steps"] for row in episodes] == ["59.0", "50.0"]
    rows = list(csv.DictReader((tmp_path / "validation.csv").read_text().splitlines()))
    assert len(rows) == 2 * 9
    length = next(row for row in rows if row["metric"] == "episode_length_steps")
    assert (length["scope"], length["mean"], length["n"]) == ("all", "54.5", "2")
