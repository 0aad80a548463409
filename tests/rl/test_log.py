"""Where the numbers go: JSONL, TensorBoard, Weights & Biases, and the line on the terminal."""

import dataclasses
import json
import logging
import sys
import types

import jax.numpy as jnp
import pytest
from musclemimic_rl import NetworkConfig, WandbConfig, train
from musclemimic_rl.budget import Counters
from musclemimic_rl.display import describe, describe_validation
from musclemimic_rl.log import TensorBoardSink
from musclemimic_sim import InputError
from toys import PointMass

STEPS = 16 * 16


class FakeWandb(types.ModuleType):
    """Stands in for the service: keeps what it is given."""

    def __init__(self):
        super().__init__("wandb")
        self.started, self.logged, self.finished = [], [], 0

    def init(self, **options):
        self.started.append(options)
        return self

    def log(self, data, step):
        self.logged.append((step, data))

    def finish(self):
        self.finished += 1


def test_wandb_gets_every_update_and_one_run_a_folder(toy_config, monkeypatch):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    config = toy_config(total_steps=2 * STEPS, wandb=WandbConfig("arms", "offline"))
    train(config, PointMass(16), show_progress=False)
    (options,) = fake.started
    assert options["project"] == "arms"
    assert options["mode"] == "offline"
    assert options["resume"] == "allow"
    assert options["config"]["ppo"]["gamma"] == 0.99
    assert [step for step, _ in fake.logged] == [1, 2]
    assert fake.logged[1][1]["env_steps"] == 2 * STEPS
    assert "learner/approx_kl_k3" in fake.logged[0][1]
    assert fake.finished == 1
    from musclemimic_rl.wandb_sink import WandbSink

    WandbSink(config)
    WandbSink(dataclasses.replace(config, out=config.out.parent / "other"))
    ids = [options["id"] for options in fake.started]
    assert ids[0] == ids[1] != ids[2]


def test_wandb_that_is_not_installed_is_named_before_anything_is_written(toy_config, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    config = toy_config(wandb=WandbConfig("arms"))
    with pytest.raises(
        InputError, match=r"wandb\.project: .*pip install 'musclemimic-rl\[wandb\]'"
    ):
        train(config, PointMass(16), show_progress=False)
    assert not (config.out / "metrics.jsonl").exists()


def test_tensorboard_holds_the_numbers(tmp_path):
    from tensorboardX.proto import event_pb2

    sink = TensorBoardSink(tmp_path, after_update=0)
    for update in (1, 2):
        sink.write(Counters(update), {"a/b": 0.5 * update, "never": float("nan")})
    sink.close()
    (file,) = tmp_path.iterdir()
    data, found, offset = file.read_bytes(), [], 0
    while offset < len(data):  # a record: length, its checksum, the event, its checksum
        size = int.from_bytes(data[offset : offset + 8], "little")
        event = event_pb2.Event.FromString(data[offset + 12 : offset + 12 + size])
        found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
        offset += size + 16
    assert found == [(1, "a/b", 0.5), (2, "a/b", 1.0)]


def test_the_line_on_the_terminal(toy_config, capsys):
    reports = []
    config = toy_config(total_steps=STEPS, network=NetworkConfig(hidden=(32,), experts=2))
    result = train(config, PointMass(16), on_update=reports.append)
    text = " ".join(capsys.readouterr().err.split())
    actor = result.policy.parameter_count
    assert "toy: 2 observations → 1 actions; actor" in text
    assert f"{actor:,} and critic" in text
    line = describe(dataclasses.replace(reports[0], remaining_s=75.4, steps_per_second=1234.4))
    assert line.startswith("1:15 left  256 steps  1,234/s  reward 0.")
    assert "site error" in line
    figures = {"validation/error/site_position_m": 0.0123, "validation/termination_rate": 0.25}
    assert describe_validation(figures) == "held out: 1.2 cm, 25 % early ends"
    assert describe_validation({}) == ""
    scalars = reports[0].scalars()
    assert scalars["experts/actor_load_0"] + scalars["experts/actor_load_1"] == pytest.approx(1.0)
    assert 1.0 <= scalars["experts/critic_used"] <= 2.0
    assert scalars["time/peak_memory_mb"] > 50.0
    records = (config.out / "metrics.jsonl").read_text().splitlines()
    assert json.loads(records[-1])["experts/actor_used"] == pytest.approx(
        scalars["experts/actor_used"]
    )


def test_a_collapse_is_warned_about(toy_config, caplog):
    reports = []
    config = toy_config(total_steps=STEPS, network=NetworkConfig(hidden=(32,), experts=2))
    with caplog.at_level(logging.WARNING):
        train(config, PointMass(16), on_update=reports.append, show_progress=False)
        assert not caplog.records
        metrics = reports[0].update
        load = jnp.asarray([[0.5, 0.5], [0.97, 0.03]])
    metrics = metrics._replace(loss=metrics.loss._replace(expert_load=load))
    (warning,) = metrics.warnings()
    assert "the critic's experts have collapsed (shares 97 %, 3 %)" in warning
