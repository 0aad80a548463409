"""Events, cycles and spatiotemporal parameters, on a known walker and on real trials."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from musclemimic_eval.gait.analysis import GaitTrial, cycle_curves, find_strides, speed_notes
from musclemimic_eval.gait.contacts import (
    Contact,
    contacts_from_force,
    disagreement,
    merged,
)
from musclemimic_eval.gait.cycles import Cycle, find_cycles, normalised
from musclemimic_eval.gait.feet import FootMotion, belt_velocity, overground
from musclemimic_eval.gait.kinematic_events import contacts_from_motion
from musclemimic_eval.gait.spatiotemporal import SpatioTemporal, spatiotemporal
from musclemimic_eval.human.analysis import analyse
from musclemimic_eval.human.recording import read_recording
from musclemimic_eval.kinetics.body_mass import estimated_mass
from musclemimic_eval.kinetics.gait_series import GaitSeries
from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_models import InputError, get_musculo_model
from scipy.interpolate import CubicSpline
from scipy.signal import butter, filtfilt
from scipy.spatial.transform import Rotation
from synthetic_walker import MASS, RATE, SPEED, STANCE, STEP, STRIDE, WIDTH, ground, walker
from trials import GAIT_TRIALS, analysis, recording

NAN = float("nan")


def measured(feet: FootMotion) -> SpatioTemporal:
    contacts = contacts_from_motion(feet)
    cycles, _ = find_cycles(contacts, feet)
    return spatiotemporal(cycles, contacts, feet)


def numbers(result: SpatioTemporal) -> dict[str, float]:
    names = ("stride time", "stride length", "step length", "step width", "stance")
    return {name: result.both[name].mean for name in names} | {"speed": result.speed}


def moved(feet: FootMotion, turn: Rotation, shift: np.ndarray) -> FootMotion:
    matrix = turn.as_matrix()
    return FootMotion(
        feet.time,
        feet.heel @ matrix.T + shift,
        feet.toe @ matrix.T + shift,
        feet.pelvis @ matrix.T + shift,
    )


def test_force_events_are_where_the_force_crosses_the_threshold() -> None:
    """F = peak sin(π t / stance) crosses 20 N at asin(20 / peak) stance / π after landing."""
    contacts = [c for c in contacts_from_force(ground()) if c.complete]
    peak = MASS * 9.81 * np.pi / (4 * STANCE)
    early = np.arcsin(20.0 / peak) * STANCE * STRIDE / np.pi
    assert len(contacts) == 10
    for contact in contacts:
        landing = round((contact.start - early) / (STRIDE / 2)) * STRIDE / 2
        assert contact.start == pytest.approx(landing + early, abs=1e-4)
        assert contact.end == pytest.approx(landing + STANCE * STRIDE - early, abs=1e-4)


def test_dips_and_blips_of_force_are_no_events() -> None:
    """The left foot lands at 0.55 s: a dip of 20 ms in its stance, a blip of 20 ms in its swing."""
    whole = ground()
    force, centre = whole.force.copy(), whole.centre_of_pressure.copy()
    force[850:870, 0], centre[850:870, 0] = 0.0, NAN
    force[1400:1420, 0, 2], centre[1400:1420, 0] = 200.0, 0.0
    noisy = dataclasses.replace(whole, force=force, centre_of_pressure=centre)
    assert contacts_from_force(noisy) == contacts_from_force(whole)
    # Weaker than any step, however long.
    force, centre = whole.force.copy(), whole.centre_of_pressure.copy()
    force[1300:1500, 0, 2], centre[1300:1500, 0] = 80.0, 0.0
    leant = dataclasses.replace(whole, force=force, centre_of_pressure=centre)
    assert contacts_from_force(leant) == contacts_from_force(whole)


def test_force_that_a_record_cuts_off_has_no_event_there() -> None:
    whole = ground()
    cut = dataclasses.replace(
        whole,
        **{
            name: getattr(whole, name)[300:-300]
            for name in ("time", "force", "centre_of_pressure", "free_moment")
        },
    )
    contacts = contacts_from_force(cut)
    assert [c.foot for c in contacts if np.isnan(c.start)] == [1]
    assert sum(np.isnan(contact.end) for contact in contacts) == 1


def slow_share_of_swing(share: float, stance: float) -> float:
    """Share of the swing until the walker's foot has gained a share of the body's speed.

    Over the swing s it goes forward by s³ (10 − 15 s + 6 s²) strides and up by 0.1 sin² π s metres.
    """
    s = np.linspace(0, 0.5, 100_001)
    ahead = 30 * s**2 * (1 - s) ** 2 / (1 - stance)
    up = 0.1 * np.pi * np.sin(2 * np.pi * s) / (1 - stance) / (STRIDE * SPEED)
    return float(s[np.argmax(np.hypot(ahead, up) >= share)])


def test_a_known_walker_is_measured_exactly() -> None:
    result = measured(walker())
    slow = slow_share_of_swing(0.4, STANCE) + slow_share_of_swing(1.0, STANCE)
    assert result.kind == "walking"
    assert not result.backward
    assert result.speed == pytest.approx(SPEED, rel=1e-6)
    assert result.cadence == pytest.approx(120 / STRIDE, rel=2e-3)
    contacts = contacts_from_motion(walker())
    cycles, _ = find_cycles(contacts)
    sized = spatiotemporal(cycles, contacts, walker(), leg_length=0.9)
    assert sized.dimensionless_speed == pytest.approx(SPEED / np.sqrt(9.81 * 0.9), rel=1e-6)
    for name, value, tolerance in (
        ("stride time", STRIDE, 2e-3),
        ("stride length", 2 * STEP, 5e-3),
        ("step length", STEP, 5e-3),
        ("step width", WIDTH, 1e-6),
        # This walker's feet start and stop more gently than a human's: slow counts as standing.
        ("stance", 100 * (STANCE + slow * (1 - STANCE)), 0.01),
    ):
        assert result.both[name].mean == pytest.approx(value, rel=tolerance), name


def test_a_flight_phase_is_running() -> None:
    stance = 0.35
    result = measured(walker(stance=stance))
    slow = slow_share_of_swing(0.45, stance) + slow_share_of_swing(0.32, stance)
    assert result.kind == "running"
    assert result.both["double support"].mean == 0
    flight = 100 * (1 - 2 * (stance + slow * (1 - stance)))
    assert result.both["flight"].mean == pytest.approx(flight, abs=0.5)


def test_rigid_motion_time_shift_and_resampling_change_nothing() -> None:
    feet = walker()
    expected = numbers(measured(feet))
    turned = moved(feet, Rotation.from_euler("z", 115, degrees=True), np.array([3.0, -2.0, 0.5]))
    later = dataclasses.replace(feet, time=feet.time + 12.3)
    for other, tolerance in ((turned, 1e-9), (later, 1e-9), (walker(rate=100.0), 0.02)):
        assert numbers(measured(other)) == pytest.approx(expected, rel=tolerance)


def test_exchanging_left_and_right_exchanges_the_columns() -> None:
    feet = walker()
    mirror = np.array([1.0, -1.0, 1.0])
    swapped = FootMotion(
        feet.time,
        feet.heel[:, ::-1] * mirror,
        feet.toe[:, ::-1] * mirror,
        feet.pelvis * mirror,
    )
    one, other = measured(feet), measured(swapped)
    for name, measure in one.left.items():
        assert other.right[name] == measure


def test_trembling_markers_do_not_move_events() -> None:
    """Half a millimetre at 200 Hz is 0.1 m/s and 28 m/s² between two frames."""
    feet = walker()
    rng = np.random.default_rng(1)
    heel, toe = (part + rng.normal(scale=5e-4, size=part.shape) for part in (feet.heel, feet.toe))
    noisy = contacts_from_motion(dataclasses.replace(feet, heel=heel, toe=toe))
    still = contacts_from_motion(feet)
    assert len(noisy) == len(still)
    for one, other in zip(noisy, still, strict=True):
        times = [one.start - other.start, one.end - other.end]
        assert np.nanmax(np.abs(times)) < 0.008


def test_a_treadmill_is_recognised_and_taken_out() -> None:
    feet = walker()
    belt = np.array([-SPEED, 0.0, 0.0])
    way = np.outer(feet.time, belt)
    on_belt = FootMotion(
        feet.time, feet.heel + way[:, None], feet.toe + way[:, None], feet.pelvis + way
    )
    np.testing.assert_allclose(belt_velocity(on_belt), belt, atol=0.01)
    assert not belt_velocity(feet).any()
    assert numbers(measured(on_belt)) == pytest.approx(numbers(measured(feet)), rel=0.01)
    np.testing.assert_allclose(overground(on_belt).pelvis, feet.pelvis, atol=0.05)


def test_feet_that_slide_on_a_simulated_floor_are_no_treadmill() -> None:
    feet = walker()
    way = np.outer(feet.time, [-SPEED, 0.0, 0.0])
    sliding = FootMotion(
        feet.time, feet.heel + way[:, None], feet.toe + way[:, None], feet.pelvis + way
    )
    assert belt_velocity(sliding)[0] < -1.0
    known = dataclasses.replace(sliding, on_floor=True)
    assert not belt_velocity(known).any()
    np.testing.assert_array_equal(overground(known).heel, known.heel)
    assert measured(known).speed < 0.05


def test_walking_backwards_is_seen() -> None:
    feet = walker()
    back = FootMotion(feet.time, feet.heel[::-1], feet.toe[::-1], feet.pelvis[::-1])
    result = measured(back)
    assert result.backward
    # Walking backwards the toes are the rear, which lands first: here the heels lag behind.
    late = dataclasses.replace(back, heel=np.roll(back.heel, 10, axis=0))
    landings = [
        [c.start for c in contacts_from_motion(feet) if c.complete and c.foot == 1]
        for feet in (back, late)
    ]
    assert np.abs(np.subtract(*landings)).max() < 0.02
    assert result.both["stride time"].mean == pytest.approx(STRIDE, rel=5e-3)


def test_mass_is_what_the_plates_carry() -> None:
    forces = ground()
    contacts = contacts_from_force(forces)
    assert estimated_mass(forces, contacts, STRIDE) == pytest.approx(MASS, rel=2e-3)
    right = tuple(contact for contact in contacts if contact.foot == 1)
    assert estimated_mass(forces, right, STRIDE) == pytest.approx(MASS, rel=2e-3)
    assert np.isnan(estimated_mass(forces, (), STRIDE))


def test_plates_correct_events_and_shift_the_others() -> None:
    kinematic = (
        Contact(0, 0.51, 1.08, "kinematics"),
        Contact(1, 1.01, 1.58, "kinematics"),
        Contact(0, 1.51, NAN, "kinematics"),
    )
    forced = (Contact(0, 0.50, 1.10, "force"), Contact(1, 1.00, 1.60, "force"))
    np.testing.assert_allclose(
        disagreement(kinematic, forced), [[0.01, -0.02], [0.01, -0.02]], atol=1e-12
    )
    first, second, third = merged(kinematic, forced)
    assert (first.start, first.end, first.source) == (0.50, 1.10, "force")
    assert second.source == "force"
    assert third.start == pytest.approx(1.50)
    assert third.source == "kinematics"


def contacts(*times: tuple[int, float, float]) -> tuple[Contact, ...]:
    return tuple(Contact(foot, start, end, "force") for foot, start, end in times)


def test_cycles_and_what_is_left_over() -> None:
    cycles, partial = find_cycles(
        contacts((0, NAN, 0.1), (1, 0.0, 0.65), (0, 0.5, 1.15), (1, 1.0, 1.65), (0, 1.5, NAN))
    )
    assert [(c.foot, c.start, c.end) for c in cycles] == [(1, 0.0, 1.0), (0, 0.5, 1.5)]
    right, left = cycles
    assert right.stance == pytest.approx(0.65)
    assert (right.opposite_off, right.opposite_contact) == (0.1, 0.5)
    assert right.overlap == pytest.approx(0.1 + 0.15)
    assert left.overlap == pytest.approx(0.15 + 0.15)
    assert "its contact began before the record" in {p.reason for p in partial}


def test_a_stride_of_another_speed_is_flagged_and_left_out_of_means() -> None:
    """Five strides at the walker's speed, the last two at 0.7 of it."""
    feet = walker()
    slow = np.where(feet.time > 3.3, 0.7, 1.0)
    way = np.cumsum(slow) / RATE * SPEED
    pelvis = np.stack([way, 0 * way, np.full(len(way), 0.95)], axis=1)
    slowed = dataclasses.replace(feet, pelvis=pelvis, on_floor=True)
    found = contacts_from_motion(feet)
    cycles, _ = find_cycles(found, slowed)
    flagged = [cycle for cycle in cycles if cycle.flags]
    assert 0 < len(flagged) < len(cycles)
    assert all(cycle.start > 3.0 for cycle in flagged)
    assert all("m/s, others" in cycle.flags[0] for cycle in flagged)
    counted = spatiotemporal(cycles, found, slowed).both["step width"].n
    assert counted == len(cycles) - len(flagged)


