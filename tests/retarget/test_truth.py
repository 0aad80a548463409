"""Retargeted gait against the person: speed, cadence and knees as the data's README states them."""

import dataclasses
from importlib.resources import files
from xml.etree import ElementTree

import numpy as np
import pytest
from musclemimic_retarget import (
    GMRFit,
    GMRFitConfig,
    MocapBodyConfig,
    peak_knee_flexion_deg,
    read_motion,
    retarget,
    stride_seconds,
    walking_speed,
    write_synthetic_smpl,
)
from musclemimic_retarget.methods import ReaderOptions, read_with
from scipy.signal import find_peaks

# File, belt speed; speed m/s, stride s (None: less than two, or not stated), knees left, right °.
GAIT = {
    "walk3d markers": ("opensim_walk3d/markers_walk.trc", 0.0, 1.243, 120 / 105, (72, 72)),
    "walk3d coordinates": ("opensim_walk3d/coordinates.sto", 0.0, 1.243, None, (72, 72)),
    "opencap markers": ("opencap_lab_walk/walking1.trc", 0.0, 1.12, None, (73, 70)),
    "opencap coordinates": ("opencap_lab_walk/walking1.mot", 0.0, 1.12, None, (73, 70)),
    "bmc": ("c3d_forceplate/bmc_gait.c3d", 0.0, 1.46, None, None),
    "rehazenter": ("c3d_forceplate/rehazenter_2014001_C1_01.c3d", 0.0, 0.388, None, None),
    # Knees of the running markers: below.
    "run200 markers": ("running_hamner/run200.trc", 1.995, 1.995, 0.775, None),
    "run300 markers": ("running_hamner/run300.trc", 3.004, 3.004, 0.722, None),
    "run200 coordinates": ("running_hamner/run200_ik.mot", 1.995, 1.995, 0.775, (88, 88)),
    "run300 coordinates": ("running_hamner/run300_ik.mot", 3.004, 3.004, 0.722, (103, 103)),
    "bandai walk": ("bvh/bandai2_walk_normal_001.bvh", 0.0, 1.11, 1.10, (72, 72)),
    # The person's knees bend to 136°: below.
    "bandai run": ("bvh/bandai2_run_normal_001.bvh", 0.0, 3.65, 0.73, None),
    "bandai walk-back": ("bvh/bandai1_walk-back_normal_001.bvh", 0.0, 1.20, None, None),
    "asap walk": ("smpl/asap_walk_level2.npz", 0.0, 0.58, 1.17, (52, 58)),
}


@pytest.fixture(scope="module")
def two_arms(tmp_path_factory):
    """The first second of the built-in motion."""
    motion = read_motion(write_synthetic_smpl(tmp_path_factory.mktemp("m") / "arms.npz", 30.0))
    return dataclasses.replace(
        motion, positions=motion.positions[:30], rotations=motion.rotations[:30]
    )


@pytest.fixture(scope="module")
def clips(full_body, real_data):
    """Clips by name, made once."""
    fit, made = GMRFit(full_body), {}

    def clip(name):
        if name not in made:
            file, belt, *_ = GAIT[name]
            made[name] = fit.retarget(read_with(real_data / file, ReaderOptions(belt_speed=belt)))
        return made[name]

    return clip


@pytest.mark.slow
@pytest.mark.parametrize("name", GAIT)
def test_speed_cadence_and_knees_are_the_persons(clips, full_body, name):
    clip = clips(name)
    _, _, speed, stride, knees = GAIT[name]
    way = np.linalg.norm(clip.site_pos[-1, 0, :2] - clip.site_pos[0, 0, :2]) / clip.duration
    assert way / clip.provenance.human_to_model_scale == pytest.approx(speed, rel=0.03)
    if stride is not None:
        assert stride_seconds(clip) == pytest.approx(stride, rel=0.02)
    if knees is not None:
        assert peak_knee_flexion_deg(full_body, clip) == pytest.approx(knees, abs=5.0)


def test_turning_keeps_its_heading_and_speed(full_body, real_data):
    motion = read_motion(real_data / "bvh/bandai2_walk-turn-left_normal_001.bvh")
    clip = GMRFit(full_body).retarget(motion)
    assert walking_speed(clip) == pytest.approx(1.04, rel=0.03)
    root = clip.qpos[:, 3:7]
    x, y, z, w = root[:, 1], root[:, 2], root[:, 3], root[:, 0]
    # The pelvis' own x axis in the world.
    heading = np.unwrap(np.arctan2(2 * (x * y + w * z), 1 - 2 * (y * y + z * z)))
    assert np.rad2deg(heading[-1] - heading[0]) == pytest.approx(104.0, abs=8.0)


def test_coordinates_of_a_turning_person_wrap_without_a_jump(full_body, real_data):
    motion = read_motion(real_data / "opensim_walk3d/coordinates.sto")
    values = motion.values.copy()
    column = motion.names.index("pelvis_rotation")
    values[:, column] += np.linspace(0.0, 2.5 * np.pi, len(values))
    wrapped = values.copy()
    wrapped[:, column] = (values[:, column] + np.pi) % (2 * np.pi) - np.pi
    made = [
        retarget(full_body, dataclasses.replace(motion, values=v)).qpos for v in (values, wrapped)
    ]
    np.testing.assert_allclose(made[1], made[0], atol=1e-6)


