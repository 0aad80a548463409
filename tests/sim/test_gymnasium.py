"""Gymnasium's environments: its own checker, registration, and rollouts as trainers make them."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from motions import arm_wave
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim import EnvConfig
from musclemimic_sim.gymnasium_envs import IDS, MuscleMimicEnv, MuscleMimicVectorEnv


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "wave.npz"
    arm_wave(get_musculo_model("bimanual", fingers=False), 0.3).save(path)
    return path


@pytest.fixture(scope="module")
def vector(clip_file):
    envs = gymnasium.make_vec(
        IDS["BimanualMuscle"], num_envs=3, clips=[clip_file], config=EnvConfig(horizon=7)
    )
    yield envs
    envs.close()


# Gymnasium advises against unbounded observations; velocities and forces have no bound.
@pytest.mark.filterwarnings("ignore:.*A Box observation space:UserWarning")
# Its checker makes a second environment from the spec only where rendering is offered.
@pytest.mark.filterwarnings("ignore:.*Not able to test alternative render modes:UserWarning")
def test_gymnasiums_own_checker_finds_nothing(clip_file):
    env = gymnasium.make(IDS["BimanualMuscle"], clips=[clip_file])
    assert isinstance(env.unwrapped, MuscleMimicEnv)
    check_env(env.unwrapped)
    env.close()


def test_single_environment_runs_an_episode_and_starts_where_told(clip_file):
    env = MuscleMimicEnv(clips=[clip_file])
    first, _ = env.reset(options={"clip": 0, "frame": 20})
    truncated, steps = False, 0
    while not truncated:
        obs, reward, terminated, truncated, info = env.step(np.zeros(64))
        assert not terminated
        steps += 1
    assert steps == 9  # of 30 frames, the last is 29
    assert not np.array_equal(obs, first)
    assert reward > 0
    assert "error/site_position_m" in info
    with pytest.raises(InputError, match=r"options: found \['speed'\]"):
        env.reset(options={"speed": 2})
    with pytest.raises(InputError, match="frame"):
        env.reset(options={"frame": 29})


def test_vector_environment_declares_and_does_same_step_resets(vector):
    """A trainer's random rollout: bootstraps read final_obs, acting goes on from obs."""
    assert isinstance(vector.unwrapped, MuscleMimicVectorEnv)
    assert vector.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    wrapped = RecordEpisodeStatistics(vector)
    wrapped.action_space.seed(0)
    obs, _ = wrapped.reset(seed=5)
    assert wrapped.observation_space.contains(obs)
    ended = 0
    for _ in range(30):
        obs, reward, terminated, truncated, infos = wrapped.step(wrapped.action_space.sample())
        assert wrapped.observation_space.contains(obs)
        assert reward.shape == terminated.shape == truncated.shape == (3,)
        assert infos["error/site_position_m"].shape == (3,)
        done = terminated | truncated
        ended += done.sum()
        assert ("final_obs" in infos) == done.any()
        if done.any():
            assert np.array_equal(infos["_final_obs"], done)
            for index, last in enumerate(infos["final_obs"]):
                assert (last is None) == (not done[index])
                if last is not None:
                    assert last.shape == obs[index].shape
                    assert not np.array_equal(last, obs[index])
    assert ended >= 3 * 4  # horizon 7 in 30 steps


def test_seed_decides_the_rollout(vector):
    def rollout(seed):
        vector.action_space.seed(1)
        seen = [vector.reset(seed=seed)[0]]
        seen += [vector.step(vector.action_space.sample())[0] for _ in range(9)]
        return np.array(seen)

    first = rollout(3)
    assert np.array_equal(first, rollout(3))
    assert not np.array_equal(first, rollout(4))


def test_refusals(clip_file):
    with pytest.raises(InputError, match="auto_reset: found False"):
        MuscleMimicVectorEnv(1, clips=[clip_file], config=EnvConfig(auto_reset=False))
    with pytest.raises(InputError, match="MyoFullBody"):
        MuscleMimicEnv("MyoFullBody", clips=[clip_file])
    with pytest.raises(InputError, match="name: found 'Robot'"):
        MuscleMimicEnv("Robot")