def test_step_times_end_at_the_foots_own_contact() -> None:
    """A limp: the left foot lands 0.4 s after the right, the right 0.6 s after the left."""
    limp = contacts(
        *((1, start, start + 0.6) for start in (0.0, 1.0, 2.0)),
        *((0, start, start + 0.6) for start in (0.4, 1.4, 2.4)),
    )
    cycles, _ = find_cycles(limp)
    result = spatiotemporal(cycles, limp, walker())
    assert result.left["step time"].mean == pytest.approx(0.4)
    assert result.right["step time"].mean == pytest.approx(0.6)
    assert result.both["step time"].mean == pytest.approx(0.5)


def test_curves_are_of_steady_cycles_and_forces_of_those_on_a_plate() -> None:
    time = np.arange(400) / 100.0
    curve = np.stack([time, time], axis=1)
    series = [GaitSeries(time, {"knee_flexion": curve, "knee_ext_moment": curve})]
    felt = Cycle(0, 0.0, 1.0, 0.6, 0.1, 0.5, "force")
    seen = Cycle(0, 1.0, 2.0, 1.6, 1.1, 1.5, "kinematics")
    turning = Cycle(0, 2.0, 3.0, 2.6, 2.1, 2.5, "force", ("turning +30°",))

    def starts(*cycles: Cycle) -> dict[str, list[float]]:
        found = cycle_curves(series, cycles)
        return {name: [float(c[0]) for c in feet[0]] for name, feet in found.items()}

    assert starts(felt, seen, turning) == {"knee_flexion": [0.0, 1.0], "knee_ext_moment": [0.0]}
    assert starts(seen) == {"knee_flexion": [1.0]}
    # Better a doubtful one than none.
    assert starts(turning) == {"knee_flexion": [2.0], "knee_ext_moment": [2.0]}


