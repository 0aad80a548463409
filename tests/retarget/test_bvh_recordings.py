"""Real BVH recordings; expected numbers were measured on the files by other means."""

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget import GMRFit, peak_knee_flexion_deg, walking_speed
from musclemimic_retarget.bvh import read_bvh
from musclemimic_retarget.rotations import matrices, quaternions
from scipy.spatial.transform import Rotation

SIDES = ("left", "right")
MODEL_KNEE_LIMIT_DEG = 120.0
FILES = (
    "bandai1_bow_normal_001",
    "bandai1_walk-back_normal_001",
    "bandai2_raise-up-both-hands_normal_001",
    "bandai2_run_normal_001",
    "bandai2_walk-turn-left_normal_001",
    "bandai2_walk_normal_001",
    "bandai2_wave-right-hand_normal_001",
    "cmu_131_01_start_walk_stop",
)


@pytest.fixture(scope="module")
def recording(real_data):
    """Motions by short name, read once."""
    motions = {}

    def read(name):
        if name not in motions:
            motions[name] = read_bvh(real_data / "bvh" / f"{name}.bvh")
        return motions[name]

    return read


def at(motion, joint):
    return motion.positions[:, motion.index(joint)]


def leg_length(motion):
    lengths = [
        np.linalg.norm(
            motion.rest_positions[motion.index(f"{side}_{upper}")]
            - motion.rest_positions[motion.index(f"{side}_{lower}")]
        )
        for side in SIDES
        for upper, lower in (("hip", "knee"), ("knee", "ankle"))
    ]
    return sum(lengths) / 2


def knee_flexion(motion, side):
    """(T) angle between thigh and shank, degrees."""
    thigh = at(motion, f"{side}_knee") - at(motion, f"{side}_hip")
    shank = at(motion, f"{side}_ankle") - at(motion, f"{side}_knee")
    cosine = np.sum(thigh * shank, axis=1)
    cosine /= np.linalg.norm(thigh, axis=1) * np.linalg.norm(shank, axis=1)
    return np.rad2deg(np.arccos(cosine))


def path_speed(motion):
    """Length of the pelvis' path, drawn every 0.1 s, over time, m/s."""
    path = at(motion, "pelvis")[:: round(0.1 * motion.fps), :2]
    return (
        np.linalg.norm(np.diff(path, axis=0), axis=1).mean() / round(0.1 * motion.fps) * motion.fps
    )


def stride_seconds(motion):
    """Lag of the first peak of the knee's autocorrelation."""
    knee = knee_flexion(motion, "left")
    knee = knee - knee.mean()
    lags = np.arange(round(0.4 * motion.fps), round(1.8 * motion.fps))
    likeness = np.array([np.mean(knee[lag:] * knee[:-lag]) for lag in lags])
    peaks = np.flatnonzero((likeness[1:-1] > likeness[:-2]) & (likeness[1:-1] > likeness[2:])) + 1
    return lags[peaks[likeness[peaks] > 0.5 * likeness.max()][0]] / motion.fps


def heading_deg(motion):
    across = at(motion, "left_hip") - at(motion, "right_hip")
    return np.rad2deg(np.unwrap(np.arctan2(-across[:, 0], across[:, 1])))


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_an_upright_adult(recording, name):
    motion = recording(name)
    assert motion.fps == 1 / (0.0083333 if name.startswith("cmu") else 0.0333333)
    assert leg_length(motion) == pytest.approx(0.801, abs=0.002)
    assert 1.4 < motion.stature < 1.8
    np.testing.assert_array_equal(motion.rest_positions[motion.index("pelvis")], 0.0)
    assert np.median(at(motion, "head")[:, 2] - at(motion, "left_ankle")[:, 2]) > 1.1
    assert 0.0 < at(motion, "left_foot")[:, 2].min() < 0.06


