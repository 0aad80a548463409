"""The muscles of a policy, on an episode whose least effort is known."""

import numpy as np
import pytest
from motions import arm_wave
from musclemimic_eval.inverse import StaticConfig, static_optimization
from musclemimic_eval.inverse.rollouts import (
    rollout_ground,
    rollout_muscles,
    rollout_sections,
)


@pytest.fixture(scope="module")
def frugal(arms, replay):
    """An episode that repeats a clip with the least activations, by static optimisation."""
    clip = arm_wave(arms, 1.0)
    least = static_optimization(
        arms, clip, None, config=StaticConfig(contact=False, cutoff_hz=15.0)
    )
    return replay(
        clip,
        activation=least.activation[1:],
        excitation=least.activation[1:],
        muscle_force=least.force[1:],
        muscle_length=least.length[1:],
    ), least


def test_the_least_effort_is_its_own_least(arms, frugal):
    rollout, least = frugal
    found = rollout_muscles(rollout, arms)
    assert found.least_effort == pytest.approx(found.effort, rel=0.02)
    ours = found.metabolic.per_muscle.sum(axis=1)[5:-5]
    theirs = least.metabolic.per_muscle[1:].sum(axis=1)[5:-5]
    np.testing.assert_allclose(ours, theirs, rtol=0.05)
    assert found.contact is None


def test_co_contraction_is_effort(arms, frugal, replay):
    rollout, _ = frugal
    more = np.clip(rollout.activation + 0.2, 0, 1)
    busy = replay(
        arm_wave(arms, 1.0),
        activation=more,
        excitation=more,
        muscle_force=rollout.muscle_force - 50.0,
        muscle_length=rollout.muscle_length,
    )
    found = rollout_muscles(busy, arms)
    assert found.effort == pytest.approx((more**2).sum(axis=1).mean())
    assert found.effort > 3 * found.least_effort
    (section,) = rollout_sections(busy, arms)
    assert section.anchor == "effort"
    assert section.grids[0].rows[0][1] == f"{found.effort:.3g}"


def test_a_short_episode_is_left_out(arms, replay):
    assert rollout_sections(replay(arm_wave(arms, 1.0), start=90), arms) == []


def test_ground_without_contact_has_no_force(body, body_clip, replay):
    force = np.zeros((59, 2, 3))
    force[:, 1] = (10.0, 0.0, 700.0)
    centre = np.full((59, 2, 3), np.nan)
    centre[:, 1] = (0.2, -0.1, 0.0)
    ground = rollout_ground(replay(body_clip, ground_reaction=force, centre_of_pressure=centre))
    assert not ground.loaded[:, 0].any()
    np.testing.assert_allclose(ground.force[:, 1], force[:, 1], rtol=1e-6)
    np.testing.assert_allclose(ground.centre_of_pressure[:, 1], centre[:, 1], atol=1e-9)