def test_strides_on_a_plate_under_both_feet_are_flagged() -> None:
    trial = GaitTrial("walker", walker(), ground(), 0.9)
    assert not any(cycle.flags for cycle in find_strides(trial).cycles)
    cycles = find_strides(trial, doubtful_force=[(2.3, 2.4)]).cycles
    flagged = {(c.foot, round(c.start, 2)) for c in cycles if c.flags}
    # Stances of the right foot from 2.2 s and of the left, 1.65 to 2.33 s.
    assert {round(start / 0.55) for _, start in flagged} == {3, 4}
    assert all(c.flags == ("both feet on one plate",) for c in cycles if c.flags)


def test_a_step_on_a_shared_plate_flags_the_recordings_cycles(real_data: Path) -> None:
    own = recording(real_data, "walk3d")
    assert not any(cycle.flags for cycle in analysis(real_data, "walk3d").cycles)
    steps = (dataclasses.replace(own.steps[0], shared=True), *own.steps[1:])
    trial = analyse(
        dataclasses.replace(own, steps=steps), get_musculo_model("MyoFullBody", fingers=False)
    )
    assert any("both feet on one plate" in cycle.flags for cycle in trial.cycles)


def test_a_missed_contact_makes_no_cycle() -> None:
    cycles, partial = find_cycles(
        contacts((1, 0.0, 0.6), (0, 0.5, 1.1), (1, 1.0, 1.6), (1, 2.0, 2.6), (0, 2.5, 3.1))
    )
    assert [(c.foot, c.start) for c in cycles] == [(1, 0.0)]
    reasons = {p.reason for p in partial}
    assert "0 contacts of the left foot meanwhile" in reasons
    assert "2.00 s long, others 1.00 s" in reasons


