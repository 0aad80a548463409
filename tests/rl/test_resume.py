"""Stopping and going on: exact, atomic, and refused when something does not fit."""

import dataclasses
import json
import os
import shutil
import signal

import jax
import numpy as np
import pytest
from musclemimic_rl import (
    LossConfig,
    NetworkConfig,
    OptimConfig,
    PPOConfig,
    load_policy,
    resume,
    train,
)
from musclemimic_rl.arrays import to_arrays
from musclemimic_sim import EnvSpec, InputError, ObsField

K = 3
STEPS = 16 * 16  # environment steps in one update of toy_config


def learned(policy):
    return to_arrays({"actor": policy.actor, "obs": policy.obs_moments})


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_a_resumed_run_equals_a_straight_one_bit_for_bit(name, point_mass, toy_config, tmp_path):
    ppo = PPOConfig(
        num_steps=16,
        epochs=2,
        minibatch_size=64,
        optim=OptimConfig(name=name, target_kl=0.01),
        loss=LossConfig(entropy_coef=0.01, value_clip=0.2),
    )
    whole = toy_config(out=tmp_path / "whole", total_steps=2 * K * STEPS, ppo=ppo)
    straight = train(whole, point_mass(16), show_progress=False)

    half = dataclasses.replace(whole, out=tmp_path / "half", total_steps=K * STEPS)
    stopped = train(half, point_mass(16), show_progress=False)
    other_seed = point_mass(16, seed=99)  # set_state must overwrite whatever the new one drew
    other_seed.seed = 0
    resumed = resume(half.out, other_seed, total_steps=2 * K * STEPS, show_progress=False)

    assert stopped.counters.updates == K
    assert resumed.counters[:2] == straight.counters[:2] == (2 * K, 2 * K * STEPS)
    expected, found = learned(straight.policy), learned(resumed.policy)
    before = learned(stopped.policy)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value, err_msg=key)
    assert any((before[key] != value).any() for key, value in expected.items())


def test_resume_drops_the_metrics_written_after_the_checkpoint(point_mass, toy_config):
    config = toy_config(total_steps=2 * STEPS)
    train(config, point_mass(16), show_progress=False)
    path = config.out / "metrics.jsonl"
    path.write_text(path.read_text() + json.dumps({"update": 3}) + "\n" + '{"update": 4, "torn')
    resume(config.out, point_mass(16), total_steps=4 * STEPS, show_progress=False)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["update"] for record in records] == [1, 2, 3, 4]
    assert all("learner/approx_kl_k3" in record for record in records)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_the_update_with_everything_saved(
    number, point_mass, toy_config
):
    config = toy_config(total_steps=1000 * STEPS)
    before = signal.getsignal(number)

    def interrupt(progress):
        if progress.counters.updates == 2:
            os.kill(os.getpid(), number)

    result = train(config, point_mass(16), on_update=interrupt, show_progress=False)
    assert result.interrupted
    assert result.counters.updates == 2
    assert result.policy_file.exists()
    assert signal.getsignal(number) is before
    again = resume(config.out, point_mass(16), total_steps=3 * STEPS, show_progress=False)
    assert again.counters.updates == 3
    assert not again.interrupted


def test_resuming_a_finished_run_changes_nothing(point_mass, toy_config):
    config = toy_config(total_steps=STEPS)
    done = train(config, point_mass(16), show_progress=False)
    again = resume(config.out, point_mass(16), show_progress=False)
    assert again.counters.updates == 1
    assert again.last is None
    np.testing.assert_array_equal(
        jax.tree.leaves(again.policy.actor)[0], jax.tree.leaves(done.policy.actor)[0]
    )


@pytest.fixture
def finished(point_mass, toy_config):
    config = toy_config(total_steps=STEPS)
    train(config, point_mass(16), show_progress=False)
    return config


def edit_config(run_dir, **changes):
    path = run_dir / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_checkpoint_of_another_environment_is_refused(finished, point_mass):
    spec = EnvSpec(
        (ObsField("state", 1, "m"), ObsField("speed", 1, "m/s")),
        ("muscle0",),
        "affine",
        0.01,
        "toy",
        "0" * 64,
    )
    with pytest.raises(InputError, match=r"environment: found obs_fields: .*'state'"):
        resume(finished.out, point_mass(16, spec=spec), show_progress=False)


def test_a_checkpoint_of_another_network_is_refused(finished, point_mass):
    edit_config(finished.out, network=dataclasses.asdict(NetworkConfig(hidden=(64,))))
    with pytest.raises(InputError, match=r"network\.hidden: found \[32\], expected \[64\]"):
        resume(finished.out, point_mass(16), total_steps=9 * STEPS, show_progress=False)


def test_a_checkpoint_of_another_optimiser_is_refused(finished, point_mass):
    ppo = dataclasses.replace(finished.ppo, optim=OptimConfig(name="muon"))
    edit_config(finished.out, ppo=dataclasses.asdict(ppo))
    with pytest.raises(InputError, match="optimiser: found adam, expected muon"):
        resume(finished.out, point_mass(16), total_steps=9 * STEPS, show_progress=False)


def test_a_damaged_checkpoint_is_named(finished, point_mass):
    shutil.rmtree(finished.out / "checkpoints" / "1" / "learner")
    with pytest.raises(InputError, match=r"checkpoints/1: checkpoint: found unreadable"):
        resume(finished.out, point_mass(16), show_progress=False)


def test_a_run_without_checkpoint_is_named(finished, point_mass):
    for step in ("0", "1"):
        shutil.rmtree(finished.out / "checkpoints" / step)
    with pytest.raises(InputError, match="checkpoint: found none"):
        resume(finished.out, point_mass(16), show_progress=False)
    shutil.rmtree(finished.out / "checkpoints")
    with pytest.raises(InputError, match="checkpoints: found nothing there"):
        resume(finished.out, point_mass(16), show_progress=False)


def test_no_run_at_all(tmp_path):
    with pytest.raises(InputError, match=r"config.json: file: found nothing there"):
        resume(tmp_path)


def test_only_the_last_checkpoints_are_kept(point_mass, toy_config):
    config = toy_config(total_steps=5 * STEPS, checkpoint_minutes=0.0, keep_checkpoints=2)
    train(config, point_mass(16), show_progress=False)
    assert sorted(path.name for path in (config.out / "checkpoints").iterdir()) == ["4", "5"]


def test_training_into_an_existing_run_is_refused(finished, point_mass):
    with pytest.raises(InputError, match="out: found a run"):
        train(finished, point_mass(16), show_progress=False)


def test_snapshots_of_the_policy_are_kept_on_request(point_mass, toy_config):
    config = toy_config(total_steps=5 * STEPS, snapshot_every=2)
    result = train(config, point_mass(16), show_progress=False)
    files = sorted((config.out / "policies").iterdir())
    assert [file.name for file in files] == ["000002.npz", "000004.npz"]
    kept = [load_policy(file) for file in files]
    assert [policy.provenance["updates"] for policy in kept] == [2, 4]
    weights = [to_arrays(policy.actor)["head.weight"] for policy in (*kept, result.policy)]
    assert np.any(weights[0] != weights[1])
    assert np.any(weights[1] != weights[2])
