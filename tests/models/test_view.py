"""`musclemimic models view`: posing, muscle paths and colours, the browser view."""

import os
import queue
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import mujoco
import numpy as np
import pytest
import tyro
from motions import arm_wave
from musclemimic_models import InputError, get_musculo_model
from musclemimic_models.validation import random_poses
from musclemimic_models.view import command
from musclemimic_models.view.colours import activation_colours, activation_rgba, muscle_radii
from musclemimic_models.view.command import ViewArguments, view
from musclemimic_models.view.paths import largest_piece_count, muscle_paths
from musclemimic_models.view.posing import (
    joint_folder,
    joint_sliders,
    move_joint,
    muscle_report,
    report_markdown,
    select_muscles,
)
from musclemimic_models.view.stage import Mode, Stage
from musclemimic_models.view.tubes import tube, tube_instances


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="module")
def full():
    return get_musculo_model("MyoFullBody", fingers=False)


@pytest.fixture(scope="module")
def shared_stage(arms):
    return Stage(arms, arm_wave(arms, seconds=0.5))


@pytest.fixture
def stage(shared_stage):
    shared_stage.reset()
    shared_stage.speed = 1.0
    return shared_stage


def slider_of(body, joint):
    return next(s for s in joint_sliders(body) if s.joint == joint)


def test_colours_go_from_blue_to_red():
    colours = activation_colours(np.array([-1.0, 0.0, 0.5, 1.0, 2.0]))
    assert colours.tolist() == [
        [20, 50, 200],
        [20, 50, 200],
        [120, 32, 110],
        [220, 15, 20],
        [220, 15, 20],
    ]
    assert activation_rgba(np.array([1.0]))[0] == pytest.approx([220 / 255, 15 / 255, 20 / 255, 1])


def test_thickness_goes_with_the_root_of_strength_within_bounds():
    assert muscle_radii(np.array([1.0, 2500.0, 1e6])) == pytest.approx([1.2e-3, 4e-3, 5e-3])


@pytest.mark.parametrize("along", [(0, 0, 2), (0, 0, -2), (2, 0, 0), (1.2, -1.6, 0), (1, 2, 2)])
def test_tube_reaches_from_point_to_point(along):
    start = np.array([[0.1, 0.2, 0.3]])
    quaternions, centres, scales = tube_instances(start, start + along, np.array([0.5]))
    axis = np.zeros(3)
    mujoco.mju_rotVecQuat(axis, np.array([0.0, 0.0, 1.0]), quaternions[0])
    assert axis == pytest.approx(np.array(along) / np.linalg.norm(along), abs=1e-12)
    assert centres[0] == pytest.approx(start[0] + np.array(along) / 2)
    assert scales[0] == pytest.approx([0.5, 0.5, np.linalg.norm(along) + 0.25])


def test_tube_is_closed_and_faces_outward():
    vertices, faces = tube(8)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.sum(normals * corners.mean(axis=1), axis=1) > 0).all()
    edges = {tuple(e) for f in faces for e in (f[[0, 1]], f[[1, 2]], f[[2, 0]])}
    assert all((b, a) in edges for a, b in edges)


WRAPPED = """
<mujoco><worldbody>
  <geom name="round" type="{shape}" size="1 3" euler="90 0 0" contype="0" conaffinity="0"/>
  <site name="above" pos="0 0 1.2"/><site name="a" pos="-2 0 {height}"/>
  <body><joint/><geom size="0.1" pos="2 0 0"/><site name="b" pos="2 {shift} {height}"/></body>
</worldbody>
<tendon><spatial name="t"><site site="a"/><geom geom="round" sidesite="above"/><site site="b"/>
</spatial></tendon>
<actuator><muscle name="m" tendon="t" lengthrange="1 9"/></actuator></mujoco>
"""


