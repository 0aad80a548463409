"""The Gaussian against scipy."""

import jax
import jax.numpy as jnp
import numpy as np
from musclemimic_rl.distribution import Gaussian
from scipy import stats

MEAN = np.array([[0.1, -0.4, 2.0], [1.0, 0.0, -1.0]])
STD = np.array([0.3, 1.0, 2.5])
GAUSSIAN = Gaussian(jnp.asarray(MEAN, jnp.float32), jnp.log(jnp.asarray(STD, jnp.float32)))


def test_log_prob_and_entropy():
    action = np.array([[0.0, 0.5, 1.0], [1.5, -0.5, 3.0]])
    expected = stats.norm(MEAN, STD).logpdf(action).sum(axis=1)
    np.testing.assert_allclose(
        GAUSSIAN.log_prob(jnp.asarray(action, jnp.float32)), expected, rtol=1e-5
    )
    np.testing.assert_allclose(GAUSSIAN.entropy(), stats.norm(0, STD).entropy().sum(), rtol=1e-5)


def test_samples_have_the_stated_mean_and_spread():
    many = Gaussian(jnp.tile(GAUSSIAN.mean[:1], (20_000, 1)), GAUSSIAN.log_std)
    samples = np.asarray(many.sample(jax.random.key(0)))
    # Five standard errors of 20,000 samples.
    np.testing.assert_allclose(samples.mean(axis=0), MEAN[0], atol=5 * STD.max() / 141)
    np.testing.assert_allclose(samples.std(axis=0), STD, rtol=5 / 200)