def hips_of_the_scaled_model(path):
    """[forward, outward, up] in the plane through the iliac spines, of an .osim file; m."""
    root = ElementTree.parse(path).getroot()
    place = {
        marker.get("name"): np.array((marker.findtext("location") or "").split(), dtype=float)
        for marker in root.iter("Marker")
    }
    joint = next(joint for joint in root.iter("CustomJoint") if joint.get("name") == "hip_r")
    frame = next(joint.iter("PhysicalOffsetFrame"))
    hip = np.array((frame.findtext("translation") or "").split(), dtype=float)
    front, back = ((place[f"R{name}"] + place[f"L{name}"]) / 2 for name in ("ASI", "PSI"))
    # OpenSim's axes: forward, up, right.
    ahead = (front - back) * (1.0, 1.0, 0.0)
    ahead /= np.linalg.norm(ahead)
    up = np.array([-ahead[1], ahead[0], 0.0])
    return [float((hip - front) @ ahead), float((hip - front)[2]), float((hip - front) @ up)]


@pytest.mark.slow
@pytest.mark.parametrize(("speed", "stated"), [("run200", 88.0), ("run300", 103.0)])
def test_running_knees_are_the_stated_ones_with_the_stated_models_hips(
    clips, full_body, real_data, tmp_path, speed, stated
):
    """The stated knees are a scaled model's, whose hips lie 8 cm lower than by regression."""
    folder = real_data / "running_hamner"
    offset = hips_of_the_scaled_model(folder / "final.osim")
    assert offset[2] == pytest.approx(-0.149, abs=0.002)
    packaged = (files("musclemimic_retarget.markers") / "data/marker_sets.toml").read_text()
    table = packaged[packaged.index("[hamner]") : packaged.index("[bmclab]")]
    own = tmp_path / "subject.toml"
    own.write_text(table.replace("[hamner]\n", f"[hamner]\nhip_offset = {offset}\n", 1))
    options = ReaderOptions(marker_sets=own, belt_speed=GAIT[f"{speed} markers"][1])
    moved = GMRFit(full_body).retarget(read_with(folder / f"{speed}.trc", options))
    assert peak_knee_flexion_deg(full_body, moved) == pytest.approx((stated, stated), abs=5.0)


@pytest.mark.slow
@pytest.mark.parametrize(("speed", "stated"), [("run200", 88.0), ("run300", 103.0)])
def test_running_knees_by_default(clips, full_body, speed, stated):
    """Hips by regression leave thighs of 48 cm and knees 9° short; by proportions, 3° to 4.7°."""
    knees = peak_knee_flexion_deg(full_body, clips(f"{speed} markers"))
    assert knees == pytest.approx((stated, stated), abs=5.0)


@pytest.mark.slow
def test_the_runs_knees_end_where_the_models_do(clips, full_body):
    """The person's bend to 136°, the model's to 120° at most (`retarget bounds` says so)."""
    joint = full_body.mj_model.joint("knee_angle_r")
    assert np.rad2deg(joint.range[1]) == pytest.approx(120.0, abs=0.1)
    peaks = peak_knee_flexion_deg(full_body, clips("bandai run"))
    assert peaks == pytest.approx((120.0, 120.0), abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["asap walk", "bandai walk", "bandai run", "walk3d markers"])
def test_strides_last_as_long_as_the_persons_by_the_same_ruler(clips, real_data, name):
    """Farthest before and behind the pelvis, both feet, in clip and recording alike."""
    clip, human = clips(name), read_motion(real_data / GAIT[name][0])
    sites = [clip.site_names.index(f"{side}_ankle") for side in ("left", "right")]
    joints = [human.index(f"{side}_ankle") for side in ("left", "right")]
    ours = strides_by_feet(clip.site_pos, sites, clip.dt)
    theirs = strides_by_feet(human.positions, joints, 1.0 / human.fps)
    # A turning point at the very end may be seen by one of them only.
    both = [(a, b) for a, b in zip(ours, theirs, strict=True) if len(a) == len(b) > 0]
    assert len(both) >= 2
    for mine, persons in both:
        # Half a frame of the recording at either end.
        np.testing.assert_allclose(mine, persons, atol=1.0 / human.fps + 1e-6)
    mean, persons_mean = (np.mean(np.concatenate(each)) for each in zip(*both, strict=True))
    assert mean == pytest.approx(persons_mean, rel=0.02)
    if name == "asap walk":
        # Two strides in 3.4 s of single-camera video, 1.19 s (left) and 1.14 s (right).
        assert mean == pytest.approx(1.17, rel=0.02)


def strides_by_feet(positions, ankles, dt):
    """Seconds between turning points of the ankles about the pelvis, along the way: foremost and
    hindmost, left and right."""
    travel = positions[-1, 0, :2] - positions[0, 0, :2]
    ahead = (positions[:, ankles, :2] - positions[:, :1, :2]) @ (travel / np.hypot(*travel))
    return [
        np.diff(find_peaks(curve, prominence=0.3 * np.ptp(curve))[0]) * dt
        for foot in ahead.T
        for curve in (foot, -foot)
    ]


def test_one_call_for_both_methods(full_body, arms, two_arms):
    for config, method in ((None, "gmr-fit"), (GMRFitConfig(), "gmr-fit")):
        assert retarget(arms, two_arms, config).provenance.method == method
    again = retarget(arms, two_arms, MocapBodyConfig())
    assert again.provenance.method == "mocap-body"
