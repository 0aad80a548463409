"""GroundReaction: what it accepts, and what transforming, filtering and resampling keep."""

import numpy as np
import pytest
from musclemimic_eval.kinetics.ground_reaction import (
    GRAVITY,
    LEFT,
    RIGHT,
    GroundReaction,
    ground_reaction,
)
from musclemimic_models import InputError
from scipy.spatial.transform import Rotation

TIME = np.arange(400) / 200.0
# A foot's force in the middle half of the record, moving 20 cm forward under it.
LOAD = 800.0 * np.clip(np.sin(2 * np.pi * (TIME - 0.5) / 2.0), 0, None)


def step(foot: int = LEFT, *, height: float = 0.0) -> GroundReaction:
    force = np.zeros((400, 2, 3))
    force[:, foot] = LOAD[:, None] * np.array([0.1, -0.05, 1.0])
    on = LOAD >= 10.0
    force[~on] = 0.0
    centre = np.full((400, 2, 3), np.nan)
    place = np.stack([0.2 * TIME, np.full(400, 0.1), np.full(400, height)], axis=1)
    centre[on, foot] = place[on]
    free = np.zeros((400, 2, 3))
    free[on, foot, 2] = 0.004 * LOAD[on]
    return GroundReaction(TIME, force, centre, free, "laboratory")


def test_wrench_and_centre_are_inverse_of_each_other() -> None:
    original = step(RIGHT, height=0.02)
    again = ground_reaction(
        TIME,
        original.force,
        original.moment_about_origin,
        height=np.array([0.0, 0.02]),
        frame="laboratory",
    )
    np.testing.assert_allclose(again.centre_of_pressure, original.centre_of_pressure, atol=1e-12)
    np.testing.assert_allclose(again.free_moment, original.free_moment, atol=1e-12)
    np.testing.assert_allclose(again.force, original.force)


def test_a_rigid_motion_of_the_frame_turns_force_and_moment_alike() -> None:
    turn = Rotation.from_euler("z", 40, degrees=True).as_matrix()
    shift = np.array([1.0, -2.0, 0.3])
    original, moved = step(), step().moved(turn, shift)
    np.testing.assert_allclose(moved.force, original.force @ turn.T)
    # M' = R M + shift × (R F): the moment about the new origin.
    expected = original.moment_about_origin @ turn.T + np.cross(shift, moved.force)
    np.testing.assert_allclose(moved.moment_about_origin, expected, atol=1e-9)
    back = moved.moved(turn.T, -turn.T @ shift)
    np.testing.assert_allclose(back.centre_of_pressure, original.centre_of_pressure, atol=1e-12)


def test_resampling_to_the_same_times_changes_nothing_and_to_others_keeps_the_impulse() -> None:
    original = step()
    same = original.resampled(TIME)
    np.testing.assert_allclose(same.centre_of_pressure, original.centre_of_pressure, atol=1e-9)
    finer = original.resampled(np.linspace(0, TIME[-1], 1234))
    for name in ("force", "moment_about_origin"):
        before = np.trapezoid(getattr(original, name)[:, LEFT], original.time, axis=0)
        after = np.trapezoid(getattr(finer, name)[:, LEFT], finer.time, axis=0)
        np.testing.assert_allclose(after, before, rtol=2e-3, atol=1e-3)
    inside = finer.loaded[:, LEFT]
    np.testing.assert_allclose(
        finer.centre_of_pressure[inside, LEFT, 0], 0.2 * finer.time[inside], atol=2e-3
    )


def test_resampling_beyond_the_record_is_refused() -> None:
    with pytest.raises(InputError, match=r"found 0 to 1\.995 s, expected all of 0 to 2\.5 s"):
        step().resampled(np.array([0.0, 2.5]))


def test_filtering_removes_noise_and_leaves_a_smooth_step_where_it_is() -> None:
    original = step()
    noise = np.random.default_rng(0).normal(0, 20, (400, 3)) * original.loaded[:, [LEFT]]
    noisy = original.force.copy()
    noisy[:, LEFT] += noise
    rough = GroundReaction(
        TIME, noisy, original.centre_of_pressure, original.free_moment, "laboratory"
    )
    smooth = rough.filtered(10.0)
    middle = slice(140, 260)
    before = np.abs(rough.force - original.force)[middle, LEFT].mean()
    after = np.abs(smooth.force - original.force)[middle, LEFT].mean()
    assert after < 0.5 * before
    error = (
        smooth.centre_of_pressure[middle, LEFT, :2] - original.centre_of_pressure[middle, LEFT, :2]
    )
    assert np.abs(error).max() < 0.01


def test_scaling_multiplies_moments_by_both_factors() -> None:
    original, scaled = step(), step().scaled(length=0.5, force=3.0)
    np.testing.assert_allclose(
        scaled.moment_about_origin, 1.5 * original.moment_about_origin, atol=1e-9
    )
    np.testing.assert_allclose(scaled.free_moment, 1.5 * original.free_moment)


def test_swapping_twice_is_nothing_and_once_exchanges_the_feet() -> None:
    original = step(LEFT)
    assert original.swapped().loaded[:, RIGHT].any()
    assert not original.swapped().loaded[:, LEFT].any()
    np.testing.assert_array_equal(original.swapped().swapped().force, original.force)


def test_body_weights() -> None:
    peak = step().in_body_weights(80.0)[:, LEFT, 2].max()
    assert peak == pytest.approx(LOAD.max() / (80.0 * GRAVITY))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("time", TIME[::-1], "time: found no increase"),
        ("force", np.full((400, 2, 3), np.nan), "force: found 2400 non-finite"),
        ("force", np.ones((400, 2, 3)), "NaN under force in"),
        ("force", np.ones((400, 3, 2)), "force: found shape"),
    ],
)
def test_bad_input_is_named(field: str, value: np.ndarray, message: str) -> None:
    good = step()
    fields = {
        "time": good.time,
        "force": good.force,
        "centre_of_pressure": good.centre_of_pressure,
        "free_moment": good.free_moment,
    } | {field: value}
    error = InputError if value.shape != (400, 3, 2) else Exception
    with pytest.raises(error, match=message if error is InputError else None):
        GroundReaction(**fields, frame="laboratory")