@pytest.mark.parametrize("name", FILES)
def test_segments_turn_with_their_bones(recording, name):
    motion = recording(name)
    turns, rest = matrices(motion.rotations), motion.rest_positions
    for joint, parent in enumerate(motion.parents):
        # CMU's Neck hangs on an unmapped joint that turns.
        if parent >= 0 and motion.joint_names[joint] not in ("neck", "head"):
            bone = motion.positions[:, joint] - motion.positions[:, parent]
            expected = turns[:, parent] @ (rest[joint] - rest[parent])
            np.testing.assert_allclose(bone, expected, atol=2e-4)


@pytest.mark.parametrize("name", FILES)
def test_knees_and_elbows_are_hinges_about_anatomical_axes(recording, name):
    motion = recording(name)
    for side in SIDES:
        outwards = 1.0 if side == "left" else -1.0
        for upper, lower, bone, axis in (
            ("hip", "knee", [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]),
            ("shoulder", "elbow", [0.0, outwards, 0.0], [0.0, 0.0, -outwards]),
        ):
            parent = matrices(motion.rotations[:, motion.index(f"{side}_{upper}")])
            child = matrices(motion.rotations[:, motion.index(f"{side}_{lower}")])
            # Forearms also pronate, about the bone itself.
            image = (np.swapaxes(parent, 1, 2) @ child) @ np.array(bone)
            assert np.abs(image @ axis).max() < 0.01
            assert (image @ np.cross(axis, bone)).min() > -0.01


@pytest.mark.parametrize(
    ("name", "speed", "stride", "knee"),
    [
        ("bandai2_walk_normal_001", 1.11, 1.10, 72.0),
        ("bandai2_run_normal_001", 3.65, 0.73, 136.0),
        ("bandai2_walk-turn-left_normal_001", 1.04, None, None),
        ("bandai1_walk-back_normal_001", 1.20, None, None),
        ("cmu_131_01_start_walk_stop", None, None, 134.0),
    ],
)
def test_gait(recording, name, speed, stride, knee):
    motion = recording(name)
    if speed is not None:
        assert path_speed(motion) == pytest.approx(speed, rel=0.025)
    if stride is not None:
        assert stride_seconds(motion) == pytest.approx(stride, abs=0.04)
    if knee is not None:
        peak = max(knee_flexion(motion, side).max() for side in SIDES)
        assert peak == pytest.approx(knee, abs=1.0)


def test_turning_left_is_positive(recording):
    heading = heading_deg(recording("bandai2_walk-turn-left_normal_001"))
    assert heading[-1] - heading[0] == pytest.approx(104, abs=1)


def test_walking_goes_where_the_body_faces_and_back_where_it_does_not(recording):
    for name, direction in (
        ("bandai2_walk_normal_001", 1.0),
        ("bandai2_run_normal_001", 1.0),
        ("bandai1_walk-back_normal_001", -1.0),
    ):
        motion = recording(name)
        forward = matrices(motion.rotations[:, motion.index("pelvis")])[:, :2, 0].mean(axis=0)
        way = at(motion, "pelvis")[-1, :2] - at(motion, "pelvis")[0, :2]
        assert direction * (forward @ way) > 0.9 * np.linalg.norm(forward) * np.linalg.norm(way)


@pytest.mark.parametrize(
    ("name", "hands", "height"),
    [
        ("bandai2_wave-right-hand_normal_001", ("right",), 2.2),
        ("bandai2_raise-up-both-hands_normal_001", ("left", "right"), 2.0),
    ],
)
def test_raised_hands_in_leg_lengths(recording, name, hands, height):
    motion = recording(name)
    for side in SIDES:
        highest = at(motion, f"{side}_wrist")[:, 2].max() / leg_length(motion)
        if side in hands:
            assert highest == pytest.approx(height, abs=0.06)
        else:
            assert highest < 1.2


def test_the_cmu_unit_may_be_named(recording, real_data):
    path = real_data / "bvh" / "cmu_131_01_start_walk_stop.bvh"
    told = recording("cmu_131_01_start_walk_stop")
    np.testing.assert_array_equal(read_bvh(path, unit="cmu").positions, told.positions)
    assert leg_length(read_bvh(path, unit=0.01)) == pytest.approx(0.142, abs=0.001)