@pytest.mark.parametrize(
    ("shape", "height", "shift", "expected"),
    [
        # Tangents of length sqrt(2² − 1²) and an arc of 180° − 2·60° on the unit circle.
        ("cylinder", 0, 0, 2 * np.sqrt(3) + np.pi / 3),
        ("sphere", 0, 0, 2 * np.sqrt(3) + np.pi / 3),
        # A helix: its developed length is the hypotenuse.
        ("cylinder", 0, 1, np.hypot(2 * np.sqrt(3) + np.pi / 3, 1)),
        # Out of reach of the surface: a straight line.
        ("cylinder", 1.5, 0, 4.0),
        # More than half a turn: 4.25 = 2² + 0.5²; the arc is 180° + 2·14.04° − 2·60.98°.
        (
            "cylinder",
            -0.5,
            0,
            2 * np.sqrt(3.25) + np.pi + 2 * np.arctan2(0.5, 2) - 2 * np.arccos(1 / np.sqrt(4.25)),
        ),
    ],
)
def test_path_over_a_surface(shape, height, shift, expected):
    text = WRAPPED.format(shape=shape, height=height, shift=shift)
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    paths = muscle_paths(model, data, arc_steps=400)
    assert paths.lengths(1)[0] == pytest.approx(expected, abs=1e-5)
    assert data.ten_length[0] == pytest.approx(expected, abs=1e-9)
    assert len(muscle_paths(model, data).muscle) <= largest_piece_count(model)


@pytest.mark.parametrize("name", ["arms", "full"])
def test_paths_are_as_long_as_the_muscles(name, request):
    body = request.getfixturevalue(name)
    m, d = body.mj_model, mujoco.MjData(body.mj_model)
    for qpos in random_poses(body, 20, seed=1):
        d.qpos[:] = qpos
        mujoco.mj_forward(m, d)
        paths = muscle_paths(m, d, arc_steps=64)
        assert paths.lengths(m.nu) == pytest.approx(d.actuator_length, abs=5e-5)
        assert len(muscle_paths(m, d).muscle) <= largest_piece_count(m)


def test_sliders_cover_the_independent_joints(full):
    sliders = joint_sliders(full)
    assert len(sliders) == 31
    knee = slider_of(full, "knee_angle_r")
    assert (knee.low, knee.high, knee.unit, knee.folder) == (0.0, 120.0, "°", "right leg")
    assert {s.folder for s in sliders} == {
        "trunk",
        "left arm",
        "right arm",
        "left leg",
        "right leg",
    }
    low, high = full.couplings.box.T
    assert (np.radians([s.low for s in sliders]) >= low - 1e-6).all()
    assert (np.radians([s.high for s in sliders]) <= high + 1e-6).all()


def test_folders():
    assert joint_folder("flex_extension", paired=False) == "trunk"
    assert joint_folder("hip_rotation_l", paired=True) == "left leg"
    assert joint_folder("md3_flexion", paired=True) == "right fingers"
    assert joint_folder("flexion_l", paired=True) == "left arm"


def test_a_slider_moves_its_joint_and_the_dependent_ones(full):
    knee, start = slider_of(full, "knee_angle_r"), full.couplings.apply(full.mj_model.qpos0)
    moved = move_joint(full, start, knee, 90.0)
    assert moved[knee.qpos] == pytest.approx(np.pi / 2)
    assert knee.shown(moved) == 90.0
    followers = full.couplings.dependent_qpos[full.couplings.independent_qpos == knee.qpos]
    assert len(followers) >= 2
    assert (np.abs(moved - start)[followers] > 1e-3).any()
    still = np.setdiff1d(np.arange(len(start)), [knee.qpos, *followers])
    assert np.array_equal(moved[still], start[still])
    assert full.couplings.residual(moved) == pytest.approx(0, abs=1e-12)


def test_a_pose_beyond_the_range_shows_the_end(full):
    knee, qpos = slider_of(full, "knee_angle_r"), full.mj_model.qpos0.copy()
    qpos[knee.qpos] = -0.5
    assert knee.shown(qpos) == 0.0


def test_moment_arms_are_minus_the_slope_of_length_with_the_couplings_kept(full):
    """The knee moves the patella and slides the tibia: a check by finite differences sees both."""
    knee = slider_of(full, "knee_angle_r")
    muscle = full.muscle_names.index("recfem_r")
    pose = move_joint(full, full.mj_model.qpos0, knee, 50.0)
    step = 1e-3
    beside = [
        muscle_report(full, move_joint(full, pose, knee, 50.0 + sign * step), muscle).length
        for sign in (1, -1)
    ]
    slope = (beside[0] - beside[1]) / (2 * np.radians(step))
    report = muscle_report(full, pose, muscle)
    arms = dict(report.moment_arms)
    assert arms["knee_angle_r"] == pytest.approx(-slope, abs=1e-6)
    assert arms["knee_angle_r"] < -0.02  # an extensor, some centimetres away
    assert arms["hip_flexion_r"] > 0.02  # and a hip flexor
    assert "recfem_r" in report_markdown(report)
    assert f"{-slope * 1000:+.1f}" in report_markdown(report)


