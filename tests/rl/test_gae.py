"""Advantages worked by hand, with γ = 0.5 so that every number is exact."""

import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_rl.gae import gae, successor_values

GAMMA = 0.5


def advantages(rewards, values, last, *, lam, terminated=(), truncated=(), final=None):
    """One environment; `terminated` and `truncated` list steps."""
    column = lambda x: jnp.asarray(x, jnp.float32)[:, None]  # noqa: E731
    steps = range(len(rewards))
    ended = jnp.asarray([[t in terminated] for t in steps])
    cut = jnp.asarray([[t in truncated] for t in steps])
    final_values = column([0.0 if final is None else final] * len(rewards))
    following = successor_values(
        column(values), jnp.asarray([last], jnp.float32), final_values, cut
    )
    result = gae(column(rewards), column(values), following, ended, cut, gamma=GAMMA, lam=lam)
    np.testing.assert_allclose(result.returns[:, 0], result.advantages[:, 0] + np.array(values))
    return np.asarray(result.advantages[:, 0]).tolist()


def test_an_episode_that_goes_on():
    # δ0 = 1 + 0.5·4 − 2 = 1, δ1 = 1 + 0.5·8 − 4 = 1; A1 = 1, A0 = 1 + 0.25·1
    assert advantages([1, 1], [2, 4], 8, lam=0.5) == [1.25, 1.0]


def test_failure_is_worth_nothing_afterwards():
    # δ1 = 1 − 4 = −3, whatever follows; A0 = 1 + 0.25·(−3)
    assert advantages([1, 1], [2, 4], 8, lam=0.5, terminated=[1]) == [0.25, -3.0]


def test_truncation_bootstraps_from_the_final_observation_not_from_the_reset():
    # δ1 = 1 + 0.5·6 − 4 = 0 with V(final) = 6; the next episode's V = 8 must not show
    assert advantages([1, 1], [2, 4], 8, lam=0.5, truncated=[1], final=6) == [1.0, 0.0]


@pytest.mark.parametrize("how", ["terminated", "truncated"])
def test_a_reset_within_the_rollout_separates_the_episodes(how):
    # Episode 1 is steps 0 and 1 (V = 2, 4), episode 2 is step 2 (V = 6): δ2 = 1 + 0.5·8 − 6 = −1.
    # Failed: δ1 = 1 − 4 = −3. Cut off with V(final) = 10: δ1 = 1 + 5 − 4 = 2. δ0 = 1 both times.
    delta1 = {"terminated": -3.0, "truncated": 2.0}[how]
    found = advantages([1, 1, 1], [2, 4, 6], 8, lam=0.5, final=10, **{how: [1]})
    assert found == [1.0 + 0.25 * delta1, delta1, -1.0]


def test_failing_wins_over_being_cut_off():
    found = advantages([1, 1], [2, 4], 8, lam=0.5, terminated=[1], truncated=[1], final=6)
    assert found == [0.25, -3.0]


def test_lambda_0_gives_one_step_errors():
    assert advantages([1, 1], [2, 4], 8, lam=0.0) == [1.0, 1.0]


def test_lambda_1_gives_whole_returns():
    # 1 + 0.5·1 + 0.25·8 − 2 = 1.5 and 1 + 0.5·8 − 4 = 1
    assert advantages([1, 1], [2, 4], 8, lam=1.0) == [1.5, 1.0]


def test_a_diverged_final_value_does_not_leak_through_termination():
    found = advantages([1, 1], [2, 4], 8, lam=0.5, terminated=[1], truncated=[1], final=np.nan)
    assert found == [0.25, -3.0]
