"""Two evaluations side by side, and what an evaluation runs on."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from musclemimic_eval import ReportInputs, validate, write_report
from musclemimic_eval.clip_sets import choose_splits, find_clips
from musclemimic_eval.comparison import Evaluated, compare_evaluations, read_evaluation
from musclemimic_models import InputError
from rich.console import Console


def shifted(rollout, metres):
    """The rollout with all sites beside their references."""
    return replace(rollout, site_pos=rollout.site_pos + np.array([0.0, metres, 0.0]))


def evaluated(name, clip, rollouts, model="MyoFullBody without fingers"):
    return Evaluated(name, model, validate(rollouts, {"wave": clip}))


def test_same_episodes_are_compared_one_by_one(body_clip, replay):
    starts = (0, 10, 20)
    first = [shifted(replay(body_clip, start=s), 0.1 * (s + 1)) for s in starts]
    second = [shifted(replay(body_clip, start=s), 0.1 * (s + 1) + 0.02) for s in starts]
    result = compare_evaluations(
        evaluated("a", body_clip, first), evaluated("b", body_clip, second[::-1])
    )
    assert result.paired
    difference = result.difference["absolute_site_m"]
    assert difference.value == pytest.approx(0.02)
    assert difference.high - difference.low < 1e-9
    assert result.difference["relative_site_m"].value == pytest.approx(0, abs=1e-12)


def test_other_episodes_are_compared_as_groups(body_clip, replay):
    first = [replay(body_clip, start=s) for s in (0, 10)]
    second = [shifted(replay(body_clip, start=s), 0.03) for s in (5, 15)]
    result = compare_evaluations(
        evaluated("a", body_clip, first), evaluated("b", body_clip, second)
    )
    assert not result.paired
    assert result.difference["absolute_site_m"].value == pytest.approx(0.03)
    assert "not the same episodes" in result.note


def test_published_figures_stand_beside_the_full_body(body_clip, arms_clip, replay):
    rollouts = [replay(body_clip), replay(body_clip, start=5)]
    side = evaluated("a", body_clip, rollouts)
    header, rows = compare_evaluations(side, side).cells()
    assert header[-1] == "published"
    assert rows[0][-1] == "0.108 / 0.129"
    assert rows[8][-1] == "575.9 / 569.1"
    console = Console(width=140, file=io.StringIO(), record=True)
    console.print(compare_evaluations(side, side).to_rich())
    assert "KINESIS" in console.export_text()
    arms = evaluated("b", arms_clip, [replay(arms_clip)], "BimanualMuscle without fingers")
    assert not compare_evaluations(arms, arms).has_published
    with pytest.raises(InputError, match="b: model: found BimanualMuscle"):
        compare_evaluations(side, arms)


def test_a_report_is_read_back(arms, arms_clip, replay, tmp_path):
    rollouts = [replay(arms_clip), replay(arms_clip, start=7)]
    clips = {"wave": arms_clip}
    table = validate(rollouts, clips, splits={"all of it": ["wave"]}, seed=0)
    write_report(
        tmp_path / "mine",
        ReportInputs(
            model=arms,
            clips=clips,
            rollouts=rollouts,
            table=table,
            command="c",
            splits={"all of it": ["wave"]},
        ),
    )
    for path in (tmp_path / "mine", tmp_path / "mine" / "report.json"):
        again = read_evaluation(path)
        assert (again.name, again.model) == ("mine", arms.label)
        for key, estimate in table.pooled.items():
            np.testing.assert_equal(vars(again.table.pooled[key]), vars(estimate))
        assert list(again.table.per_split) == ["all of it"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "report.json of an evaluation"),
        ("[]", "report.json of an evaluation"),
        ('{"validation": {"episodes": []}, "model": {"name": "x"}}', "episodes: found none"),
        ('{"validation": {"episodes": [{"clip": "x"}]}, "model": {"name": "x"}}', "KeyError"),
    ],
)
def test_other_files_are_refused(tmp_path, text, match):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(InputError, match=match):
        read_evaluation(tmp_path)


def test_clips_of_a_folder_are_named_by_their_path(tmp_path):
    for name in ("KIT/3/walk.npz", "KIT/4/walk.npz", "other/walk.npz"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "KIT" / "manifest.json").touch()
    found = find_clips([tmp_path / "KIT", tmp_path / "other" / "walk.npz", tmp_path / "other"])
    assert list(found) == ["3/walk", "4/walk", "walk", "walk #2"]
    with pytest.raises(InputError, match=r"no \.npz file"):
        (tmp_path / "empty").mkdir()
        find_clips([tmp_path / "empty"])
    with pytest.raises(InputError, match="--clips: found none"):
        find_clips([])


def test_splits_need_every_clip(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("3/walk\n4/walk\n")
    found = {"3/walk": tmp_path, "4/walk": tmp_path, "5/run": tmp_path}
    assert choose_splits(found, [str(mine)]) == {"mine": ("3/walk", "4/walk")}
    with pytest.raises(InputError, match=r"no clip of 108 of 108, the first 'KIT/10/LeftTurn09"):
        choose_splits(found, ["kinesis-test"])
    with pytest.raises(InputError, match="kinesis-train"):
        choose_splits(found, ["nonsense"])


def test_comparison_on_the_command_line(arms, arms_clip, replay, tmp_path, capsys):
    from musclemimic_eval import cli

    for name, offset in (("a", 0.0), ("b", 0.05)):
        rollouts = [shifted(replay(arms_clip, start=s), offset) for s in (0, 9)]
        clips = {"wave": arms_clip}
        inputs = ReportInputs(
            model=arms,
            clips=clips,
            rollouts=rollouts,
            table=validate(rollouts, clips),
            command="",
        )
        write_report(tmp_path / name, inputs)
    arguments = ["--compare", str(tmp_path / "a"), str(tmp_path / "b")]
    assert cli.main([*arguments, "--json", "--out", str(tmp_path / "c")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["paired"]
    assert document["difference"]["absolute_site_m"]["value"] == pytest.approx(0.05)
    assert document == json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert cli.main(arguments) == 0
    assert "difference" in capsys.readouterr().out
    with pytest.raises(InputError, match="a checkpoint besides"):
        cli.main(["policy.npz", *arguments])
    with pytest.raises(InputError, match="checkpoint: found none"):
        cli.main([])