def test_select_muscles(arms):
    everyone = select_muscles(arms, group="", side="both")
    left = select_muscles(arms, group="elbow", side="left")
    right = select_muscles(arms, group="elbow", side="right")
    assert everyone.all()
    assert left.sum() == right.sum() > 0
    assert np.array_equal(left[arms.mirror_muscle], right)


def test_stage_mirrors_pose_and_muscles(stage, arms):
    stage.pose(arms.couplings.apply(stage.model.qpos0))
    stage.move(slider_of(arms, "elbow_flexion_r"), 60.0)
    stage.excite(select_muscles(arms, group="elbow", side="right"), 0.7)
    stage.mirror()
    assert slider_of(arms, "elbow_flexion_l").shown(stage.data.qpos) == 60.0
    assert slider_of(arms, "elbow_flexion_r").shown(stage.data.qpos) == 0.0
    left = select_muscles(arms, group="elbow", side="left")
    assert np.array_equal(stage.data.act, np.where(left, 0.7, 0.0))


def test_stage_plays_its_motion_in_a_loop(stage):
    stage.set_mode(Mode.PLAYING)
    stage.speed = 0.5
    stage.advance(0.2)
    assert stage.time == pytest.approx(0.1)
    assert np.array_equal(stage.data.qpos, stage.clip.qpos[10])
    stage.advance(10.0)
    assert stage.time == 0.0
    stage.seek(99.0)
    assert np.array_equal(stage.data.qpos, stage.clip.qpos[-1])
    stage.move(stage.sliders[0], 0.0)
    assert stage.mode is Mode.POSED


def test_stage_physics_follows_excitation_with_its_dynamics(stage, arms):
    biceps = np.array([name == "BIClong" for name in arms.muscle_names])
    stage.set_mode(Mode.PHYSICS)
    stage.excite(biceps, 1.0)
    start = stage.data.time
    stage.advance(5.0)  # a slow frame simulates a thirtieth of a second, no more
    assert 0 < stage.data.time - start < 1 / 30 + stage.model.opt.timestep
    assert 0 < stage.data.act[biceps].item() < 1
    assert (stage.data.act[~biceps] == 0).all()
    stage.set_mode(Mode.POSED)
    assert stage.body.couplings.residual(stage.data.qpos) == pytest.approx(0, abs=1e-12)


def test_native_frame_takes_over_the_windows_sliders(stage, arms):
    from musclemimic_models.view.native import frame, prepare_model

    prepare_model(stage)
    elbow, keys = slider_of(arms, "elbow_flexion_r"), queue.SimpleQueue()
    stage.data.qpos[elbow.qpos] = 1.0
    stage.data.ctrl[3] = 1.0
    frame(stage, 0.01, keys)
    assert stage.data.act[3] == 1.0
    assert arms.couplings.residual(stage.data.qpos) == pytest.approx(0, abs=1e-12)
    tendon = stage.model.actuator_trnid[3, 0]
    assert stage.model.tendon_rgba[tendon] == pytest.approx([220 / 255, 15 / 255, 20 / 255, 1])
    keys.put(32)
    frame(stage, 0.01, keys)
    assert stage.mode is Mode.PLAYING
    assert stage.time == pytest.approx(0.01)


def test_arguments():
    arguments = tyro.cli(ViewArguments, args=["full", "--browser", "--port", "0"])
    assert arguments == ViewArguments("full", browser=True, port=0)


