"""Training on real muscle physics: exact resume, and nothing compiled after the first update."""

import dataclasses
import json

import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_rl import NetworkConfig, PPOConfig, TrainConfig, resume, train
from musclemimic_rl.arrays import to_arrays
from musclemimic_sim import EnvConfig, make_env

ENVS, STEPS, UPDATES = 8, 8, 6


@pytest.mark.slow
def test_a_resumed_run_equals_a_straight_one_bit_for_bit(tmp_path, compilations):
    model = get_musculo_model("BimanualMuscle", fingers=False)
    clip = arm_wave(model)
    task = EnvConfig(horizon=20)  # so that episodes end in the third update
    config = TrainConfig(
        out=tmp_path / "straight",
        num_envs=ENVS,
        total_steps=ENVS * STEPS * UPDATES,
        network=NetworkConfig(hidden=(16,)),
        ppo=PPOConfig(num_steps=STEPS, epochs=1, minibatch_size=32),
        env=task,
    )
    env = make_env(model, [clip], num_envs=ENVS, config=task)
    held_out = make_env(model, [clip], num_envs=4, config=task.for_evaluation(horizon=10))
    start, counts, episodes = env.get_state(), [len(compilations)], []

    def note(progress):
        counts.append(len(compilations))
        episodes.append(progress.rollout.episodes)

    straight = train(config, env, validation_env=held_out, on_update=note, show_progress=False)
    assert episodes[:2] == [0, 0]
    assert sum(episodes) > 0
    assert counts[1] > counts[0]
    assert counts[2:] == [counts[1]] * (UPDATES - 1)
    first = json.loads((config.out / "metrics.jsonl").read_text().splitlines()[0])
    assert first["update"] == 0
    assert first["validation/error/site_position_m"] > 0.0

    env.set_state(start)
    half = dataclasses.replace(config, out=tmp_path / "half", total_steps=ENVS * STEPS * 3)
    stopped = train(half, env, show_progress=False)
    # In the middle of episodes, in a new environment with other starts.
    other = make_env(model, [clip], num_envs=ENVS, seed=99, config=task)
    resumed = resume(half.out, other, total_steps=config.total_steps, show_progress=False)
    for closing in (env, held_out, other):
        closing.close()
    assert resumed.counters[:2] == straight.counters[:2] == (UPDATES, config.total_steps)
    expected, found = learned(straight.policy), learned(resumed.policy)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    assert any((learned(stopped.policy)[name] != value).any() for name, value in expected.items())


def learned(policy):
    return to_arrays({"actor": policy.actor, "obs": policy.obs_moments})
