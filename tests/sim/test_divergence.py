"""A diverged world: counted, restarted, written down, repeated."""

import json
import logging

import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import InputError, get_musculo_model
from musclemimic_models.cli import run
from musclemimic_sim import (
    Divergence,
    DivergenceConfig,
    EnvConfig,
    RandomisationConfig,
    Spread,
    make_env,
    replay_divergence,
)

STEPS, WORLD = 5, 1


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="module")
def clips(arms):
    return (arm_wave(arms, 0.6),)


def torn_apart(env, arms, force=1e8):
    """Step, then pull at one hand of one world with more force than any integrator bears."""
    env.reset_to(np.zeros(env.num_envs, dtype=int), np.arange(env.num_envs))
    idle = jnp.zeros((env.num_envs, env.spec.action_size))
    for _ in range(STEPS):
        env.step(idle + 0.1)
    return torn_now(env, arms, force)


def torn_now(env, arms, force=1e8):
    xfrc = np.zeros((env.num_envs, arms.mj_model.nbody, 6), np.float32)
    xfrc[WORLD, arms.mj_model.body("lunate_r").id, 0] = force
    env.simulator.apply_force(xfrc)
    return env.step(jnp.full((env.num_envs, env.spec.action_size), 0.2))


def test_one_diverged_world_is_counted_and_restarted(arms, clips, caplog):
    env = make_env(arms, clips, num_envs=3)
    expected = torn_apart(env, arms, force=0.0)
    assert not expected.unhealthy.any()
    with caplog.at_level(logging.WARNING):
        step = torn_apart(env, arms)
    assert "1 worlds diverged" in caplog.text
    assert step.unhealthy.tolist() == [False, True, False]
    assert step.terminated.tolist() == [False, True, False]
    assert step.terms["health/diverged"].tolist() == [0, 1, 0]
    assert step.terms["health/overflow"].tolist() == [0, 0, 0]
    assert env.health.diverged.tolist() == [0, 1, 0]
    assert all(np.isfinite(np.asarray(value)).all() for value in (step.obs, step.final_obs))
    np.testing.assert_array_equal(step.obs[::2], expected.obs[::2])
    again = torn_now(env, arms)
    assert again.terms["health/diverged"].tolist() == [0, 1, 0]
    assert env.get_state()["health/diverged"].tolist() == [0, 2, 0]
    calm = env.step(jnp.zeros((3, 64)))
    assert not calm.unhealthy.any()
    assert calm.terms["health/diverged"].tolist() == [0, 0, 0]


def test_a_world_that_stays_diverged_is_counted_once(arms, clips):
    env = make_env(arms, clips, num_envs=2, config=EnvConfig(auto_reset=False))
    torn_apart(env, arms)
    for _ in range(2):
        step = env.step(jnp.zeros((2, 64)))
    assert step.unhealthy.tolist() == [False, True]
    assert env.health.diverged.tolist() == [0, 1]


@pytest.fixture(scope="module")
def dump(arms, clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "diverged"
    config = EnvConfig(
        divergence=DivergenceConfig(folder=str(folder), limit=2, history=3),
        randomisation=RandomisationConfig(strength=Spread(0.5, 0.9)),
    )
    env = make_env(arms, clips, num_envs=3, config=config)
    torn_apart(env, arms)
    return env, folder / "000.npz"


def test_the_dump_repeats_the_divergence_and_what_came_before(arms, dump):
    _, path = dump
    record = Divergence.load(path)
    assert (record.world, record.substeps, record.model_name) == (WORLD, 5, arms.label)
    assert record.ctrl[:, 0] == pytest.approx([0.1, 0.1, 0.2])
    assert (record.xfrc[:2] == 0).all()
    assert record.xfrc[2].max() == pytest.approx(1e8)
    model = record.mj_model()
    ratio = model.actuator_gainprm[:, 2] / arms.mj_model.actuator_gainprm[:, 2]
    assert 0.49 < ratio.min() < ratio.max() < 0.91
    replay = replay_divergence(record)
    assert replay.diverged
    # Two calm control steps, then the pull.
    assert 10 < len(replay.time) <= 15
    assert replay.time[:10] == pytest.approx(0.002 * np.arange(1, 11))
    assert replay.velocity[9] < 100 < replay.velocity[-1]
    assert replay.fastest[-1].endswith("_r")


def test_a_healthy_record_is_replayed_to_its_end(dump):
    _, path = dump
    record = Divergence.load(path)
    calm = Divergence(**(vars(record) | {"xfrc": np.zeros_like(record.xfrc)}))
    replay = replay_divergence(calm)
    assert not replay.diverged
    assert len(replay.time) == 15


def test_the_folder_is_bounded_and_numbered_on(arms, dump):
    env, path = dump
    torn_apart(env, arms)
    torn_apart(env, arms)
    assert sorted(p.name for p in path.parent.iterdir()) == ["000.npz", "001.npz"]
    assert int(env.health.diverged[WORLD]) == 3


def test_a_history_ends_at_the_episodes_start(arms, clips, tmp_path):
    config = EnvConfig(divergence=DivergenceConfig(folder=str(tmp_path), history=50))
    env = make_env(arms, clips, num_envs=2, config=config)
    for _ in range(4):
        env.step(jnp.zeros((2, 64)))
    torn_apart(env, arms)
    assert len(Divergence.load(tmp_path / "000.npz").ctrl) == STEPS + 1


def test_command_tells_what_happened(dump, capsys):
    _, path = dump
    assert run(["sim", "diverged", str(path)]) == 0
    assert "diverged" in capsys.readouterr().out
    assert run(["sim", "diverged", str(path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["diverged"] is True
    assert result["world"] == WORLD
    assert len(result["steps"]) > 10


def test_hostile_dumps_are_refused(dump, tmp_path):
    _, path = dump
    with np.load(path) as archive:
        arrays = dict(archive)
    for change, message in (
        ({"ctrl": arrays["ctrl"][:, :5]}, r"ctrl: found \(3, 5\), expected \(3, 64\)"),
        ({"model": arrays["model"][:100]}, r"model: found .*expected a model of MuJoCo"),
    ):
        np.savez(tmp_path / "bad.npz", **(arrays | change))
        with pytest.raises(InputError, match=message):
            Divergence.load(tmp_path / "bad.npz")
    del arrays["state"]
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match="state: found nothing, expected a file that the"):
        Divergence.load(tmp_path / "bad.npz")
    assert mujoco.__version__
