"""The demo's promises about files, time and interruption."""

import dataclasses
import json

import pytest
from musclemimic_eval import cli, demo, demo_cli, policy_command
from musclemimic_eval.demo import DemoConfig, require_demo_folder, run_demo
from musclemimic_models import InputError


def test_only_its_own_folder_is_reused(tmp_path):
    require_demo_folder(tmp_path / "new")
    require_demo_folder(tmp_path)
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="--out: found other files"):
        require_demo_folder(tmp_path)
    (tmp_path / "config.json").write_text('{"kind": "something else"}')
    with pytest.raises(InputError, match="--out"):
        require_demo_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"kind": demo.KIND}))
    require_demo_folder(tmp_path)
    with pytest.raises(InputError, match="a file"):
        require_demo_folder(tmp_path / "thesis.tex")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--minutes", "0"], "--minutes: found 0"),
        (["--minutes", "nan"], "--minutes: found nan"),
        (["--motion", "absent.npz"], r"absent\.npz: file: found nothing there"),
        (["--model", "Robot"], "one of BimanualMuscle, MyoFullBody"),
    ],
)
def test_bad_options_stop_before_any_work(tmp_path, arguments, match):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=match):
        demo_cli.main([*arguments, "--out", str(out)])
    assert not out.exists()


def test_a_bad_motion_leaves_an_earlier_demo_alone(tmp_path):
    motion = tmp_path / "motion.npz"
    motion.write_bytes(b"not a motion")
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_text(json.dumps({"kind": demo.KIND}))
    (out / "index.html").write_text("earlier")
    with pytest.raises(InputError, match=r"motion\.npz"):
        run_demo(DemoConfig(motion=motion, out=out), command="", show_progress=False)
    assert (out / "index.html").read_text() == "earlier"


def test_torn_metrics_lines_are_skipped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert demo.read_metrics(path) == []
    path.write_text('{"update": 1, "rollout/reward": null}\n{"update": 2, "rol')
    assert demo.read_metrics(path) == [{"update": 1, "rollout/reward": None}]


@pytest.mark.slow
def test_an_interrupted_training_is_still_reported(tmp_path, monkeypatch, capsys):
    seen, train = [], demo.train

    def interrupted(config, env, *, show_progress):
        seen.append(config)
        once = dataclasses.replace(config, minutes=1e-6)  # stops after its first update
        result = train(once, env=env, show_progress=show_progress)
        return dataclasses.replace(result, interrupted=True)

    monkeypatch.setattr(demo, "train", interrupted)
    out = tmp_path / "out"
    assert demo_cli.main(["--out", str(out), "--minutes", "2", "--seed", "3"]) == 0
    document = json.loads((out / "report.json").read_text())
    assert len(document["episodes"]) == demo.EPISODES_WHEN_INTERRUPTED
    assert len(document["retargeting"]) == len(document["learning"]) == 1
    assert document["training"]["config"]["seed"] == 3
    assert 0 < seen[0].minutes < 2
    assert {path.name for path in out.iterdir()} == {*demo.PRODUCTS, "config.json", "training"}
    assert "(stopped early)" in capsys.readouterr().out
    require_demo_folder(out)
    demo.clear(out)  # what a second demo does first
    assert [path.name for path in out.iterdir()] == ["config.json"]


def test_a_run_folder_stands_for_its_policy(tmp_path):
    with pytest.raises(InputError, match=r"policy\.npz: found nothing"):
        policy_command.policy_file(tmp_path)
    (tmp_path / "policy.npz").write_bytes(b"x")
    assert policy_command.policy_file(tmp_path) == tmp_path / "policy.npz"
    assert policy_command.policy_file(tmp_path / "other.npz") == tmp_path / "other.npz"


@pytest.mark.parametrize("main", [cli.main, demo_cli.main])
def test_help(main, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "--out" in capsys.readouterr().out
