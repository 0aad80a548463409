"""Recording episodes: with a scripted environment, and with the real one."""

import dataclasses
import json
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace

import jax.numpy as jnp
import musclemimic_eval
import numpy as np
import pytest
from musclemimic_eval import evaluate
from musclemimic_eval.policy_rollout import spread_starts
from musclemimic_eval.recording import Start, run_episodes
from musclemimic_eval.task import trained_task
from musclemimic_models import InputError
from musclemimic_sim import (
    EnvConfig,
    EnvSpec,
    ObsField,
    RewardConfig,
    SimOutput,
    TimeStep,
    make_env,
)
from scipy.spatial.transform import Rotation

SPEC = EnvSpec((ObsField("x", 2, "m"),), ("a", "b", "c"), "clip", 0.01, "toy", "0" * 64)


@dataclass
class ConstantPolicy:
    spec: EnvSpec
    level: float = 0.1
    provenance: MappingProxyType = field(default_factory=lambda: MappingProxyType({}))
    keys: list = field(default_factory=list)

    def act(self, obs, key=None):
        self.keys.append(key)
        return jnp.full((obs.shape[0], self.spec.action_size), self.level)


class ScriptedEnv:
    """Counts frames; each clip has a length, and one frame of clip 1 terminates or diverges."""

    def __init__(self, *, num_envs, fatal=None, diverges=None):
        self.spec, self.num_envs = SPEC, num_envs
        self.fatal, self.diverges = fatal, diverges
        self.excitation = np.zeros((num_envs, 3), np.float32)
        self.simulator = SimpleNamespace(
            ground_force=lambda: np.zeros((num_envs, 2, 3)),
            ground_pressure_centre=lambda: np.full((num_envs, 2, 3), np.nan),
        )
        self.starts = []
        self.clip = self.frame = np.zeros(num_envs, dtype=int)
        self.origin = np.zeros((num_envs, 3), np.float32)
        self._step(np.zeros(num_envs, bool))

    def reset_to(self, clip_index, frame):
        self.starts.append((clip_index.tolist(), frame.tolist()))
        self.clip, self.frame = clip_index.copy(), frame.copy()
        self.origin = np.stack([frame, frame, 0 * frame], axis=1).astype(np.float32)
        return self._step(np.zeros(self.num_envs, bool))

    def step(self, action):
        self.frame = self.frame + 1
        self.excitation = np.asarray(action)
        return self._step((self.clip == 1) & (self.frame == self.fatal))

    def _step(self, terminated):
        n = self.num_envs
        bad = (self.clip == 1) & (self.frame == self.diverges)
        rows = np.full((n, 5), self.frame[:, None], np.float32)
        rows[bad] = np.nan
        self.output = SimOutput(
            time=rows[:, 0],
            qpos=rows,
            qvel=rows,
            act=rows[:, :3],
            actuator_length=rows[:, :3],
            actuator_velocity=rows[:, :3],
            actuator_force=rows[:, :3],
            site_pos=np.zeros((n, 2, 3), np.float32),
            site_mat=np.tile(np.eye(3, dtype=np.float32), (n, 2, 1, 1)),
            site_linvel=np.zeros((n, 2, 3), np.float32),
            site_angvel=np.zeros((n, 2, 3), np.float32),
            com=np.zeros((n, 3), np.float32),
            touch=np.zeros((n, 0), np.float32),
        )
        obs = jnp.zeros((n, 2))
        return TimeStep(
            obs=obs,
            reward=jnp.array(self.frame, dtype=jnp.float32),
            terminated=jnp.array(terminated | bad),
            truncated=jnp.array((self.frame >= 9) & ~(terminated | bad)),
            final_obs=obs,
            unhealthy=jnp.array(bad),
            terms={},
        )


STARTS = [Start(0, "a", 0, 9), Start(0, "a", 5, 4), Start(1, "b", 2, 7)]


def record(env, starts=STARTS, **options):
    return in_order(ConstantPolicy(SPEC), env, starts, **options)


def in_order(policy, env, starts=STARTS, *, site_names=("p", "q"), **options):
    recorded = dict(run_episodes(policy, env, starts, site_names=site_names, **options))
    return [recorded[index] for index in range(len(starts))]


