"""Gains of a recipe as a policy."""

import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from musclemimic_rl import load_policy
from musclemimic_rl.recipe.resting import gains_task, resting_policy
from musclemimic_sim import EnvSpec, InputError, ObsField, WholeBodyConfig, env_config_from

SPEC = EnvSpec((ObsField("x", 5, "m"),), ("a", "b"), "whole_body", 0.01, "toy", "0" * 64)


def test_gains_act_with_zero_in_their_own_task(tmp_path: Path) -> None:
    gains, file = WholeBodyConfig(joint=123.0, lift=0.25), tmp_path / "gains.json"
    file.write_text(json.dumps(dataclasses.asdict(gains)))
    policy = resting_policy(file, SPEC)
    obs = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    np.testing.assert_array_equal(policy.act(obs), np.zeros((3, 2)))
    policy.save(tmp_path / "policy.npz")
    back = load_policy(tmp_path / "policy.npz")
    np.testing.assert_array_equal(back.act(obs), np.zeros((3, 2)))
    assert np.abs(np.asarray(back.act(obs, jax.random.key(0)))).max() > 0  # samples spread
    task = env_config_from(back.provenance["config"]["env"], "policy")
    assert task == gains_task(file)
    assert (task.whole_body, task.action_map) == (gains, "whole_body")


def test_what_holds_no_gains_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gains: .*No such file"):
        gains_task(tmp_path / "none.json")
    (tmp_path / "gains.json").write_text('{"joint": 100.0, "knee": 3}')
    with pytest.raises(InputError, match="knee"):
        gains_task(tmp_path / "gains.json")
