"""Nothing is compiled after the first update, whatever happens in the episodes."""

import dataclasses

import jax
import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_rl import NetworkConfig, PPOConfig, TrainConfig, ValidationConfig, train
from musclemimic_sim import EnvConfig, make_env
from toys import PointMass

_EVENT = "/jax/core/compile/backend_compile_duration"


@pytest.fixture
def compilations():
    """Names nothing, counts every compilation of this process from here on."""
    seen = []

    def note(event, duration, **_):
        if event == _EVENT:
            seen.append(duration)

    jax.monitoring.register_event_duration_secs_listener(note)
    yield seen
    jax.monitoring.unregister_event_duration_listener(note)


def counted(config, env, seen, **others):
    """Compilations so far after each update, and the episodes that ended in each."""
    counts, episodes = [len(seen)], []

    def note(progress):
        counts.append(len(seen))
        episodes.append(progress.rollout.episodes)

    train(config, env, on_update=note, show_progress=False, **others)
    return counts, episodes


def test_on_a_toy_whose_first_episodes_end_late(toy_config, compilations):
    config = toy_config(
        total_steps=16 * 16 * 8,
        network=NetworkConfig(hidden=(24,)),
        validation=ValidationConfig(every=3, horizon=50),
    )
    env = PointMass(16)
    env.limit = float("inf")  # so that every episode is cut off at its 40th step
    counts, episodes = counted(config, env, compilations, validation_env=PointMass(4))
    assert counts[1] > counts[0]  # the listener works
    assert episodes[:2] == [0, 0]
    assert sum(episodes) > 0
    assert counts[2:] == [counts[1]] * (len(counts) - 2)


@pytest.mark.slow
def test_on_the_two_arm_task(tmp_path, compilations):
    model = get_musculo_model("BimanualMuscle", fingers=False)
    task = EnvConfig(horizon=20)
    config = TrainConfig(
        out=tmp_path / "run",
        num_envs=8,
        total_steps=8 * 8 * 6,
        network=NetworkConfig(hidden=(16,)),
        ppo=PPOConfig(num_steps=8, epochs=1, minibatch_size=32),
        env=task,
    )
    env = make_env(model, [arm_wave(model)], num_envs=8, config=task)
    held_out = dataclasses.replace(task, auto_reset=False)
    other = make_env(model, [arm_wave(model)], num_envs=4, config=held_out)
    try:
        counts, episodes = counted(config, env, compilations, validation_env=other)
    finally:
        env.close()
        other.close()
    assert sum(episodes) > 0
    assert counts[1] > counts[0]
    assert counts[2:] == [counts[1]] * (len(counts) - 2)
