"""Distillation: loss and schedule by hand; students of a joint-target policy on two arms."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_rl import (
    DistilConfig,
    NetworkConfig,
    OptimConfig,
    PolicyBundle,
    PPOConfig,
    TrainConfig,
    distil_config,
    resume,
    train,
)
from musclemimic_rl.arrays import to_arrays
from musclemimic_rl.distil import advice_loss, teacher_share
from musclemimic_rl.guided import GuidedEnv
from musclemimic_rl.networks import Actor
from musclemimic_rl.normalise import empty_moments
from musclemimic_rl.validation import validator
from musclemimic_sim import (
    ActionDelay,
    EnvConfig,
    EnvSpec,
    InputError,
    ObsField,
    jsonable,
    make_env,
)
from toys import PointMass

ENVS, STEPS, HORIZON = 16, 16, 20
JOINTS = EnvConfig(action_map="coordinated", horizon=HORIZON)
MUSCLES = dataclasses.replace(JOINTS, action_map="clip")


def test_the_loss_is_one_sided_where_a_muscle_is_off_or_on():
    mean = jnp.array([[-0.5, 0.5, 1.5, 0.25]])
    # off and below: 0; off and above: 0.5²; on and above: 0; between: 0.25².
    advice = jnp.array([[0.0, 0.0, 1.0, 0.5]])
    expected = (0.25 + 0.0625) / 4
    assert advice_loss(mean, advice, least=0.0) == pytest.approx(expected)
    # With actions from −1, excitation ½ is action 0: below it is wrong again.
    assert advice_loss(mean, advice, least=-1.0) == pytest.approx((0.25 + expected * 4) / 4)


@pytest.mark.parametrize(
    ("progress", "until", "share"),
    [(0.0, 0.5, 1.0), (0.25, 0.5, 0.5), (0.5, 0.5, 0.0), (1.0, 0.5, 0.0), (0.0, 0.0, 0.0)],
)
def test_the_teacher_hands_over(progress, until, share):
    assert teacher_share(progress, until) == pytest.approx(share)


def policy_for(spec: EnvSpec, **provenance) -> PolicyBundle:
    """A policy as networks begin: hardly any action."""
    network = NetworkConfig(hidden=(16,))
    key = jax.random.key(0)
    actor = Actor(network, obs_size=spec.obs_size, action_size=spec.action_size, key=key)
    return PolicyBundle(actor, empty_moments((spec.obs_size,)), network, spec, provenance)


@pytest.fixture(scope="module")
def arms():
    model = get_musculo_model("BimanualMuscle", fingers=False)
    return model, arm_wave(model)


@pytest.fixture(scope="module")
def env(arms):
    model, clip = arms
    env = make_env(model, [clip], num_envs=ENVS, config=JOINTS)
    yield env
    env.close()


@pytest.mark.slow
def test_advice_that_is_followed_is_the_teacher_itself(arms, env):
    model, clip = arms
    teacher, start = policy_for(env.spec), env.get_state()
    obs = env.set_state(start).obs
    alone = []
    for _ in range(30):
        obs = env.step(teacher.act(obs)).obs
        alone.append(env.output.qpos)
    guided = GuidedEnv(env, teacher, "clip")
    guided.set_state({**start, "previous_action": np.zeros((ENVS, 64), np.float32)})
    # The environment that a student will really act in, given the same excitations.
    real = make_env(model, [clip], num_envs=ENVS, config=MUSCLES)
    assert guided.spec == real.spec
    # Same starts: episodes hold the last action, of another size in each environment.
    real.reset_to(env.clip_index, env.frame)
    for step in range(30):
        action = guided.target
        seen = guided.step(action)
        np.testing.assert_array_equal(env.output.qpos, alone[step])
        if step < HORIZON:  # then both begin again, elsewhere
            there = real.step(action)
            np.testing.assert_allclose(seen.final_obs, there.final_obs, atol=2e-3)
    real.close()


@pytest.mark.slow
def test_a_student_learns_and_a_resumed_one_equals_a_straight_one(arms, env, tmp_path):
    model, clip = arms
    file = tmp_path / "teacher.npz"
    policy_for(env.spec, config=jsonable(dataclasses.asdict(TrainConfig(env=JOINTS)))).save(file)
    config = dataclasses.replace(
        distil_config(file),
        out=tmp_path / "straight",
        num_envs=ENVS,
        total_steps=ENVS * STEPS * 40,
        network=NetworkConfig(hidden=(64,)),
        ppo=PPOConfig(num_steps=STEPS, minibatch_size=64, optim=OptimConfig(learning_rate=3e-3)),
    )
    assert config.env == MUSCLES
    assert config.distil == DistilConfig(teacher=file)
    held = make_env(model, [clip], num_envs=8, config=MUSCLES.for_evaluation(horizon=80))
    judge, begin = validator(held, horizon=80), env.get_state()
    straight = train(config, env, show_progress=False)
    untrained = judge(policy_for(straight.policy.spec))
    learnt = judge(straight.policy)
    name = "validation/error/site_position_m"
    assert learnt[name] < 0.7 * untrained[name]
    held.close()

    # The schedules go by the share of the budget; without them, a longer run begins as a short one.
    config = dataclasses.replace(config, distil=DistilConfig(teacher=file, teacher_until=0.0))
    env.set_state(begin)
    half = dataclasses.replace(config, out=tmp_path / "half", total_steps=ENVS * STEPS * 3)
    train(half, env, show_progress=False)
    resumed = resume(half.out, env, total_steps=ENVS * STEPS * 4, show_progress=False)
    env.set_state(begin)
    whole = dataclasses.replace(config, out=tmp_path / "whole", total_steps=ENVS * STEPS * 4)
    again = train(whole, env, show_progress=False)
    for name, value in to_arrays(again.policy.actor).items():
        np.testing.assert_array_equal(to_arrays(resumed.policy.actor)[name], value, err_msg=name)
    follower = dataclasses.replace(
        config, out=tmp_path / "ppo", source=again.run_dir, distil=DistilConfig(), env=MUSCLES
    )
    real = make_env(model, [clip], num_envs=ENVS, config=MUSCLES)
    with pytest.raises(InputError, match="whose critic has learnt nothing"):
        train(follower, real, show_progress=False)
    real.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"env": EnvConfig(action_map="coordinated")}, "env.action_map: found coordinated"),
        ({"env": EnvConfig(action_delay=ActionDelay(most=2))}, "env.action_delay"),
        ({}, "environment: found PointMass, expected an ImitationEnv"),
    ],
)
def test_what_no_student_can_learn_in_is_refused(tmp_path, changes, message):
    toy = PointMass(128)
    file = tmp_path / "teacher.npz"
    policy_for(toy.spec).save(file)
    config = TrainConfig(
        out=tmp_path / "run", total_steps=1, distil=DistilConfig(teacher=file), **changes
    )
    with pytest.raises(InputError, match=message):
        train(config, toy, show_progress=False)


class Deaf(PointMass):
    """Says that another action would change more of the observation than the previous action."""

    def spec_for(self, action_map: str) -> EnvSpec:
        fields = (ObsField("state", 2, "1"), ObsField("previous_action", 3, "1"))
        return dataclasses.replace(self.spec, obs_fields=fields, action_map=action_map)

    def excite(self, action):
        return action


def test_other_differences_of_the_observation_are_refused():
    env = Deaf(4)
    with pytest.raises(
        InputError, match=r"observation: found .'state'., expected .'state', 'previous_action'"
    ):
        GuidedEnv(env, policy_for(env.spec), "clip")
