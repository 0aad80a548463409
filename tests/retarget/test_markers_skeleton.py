"""A body of known segment rotations, its markers, and what the reader makes of them."""

import itertools
import logging

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget.markers import MarkerTrajectories, motion_of_markers
from musclemimic_retarget.markers.frames import sideways_frame, upright_frame
from musclemimic_retarget.markers.functional import common_axis, common_centre
from musclemimic_retarget.markers.pelvis import harrington
from musclemimic_retarget.rotations import angle_between, matrices, quaternions
from scipy.spatial.transform import Rotation

FRAMES, FPS = 200, 100.0
PELVIS_WIDTH, PELVIS_DEPTH, THIGH, SHANK = 0.25, 0.17, 0.42, 0.41
UPPER_ARM, FOREARM, ACROMIA = 0.30, 0.25, 0.34
# Where only lateral markers exist the reader takes these shares of segment lengths.
KNEE_HALF = 0.127 * THIGH / np.sqrt(1 - 0.127**2)
SIDES = {"left": 1.0, "right": -1.0}
SET = "rehazenter"
NAMES = {
    "asis": "IAS",
    "psis": "IPS",
    "knee_lateral": "FLE",
    "knee_medial": "FME",
    "ankle_lateral": "FAL",
    "ankle_medial": "TAM",
    "heel": "FCC",
    "toe": "FM2",
    "mt1": "FM1",
    "mt5": "FM5",
    "acromion": ("SAA", "SAE"),
    "elbow_lateral": "HLE",
    "elbow_medial": "HME",
    "wrist_radial": "RSP",
    "wrist_ulnar": "UHE",
}


def turn(axis, degrees):
    """Rotations about one axis, for one angle or a curve of them."""
    turns = Rotation.from_euler(axis, np.reshape(degrees, (-1, 1)), degrees=True).as_matrix()
    return turns[0] if np.ndim(degrees) == 0 else turns


def angles():
    """Degrees over time: half a second of standing, then everything moves."""
    phase = np.clip(np.arange(FRAMES) - 50, 0, None) / 25.0
    wave = np.sin(phase)
    return {
        "tilt": 6.0 * wave,
        "list": 4.0 * wave,
        "yaw": 8.0 * np.sin(2 * np.pi * np.clip(np.arange(FRAMES) - 50, 0, None) / 150.0),
        "lean": 10.0 * wave,
        "hip": 25.0 * np.abs(wave),
        "rotation": 0.0 * wave,
        "abduction": 5.0 * wave,
        "knee": 65.0 * np.abs(wave),
        "ankle": 12.0 * np.abs(wave),
        "raise": -70.0 + 20.0 * wave,
        "elbow": 30.0 + 20.0 * wave,
    }


def body(changes=None):
    """True rotations and joint centres, z up, facing +x."""
    a = angles() | (changes or {})
    turns, centres = {}, {}
    pelvis = turn("z", a["yaw"]) @ turn("y", a["tilt"]) @ turn("x", a["list"])
    turns["pelvis"] = pelvis
    # Raised while it moves, so that the feet are lowest in standing.
    front = np.zeros((FRAMES, 3))
    front[:, 2] = 0.95 + 0.05 * (np.arange(FRAMES) > 50)
    plane = pelvis @ turn("y", 3.0)
    points = {"front": front, "plane": plane}
    for side, sign in SIDES.items():
        hip = front + plane @ harrington(PELVIS_WIDTH, PELVIS_DEPTH, side)
        thigh = pelvis @ turn("y", -a["hip"]) @ turn("x", sign * a["abduction"])
        thigh = thigh @ turn("z", sign * a["rotation"])
        shank = thigh @ turn("y", a["knee"])
        foot = shank @ turn("y", -a["ankle"])
        knee = hip + thigh @ [0.0, 0.0, -THIGH]
        ankle = knee + shank @ [0.0, 0.0, -SHANK]
        turns |= {f"{side}_hip": thigh, f"{side}_knee": shank, f"{side}_ankle": foot}
        centres |= {f"{side}_hip": hip, f"{side}_knee": knee, f"{side}_ankle": ankle}
    middle = (centres["left_hip"] + centres["right_hip"]) / 2
    spacing = np.linalg.norm(centres["left_hip"][0] - centres["right_hip"][0])
    lumbar = middle + pelvis @ (spacing * np.array([-0.29, 0.0, 1.04]))
    trunk = pelvis @ turn("y", a["lean"])
    turns["spine3"] = trunk
    for side, sign in SIDES.items():
        acromion = lumbar + trunk @ [0.0, sign * ACROMIA / 2, 0.40]
        upper = trunk @ turn("x", sign * a["raise"])
        lower = upper @ turn("z", -sign * a["elbow"])
        shoulder = acromion + trunk @ [0.0, 0.0, -0.17 * ACROMIA]
        elbow = shoulder + upper @ [0.0, sign * UPPER_ARM, 0.0]
        turns |= {f"{side}_shoulder": upper, f"{side}_elbow": lower, f"{side}_wrist": lower}
        centres |= {
            f"{side}_acromion": acromion,
            f"{side}_shoulder": shoulder,
            f"{side}_elbow": elbow,
            f"{side}_wrist": elbow + lower @ [0.0, sign * FOREARM, 0.0],
        }
    return turns, centres | points


