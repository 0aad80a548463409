import json
import re

import musclemimic_retarget
import pytest
from musclemimic_models import InputError, MotionClip
from musclemimic_retarget import MocapBody, MocapBodyConfig, write_synthetic_smpl
from musclemimic_retarget.cli import main
from musclemimic_retarget.mocap_body.pull import PullConfig


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """A folder with a motion and what the command made of it."""
    folder = tmp_path_factory.mktemp("cli")
    motion = write_synthetic_smpl(folder / "arms.npz", 30.0)
    assert main([str(motion), "--model", "bimanual", "--out", str(folder / "out")]) == 0
    return folder


def test_writes_clip_metrics_and_configuration(output):
    MotionClip.load(output / "out" / "arms.npz")
    metrics = json.loads((output / "out" / "arms.metrics.json").read_text())
    assert metrics["joint_limit_violation_percent"] == 0.0
    config = json.loads((output / "out" / "config.json").read_text())
    assert config["method"] == "gmr-fit"
    assert config["config"]["output_hz"] == 100.0
    assert not list((output / "out").glob(".*"))


def test_json_is_one_document_and_nothing_else(output, capsys):
    arguments = [str(output / "arms.npz"), "--model", "bimanual", "--json"]
    assert main([*arguments, "--out", str(output / "again")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["arms"]["rmse_m"] < 0.01


def test_metrics_of_a_saved_clip(output, capsys):
    assert main(["metrics", str(output / "out" / "arms.npz"), "--json"]) == 0
    (metrics,) = json.loads(capsys.readouterr().out).values()
    assert metrics["coupling_residual"] < 1e-9
    assert metrics["rmse_m"] is None


def test_metrics_of_nothing_is_an_error(tmp_path):
    with pytest.raises(InputError, match="CLIP: found none, expected clips"):
        main(["metrics", str(tmp_path)])


def test_prints_a_table(output, capsys):
    assert main(["metrics", str(output / "out" / "arms.npz")]) == 0
    assert "joint_limit_violation_percent" in capsys.readouterr().out


def test_one_bad_file_stops_everything_before_any_work(output, tmp_path):
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"nonsense")
    arguments = [str(output / "arms.npz"), str(bad), "--model", "bimanual"]
    with pytest.raises(InputError, match=r"bad\.npz: archive"):
        main([*arguments, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--model", "robot", "--out", "x"], "MyoFullBody"),
        (["--model", "bimanual", "--out", "{motion}"], "--out: found a file"),
        (["{motion}", "--model", "bimanual", "--out", "x"], "'arms' twice"),
    ],
)
def test_bad_options_are_named(output, extra, message):
    motion = str(output / "arms.npz")
    with pytest.raises(InputError, match=message):
        main([motion, *(part.format(motion=motion) for part in extra)])


def test_every_public_name_resolves():
    for name in dir(musclemimic_retarget):
        assert getattr(musclemimic_retarget, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = musclemimic_retarget.nothing


@pytest.mark.parametrize("command", ["", "metrics", "bounds", "view", "cycle"])
def test_help_explains_every_option(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    text = capsys.readouterr().out
    lines = [line.strip("│| ") for line in text.splitlines()]
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if re.match(r"--[a-z]", line):
            # Nothing but its name, kind and default.
            assert not re.search(r"(FLOAT|INT|STR|PATH|\}|-[a-z]+) +\(default", f"{line}  {below}")


def test_help_shows_examples_and_the_further_commands(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert "musclemimic retarget walk.npz --model MyoFullBody --out clips" in text
    for command in ("metrics", "bounds", "view", "cycle"):
        assert f"musclemimic retarget {command} " in text


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--config.output-hz", "0"),
        ("--config.smoothing-hz", "-1"),
        ("--config.solve-hz", "nan"),
        ("--config.passes", "0"),
        ("--config.ik.neutral", "-1e-3"),
        ("--config.stance.speed", "inf"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_any_work(output, tmp_path, option, value):
    arguments = [str(output / "arms.npz"), "--model", "bimanual", "--out", str(tmp_path / "out")]
    name = option.replace("--config", "GMRFitConfig").replace("-", "_")
    with pytest.raises(InputError, match=f"settings: {name}: found .*, expected a number"):
        main([*arguments, f"{option}={value}"])
    assert not (tmp_path / "out").exists()


def test_mocap_bodys_settings_are_looked_at_too(arms):
    with pytest.raises(InputError, match=r"settings: MocapBodyConfig\.pull\.steps: found 0"):
        MocapBody(arms, MocapBodyConfig(pull=PullConfig(steps=0)))


def test_a_list_says_when_its_folder_is_not_there_or_has_none_of_it(tmp_path):
    list_of = ["--split", "kinesis-test", "--amass-root"]
    with pytest.raises(InputError, match="nowhere: --amass-root: found no folder"):
        main([*list_of, str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")])
    with pytest.raises(InputError, match="--amass-root: found none of the motions of kinesis-test"):
        main([*list_of, str(tmp_path), "--out", str(tmp_path / "out")])
