"""The commands and the run's configuration file."""

import dataclasses
import json
import re

import musclemimic_rl
import numpy as np
import onnxruntime
import pytest
from musclemimic_rl import (
    NETWORKS,
    LossConfig,
    OptimConfig,
    PPOConfig,
    ResetConfig,
    TrainConfig,
    ValidationConfig,
    WandbConfig,
    cli,
    read_config,
    train,
)
from musclemimic_rl.distil_cli import distil_main
from musclemimic_sim import EnvConfig, InputError, write_json
from toys import PointMass


@pytest.fixture
def trained(toy_config):
    return train(toy_config(total_steps=256), PointMass(16), show_progress=False)


@pytest.mark.parametrize("command", [["info"], []])
def test_policy_info_prints_what_a_policy_is(trained, capsys, command):
    file = str(trained.policy_file)
    assert cli.policy_main([*command, file, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["model"] == "toy"
    assert facts["observation"] == {"state": 2}
    assert (facts["network"], facts["hidden"], facts["experts"]) == ("plain", [32], 0)
    assert facts["parameters"] == trained.policy.parameter_count
    assert facts["training"]["env_steps"] == 256
    assert facts["training"]["config"]["ppo"]["num_steps"] == 16
    assert cli.policy_main([*command, file]) == 0
    assert re.search(r"^model +toy$", capsys.readouterr().out, re.MULTILINE)


def test_policy_export_writes_an_onnx_graph(trained, capsys, tmp_path):
    assert cli.policy_main(["export", str(trained.policy_file)]) == 0
    graph = trained.policy_file.with_suffix(".onnx")
    assert f"{graph}: obs (N, 2) → action (N, 1)" in capsys.readouterr().out
    obs = np.ones((3, 2), np.float32)
    (found,) = onnxruntime.InferenceSession(graph).run(None, {"obs": obs})
    np.testing.assert_allclose(found, trained.policy.act(obs), atol=1e-5)
    other = tmp_path / "deep" / "x.onnx"
    assert cli.policy_main(["export", str(trained.policy_file), "--out", str(other)]) == 0
    assert other.read_bytes() == graph.read_bytes()


@pytest.mark.parametrize("command", [["info"], [], ["export"]])
def test_policy_refuses_what_is_not_there(command):
    with pytest.raises(InputError, match=r"nowhere\.npz: file: found nothing there"):
        cli.policy_main([*command, "nowhere.npz"])


COMMANDS = [cli.train_main, cli.resume_main, cli.finetune_main, cli.policy_main, distil_main]


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, capsys):
    try:
        assert command(["--help"]) == 0
    except SystemExit as end:
        assert end.code == 0
    assert "musclemimic" in capsys.readouterr().out


def test_the_help_of_train_shows_examples_and_every_option(capsys):
    with pytest.raises(SystemExit):
        cli.train_main(["--help"])
    text = capsys.readouterr().out
    for part in ("--from runs/wave", "--preset", "--reset.std", "--validation.clips", "--devices"):
        assert part in text


@pytest.mark.parametrize(
    ("command", "option", "meant"),
    [
        (cli.train_main, "--minuts", "--minutes"),
        (cli.train_main, "--ppo.optim.lerning-rate", "--ppo.optim.learning-rate"),
        # The last part alone is enough.
        (cli.train_main, "--learing-rate", "--ppo.optim.learning-rate"),
        (cli.train_main, "--hiden", "--network.hidden"),
        (cli.train_main, "--env.acton_map", "--env.action-map"),
        (cli.train_main, "--form", "--from"),
        (cli.train_main, "--zzz", "an option that --help lists"),
        (cli.resume_main, "--total-step", "--total-steps"),
        (cli.policy_main, "--jsn", "--json"),
    ],
)
def test_a_wrong_option_names_the_nearest_right_one(command, option, meant):
    with pytest.raises(InputError, match=rf"{option}: found no such option, expected {meant}$"):
        command(["x.npz", option, "3"])


def test_a_wrong_policy_command_names_the_nearest_right_one():
    with pytest.raises(InputError, match=r"command: found 'exprt', expected export$"):
        cli.policy_main(["exprt", "x.npz"])


def parsed(monkeypatch, command, argv):
    """The configuration that a command would train with."""
    seen = []

    def catch(config):
        seen.append(config)
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "train", catch)
    with pytest.raises(KeyboardInterrupt):
        command(argv)
    return seen[0]