def test_normalised_curves() -> None:
    time = np.linspace(0, 3, 301)
    cycle = Cycle(0, 1.0, 2.0, 1.6, 1.1, 1.5, "force")
    values = time - 1.0
    np.testing.assert_allclose(normalised(time, values, cycle), np.linspace(0, 1, 101), atol=1e-12)
    split = normalised(time, values, cycle, foot_off_percent=50.0)
    assert split[50] == pytest.approx(0.6)
    assert split[25] == pytest.approx(0.3)
    assert split[75] == pytest.approx(0.8)
    # A record of 1.2 to 2.3 s holds this cycle only if 0 to 20 % come from the next stride.
    part = (time >= 1.2) & (time <= 2.3)
    periodic = np.sin(2 * np.pi * time)
    with pytest.raises(InputError, match=r"found 1\.00 to 2\.00 s, expected within the record"):
        normalised(time[part], periodic[part], cycle)
    wrapped = normalised(time[part], periodic[part], cycle, wrap=True)
    np.testing.assert_allclose(wrapped, np.sin(2 * np.pi * np.linspace(0, 1, 101)), atol=2e-3)


# Force-plate trials and how many events motion and force both see; `_osim`: joint angles with the
# OpenSim model that they were made with.
PLATES = {"walk3d": 6, "opencap": 4, "run200": 11, "run300": 12, "bmc": 4, "rehazenter": 4}
ANGLES = {"walk3d_osim": 4, "opencap_osim": 4, "run200_osim": 12, "run300_osim": 12}