def test_bad_arguments_are_one_line_errors(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="--browser and --native"):
        view(ViewArguments("arms", browser=True, native=True))
    with pytest.raises(InputError, match="port: found 70000"):
        view(ViewArguments("arms", browser=True, port=70000))
    with pytest.raises(InputError, match="name: found 'robot'"):
        view(ViewArguments("robot", browser=True, port=0))
    with pytest.raises(InputError, match=r"none\.npz"):
        view(ViewArguments("arms", browser=True, port=0, motion=tmp_path / "none.npz"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'musclemimic_models\[viewer\]'"):
        view(ViewArguments("arms", browser=True))


def test_a_port_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port: found 127.0.0.1:{port}, Address already"):
            view(ViewArguments("arms", browser=True, port=port))


def test_headless_means_browser(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    assert command.has_display()
    monkeypatch.delenv("DISPLAY")
    assert not command.has_display()


def test_a_motion_of_another_model_is_refused(full, arms, tmp_path):
    path = tmp_path / "wave.npz"
    arm_wave(arms, seconds=0.1).save(path)
    assert command.load_motion(path, arms) is not None
    with pytest.raises(InputError, match="every joint of MyoFullBody"):
        command.load_motion(path, full)


@pytest.fixture
def browser(stage):
    from musclemimic_models.view.browser import BrowserView

    shown = BrowserView(stage, host="127.0.0.1", port=0)
    yield shown
    shown.close()


def settle(shown):
    """Run the view until its controls have followed (they wait 0.3 s for the user's hand)."""
    end = time.monotonic() + 0.8
    while time.monotonic() < end:
        shown.tick(0.0)
        time.sleep(0.02)


@pytest.mark.slow
def test_browser_view_answers_and_follows_its_sliders(browser, stage, arms, capsys):
    address = browser.url.replace("localhost", "127.0.0.1")
    with urllib.request.urlopen(address, timeout=10) as page:
        assert page.status == 200
        assert b"<html" in page.read(4096).lower()
    left = browser.pose.joints["elbow_flexion_l"].value
    before = browser.drawing.muscles.batched_positions.copy()
    browser.pose.joints["elbow_flexion_r"].value = 90.0
    assert slider_of(arms, "elbow_flexion_r").shown(stage.data.qpos) == 90.0
    browser.tick(0.0)
    moved = np.linalg.norm(browser.drawing.muscles.batched_positions - before, axis=1) > 1e-3
    names = {arms.muscle_names[i] for i in browser.drawing.owner[moved] if i >= 0}
    assert "BIClong" in names
    assert "BIClong_l" not in names

    browser.muscles.side.value = "right"
    browser.muscles.groups["elbow"].value = 1.0
    browser.tick(0.0)
    red = browser.drawing.owner[(browser.drawing.muscles.batched_colors == (220, 15, 20)).all(1)]
    expected = np.flatnonzero(select_muscles(arms, group="elbow", side="right"))
    assert set(red) == set(expected)

    browser.muscles.choose(arms.muscle_names.index("BIClong"))
    settle(browser)
    assert "BIClong" in browser.muscles.report.content
    assert browser.muscles.activation.value == 1.0

    stage.mirror()
    browser.desk.stale = True
    settle(browser)
    assert browser.pose.joints["elbow_flexion_l"].value == 90.0
    assert browser.pose.joints["elbow_flexion_r"].value == left
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_browser_view_plays_and_simulates(browser, stage):
    browser.motion.play.value = True
    browser.tick(0.2)
    assert stage.mode is Mode.PLAYING
    settle(browser)
    assert browser.motion.time.value == pytest.approx(0.2)
    browser.pose.physics.value = True
    browser.tick(0.02)
    assert stage.mode is Mode.PHYSICS
    assert not browser.motion.play.value or browser.desk.stale
    browser.motion.time.value = 0.1
    assert stage.mode is Mode.POSED
    assert np.array_equal(stage.data.qpos, stage.clip.qpos[10])


@pytest.mark.slow
def test_ctrl_c_ends_cleanly():
    code = (
        # A CI that runs in the background hands down an ignored SIGINT.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from musclemimic_models.view.command import ViewArguments, view;"
        "sys.exit(view(ViewArguments('arms', browser=True, port=0)))"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert running.stderr is not None
    lines = []
    while not lines or "http://localhost:" not in lines[-1]:
        line = running.stderr.readline()
        assert line, "the view ended before it said where it is"
        lines.append(line)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert out == ""
    assert "Traceback" not in err