def test_presets_set_the_network_and_further_options_change_it(monkeypatch):
    argv = ["a.npz", "b.npz", "--minutes", "2", "--preset", "resnet"]
    config = parsed(monkeypatch, cli.train_main, argv)
    assert config.network == NETWORKS["resnet"]
    assert [str(path) for path in config.clips] == ["a.npz", "b.npz"]
    config = parsed(monkeypatch, cli.train_main, [*argv, "--network.experts", "4"])
    assert config.network == dataclasses.replace(NETWORKS["resnet"], experts=4)
    assert parsed(monkeypatch, cli.train_main, ["--minutes", "1"]) == TrainConfig(minutes=1.0)


def test_finetune_takes_the_sources_settings_where_none_are_given(monkeypatch, trained):
    run = str(trained.run_dir)
    argv = ["new.npz", "--minutes", "3", "--ppo.gamma", "0.9", "--reset.std"]
    config = parsed(monkeypatch, cli.finetune_main, [run, *argv])
    assert config == parsed(monkeypatch, cli.train_main, [*argv, "--from", run])
    assert config.source == trained.run_dir
    assert config.network.hidden == (32,)
    assert (config.ppo.num_steps, config.ppo.gamma) == (16, 0.9)
    assert (config.minutes, config.total_steps) == (3.0, None)
    assert config.reset.std
    assert not config.reset.optimiser
    with pytest.raises(InputError, match="SOURCE: found nothing"):
        cli.finetune_main(["--minutes", "3"])
    with pytest.raises(InputError, match="from: found nothing there"):
        cli.finetune_main(["nowhere", "new.npz", "--minutes", "3"])


def test_train_needs_a_limit_and_clips(tmp_path):
    with pytest.raises(InputError, match="total_steps, minutes and cpu_minutes: found none"):
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
        source=tmp_path / "source",
        reset=ResetConfig(std=True),
        snapshot_every=3,
        validation=ValidationConfig(clips=(tmp_path / "c.npz",)),
        wandb=WandbConfig("arms", "offline"),
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
        ("{}", "total_steps, minutes and cpu_minutes"),
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
        ({"devices": 3}, "devices: found 3, expected a divisor of 128"),
        ({"snapshot_every": 0}, "snapshot_every: found 0"),
        ({"validation": ValidationConfig(horizon=0)}, r"validation\.horizon: found 0"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(minutes=1.0, **changes)


def test_an_environment_of_another_size_is_refused(point_mass, toy_config):
    with pytest.raises(InputError, match="num_envs: found 8, expected 16"):
        train(toy_config(), point_mass(8), show_progress=False)


@pytest.mark.parametrize(
    ("cls", "changes", "message"),
    [
        (PPOConfig, {"gamma": 1.01}, r"gamma: found 1\.01, expected a number >= 0 and <= 1"),
        (PPOConfig, {"lam": -0.1}, r"lam: found -0\.1"),
        (PPOConfig, {"warmup_updates": -1}, "warmup_updates: found -1"),
        (OptimConfig, {"learning_rate": 0.0}, r"learning_rate: found 0\.0, expected a number > 0"),
        (OptimConfig, {"learning_rate": float("nan")}, "learning_rate: found nan"),
        (OptimConfig, {"target_kl": float("inf")}, "target_kl: found inf"),
        (OptimConfig, {"muon_steps": 0}, "muon_steps: found 0"),
        (OptimConfig, {"final_fraction": 2.0}, r"final_fraction: found 2\.0"),
        (LossConfig, {"clip": 0.0}, r"clip: found 0\.0"),
        (LossConfig, {"value_clip": -1.0}, r"value_clip: found -1\.0"),
        (LossConfig, {"balance_coef": -0.1}, r"balance_coef: found -0\.1"),
    ],
)
def test_numbers_out_of_range_are_refused(cls, changes, message):
    with pytest.raises(InputError, match=message):
        cls(**changes)


def test_every_public_name_resolves():
    names = [name for name in dir(musclemimic_rl) if not name.startswith("_")]
    assert {"train", "resume", "load_policy", "load_numpy_policy", "export_onnx"} <= set(names)
    for name in names:
        assert getattr(musclemimic_rl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        musclemimic_rl.trian  # noqa: B018