def apart(feet: FootMotion, ground: GroundReaction | None) -> np.ndarray:
    """Kinematic minus force times of the events that both see, s."""
    assert ground is not None
    found = disagreement(contacts_from_motion(feet), contacts_from_force(ground))
    return found[np.isfinite(found)]


@pytest.mark.parametrize(("name", "events"), [*PLATES.items(), *ANGLES.items()])
def test_motion_and_force_agree_on_events_within_20_ms(
    real_data: Path, name: str, events: int
) -> None:
    """Every event of every force-plate trial that both see."""
    trial = recording(real_data, name)
    seen = apart(trial.feet, trial.ground)
    assert len(seen) == events
    assert np.abs(seen).max() <= 0.020


@pytest.mark.parametrize("name", PLATES)
@pytest.mark.parametrize(("cutoff_hz", "worst"), [(8.0, 0.020), (6.0, 0.0225)])
def test_smoothed_markers_keep_their_events(
    real_data: Path, name: str, cutoff_hz: float, worst: float
) -> None:
    """Laboratories low-pass their motion at 6 Hz: that must not pass for another contact."""
    trial = recording(real_data, name)
    feet = trial.feet
    numbers = butter(2, cutoff_hz, fs=feet.rate)
    smooth = dataclasses.replace(
        feet,
        **{part: filtfilt(*numbers, getattr(feet, part), axis=0) for part in ("heel", "toe")},
    )
    assert np.abs(apart(smooth, trial.ground)).max() <= worst


