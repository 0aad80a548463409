"""The commands and the run's configuration file."""

import dataclasses
import json
import re

import pytest
from musclemimic_rl import PPOConfig, TrainConfig, cli, read_config, train
from musclemimic_sim import EnvConfig, InputError, write_json


def test_policy_prints_what_a_policy_is(point_mass, toy_config, capsys):
    result = train(toy_config(total_steps=256), point_mass(16), show_progress=False)
    assert cli.policy_main([str(result.policy_file), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["model"] == "toy"
    assert facts["observation"] == {"state": 2}
    assert facts["hidden"] == [32]
    assert facts["parameters"] == result.policy.parameter_count
    assert facts["training"]["env_steps"] == 256
    assert facts["training"]["config"]["ppo"]["num_steps"] == 16
    assert cli.policy_main([str(result.policy_file)]) == 0
    assert re.search(r"^model +toy$", capsys.readouterr().out, re.MULTILINE)


def test_policy_refuses_what_is_not_there():
    with pytest.raises(InputError, match=r"nowhere\.npz: file: found nothing there"):
        cli.policy_main(["nowhere.npz"])


@pytest.mark.parametrize("command", [cli.train_main, cli.resume_main, cli.policy_main])
def test_help(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        command(["--help"])
    assert "musclemimic" in capsys.readouterr().out


def test_train_needs_a_limit_and_clips(tmp_path):
    with pytest.raises(InputError, match="total_steps and minutes: found neither"):
        cli.train_main(["clip.npz"])
    with pytest.raises(InputError, match=r"clip\.npz"):
        cli.train_main([str(tmp_path / "clip.npz"), "--minutes", "1", "--out", str(tmp_path)])
    assert not (tmp_path / "config.json").exists()


def test_the_configuration_survives_its_file(tmp_path):
    config = TrainConfig(
        clips=(tmp_path / "a.npz", tmp_path / "b.npz"),
        out=tmp_path,
        minutes=2.0,
        env=EnvConfig(lookahead_frames=2, horizon=50),
        ppo=PPOConfig(gamma=0.9),
    )
    write_json(tmp_path / "config.json", dataclasses.asdict(config))
    assert read_config(tmp_path / "config.json") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "file: found unreadable"),
        ("[]", r"top: found \[\], expected an object"),
        ('{"minutes": 1, "learing_rate": 1}', "learing_rate: found an unknown field"),
        ('{"minutes": "long"}', "minutes: found 'long'"),
        ('{"minutes": 1, "ppo": {"loss": {"clip": []}}}', r"ppo\.loss\.clip: found \[\]"),
        ('{"minutes": 1, "backend": "other"}', "backend: found 'other'"),
        ('{"minutes": 1, "fingers": 1}', "fingers: found 1"),
        ("{}", "total_steps and minutes"),
    ],
)
def test_a_bad_configuration_file_is_named(tmp_path, text, message):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_config(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_envs": 0}, "num_envs: found 0"),
        ({"ppo": PPOConfig(minibatch_size=1000)}, "minibatch_size: found 1000, expected a divisor"),
        ({"ppo": PPOConfig(minibatch_size=0)}, "minibatch_size: found 0"),
        ({"keep_checkpoints": 0}, "keep_checkpoints: found 0"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(minutes=1.0, **changes)


def test_an_environment_of_another_size_is_refused(point_mass, toy_config):
    with pytest.raises(InputError, match="num_envs: found 8, expected 16"):
        train(toy_config(), point_mass(8), show_progress=False)