def test_episodes_end_at_the_clips_end_or_at_termination():
    rollouts = record(ScriptedEnv(num_envs=3, fatal=6))
    assert [len(rollout) for rollout in rollouts] == [9, 4, 4]
    assert [rollout.terminated for rollout in rollouts] == [False, False, True]
    np.testing.assert_array_equal(rollouts[1].reference_frame, [6, 7, 8, 9])
    np.testing.assert_allclose(rollouts[1].time, [0.01, 0.02, 0.03, 0.04])
    np.testing.assert_allclose(rollouts[1].reward, [6, 7, 8, 9])
    np.testing.assert_allclose(rollouts[1].reference_offset, [-5, -5, 0])
    np.testing.assert_allclose(rollouts[1].excitation, 0.1, atol=1e-6)
    assert rollouts[2].reference_clip == "b"
    assert rollouts[2].model_sha256 == SPEC.model_sha256


def test_a_diverged_sample_is_not_recorded():
    rollout = record(ScriptedEnv(num_envs=3, diverges=6))[2]
    assert rollout.terminated
    np.testing.assert_array_equal(rollout.reference_frame, [3, 4, 5])


def test_an_episode_may_diverge_at_once():
    rollout = record(ScriptedEnv(num_envs=3, diverges=3))[2]
    assert rollout.terminated
    assert len(rollout) == 0


def test_more_episodes_than_environments_run_in_batches():
    env, seen = ScriptedEnv(num_envs=2, fatal=6), []
    rollouts = record(env, on_progress=lambda done, total: seen.append((done, total)))
    assert [len(rollout) for rollout in rollouts] == [9, 4, 4]
    # Longest first, so that episodes of one batch end together; the odd one repeats itself.
    assert env.starts == [([0, 1], [0, 2]), ([0, 0], [5, 5])]
    assert seen[-1] == (3, 3)
    assert sorted(seen) == seen


def test_sampling_uses_fresh_keys_and_the_mean_uses_none():
    import jax

    policy = ConstantPolicy(SPEC)
    in_order(policy, ScriptedEnv(num_envs=3))
    assert set(policy.keys) == {None}
    policy = ConstantPolicy(SPEC)
    in_order(policy, ScriptedEnv(num_envs=3), key=jax.random.key(0))
    raw = {tuple(np.asarray(jax.random.key_data(key)).tolist()) for key in policy.keys}
    # Nine steps, and the action asked for while the last one was written down.
    assert len(raw) == len(policy.keys) == 10


def test_a_policy_of_another_task_is_refused():
    other = dataclasses.replace(SPEC, control_dt=0.02)
    with pytest.raises(InputError, match=r"control_dt: 0\.02 instead of 0\.01"):
        in_order(ConstantPolicy(other), ScriptedEnv(num_envs=3))


def test_starts_are_spread_from_frame_zero(arms_clip):
    starts = spread_starts({"x": arms_clip, "y": arms_clip}, episodes=4)
    # In parts of 14, 15, 15 and 15 frames, 0, 0.618, 0.236 and 0.854 of them in.
    assert [start.frame for start in starts] == [0, 14 + 9, 29 + 3, 44 + 12] * 2
    assert [start.clip for start in starts] == [0] * 4 + [1] * 4
    assert [start.steps for start in starts[:4]] == [59, 59 - 23, 59 - 32, 59 - 56]
    many = spread_starts({"x": arms_clip}, episodes=1000)
    assert sorted({start.frame for start in many}) == list(range(59))


def test_a_motion_that_repeats_is_met_in_all_its_phases(arms_clip):
    """Eight even parts of 5 frames each: even spacing would start a period of 5 at one phase."""
    starts = spread_starts({"x": arms_clip}, episodes=8, horizon=20)
    assert {start.frame % 5 for start in starts} == set(range(5))


def test_with_a_horizon_every_episode_has_room_for_it(arms_clip):
    starts = spread_starts({"x": arms_clip}, episodes=4, horizon=20)
    # Of 40 starts with 20 steps left.
    assert [start.frame for start in starts] == [0, 10 + 6, 20 + 2, 30 + 8]
    assert {start.steps for start in starts} == {20}
    longer = spread_starts({"x": arms_clip}, episodes=4, horizon=500)
    assert [(start.frame, start.steps) for start in longer] == [(0, 59), (1, 58), (2, 57), (3, 56)]