# Every value that data/README.md states of a gait trial: speed m/s, stride s, cadence steps/min,
# stance of the right foot (walk3d) or duty of both, %.
STATED = {
    "walk3d": {"speed": 1.243, "stride": 1.145, "cadence": 105, "stance": 66},
    "walk3d_ik": {"speed": 1.243, "stride": 1.145, "cadence": 105, "stance": 66},
    "opencap": {"speed": 1.12},
    "opencap_ik": {"speed": 1.12},
    "walk3d_osim": {"speed": 1.243, "stride": 1.145, "cadence": 105, "stance": 66},
    "opencap_osim": {"speed": 1.12},
    "run200_osim": {"speed": 1.995, "stride": 0.775, "stance": 43},
    "run300_osim": {"speed": 3.004, "stride": 0.722, "stance": 36},
    "run200": {"speed": 1.995, "stride": 0.775, "stance": 43},
    "run300": {"speed": 3.004, "stride": 0.722, "stance": 36},
    "run200_ik": {"stride": 0.775, "stance": 43},
    "run300_ik": {"stride": 0.722, "stance": 36},
    "bmc": {"speed": 1.46},
    "rehazenter": {"speed": 0.388},
    "asap_walk": {"speed": 0.58, "stride": 1.17},
    "bvh_walk": {"speed": 1.11, "stride": 1.10},
    "bvh_run": {"speed": 3.65, "stride": 0.73},
    "bvh_turn": {"speed": 1.04},
    "bvh_back": {"speed": 1.20},
}


@pytest.mark.parametrize(
    ("name", "value", "stated"),
    [(name, value, stated) for name, row in STATED.items() for value, stated in row.items()],
)
def test_parameters_are_those_of_the_data_sets_readme(
    real_data: Path, name: str, value: str, stated: float
) -> None:
    """Within 2 %; docs/gait.md says which belts' speeds cannot be had from joint angles."""
    result = measured_trial(real_data, name)
    feet = result.right if name.startswith("walk3d") else result.both
    found = {
        "speed": result.speed,
        "cadence": result.cadence,
        "stride": feet["stride time"].mean if value == "stride" else NAN,
        "stance": feet["stance"].mean if value == "stance" else NAN,
    }
    assert found[value] == pytest.approx(stated, rel=0.02)


def test_trials_whose_values_are_stated_are_all_there() -> None:
    assert set(STATED) == set(GAIT_TRIALS) - {"bow"}


def test_strides_by_turning_points_are_those_of_the_plates(real_data: Path) -> None:
    """What is taken where nothing felt the ground, on trials where something did."""
    for name in ("walk3d", "run200", "run300"):
        trial = recording(real_data, name)
        felt = measured_trial(real_data, name).both["stride time"]
        unfelt = measured(trial.feet).both["stride time"]
        assert unfelt.mean == pytest.approx(felt.mean, rel=0.01), name
        assert unfelt.sd < 0.01, name


def test_sliding_feet_leave_the_stride_time_alone() -> None:
    """Feet that creep while they stand blur contact, not when they are farthest ahead."""
    feet = walker(rate=30.0)
    rng = np.random.default_rng(3)
    creep = np.zeros_like(feet.heel)
    jitter = CubicSpline(feet.time[::6], rng.normal(size=(len(feet.time[::6]), 2)))(feet.time)
    creep[..., 0] = 0.03 * jitter
    sliding = dataclasses.replace(feet, heel=feet.heel + creep, toe=feet.toe + creep)
    contacts = contacts_from_motion(sliding)
    starts = [[c.start for c in contacts if c.foot == foot] for foot in (0, 1)]
    by_contact = np.concatenate([np.diff(column) for column in starts])
    by_turning = measured(sliding).both["stride time"]
    assert by_turning.mean == pytest.approx(STRIDE, rel=0.01)
    assert by_turning.sd < np.nanstd(by_contact)


