"""Validation in an environment whose episodes can be counted by hand."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_rl import ValidationConfig, resume, train
from musclemimic_rl.validation import Validator, validator
from musclemimic_sim import InputError, TimeStep
from toys import PointMass, make_spec

STEPS = 16 * 16


class Script:
    """Three environments whose episodes end at steps 2 (failed), 3 (cut off) and never.

    What the second does after its end (failing at step 4) must not count.
    """

    num_envs, spec = 3, make_spec(1, 1)

    def __init__(self):
        self.t, self.states = 0, 0

    def _step(self, reward, terminated, truncated, error):
        no_obs, array = jnp.zeros((3, 1)), lambda x: jnp.asarray(x, jnp.float32)
        return TimeStep(
            no_obs,
            array(reward),
            jnp.asarray(terminated),
            jnp.asarray(truncated),
            no_obs,
            jnp.zeros(3, bool),
            {"error/site_position_m": array(error)},
        )

    def reset(self):
        return self.set_state({"t": np.zeros(())})

    def step(self, action):
        self.t += 1
        t = self.t
        error = [10.0 * t, t, np.nan if t == 1 else 0.0]
        return self._step([t] * 3, [t == 2, t == 4, False], [False, t == 3, False], error)

    def get_state(self):
        return {"t": np.array(self.t)}

    def set_state(self, state):
        self.t, self.states = int(state["t"]), self.states + 1
        no = [False] * 3
        return self._step([0.0] * 3, no, no, [0.0] * 3)

    def close(self):
        pass


class Nothing:
    def act(self, obs):
        return jnp.zeros((len(obs), 1))


def test_figures_by_hand():
    figures = validator(Script(), horizon=4)(Nothing())
    # Lengths 2, 3 and 4; rewards 1+2, 1+2+3, 1+2+3+4 over 9 steps; errors 10+20, 1+2+3, 0·3
    # over 8 (one is not finite).
    assert figures == {
        "validation/reward": pytest.approx(19 / 9),
        "validation/error/site_position_m": pytest.approx(36 / 8),
        "validation/steps": pytest.approx(3.0),
        "validation/termination_rate": pytest.approx(1 / 3),
    }


def test_it_stops_when_all_episodes_have_ended_and_starts_from_the_same_state():
    env = Script()
    measure = validator(env, horizon=2)
    assert measure(Nothing()) == measure(Nothing())
    assert env.t == 2
    # The starts are kept, whatever happened in between.
    point = PointMass(8)
    measure = Validator(point, point.get_state(), 30)

    class Push(Nothing):
        def act(self, obs):
            return jnp.full((len(obs), 1), 0.1)

    first = measure(Push())
    point.reset()
    assert measure(Push()) == first


def test_a_run_validates_before_it_learns_and_when_due(toy_config):
    config = toy_config(validation=ValidationConfig(every=2, horizon=10))
    calls = []

    def evaluate(policy):
        calls.append(np.asarray(policy.act(np.ones((1, 2), np.float32))).item())
        return {"validation/of_mine": float(len(calls))}

    train(
        config,
        PointMass(16),
        validation_env=PointMass(4, seed=5),
        evaluate=evaluate,
        show_progress=False,
    )
    text = (config.out / "metrics.jsonl").read_text()
    records = {record["update"]: record for record in map(json.loads, text.splitlines())}
    assert sorted(records) == [0, 1, 2, 3, 4]
    for update, record in records.items():
        assert ("validation/termination_rate" in record) == (update % 2 == 0)
    assert [records[k]["validation/of_mine"] for k in (0, 2, 4)] == [1.0, 2.0, 3.0]
    assert "learner/approx_kl_k3" not in records[0]
    assert len(set(calls)) == 3  # each time the policy of that moment
    resume(
        config.out,
        PointMass(16),
        validation_env=PointMass(4, seed=5),
        total_steps=6 * STEPS,
        show_progress=False,
    )
    text = (config.out / "metrics.jsonl").read_text()
    records = [json.loads(line) for line in text.splitlines()]
    assert [r["update"] for r in records if "validation/steps" in r] == [0, 2, 4, 6]


def test_another_layout_is_refused_before_training(toy_config):
    held_out = PointMass(4, spec=make_spec(3, 1))
    with pytest.raises(InputError, match="validation: environment: found obs_fields"):
        train(toy_config(), PointMass(16), validation_env=held_out, show_progress=False)
    assert not (toy_config().out / "config.json").exists()
