"""Real marker recordings; expected numbers were measured on force plates and published poses."""

import logging

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget import GMRFit, peak_knee_flexion_deg, read_motion
from musclemimic_retarget.markers import read_c3d_markers, read_c3d_motion, read_trc_motion
from musclemimic_retarget.markers.legs import knee_flexion
from musclemimic_retarget.rotations import matrices

SIDES = ("left", "right")
WALK3D = "opensim_walk3d/markers_walk.trc"
OPENCAP = "opencap_lab_walk/walking1.trc"
RUN200, RUN300 = "running_hamner/run200.trc", "running_hamner/run300.trc"
BMC = "c3d_forceplate/bmc_gait.c3d"
REHA = "c3d_forceplate/rehazenter_2014001_C1_01.c3d"
BELTS = {RUN200: 1.995, RUN300: 3.004}


@pytest.fixture(scope="module")
def recordings(real_data):
    """Motions by file, read once; treadmills with their belt."""
    motions = {}

    def read(name):
        if name not in motions:
            path = real_data / name
            reader = read_trc_motion if path.suffix == ".trc" else read_c3d_motion
            motions[name] = reader(path, belt_speed=BELTS.get(name, 0.0))
        return motions[name]

    return read


def speed(motion):
    pelvis = motion.positions[:, motion.index("pelvis")]
    return (pelvis[-1, 0] - pelvis[0, 0]) / motion.times[-1]


def knees(motion):
    """Knee flexion of left and right, degrees."""
    turns = matrices(motion.rotations)
    return [
        np.rad2deg(
            knee_flexion(turns[:, motion.index(f"{s}_hip")], turns[:, motion.index(f"{s}_knee")])
        )
        for s in SIDES
    ]


def stride_seconds(motion):
    """Lag at which the feet's swing against the pelvis repeats best, s."""
    pelvis = motion.positions[:, motion.index("pelvis"), 0]
    swing = np.stack([motion.positions[:, motion.index(f"{s}_ankle"), 0] - pelvis for s in SIDES])
    swing -= swing.mean(axis=1, keepdims=True)
    lags = np.arange(int(0.5 * motion.fps), int(1.4 * motion.fps))
    errors = [np.mean((swing[:, lag:] - swing[:, :-lag]) ** 2) for lag in lags]
    best = int(np.argmin(errors))
    curve = np.polyfit(lags[best - 2 : best + 3], errors[best - 2 : best + 3], 2)
    return -curve[1] / (2 * curve[0]) / motion.fps


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (WALK3D, 1.243),
        (OPENCAP, 1.12),
        (BMC, 1.46),
        (REHA, 0.388),
        (RUN200, 1.995),
        (RUN300, 3.004),
    ],
)
def test_speed(recordings, name, expected):
    assert speed(recordings(name)) == pytest.approx(expected, rel=0.03)


def test_without_its_belt_a_treadmill_goes_nowhere(real_data):
    assert abs(speed(read_trc_motion(real_data / RUN300))) < 0.03


@pytest.mark.parametrize(
    ("name", "steps_a_minute"), [(WALK3D, 105.0), (RUN200, 120 / 0.775), (RUN300, 120 / 0.722)]
)
def test_cadence(recordings, name, steps_a_minute):
    assert 120.0 / stride_seconds(recordings(name)) == pytest.approx(steps_a_minute, rel=0.02)


@pytest.mark.parametrize(
    ("name", "expected", "tolerance"),
    [
        (WALK3D, (72.0, 72.0), 5.0),
        (OPENCAP, (73.0, 70.0), 5.0),
        # That model's shanks are 10 cm longer than its thighs, and its hips lie 6 cm lower in the
        # pelvis than Harrington's, so that the legs are bent more throughout.
        (RUN200, (88.0, 88.0), 10.0),
        (RUN300, (103.0, 103.0), 11.0),
    ],
)
def test_peak_knee_flexion(recordings, name, expected, tolerance):
    found = [knee.max() for knee in knees(recordings(name))]
    assert found == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("name", [WALK3D, OPENCAP, RUN200, RUN300, BMC, REHA])
def test_bodies_are_plausible(recordings, name):
    motion = recordings(name)
    assert 1.45 < motion.stature < 1.95
    rest = dict(zip(motion.joint_names, motion.rest_positions, strict=True))
    for segment in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
        left, right = (
            np.linalg.norm(rest[f"{s}_{segment[0]}"] - rest[f"{s}_{segment[1]}"]) for s in SIDES
        )
        assert left == pytest.approx(right, rel=0.08)
    facing = matrices(motion.rotations)[:, motion.index("pelvis"), :, 0].mean(axis=0)
    assert abs(facing[1]) < 0.05 < 0.9 < facing[0]
    feet = motion.positions[:, [motion.index(f"{s}_foot") for s in SIDES], 2]
    assert 0.0 < feet.min() < 0.08