def test_a_truncated_recording_is_refused(real_data, tmp_path):
    text = (real_data / "bvh" / "bandai2_run_normal_001.bvh").read_text()
    path = tmp_path / "cut.bvh"
    path.write_text(text[: len(text) * 2 // 3])
    with pytest.raises(InputError, match=r"cut\.bvh: (line|Frames)"):
        read_bvh(path)


# Largest RMSE m, mean orientation error deg, foot skate m/s. Where 3° is out of reach, positions
# come first.
QUALITY = {
    "bandai1_bow_normal_001": (0.010, 2.6, 0.01),
    "bandai1_walk-back_normal_001": (0.015, 5.2, 0.15),
    "bandai2_raise-up-both-hands_normal_001": (0.004, 1.2, 0.01),
    "bandai2_run_normal_001": (0.0155, 4.0, 0.4),
    "bandai2_walk-turn-left_normal_001": (0.009, 2.7, 0.12),
    "bandai2_walk_normal_001": (0.009, 2.6, 0.12),
    "bandai2_wave-right-hand_normal_001": (0.004, 1.0, 0.01),
    "cmu_131_01_start_walk_stop": (0.015, 6.4, 0.15),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_retargeted_quality(full_body, recording, name):
    motion = recording(name)
    result = GMRFit(full_body).solve(motion)
    rmse, orientation, skate = QUALITY[name]
    metrics = result.metrics
    assert metrics.rmse_m <= rmse
    assert metrics.orientation_error_deg <= orientation
    assert metrics.joint_limit_violation_percent == 0.0
    assert metrics.max_penetration_m <= 0.001
    assert metrics.float_clearance_m <= 0.005
    assert metrics.root_acceleration_rms_m_per_s2 <= metrics.source_root_acceleration_rms_m_per_s2
    assert metrics.foot_skate_m_per_s <= skate
    assert metrics.not_converged_percent == 0.0
    knees = [min(knee_flexion(motion, side).max(), MODEL_KNEE_LIMIT_DEG) for side in SIDES]
    assert peak_knee_flexion_deg(full_body, result.clip) == pytest.approx(knees, abs=5.0)
    if path_speed(motion) > 0.8:
        assert walking_speed(result.clip) == pytest.approx(path_speed(motion), rel=0.08)


@pytest.mark.filterwarnings("ignore:Gimbal lock")
def test_the_world_of_a_recording_may_be_z_up(recording, real_data, tmp_path):
    """The same file with its root turned a quarter about x, as some exporters write."""
    source = real_data / "bvh" / "bandai2_raise-up-both-hands_normal_001.bvh"
    head, rows = source.read_text().split("Frame Time:\t0.0333333\n")
    turn = Rotation.from_euler("x", 90, degrees=True)
    lines = []
    for line in rows.strip().split("\n"):
        values = np.array(line.split(), dtype=float)
        values[:3] = turn.apply(values[:3])
        values[3:6] = (turn * Rotation.from_euler("ZXY", values[3:6], degrees=True)).as_euler(
            "ZXY", degrees=True
        )
        lines.append(" ".join(repr(float(value)) for value in values))
    path = tmp_path / "z_up.bvh"
    path.write_text(head + "Frame Time: 0.0333333\n" + "\n".join(lines) + "\n")
    with pytest.raises(InputError, match="vertical axis"):
        read_bvh(path)
    motion, plain = read_bvh(path, up="z"), recording("bandai2_raise-up-both-hands_normal_001")
    # The two worlds differ by a turn about the vertical only.
    angle = heading_deg(plain)[0] - heading_deg(motion)[0]
    heading = Rotation.from_euler("z", angle, degrees=True).as_matrix()
    np.testing.assert_allclose(motion.positions @ heading.T, plain.positions, atol=1e-6)
    turned = quaternions(heading @ matrices(motion.rotations))
    np.testing.assert_allclose(np.abs(np.sum(turned * plain.rotations, axis=-1)), 1.0, atol=1e-9)