def test_the_task_is_read_back_from_the_provenance():
    task = EnvConfig(lookahead_stride=7, action_map="affine", reward=RewardConfig.for_arms())
    plain = json.loads(json.dumps(dataclasses.asdict(task)))
    assert trained_task({"config": {"env": plain}}) == task
    assert trained_task({}) == EnvConfig()
    with pytest.raises(InputError, match=r"config\.env\.levity: found an unknown field"):
        trained_task({"config": {"env": plain | {"levity": 0}}})
    older = {name: value for name, value in plain.items() if name != "sensor_noise"}
    assert trained_task({"config": {"env": older}}) == task


@pytest.mark.slow
def test_what_is_written_beside_physics_is_bit_for_bit_what_happened(arms, arms_clip):
    """More steps than the tape puts in order at once, in worlds that end at different times."""
    env = make_env(arms, [arms_clip], num_envs=3, config=EnvConfig().for_evaluation(horizon=None))
    policy = ConstantPolicy(env.spec, level=0.3)
    starts = [Start(0, "a", frame, 59 - frame) for frame in (0, 7, 30)]
    recorded = in_order(policy, env, starts, site_names=tuple(arms.mimic_sites))
    step = env.reset_to(np.zeros(3, int), np.array([0, 7, 30]))
    seen = []
    for _ in range(len(recorded[0])):
        step = env.step(policy.act(step.obs))
        out = env.output
        names = ("qpos", "qvel", "act", "actuator_force", "actuator_length", "site_pos", "site_mat")
        seen.append([np.array(getattr(out, name)) for name in names] + [np.array(step.reward)])
    env.close()
    assert len(recorded[0]) > 35
    for row, rollout in enumerate(recorded):
        happened = [np.stack([x[row] for x in column]) for column in zip(*seen, strict=True)]
        turns = Rotation.from_matrix(happened[6].reshape(-1, 3, 3), assume_valid=True)
        happened[6] = turns.as_quat(scalar_first=True).reshape(-1, happened[6].shape[1], 4)
        written = (
            *(rollout.qpos, rollout.qvel, rollout.activation, rollout.muscle_force),
            *(rollout.muscle_length, rollout.site_pos, rollout.site_quat, rollout.reward),
        )
        for ours, theirs in zip(written, happened, strict=True):
            np.testing.assert_array_equal(ours, theirs[: len(rollout)].astype(float))


@pytest.mark.slow
def test_a_real_evaluation(arms, arms_clip, body):
    probe = make_env(arms, [arms_clip], num_envs=1)
    policy = ConstantPolicy(probe.spec)
    probe.close()
    result = evaluate(policy, {"wave": arms_clip}, model=arms, episodes=3, num_envs=2)
    first = result.rollouts[0]
    assert [rollout.start_frame for rollout in result.rollouts] == [0, 31, 43]
    assert len(first) == 59
    np.testing.assert_allclose(first.excitation, 0.1, atol=1e-6)
    # One control step after starting on the reference, the body is still near it.
    assert np.abs(first.qpos[0] - arms_clip.qpos[1]).max() < 0.05
    assert first.activation[0].max() < 0.1 < first.activation[-1].max() + 0.01
    assert (first.muscle_force <= 0).all()
    assert 0 < result.table.pooled["relative_site_m"].value < 0.3
    with pytest.raises(InputError, match=r"BimanualMuscle.*expected MyoFullBody"):
        evaluate(policy, {"wave": arms_clip}, model=body)
    longer = EnvConfig(lookahead_frames=2)
    with pytest.raises(InputError, match="obs_fields"):
        evaluate(policy, {"wave": arms_clip}, model=arms, config=longer)
    with pytest.raises(InputError, match="episodes: found 0"):
        evaluate(policy, {"wave": arms_clip}, model=arms, episodes=0)


def test_public_names_resolve():
    assert all(getattr(musclemimic_eval, name) is not None for name in dir(musclemimic_eval))
    with pytest.raises(AttributeError, match="nonsense"):
        musclemimic_eval.nonsense  # noqa: B018