@pytest.mark.parametrize("side", SIDES)
def test_segments_of_walk3d_turn_as_the_published_pose(recordings, real_data, side):
    motion = recordings(WALK3D)
    published = read_motion(real_data / "opensim_walk3d/coordinates.sto")
    times = 0.45 + published.times
    inside = (motion.times >= times[0]) & (motion.times <= times[-1])
    turns = matrices(motion.rotations)

    def bend(upper, lower):
        pair = [turns[:, motion.index(name)] for name in (upper, lower)]
        return np.swapaxes(pair[0], 1, 2) @ pair[1]

    hip, ankle = bend("pelvis", f"{side}_hip"), bend(f"{side}_knee", f"{side}_ankle")
    found = {
        "hip_flexion": np.arctan2(-hip[:, 0, 2], hip[:, 2, 2]),
        "knee_angle": np.deg2rad(knees(motion)[SIDES.index(side)]),
        "ankle_angle": np.arctan2(ankle[:, 2, 0], ankle[:, 0, 0]),
    }
    for name, angle in found.items():
        reference = np.interp(motion.times[inside], times, published.column(f"{name}_{side[0]}"))
        error = np.rad2deg(angle[inside] - reference)
        assert np.sqrt((error**2).mean()) < 4.0, name
        assert error.std() < 3.6, name


def test_bmc_is_trimmed_and_reported(real_data, caplog):
    motion = read_c3d_motion(real_data / BMC)
    assert len(motion) == pytest.approx(190, abs=5)
    assert "of 487 kept (from 1.3" in caplog.text


def test_a_complete_recording_is_read_without_complaint(real_data, caplog):
    with caplog.at_level(logging.WARNING):
        motion = read_c3d_motion(real_data / REHA)
    assert len(motion) == 387
    assert not caplog.records


def test_a_static_trial_is_no_motion(real_data):
    with pytest.raises(InputError, match="frames: found 1, expected at least 2"):
        read_c3d_motion(real_data / "c3d_forceplate/rehazenter_2014001_ST_static.c3d")


def test_points_are_those_of_another_reader(real_data):
    import ezc3d

    found = read_c3d_markers(real_data / REHA)
    other = ezc3d.c3d(str(real_data / REHA))["data"]["points"][:3].transpose(2, 1, 0)
    np.testing.assert_allclose(found.positions, 1e-3 * other, atol=1e-12)


def test_functional_centres_of_a_real_ankle_stay_put(recordings):
    # The running set marks no ankle: found from motion, it must keep the shank's length.
    motion = recordings(RUN300)
    for side in SIDES:
        knee, ankle = (motion.positions[:, motion.index(f"{side}_{j}")] for j in ("knee", "ankle"))
        length = np.linalg.norm(knee - ankle, axis=1)
        assert length.std() < 0.005


@pytest.fixture(scope="module")
def results(recordings, full_body):
    """Retargeting results by file, solved once."""
    solver, solved = GMRFit(full_body), {}

    def solve(name):
        if name not in solved:
            solved[name] = solver.solve(recordings(name))
        return solved[name]

    return solve


QUALITY = {
    # file: largest RMSE m, orientation error deg
    WALK3D: (0.007, 2.5),
    OPENCAP: (0.008, 2.0),
    REHA: (0.008, 2.0),
    BMC: (0.0125, 2.5),
    RUN200: (0.009, 3.0),
    RUN300: (0.009, 3.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", QUALITY)
def test_quality_of_the_clip(results, name):
    metrics = results(name).metrics
    rmse, orientation = QUALITY[name]
    assert metrics.rmse_m <= rmse
    assert metrics.orientation_error_deg <= orientation
    assert metrics.joint_limit_violation_percent == 0.0
    assert metrics.ground_penetration_percent == 0.0
    assert metrics.not_converged_percent == 0.0
    assert not metrics.tendon_jump


@pytest.mark.slow
def test_both_routes_to_the_muscle_model_agree(results, full_body, real_data):
    markers = results(WALK3D).clip
    coordinates = GMRFit(full_body).retarget(
        read_motion(real_data / "opensim_walk3d/coordinates.sto")
    )
    times = 0.45 + coordinates.dt * np.arange(len(coordinates))
    own = markers.dt * np.arange(len(markers))
    for joint in ("hip_flexion", "knee_angle", "ankle_angle"):
        for side in "lr":
            column = full_body.mj_model.joint(f"{joint}_{side}").qposadr[0]
            error = np.interp(times, own, markers.qpos[:, column]) - coordinates.qpos[:, column]
            assert np.rad2deg(np.sqrt((error**2).mean())) < 4.0, f"{joint}_{side}"
    assert peak_knee_flexion_deg(full_body, markers) == pytest.approx((72.0, 72.0), abs=5.0)