def markers(turns, centres):
    """Landmark to positions, m."""
    plane, front = centres["plane"], centres["front"]
    found = {}
    for side, sign in SIDES.items():
        thigh, shank, foot = (turns[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        knee, ankle = centres[f"{side}_knee"], centres[f"{side}_ankle"]
        elbow, wrist = centres[f"{side}_elbow"], centres[f"{side}_wrist"]
        upper, lower = turns[f"{side}_shoulder"], turns[f"{side}_elbow"]
        out = np.array([0.0, sign, 0.0])
        own = {
            "asis": front + plane @ (PELVIS_WIDTH / 2 * out),
            "psis": front + plane @ (0.05 * out - [PELVIS_DEPTH, 0.0, 0.0]),
            "knee_lateral": knee + thigh @ (KNEE_HALF * out),
            "knee_medial": knee - thigh @ (KNEE_HALF * out),
            "ankle_lateral": ankle + shank @ (0.04 * out),
            "ankle_medial": ankle - shank @ (0.04 * out),
            "heel": ankle + foot @ [-0.06, 0.0, -0.05],
            "mt1": ankle + foot @ (np.array([0.12, 0.0, -0.05]) - 0.03 * out),
            "mt5": ankle + foot @ (np.array([0.12, 0.0, -0.05]) + 0.03 * out),
            "toe": ankle + foot @ [0.13, 0.0, -0.04],
            "acromion": centres[f"{side}_acromion"],
            "elbow_lateral": elbow + upper @ [0.0, 0.0, 0.035],
            "elbow_medial": elbow - upper @ [0.0, 0.0, 0.035],
            "wrist_radial": wrist + lower @ [0.025, 0.0, 0.0],
            "wrist_ulnar": wrist - lower @ [0.025, 0.0, 0.0],
        }
        found |= {f"{side}_{name}": place for name, place in own.items()}
    return found


def labelled(landmarks, without=()):
    """Trajectories under the labels of a packaged set."""
    names, columns = [], []
    for landmark, place in landmarks.items():
        side, _, name = landmark.partition("_")
        labels = NAMES[name]
        for label in (labels,) if isinstance(labels, str) else labels:
            if name not in without:
                names.append(f"{side[0].upper()}_{label}")
                columns.append(place)
    return MarkerTrajectories("lab.c3d", FPS, tuple(names), np.stack(columns, axis=1))


def with_labels(trajectories, extra):
    """More markers, by label."""
    return MarkerTrajectories(
        trajectories.source,
        trajectories.fps,
        (*trajectories.names, *extra),
        np.concatenate([trajectories.positions, np.stack(list(extra.values()), axis=1)], axis=1),
    )


def errors(motion, turns):
    """Largest angle between found and true rotation of each joint, degrees."""
    found = motion.rotations
    return {
        name: float(
            np.rad2deg(angle_between(found[:, motion.index(name)], quaternions(true)).max())
        )
        for name, true in turns.items()
    }


@pytest.fixture(scope="module")
def truth():
    return body()


def test_rotations_and_joint_centres_are_recovered(truth):
    turns, centres = truth
    motion = motion_of_markers(labelled(markers(turns, centres)))
    assert max(errors(motion, turns).values()) < 0.01
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
        for side in SIDES:
            name = f"{side}_{joint}"
            np.testing.assert_allclose(
                motion.positions[:, motion.index(name)], centres[name], atol=1e-4, err_msg=name
            )


def test_the_rest_pose_is_a_t_pose_with_the_persons_lengths(truth):
    motion = motion_of_markers(labelled(markers(*truth)))
    rest = dict(zip(motion.joint_names, motion.rest_positions, strict=True))
    for side, sign in SIDES.items():
        np.testing.assert_allclose(
            rest[f"{side}_knee"] - rest[f"{side}_hip"], [0, 0, -THIGH], atol=1e-4
        )
        np.testing.assert_allclose(
            rest[f"{side}_ankle"] - rest[f"{side}_knee"], [0, 0, -SHANK], atol=1e-4
        )
        np.testing.assert_allclose(
            rest[f"{side}_wrist"] - rest[f"{side}_shoulder"],
            [0, sign * (UPPER_ARM + FOREARM), 0],
            atol=1e-4,
        )
        np.testing.assert_allclose(
            rest[f"{side}_foot"] - rest[f"{side}_ankle"], [0.12, 0, -0.05], atol=1e-4
        )
    assert 1.6 < motion.stature < 1.9


@pytest.mark.parametrize("permutation", list(itertools.permutations(range(3))))
def test_the_laboratorys_axes_do_not_matter(truth, permutation):
    trajectories = labelled(markers(*truth))
    expected = motion_of_markers(trajectories)
    for signs in itertools.product((1.0, -1.0), repeat=3):
        lab = np.diag(signs)[:, permutation]
        if np.linalg.det(lab) < 0:
            continue
        oblique = lab @ turn("z", 37.0)
        turned = MarkerTrajectories(
            "lab.c3d", FPS, trajectories.names, trajectories.positions @ oblique.T
        )
        motion = motion_of_markers(turned)
        np.testing.assert_allclose(motion.positions, expected.positions, atol=1e-9)
        np.testing.assert_allclose(
            matrices(motion.rotations), matrices(expected.rotations), atol=1e-9
        )


def test_mirrored_axes_are_refused(truth):
    trajectories = labelled(markers(*truth))
    mirrored = MarkerTrajectories(
        "lab.c3d", FPS, trajectories.names, trajectories.positions * [1.0, -1.0, 1.0]
    )
    with pytest.raises(InputError, match=r"lab\.c3d: sides: found the left .* on its right"):
        motion_of_markers(mirrored)


def test_someone_lying_down_is_refused(truth):
    trajectories = labelled(markers(*truth))
    lying = trajectories.positions @ turn("y", 45.0).T
    with pytest.raises(InputError, match="up axis: found pelvis at"):
        motion_of_markers(MarkerTrajectories("lab.c3d", FPS, trajectories.names, lying))


@pytest.mark.parametrize("factor", [0.1, 10.0, 1000.0])
def test_implausible_body_height_means_wrong_units(truth, factor):
    trajectories = labelled(markers(*truth))
    scaled = MarkerTrajectories("lab.c3d", FPS, trajectories.names, factor * trajectories.positions)
    with pytest.raises(InputError, match=r"units: found a body height of .* m"):
        motion_of_markers(scaled)


def test_inner_and_outer_marker_exchanged(truth):
    landmarks = markers(*truth)
    landmarks["left_knee_lateral"], landmarks["left_knee_medial"] = (
        landmarks["left_knee_medial"],
        landmarks["left_knee_lateral"],
    )
    with pytest.raises(InputError, match="left knee: found the medial marker outside"):
        motion_of_markers(labelled(landmarks))


def clusters(turns, centres):
    """Three markers on each thigh and shank, under the Hamner set's labels."""
    extra = {}
    for side, sign in SIDES.items():
        thigh, shank = turns[f"{side}_hip"], turns[f"{side}_knee"]
        knee = centres[f"{side}_knee"]
        for number, (x, out, z) in enumerate(
            [(0.06, 0.05, 0.1), (-0.04, 0.08, 0.2), (0.03, 0.07, 0.3)], start=1
        ):
            extra[f"{side[0].upper()}TH{number}"] = knee + thigh @ [x, sign * out, z]
            extra[f"{side[0].upper()}TB{number}"] = knee + shank @ [x, sign * out, -z]
    return extra


def test_knee_and_ankle_without_markers_are_found_from_motion(truth):
    turns, centres = truth
    # The ankle needs more than one axis of motion to have a centre.
    for side in SIDES:
        twist = turn("x", 10.0 * np.sin(np.arange(FRAMES) / 9.0))
        twist[:60] = np.eye(3)
        turns = turns | {f"{side}_ankle": turns[f"{side}_ankle"] @ twist}
    landmarks, extra = markers(turns, centres), clusters(turns, centres)
    hamner = {"asis": "ASI", "psis": "PSI", "heel": "CAL", "toe": "TOE", "mt5": "MT5"}
    for landmark, place in landmarks.items():
        side, _, name = landmark.partition("_")
        if name in hamner:
            extra[f"{side[0].upper()}{hamner[name]}"] = place
    trajectories = MarkerTrajectories(
        "run.trc", FPS, tuple(extra), np.stack(list(extra.values()), axis=1)
    )
    motion = motion_of_markers(trajectories)
    legs = [f"{side}_{joint}" for side in SIDES for joint in ("hip", "knee")]
    found = errors(motion, {name: turns[name] for name in legs})
    assert max(found.values()) < 2.0  # the hips are not exactly half-way above the ankles
    for side in SIDES:
        ankle = motion.positions[:, motion.index(f"{side}_ankle")]
        np.testing.assert_allclose(ankle, centres[f"{side}_ankle"], atol=2e-3)


def test_without_medial_markers_the_knees_axis_comes_from_its_motion():
    turns, centres = body({"rotation": np.full(FRAMES, 15.0)})
    extra = {
        label.replace("TH1", "_FTC").replace("TB1", "_FAX").replace("TB2", "_TTC"): place
        for label, place in clusters(turns, centres).items()
        if label[1:] in ("TH1", "TB1", "TB2")
    }
    trajectories = with_labels(
        labelled(markers(turns, centres), without=("knee_medial", "ankle_medial")), extra
    )
    motion = motion_of_markers(trajectories)
    assert max(errors(motion, {n: turns[n] for n in ("left_hip", "right_hip")}).values()) < 0.01
    np.testing.assert_allclose(
        motion.positions[:, motion.index("left_knee")], centres["left_knee"], atol=1e-4
    )


def test_overextended_knees_move_the_zero_of_both_thighs(caplog):
    turns, centres = body({"knee": angles()["knee"] - 6.0})
    with caplog.at_level(logging.INFO):
        motion = motion_of_markers(labelled(markers(turns, centres)))
    assert "knees bend backwards by 6.0 deg" in caplog.text
    rotations = matrices(motion.rotations)
    rest = dict(zip(motion.joint_names, motion.rest_positions, strict=True))
    for side in SIDES:
        np.testing.assert_allclose(
            rest[f"{side}_knee"] - rest[f"{side}_hip"], [0, 0, -THIGH], atol=1e-4
        )
        bend = (
            np.swapaxes(rotations[:, motion.index(f"{side}_hip")], 1, 2)
            @ rotations[:, motion.index(f"{side}_knee")]
        )
        flexion = np.rad2deg(np.arctan2(bend[:, 0, 2], bend[:, 2, 2]))
        np.testing.assert_allclose(flexion, angles()["knee"], atol=1e-3)


def with_raised_spines(truth, up):
    """Markers of the iliac spines so far, m, above them."""
    found = markers(*truth)
    for side in SIDES:
        for spine in ("asis", "psis"):
            found[f"{side}_{spine}"] = found[f"{side}_{spine}"] + truth[0]["pelvis"] @ [0, 0, up]
    return labelled(found)


def lengths(motion, side):
    """Usual thigh and shank, m."""
    joints = [motion.positions[:, motion.index(f"{side}_{j}")] for j in ("hip", "knee", "ankle")]
    return np.median(np.linalg.norm(np.diff(joints, axis=0), axis=2), axis=1)


def test_hips_that_make_thighs_too_long_come_down(truth, caplog):
    """Six centimetres of waistband: 0.48 m of thigh over 0.41 m of shank."""
    with caplog.at_level(logging.INFO):
        motion = motion_of_markers(with_raised_spines(truth, 0.06))
    # Winter's thigh is 1.2 cm shorter than this person's.
    assert "hips lowered by 72 mm" in caplog.text
    for side in SIDES:
        thigh, shank = lengths(motion, side)
        assert thigh == pytest.approx(0.245 / 0.246 * shank, abs=2e-3)
        away = motion.positions[:, motion.index(f"{side}_hip")] - truth[1][f"{side}_hip"]
        assert np.linalg.norm(away, axis=1).max() < 0.015


def test_hips_of_plausible_thighs_stay(truth, caplog):
    with caplog.at_level(logging.INFO):
        motion = motion_of_markers(with_raised_spines(truth, 0.015))
    assert "hips lowered" not in caplog.text
    thigh, _ = lengths(motion, "left")
    assert thigh == pytest.approx(THIGH + 0.015, abs=2e-3)


def test_toes_that_point_outwards_by_shape_count_as_neutral(truth):
    turns, centres = truth
    landmarks = markers(turns, centres)
    for side, sign in SIDES.items():
        foot, ankle = turns[f"{side}_ankle"], centres[f"{side}_ankle"]
        for name in ("heel", "toe", "mt1", "mt5"):
            place = np.einsum("tji,tj->ti", foot, landmarks[f"{side}_{name}"] - ankle)
            out = foot @ turn("z", sign * 12.0)
            landmarks[f"{side}_{name}"] = ankle + np.einsum("tij,tj->ti", out, place)
    motion = motion_of_markers(labelled(landmarks))
    feet = {f"{side}_ankle": turns[f"{side}_ankle"] for side in SIDES}
    assert max(errors(motion, feet).values()) < 0.01
    rest = dict(zip(motion.joint_names, motion.rest_positions, strict=True))
    np.testing.assert_allclose(rest["left_foot"] - rest["left_ankle"], [0.12, 0, -0.05], atol=1e-4)


def test_missing_arms_hang_and_are_reported(truth, caplog):
    turns, centres = truth
    landmarks = {k: v for k, v in markers(turns, centres).items() if not k.startswith("left_elbow")}
    motion = motion_of_markers(labelled(landmarks))
    assert "no markers on the left arm: hanging at rest" in caplog.text
    arm = (
        motion.positions[:, motion.index("left_wrist")]
        - motion.positions[:, motion.index("left_shoulder")]
    )
    down = -turns["spine3"][:, :, 2]
    np.testing.assert_allclose(arm, (UPPER_ARM + FOREARM) * down, atol=1e-4)
    hanging = turns["spine3"] @ turn("x", -90.0)
    assert errors(motion, {"left_shoulder": hanging})["left_shoulder"] < 0.01
    assert errors(motion, {"right_elbow": turns["right_elbow"]})["right_elbow"] < 0.01


def test_an_elbow_with_one_marker_gets_a_usual_carrying_angle(truth):
    turns, centres = truth
    turns, landmarks = dict(turns), markers(turns, centres)
    for side, sign in SIDES.items():
        # An arm with a carrying angle of 12.9°, well bent.
        bent = turns[f"{side}_shoulder"] @ turn("z", -sign * 60.0)
        along = bent @ turn("x", sign * 12.9) @ [0.0, sign * FOREARM, 0.0]
        half = 0.12 * UPPER_ARM / np.sqrt(1 - 0.12**2)
        elbow = centres[f"{side}_elbow"]
        landmarks[f"{side}_elbow_lateral"] = elbow + turns[f"{side}_shoulder"] @ [0.0, 0.0, half]
        landmarks[f"{side}_wrist_radial"] = landmarks[f"{side}_wrist_ulnar"] = elbow + along
        turns[f"{side}_elbow"] = bent
    landmarks = (
        {name: place for name, place in landmarks.items() if "wrist" not in name}
        | {
            f"{side}_wrist_radial": landmarks[f"{side}_wrist_radial"] + [1e-3, 0.0, 0.0]
            for side in SIDES
        }
        | {
            f"{side}_wrist_ulnar": landmarks[f"{side}_wrist_ulnar"] - [1e-3, 0.0, 0.0]
            for side in SIDES
        }
    )
    motion = motion_of_markers(labelled(landmarks, without=("elbow_medial",)))
    arms = {f"{s}_{j}": turns[f"{s}_{j}"] for s in SIDES for j in ("shoulder", "elbow")}
    assert max(errors(motion, arms).values()) < 1.0


def test_missing_trunk_is_upright_and_reported(truth, caplog):
    turns, centres = truth
    motion = motion_of_markers(labelled(markers(turns, centres), without=("acromion",)))
    assert "no shoulder markers: trunk upright" in caplog.text
    assert "no markers on the left and right arm" in caplog.text
    trunk = matrices(motion.rotations)[:, motion.index("spine3")]
    np.testing.assert_allclose(trunk[:, :, 2], np.tile([0.0, 0.0, 1.0], (FRAMES, 1)), atol=1e-9)
    assert 1.6 < motion.stature < 1.9


def test_a_belt_adds_its_way(truth):
    trajectories = labelled(markers(*truth))
    still = motion_of_markers(trajectories)
    moved = motion_of_markers(trajectories, belt_speed=2.0)
    np.testing.assert_allclose(
        (moved.positions - still.positions)[-1],
        np.tile([2.0 * (FRAMES - 1) / FPS, 0.0, 0.0], (len(still.joint_names), 1)),
    )
    with pytest.raises(InputError, match="belt_speed: value: found nan"):
        motion_of_markers(trajectories, belt_speed=float("nan"))


def test_harrington_by_hand():
    # Markers 0.25 m apart and 0.17 m deep: bone depth 0.152 m.
    np.testing.assert_allclose(
        harrington(0.25, 0.17, "right"),
        [-0.24 * 0.152 - 0.0099 - 0.009, -(0.33 * 0.25 + 0.0073), -0.30 * 0.25 - 0.0109],
    )


def test_frames_by_hand():
    tilted = upright_frame(np.array([1.0, 0.0, 1.0]), np.array([0.0, 2.0, 1.0]))
    half = np.sqrt(0.5)
    np.testing.assert_allclose(tilted[:, 2], [half, 0.0, half])
    assert tilted[:, 1] @ tilted[:, 2] == pytest.approx(0.0)
    assert np.linalg.det(tilted) == pytest.approx(1.0)
    level = sideways_frame(np.array([0.0, 3.0, 0.0]), np.array([0.0, 5.0, 2.0]))
    np.testing.assert_allclose(level, np.eye(3), atol=1e-12)


def test_common_axis_and_centre_by_hand():
    flexion = np.linspace(0.0, 1.2, 50)
    drift = Rotation.from_euler("xyz", np.random.default_rng(3).normal(size=(50, 3)))
    first = drift.as_matrix()
    second = first @ Rotation.from_rotvec(flexion[:, None] * [0.0, 1.0, 0.0]).as_matrix()
    axes = common_axis(first, second)
    assert axes is not None
    np.testing.assert_allclose(np.abs(axes[0]), [0.0, 1.0, 0.0], atol=1e-9)
    assert common_axis(first, first) is None
    joint = np.random.default_rng(4).normal(size=(50, 3))
    ball = Rotation.from_euler("xyz", np.random.default_rng(5).normal(size=(50, 3))).as_matrix()
    centre = common_centre(
        (first, joint - first @ [0.1, 0.2, 0.3]),
        (ball, joint - ball @ [0.0, 0.1, 0.0]),
        hinge=False,
    )
    np.testing.assert_allclose(centre, joint, atol=1e-9)