def period(values: np.ndarray, fps: float, *, shortest: float, longest: float) -> float:
    """Lag, s, at which a curve's autocorrelation (Pearson's, of the common part) peaks."""
    time = np.arange(len(values)) / fps
    curve = CubicSpline(time, values)
    lags = np.arange(shortest, longest, 0.002)
    scores = []
    for lag in lags:
        at = np.arange(0, time[-1] - lag, 0.005)
        scores.append(np.corrcoef(curve(at), curve(at + lag))[0, 1])
    return float(lags[np.argmax(scores)])


def test_the_bvh_runs_stride_against_autocorrelation_instead_of_events(real_data: Path) -> None:
    """Ankle height, knee flexion and the ankle's place ahead of the pelvis: 0.734 to 0.754 s."""
    trial = recording(real_data, "bvh_run")
    motion = trial.motion
    ahead = (trial.pelvis[-1] - trial.pelvis[0]) / np.linalg.norm(
        trial.pelvis[-1] - trial.pelvis[0]
    )
    periods = []
    for side in ("left", "right"):
        hip, knee, ankle = (
            motion.positions[:, motion.index(f"{side}_{joint}")]
            for joint in ("hip", "knee", "ankle")
        )
        thigh, shank = hip - knee, ankle - knee
        cosine = (thigh * shank).sum(1) / np.linalg.norm(thigh, axis=1)
        flexion = np.pi - np.arccos(cosine / np.linalg.norm(shank, axis=1))
        curves = (ankle[:, 2], flexion, (ankle - trial.pelvis) @ ahead)
        periods += [period(curve, motion.fps, shortest=0.5, longest=1.0) for curve in curves]
    assert 0.725 < min(periods) < max(periods) < 0.76
    stride = measured_trial(real_data, "bvh_run").both["stride time"].mean
    assert stride == pytest.approx(np.mean(periods), rel=0.01)


@pytest.mark.parametrize(
    ("name", "worst"),
    [("walk3d_ik", 0.027), ("opencap_ik", 0.021), ("run200_ik", 0.021), ("run300_ik", 0.012)],
)
def test_angles_alone_see_events_on_the_models_feet(
    real_data: Path, name: str, worst: float
) -> None:
    """Without the person's OpenSim model: as docs/gait.md says, one of four subjects beyond."""
    trial = recording(real_data, name)
    seen = apart(trial.feet, trial.ground)
    assert len(seen) >= 4
    assert np.abs(seen).max() <= worst
    assert "--osim" in " ".join(trial.notes)


@pytest.mark.parametrize("name", ["run200", "run300"])
def test_the_belt_is_that_of_the_persons_own_feet(real_data: Path, name: str) -> None:
    """Against the markers' belt and data/README.md's: 1.995 and 3.004 m/s."""
    stated = {"run200": 1.995, "run300": 3.004}[name]
    own = np.linalg.norm(recording(real_data, f"{name}_osim").belt)
    assert own == pytest.approx(stated, rel=0.005)
    assert own == pytest.approx(np.linalg.norm(recording(real_data, name).belt), rel=0.005)
    # By the muscle model's feet the slower belt comes out 7 to 8 % slow, the faster 1 to 3 % fast.
    if name == "run200":
        model = np.linalg.norm(recording(real_data, "run200_ik").belt)
        assert model != pytest.approx(own, rel=0.05)


def measured_trial(real_data: Path, name: str) -> SpatioTemporal:
    trial = recording(real_data, name)
    forced = contacts_from_force(trial.ground) if trial.ground is not None else ()
    found = merged(contacts_from_motion(trial.feet), forced)
    cycles, _ = find_cycles(found, trial.feet)
    return spatiotemporal(cycles, found, trial.feet, leg_length=trial.leg_length)


