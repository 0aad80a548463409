"""The imitation environment: layout, reward, termination, starts, restore."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from motions import arm_wave, clip_from_qpos
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim import (
    EnvConfig,
    RewardConfig,
    RewardTerm,
    SensorNoise,
    TerminationConfig,
    make_env,
)
from musclemimic_sim.body import body_state
from musclemimic_sim.reward import imitation_reward, lost, penalty
from musclemimic_sim.task import Task
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="module")
def clips(arms):
    return (arm_wave(arms, 0.6), arm_wave(arms, 1.0))


def standing_clip(model, frames=60):
    qpos = np.tile(model.mj_model.qpos0, (frames, 1))
    qpos[:, 0] += np.linspace(2.0, 2.3, frames)
    qpos[:, 1] -= 5.0
    return clip_from_qpos(model, qpos)


def random_actions(env, steps, seed=0):
    keys = jax.random.split(jax.random.PRNGKey(seed), steps)
    return [0.3 * jax.random.normal(k, (env.num_envs, env.spec.action_size)) for k in keys]


def test_layout_adds_up_and_is_finite(arms, clips):
    env = make_env(arms, clips, num_envs=4)
    step = env.reset()
    assert step.obs.shape == (4, env.spec.obs_size)
    assert env.spec.action_size == 64
    assert env.spec.control_dt == pytest.approx(0.01)
    assert all(field.unit for field in env.spec.obs_fields)
    names = [field.name for field in env.spec.obs_fields]
    start = sum(field.dim for field in env.spec.obs_fields[: names.index("muscle_length")])
    low, high = arms.muscles.length_range.T
    length = (env.output.actuator_length - low) / (high - low)
    assert step.obs[:, start : start + 64] == pytest.approx(length, abs=1e-4)
    for action in random_actions(env, 5):
        step = env.step(action)
        assert np.isfinite(np.asarray(step.obs)).all()
        assert all(np.isfinite(np.asarray(v)).all() for v in step.terms.values())


@pytest.mark.parametrize("free_root", [False, True])
def test_fields_stand_in_the_order_of_the_blocks(arms, clips, free_root):
    model = get_musculo_model("MyoFullBody", fingers=False) if free_root else arms
    env = make_env(model, [standing_clip(model)] if free_root else clips, num_envs=1)
    state, names = body_state(env.output, np.zeros(1, dtype=bool)), []
    jax.eval_shape(lambda: names.extend(env.task.blocks(state, env.episode)))
    assert [field.name for field in env.spec.obs_fields] == names


def test_start_state_is_the_reference(arms, clips):
    env = make_env(arms, clips, num_envs=3)
    env.reset_to(np.array([0, 1, 1]), np.array([0, 30, 98]))
    for world, (clip, frame) in enumerate(((0, 0), (1, 30), (1, 98))):
        assert env.output.qpos[world] == pytest.approx(clips[clip].qpos[frame], abs=1e-6)
        sites = clips[clip].site_pos[frame]
        assert env.output.site_pos[world] == pytest.approx(sites, abs=1e-5)
    assert env.frame.tolist() == [0, 30, 98]


def test_held_reference_scores_full_marks():
    """Judged in the reference state itself, every error is 0 and every term is its weight."""
    model = get_musculo_model("MyoFullBody", fingers=False)
    clip = standing_clip(model)
    env = make_env(model, [clip], num_envs=2)
    env.reset_to(np.array([0, 0]), np.array([10, 20]))
    before = env._episode._replace(frame=env._episode.frame - 1)
    idle = jnp.zeros((2, env.spec.action_size))
    outcome = env.task.judge(env._state(), before, idle, idle)
    weights = RewardConfig()
    for name, value in outcome.terms.items():
        if name.startswith("error/"):
            assert np.asarray(value) == pytest.approx(0, abs=2e-3), name
        elif name.startswith("reward/") and name != "reward/penalty":
            term: RewardTerm = getattr(weights, name.removeprefix("reward/"))
            assert np.asarray(value) == pytest.approx(term.weight, rel=1e-3), name
    assert not np.asarray(outcome.terminated).any()


def test_reward_by_hand():
    config = RewardConfig(
        joint_position=RewardTerm(0.5, 10.0), site_position=RewardTerm(2.0, 100.0)
    )
    zero = dict.fromkeys(
        ("joint_velocity", "site_orientation", "site_velocity", "site_angular"), jnp.zeros(1)
    )
    zero |= {"root_position": jnp.zeros(1), "root_velocity": jnp.zeros(1)}
    squares = {"joint_position": jnp.array([0.1]), "site_position": jnp.array([0.01])} | zero
    terms = imitation_reward(config, squares)
    # 0.5 e^(−10·0.1) = 0.18394; 2 e^(−100·0.01) = 0.73576
    assert float(terms["joint_position"][0]) == pytest.approx(0.1839397, rel=1e-5)
    assert float(terms["site_position"][0]) == pytest.approx(0.7357589, rel=1e-5)
    assert float(terms["joint_velocity"][0]) == pytest.approx(0.1)
    assert set(imitation_reward(RewardConfig.for_arms(), squares)) == set(squares) - {
        "root_position",
        "root_velocity",
    }


def test_penalty_by_hand():
    config = RewardConfig(bound_penalty=0.01, rate_penalty=0.1, effort_penalty=1.0)
    value = penalty(
        config,
        action=jnp.array([[1.5, 0.0], [0.0, 0.0]]),
        previous=jnp.array([[0.0, 0.0], [0.0, 0.0]]),
        activation=jnp.array([[0.2, 0.4], [0.0, 0.0]]),
    )
    # 0.01·0.5²/2 + 0.1·1²/2 + 1·(0.04+0.16)/2 = 0.00125 + 0.05 + 0.1
    assert np.asarray(value) == pytest.approx([-0.15125, 0.0], rel=1e-5)
    bounded = penalty(
        dataclasses.replace(config, effort_penalty=1e3),
        action=jnp.zeros((1, 2)),
        previous=jnp.zeros((1, 2)),
        activation=jnp.ones((1, 2)),
    )
    assert float(bounded[0]) == -1.0


def test_termination_by_hand():
    errors = {
        "site_position_m": jnp.array([0.1, 0.31, 0.1, 0.1]),
        "root_position_m": jnp.array([0.1, 0.1, 0.51, 0.1]),
    }
    healthy = jnp.array([True, True, True, False])
    assert lost(TerminationConfig(0.3, 0.5), errors, healthy).tolist() == [False, True, True, True]


def test_clip_end_truncates_and_restarts_with_final_obs(arms, clips):
    env = make_env(arms, clips[:1], num_envs=2)
    env.reset_to(np.array([0, 0]), np.array([57, 10]))
    first = env.step(jnp.zeros((2, 64)))
    assert first.truncated.tolist() == [False, False]
    second = env.step(jnp.zeros((2, 64)))
    assert second.truncated.tolist() == [True, False]
    assert not second.terminated.any()
    assert not np.array_equal(second.obs[0], second.final_obs[0])
    assert np.array_equal(second.obs[1], second.final_obs[1])
    assert env.frame[1] == 12
    start = env.task.bank.qpos[env.frame[0]]
    assert env.output.qpos[0] == pytest.approx(np.asarray(start), abs=1e-6)


def test_horizon_truncates(arms, clips):
    env = make_env(arms, clips, num_envs=2, config=EnvConfig(horizon=2))
    env.reset_to(np.array([0, 1]), np.array([0, 0]))
    assert not env.step(jnp.zeros((2, 64))).truncated.any()
    assert env.step(jnp.zeros((2, 64))).truncated.all()


@pytest.mark.parametrize("noise", [{}, {"muscle_length": 0.1, "joint_velocity": 0.2}])
def test_observing_the_restarted_alone_gives_the_same_bits(arms, clips, noise):
    config = EnvConfig(sensor_noise=SensorNoise(**noise), auto_reset=False)
    env = make_env(arms, clips, num_envs=32, config=config, seed=3)
    before = env.reset().obs
    for action in random_actions(env, 7):
        last = env.step(action)
    state, episode = env._state(), env.episode
    everywhere = np.asarray(jax.jit(Task.observe)(env.task, state, episode))
    assert (everywhere == np.asarray(last.obs)).all()
    for worlds in ([5], [0, 9, 31], [2, 3, 4, 30]):
        mask = np.zeros(32, bool)
        mask[worlds] = True
        again = jax.jit(Task.observe_again, static_argnames="most")(
            env.task, before, state, episode, mask, most=4
        )
        assert (np.asarray(again)[mask] == everywhere[mask]).all()
        assert (np.asarray(again)[~mask] == np.asarray(before)[~mask]).all()


@pytest.mark.parametrize("starts", [[0, 99, 99, 99], [0, 0, 0, 99], [99] * 4])
def test_few_or_all_restart_and_are_observed_where_they_now_are(arms, clips, starts):
    env = make_env(arms, clips, num_envs=len(starts), seed=1)
    env.reset_to(np.ones(len(starts), int), np.array(starts) - (np.array(starts) > 0))
    step = env.step(jnp.zeros((len(starts), 64)))
    done = np.array(starts) > 0
    assert (np.asarray(step.truncated) == done).all()
    now = np.asarray(jax.jit(Task.observe)(env.task, env._state(), env.episode))
    assert (np.asarray(step.obs) == now).all()
    assert (np.asarray(step.final_obs) != now)[done].any(axis=1).all()


def test_losing_the_reference_terminates(arms, clips):
    tight = EnvConfig(termination=TerminationConfig(relative_site_m=1e-4))
    env = make_env(arms, clips, num_envs=2, config=tight)
    env.reset()
    step = env.step(jnp.ones((2, 64)))
    assert step.terminated.all()
    assert not step.truncated.any()


def test_evaluation_does_not_restart(arms, clips):
    env = make_env(arms, clips, num_envs=1, config=EnvConfig(horizon=1).for_evaluation(horizon=1))
    env.reset_to(np.array([1]), np.array([5]))
    step = env.step(jnp.zeros((1, 64)))
    assert step.truncated.all()
    assert env.frame.tolist() == [6]


def test_diverged_world_is_terminated_and_poisons_nothing(arms, clips):
    env = make_env(arms, clips, num_envs=3)
    env.reset()
    state = env.simulator.get_state()
    broken = {**state, "rows": state["rows"].copy()}
    broken["rows"][1, 5] = np.nan
    env.simulator.set_state(broken)
    step = env.step(jnp.zeros((3, 64)))
    assert step.unhealthy.tolist() == [False, True, False]
    assert step.terminated.tolist()[1]
    assert float(step.reward[1]) == 0.0
    for value in (step.obs, step.final_obs, step.reward, *step.terms.values()):
        assert np.isfinite(np.asarray(value)).all()
    again = env.step(jnp.zeros((3, 64)))
    assert not again.unhealthy.any()


def test_a_world_that_diverges_in_an_evaluation_is_logged_once(arms, clips, caplog):
    env = make_env(arms, clips, num_envs=3, config=EnvConfig().for_evaluation(horizon=None))
    env.reset_to(np.zeros(3, int), np.zeros(3, int))
    env.step(jnp.zeros((3, 64)))
    assert not caplog.records
    state = env.simulator.get_state()
    state["rows"][1, 5] = np.nan
    env.simulator.set_state(state)
    for _ in range(3):
        env.step(jnp.zeros((3, 64)))
    assert [record.getMessage() for record in caplog.records] == ["1 worlds diverged"]
    assert env.health.diverged.tolist() == [0, 1, 0]


def test_same_seed_same_bits_and_restore(arms, clips):
    def run(env, actions):
        return [env.step(a) for a in actions]

    first, second = (make_env(arms, clips, num_envs=4, seed=3) for _ in range(2))
    actions = random_actions(first, 90)
    a, b = run(first, actions[:45]), run(second, actions[:45])
    assert all(np.array_equal(x.obs, y.obs) for x, y in zip(a, b, strict=True))
    state = first.get_state()
    straight = run(first, actions[45:])
    assert any(bool((s.truncated | s.terminated).any()) for s in straight)
    third = make_env(arms, clips, num_envs=4, seed=99)
    third.set_state(state)
    for x, y in zip(straight, run(third, actions[45:]), strict=True):
        assert np.array_equal(x.obs, y.obs)
        assert np.array_equal(x.reward, y.reward)


def test_place_and_heading_of_the_clip_do_not_matter_on_the_full_body():
    """The whole scene moved and turned about the vertical: no number of the observation sees it."""
    model = get_musculo_model("MyoFullBody", fingers=False)
    here = standing_clip(model)
    turn = Rotation.from_rotvec([0, 0, 2.0])
    moved = here.qpos.copy()
    moved[:, :3] = turn.apply(moved[:, :3]) + np.array([3.0, -7.0, 0.0])
    upright = Rotation.from_quat(here.qpos[:, 3:7], scalar_first=True)
    moved[:, 3:7] = (turn * upright).as_quat(scalar_first=True)
    there = clip_from_qpos(model, moved)
    views, rewards = [], []
    for clip in (here, there):
        env = make_env(model, [clip], num_envs=1)
        env.reset_to(np.array([0]), np.array([5]))
        assert env.output.qpos[0, :2] == pytest.approx([0, 0], abs=1e-6)
        step = env.step(jnp.zeros((1, 354)))
        views.append(np.asarray(step.obs))
        rewards.append(float(step.reward[0]))
    assert views[0] == pytest.approx(views[1], abs=2e-3)
    assert rewards[0] == pytest.approx(rewards[1], abs=1e-4)


def test_starts_are_uniform_over_clips_and_frames(arms, clips):
    """60 and 100 frames: either clip half of the times, any frame but the last."""
    env = make_env(arms, clips, num_envs=600, seed=2)
    clip, frame = env.clip_index, env.frame
    # Three standard deviations of a share of 600 draws.
    assert clip.mean() == pytest.approx(0.5, abs=3 * 0.5 / np.sqrt(600))
    for index, length in ((0, 60), (1, 100)):
        frames = frame[clip == index]
        assert frames.min() >= 0
        assert frames.max() <= length - 2
        deviation = 3 * length / np.sqrt(12 * len(frames))
        assert frames.mean() == pytest.approx((length - 2) / 2, abs=deviation)


@pytest.mark.parametrize(("action", "expected"), [(-1.0, 0.0), (0.0, 0.5), (1.0, 1.0)])
def test_affine_action_map(arms, clips, action, expected):
    env = make_env(arms, clips, num_envs=1, config=EnvConfig(action_map="affine"))
    env.step(jnp.full((1, 64), action))
    assert env.excitation == pytest.approx(np.full((1, 64), expected))
    assert env.spec.action_map == "affine"


def test_refusals(arms, clips):
    full = get_musculo_model("MyoFullBody", fingers=False)
    with pytest.raises(InputError, match=r"BimanualMuscle.*expected MyoFullBody"):
        make_env(full, clips, num_envs=1)
    with pytest.raises(InputError, match="clips: found none"):
        make_env(arms, [], num_envs=1)
    with pytest.raises(InputError, match="backend: found 'cuda'"):
        make_env(arms, clips, num_envs=1, backend="cuda")
    with pytest.raises(InputError, match=r"dt: found 0.02 s, expected the control step, 0.01 s"):
        make_env(arms, [dataclasses.replace(clips[0], dt=0.02)], num_envs=1)
    with pytest.raises(InputError, match="action_map: found tanh"):
        EnvConfig(action_map="tanh")
    env = make_env(arms, clips, num_envs=1)
    with pytest.raises(InputError, match="frame"):
        env.reset_to(np.array([0]), np.array([59]))


def test_another_environment_of_equal_shape_compiles_nothing(arms, clips, caplog):
    """Clips are arguments of the programs, not constants in them."""

    def compiled(env):
        caplog.clear()
        with jax.log_compiles(), caplog.at_level("WARNING", logger="jax"):
            env.reset_to(np.zeros(3, int), np.zeros(3, int))
            env.step(jnp.full((3, 64), 0.1))
        return [r.getMessage() for r in caplog.records if "Compiling" in r.getMessage()]

    config = EnvConfig(auto_reset=False)
    first = make_env(arms, clips, num_envs=3, config=config)
    assert any("_judge" in message for message in compiled(first))
    other = dataclasses.replace(clips[0], site_pos=clips[0].site_pos + 0.1)
    assert compiled(make_env(arms, [other, *clips[1:]], num_envs=3, config=config)) == []
