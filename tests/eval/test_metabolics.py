"""Every term of the metabolic model against numbers worked by hand."""

import dataclasses

import numpy as np
import pytest
from musclemimic_eval.inverse.metabolics import (
    BASAL,
    FIBRE_SHARE,
    metabolic_power,
    muscle_mass,
    slow_fibres,
)
from musclemimic_models import InputError, MuscleTable


@pytest.fixture
def muscle():
    """1000 N, 0.1 m, operating from 0.5 to 1.5 optimal lengths over 0.2 to 0.3 m."""
    return MuscleTable(
        names=("m",),
        max_isometric_force=np.array([1000.0]),
        length_range=np.array([[0.2, 0.3]]),
        optimal_length=np.array([0.1]),
        max_velocity=np.array([1.0]),
        activation_time=np.array([0.01]),
        deactivation_time=np.array([0.04]),
        normalised_range=np.array([[0.5, 1.5]]),
        active_bounds=np.array([[0.5, 1.6]]),
        passive_force=np.array([1.3]),
        eccentric_force=np.array([1.2]),
        side=("right",),
        group=("knee",),
        source=("made up",),
    )


MASS = 1000 / 0.25e6 * (FIBRE_SHARE * 0.1) * 1059.7  # 0.1967 kg


def power(muscle, **state):
    values = {"excitation": 0.5, "activation": 0.5, "length": 0.25, "velocity": 0.0}
    values |= {"active_force": 0.0} | state
    arrays = {name: np.array([[value]]) for name, value in values.items()}
    return metabolic_power(muscle, **arrays, body_mass=80.0)


def test_mass(muscle):
    assert muscle_mass(muscle)[0] == pytest.approx(MASS, rel=1e-12)
    assert pytest.approx(0.19668, abs=1e-5) == MASS


def test_activation_heat(muscle):
    # Half slow: 0.5 sin(45°) = 0.35355; half fast: 0.5 (1 − cos 45°) = 0.14645.
    # 40 · 0.35355 + 133 · 0.14645 = 33.620 W/kg.
    assert power(muscle).activation[0, 0] == pytest.approx(33.620 * MASS, rel=1e-4)
    assert power(muscle, excitation=0.0).activation[0, 0] == 0


@pytest.mark.parametrize(
    ("length", "factor"), [(0.25, 1.0), (0.20, 0.5), (0.225, 0.75), (0.275, 0.5), (0.30, 0.0)]
)
def test_maintenance_heat_depends_on_length(muscle, length, factor):
    # 74 · 0.35355 + 111 · 0.14645 = 42.419 W/kg at optimal length (0.25 m).
    heat = power(muscle, length=length).maintenance[0, 0]
    assert heat == pytest.approx(42.419 * MASS * factor, rel=1e-4, abs=1e-12)


def test_shortening_heat_and_work(muscle):
    # Isometric at a = 0.5 and optimal length: 500 N. α = 0.16 · 500 + 0.18 · 300 = 134 N.
    result = power(muscle, velocity=-0.2, active_force=300.0)
    assert result.shortening[0, 0] == pytest.approx(134 * 0.2)
    assert result.work[0, 0] == pytest.approx(300 * 0.2)


def test_lengthening_takes_heat_up_but_never_gives_energy_back(muscle):
    # −0.157 · 300 · 0.01 = −0.471 W of heat and −3 W of work; heats are 76.04 · MASS = 14.96 W.
    slow = power(muscle, velocity=0.01, active_force=300.0)
    assert slow.shortening[0, 0] == pytest.approx(-0.471)
    assert slow.work[0, 0] == pytest.approx(-3.0)
    assert slow.per_muscle[0, 0] == pytest.approx(76.039 * MASS - 3.471, rel=1e-4)
    fast = power(muscle, velocity=0.5, active_force=300.0)
    assert fast.work[0, 0] == pytest.approx(-150)
    assert fast.per_muscle[0, 0] == pytest.approx(0, abs=1e-9)


def test_total_adds_the_body_at_rest(muscle):
    rest = power(muscle, excitation=0.0, activation=0.0)
    assert rest.total[0] == pytest.approx(BASAL * 80)
    assert rest.mean_per_kg == pytest.approx(BASAL)
    assert power(muscle).total[0] == pytest.approx(BASAL * 80 + 76.039 * MASS, rel=1e-4)


def test_fibres_can_be_given(muscle):
    two = dataclasses.replace(muscle, names=("m", "n"))
    np.testing.assert_allclose(slow_fibres(two, {"n": 0.8}, otherwise=0.4), [0.4, 0.8])
    with pytest.raises(InputError, match="soleus"):
        slow_fibres(muscle, {"soleus": 0.8})
    with pytest.raises(InputError, match="0 to 1"):
        slow_fibres(muscle, {"m": 80.0})


def test_the_full_body_has_a_mans_muscle(body):
    share = muscle_mass(body.muscles).sum() / body.mj_model.body_subtreemass[0]
    assert share == pytest.approx(0.384, abs=0.002)