def test_kinds_of_gait_are_recognised(real_data: Path) -> None:
    kinds = {name: measured_trial(real_data, name) for name in GAIT_TRIALS}
    assert {name for name, trial in kinds.items() if trial.kind == "running"} == {
        "run200",
        "run300",
        "run200_ik",
        "run300_ik",
        "run200_osim",
        "run300_osim",
        "bvh_run",
    }
    for name in ("run200", "run300", "run200_ik", "run300_ik", "run200_osim", "bvh_run"):
        assert kinds[name].both["double support"].mean == 0
    assert kinds["bow"].kind == "no gait"
    assert {name for name, trial in kinds.items() if trial.backward} == {"bvh_back"}
    assert np.rad2deg(kinds["bvh_turn"].heading_change) == pytest.approx(104, rel=0.02)


def test_turning_strides_are_flagged(real_data: Path) -> None:
    trial = recording(real_data, "bvh_turn")
    cycles, _ = find_cycles(contacts_from_motion(trial.feet), trial.feet)
    assert len(cycles) == 4
    assert all("turning" in cycle.flags[0] for cycle in cycles)


def test_masses_and_plates_of_real_trials(real_data: Path) -> None:
    """Models of data/README.md: 85.27, 59.0 and 72.84 kg; mean force of walk3d 84.9 kg."""
    for name, mass, tolerance in (
        ("walk3d", 84.9, 0.01),
        ("run200", 72.84, 0.01),
        ("run300", 72.84, 0.01),
    ):
        assert analysis(real_data, name).mass == pytest.approx(mass, rel=tolerance)


def test_strides_that_only_the_plates_saw_have_times_but_no_lengths(real_data: Path) -> None:
    """Joint angles from 0.45 s on, plates from 0: the right stride began at 0.267 s."""
    trial = analysis(real_data, "walk3d_ik")
    assert trial.spatiotemporal.right["stride time"].mean == pytest.approx(1.145, rel=0.01)
    assert "stride length" not in trial.spatiotemporal.right
    assert any("wrapped" in note for note in trial.notes)


def test_every_frame_of_every_trial_is_solved(real_data: Path) -> None:
    """Four of run200_ik's 233 were not, while a Hessian of other weights was kept."""
    for name in GAIT_TRIALS:
        trial = analysis(real_data, name)
        assert not trial.clip.frame_status.any(), name
        assert not any("did not converge" in note for note in trial.notes), name


def test_swapped_legs_are_refused(real_data: Path, tmp_path: Path) -> None:
    """Feet labelled the wrong way round, the pelvis right."""
    text = (real_data / "opensim_walk3d" / "markers_walk.trc").read_text()
    lines = text.split("\n")
    names = lines[3].split("\t")
    legs = ("Heel", "Toe", "MT5", "Ankle", "Knee")
    swapped = [
        ({"L": "R", "R": "L"}[name[0]] + name[1:]) if name[2:] in legs else name for name in names
    ]
    assert swapped != names
    lines[3] = "\t".join(swapped)
    path = tmp_path / "swapped.trc"
    path.write_text("\n".join(lines))
    model = get_musculo_model("MyoFullBody", fingers=False)
    with pytest.raises(InputError, match="left"):
        read_recording(path, model)


def test_standing_before_and_after_a_walk_is_said(real_data: Path) -> None:
    """asap_walk: 2 of its 3.4 s are walked, at about 1 m/s; the README's 0.58 is over all."""
    notes = {name: speed_notes(measured_trial(real_data, name)) for name in STATED}
    (note,) = notes["asap_walk"]
    assert "0.98 m/s" in note
    assert "0.58 m/s" in note
    assert {name for name, said in notes.items() if said} == {"asap_walk"}
