"""Randomised bodies: what is drawn, and what it does to the model."""

import jax
import mujoco
import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_sim.randomisation import (
    RandomisationConfig,
    Spread,
    draw_factors,
    model_values,
)

WORLDS = 200
EVERYTHING = RandomisationConfig(
    strength=Spread(0.5, 1.5),
    mass=Spread(0.9, 1.1),
    friction=Spread(0.4, 1.0, shared=True),
    damping=Spread(0.5, 3.0),
    gravity=Spread(0.0, 1.2),
)


@pytest.fixture(scope="module")
def pendulum():
    return mujoco.MjModel.from_xml_string(
        """
        <mujoco>
          <worldbody>
            <geom name="floor" type="plane" size="1 1 1" friction="0.8 0.1 0.01"/>
            <body pos="0 0 2"><joint name="a" damping="0.2"/><geom size="0.1"/>
              <body pos="0 0 -1"><joint name="b" damping="0.4"/><geom size="0.2"/></body>
            </body>
          </worldbody>
          <actuator>
            <muscle joint="a" force="100" lengthrange="-1 1"/>
            <muscle joint="b" force="200" lengthrange="-1 1"/>
          </actuator>
        </mujoco>"""
    )


def draw(config, model, seed=0):
    return draw_factors(config, model, jax.random.PRNGKey(seed), worlds=WORLDS)


def test_factors_fill_their_bounds_part_by_part_or_shared(pendulum):
    factors = draw(EVERYTHING, pendulum)
    parts = {"strength": 2, "mass": 3, "friction": 1, "damping": 2, "gravity": 1}
    for name, count in parts.items():
        spread = EVERYTHING.spread(name)
        values = np.asarray(factors[name])
        assert values.shape == (WORLDS, count)
        assert spread.low <= values.min() < spread.low + 0.1 * (spread.high - spread.low)
        assert spread.high >= values.max() > spread.high - 0.1 * (spread.high - spread.low)
    strength = np.asarray(factors["strength"])
    assert abs(np.corrcoef(strength.T)[0, 1]) < 0.2


def test_same_seed_same_factors_whatever_else_is_drawn(pendulum):
    alone = RandomisationConfig(damping=EVERYTHING.damping)
    one, two = draw(EVERYTHING, pendulum), draw(alone, pendulum)
    assert list(two) == ["damping"]
    np.testing.assert_array_equal(one["damping"], two["damping"])
    assert not np.array_equal(draw(alone, pendulum, seed=1)["damping"], two["damping"])
    assert draw(RandomisationConfig(), pendulum) == {}


def test_factors_multiply_the_models_own_values(pendulum):
    m, factors = pendulum, draw(EVERYTHING, pendulum)
    values = {name: np.asarray(value) for name, value in model_values(m, factors).items()}
    f = {name: np.asarray(value) for name, value in factors.items()}
    for name in ("actuator_gainprm", "actuator_biasprm"):
        np.testing.assert_allclose(values[name][:, :, 2], [100, 200] * f["strength"], rtol=1e-6)
        others = [0, 1, 3, 4, 5, 6, 7, 8, 9]
        expected = np.tile(getattr(m, name)[:, others], (WORLDS, 1, 1))
        np.testing.assert_allclose(values[name][..., others], expected, rtol=1e-6)
    np.testing.assert_allclose(values["body_mass"], m.body_mass * f["mass"], rtol=1e-6)
    inertia = m.body_inertia * f["mass"][..., None]
    np.testing.assert_allclose(values["body_inertia"], inertia, rtol=1e-6)
    floor = 0.8 * f["friction"][:, 0]
    np.testing.assert_allclose(values["geom_friction"][:, 0, 0], floor, rtol=1e-6)
    np.testing.assert_allclose(values["geom_friction"][:, 0, 1:], [[0.1, 0.01]] * WORLDS, rtol=1e-6)
    np.testing.assert_allclose(values["dof_damping"], [0.2, 0.4] * f["damping"], rtol=1e-6)
    gravity = [0, 0, -9.81] * f["gravity"]
    np.testing.assert_allclose(values["opt.gravity"], gravity, rtol=1e-6)


def test_impossible_bodies_are_refused():
    with pytest.raises(InputError, match=r"found 1.5 to 0.5, expected 0 <= low <= high"):
        Spread(1.5, 0.5)
    with pytest.raises(InputError, match=r"found -1 to 1"):
        Spread(-1.0, 1.0)
    with pytest.raises(InputError, match=r"mass.low: found 0"):
        RandomisationConfig(mass=Spread(0.0, 1.0))
