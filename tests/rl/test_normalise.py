"""Running statistics against numpy on all samples at once."""

import jax.numpy as jnp
import numpy as np
from musclemimic_rl.normalise import (
    empty_moments,
    empty_return_scale,
    merge_moments,
    normalise,
    scale_rewards,
)

RNG = np.random.default_rng(0)


def test_merging_batches_equals_the_whole():
    parts = [RNG.normal(3.0, 2.0, (size, 4)) * [1, 10, 0.1, 1] for size in (1, 7, 100, 33)]
    moments = empty_moments((4,))
    for part in parts:
        moments = merge_moments(moments, jnp.asarray(part, jnp.float32))
    whole = np.concatenate(parts)
    assert float(moments.total) == len(whole)
    np.testing.assert_allclose(moments.mean, whole.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments.var, whole.var(axis=0), rtol=1e-4)


def test_normalising_starts_as_the_identity_and_clips_outliers():
    x = jnp.asarray([[-1.0, 0.5, 11.0, -40.0]])
    np.testing.assert_allclose(
        normalise(empty_moments((4,)), x), [[-1.0, 0.5, 10.0, -10.0]], rtol=1e-6
    )


def test_normalised_samples_have_zero_mean_and_unit_variance():
    x = jnp.asarray(RNG.normal(5.0, 3.0, (500, 2)), jnp.float32)
    z = np.asarray(normalise(merge_moments(empty_moments((2,)), x), x))
    np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=0), 1.0, rtol=1e-5)


def test_reward_scale_is_the_spread_of_the_discounted_return():
    rewards, gamma = RNG.normal(size=(6, 2)), 0.9
    ended = np.zeros((6, 2), bool)
    ended[2, 0] = ended[4, 1] = True
    running, sums = np.zeros(2), []
    for reward, end in zip(rewards, ended, strict=True):
        running = gamma * running + reward
        sums.append(running.copy())
        running[end] = 0.0
    # In two halves: what runs on must be carried over.
    scale, found = empty_return_scale(2), []
    for half in (slice(0, 3), slice(3, 6)):
        scale, scaled = scale_rewards(
            scale, jnp.asarray(rewards[half], jnp.float32), jnp.asarray(ended[half]), gamma=gamma
        )
        found.append(np.asarray(scaled))
    np.testing.assert_allclose(scale.running, running, rtol=1e-5)
    np.testing.assert_allclose(found[0], rewards[:3] / np.std(sums[:3]), rtol=1e-4)
    np.testing.assert_allclose(found[1], rewards[3:] / np.std(sums), rtol=1e-4)
