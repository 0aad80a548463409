"""`musclemimic retarget view`: both figures in one time and place, and the browser page."""

import os
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget import GMRFit, read_motion, write_synthetic_smpl
from musclemimic_retarget.cli import main
from musclemimic_retarget.tracks import Track, clip_track, site_bones, source_track
from musclemimic_retarget.view import SideBySide, ViewCommand, load_tracks


@pytest.fixture(scope="module")
def made(tmp_path_factory, arms):
    """A source file, its motion, and the clip with its file."""
    folder = tmp_path_factory.mktemp("view")
    source = write_synthetic_smpl(folder / "arms.npz")
    motion = read_motion(source)
    clip = GMRFit(arms).retarget(motion)
    clip.save(folder / "arms_clip.npz")
    return source, motion, clip, folder / "arms_clip.npz"


def test_a_track_goes_straight_between_its_frames():
    track = Track("x", 10.0, np.arange(9.0).reshape(3, 1, 3), np.zeros((0, 2), dtype=int))
    assert track.duration == pytest.approx(0.2)
    np.testing.assert_allclose(track.at(0.15), [[4.5, 5.5, 6.5]])
    np.testing.assert_allclose(track.at(-1.0), track.points[0])
    np.testing.assert_allclose(track.at(9.0), track.points[-1])


def test_every_site_hangs_on_another(full_body):
    names = tuple(full_body.mimic_sites)
    bones = site_bones(names)
    assert len(bones) == 16
    assert {names[child] for child, _ in bones} == set(names) - {"pelvis"}


def test_the_source_has_the_clips_size_place_and_time(made, arms):
    _, motion, clip, _ = made
    ours, theirs = clip_track(clip), source_track(arms, clip, motion)
    assert theirs.duration == pytest.approx(ours.duration, abs=0.02)
    scale = clip.provenance.human_to_model_scale
    bone = np.linalg.norm(theirs.points[0, 18] - theirs.points[0, 16])
    assert bone == pytest.approx(
        scale * np.linalg.norm(motion.positions[0, 18] - motion.positions[0, 16])
    )
    np.testing.assert_allclose(theirs.points[0, 0, :2], ours.points[0, 0, :2], atol=1e-9)
    # Both raise their hands at the same time.
    hand = ours.points[:, clip.site_names.index("left_hand"), 2]
    wrist = theirs.points[:, motion.index("left_wrist"), 2]
    highest = [np.argmax(hand) / ours.rate, np.argmax(wrist) / theirs.rate]
    assert highest[0] == pytest.approx(highest[1], abs=0.5)


def test_another_motion_is_refused(made, arms, tmp_path):
    _, motion, clip, _ = made
    shorter = motion.at_most(10.0)
    content = dict(np.load(made[0]))
    content["poses"], content["trans"] = content["poses"][:60], content["trans"][:60]
    np.savez(tmp_path / "short.npz", **content)
    assert source_track(arms, clip, shorter).rate == 10.0
    with pytest.raises(InputError, match=r"duration: found .* s, expected .* s, the clip's"):
        source_track(arms, clip, read_motion(tmp_path / "short.npz"))


def test_the_browser_shows_both_and_plays(made):
    source, _, _, clip = made
    tracks = load_tracks(ViewCommand(clip, source))
    shown = SideBySide(tracks, apart=1.0, host="127.0.0.1", port=0)
    try:
        address = shown.url.replace("localhost", "127.0.0.1")
        with urllib.request.urlopen(address, timeout=10) as page:
            assert page.status == 200
        np.testing.assert_allclose(shown.joints[1].points, tracks[1].at(0.0) - [0, 1, 0], atol=1e-5)
        shown.tick(1.5)
        assert shown.time.value == pytest.approx(1.5)
        for row, aside in enumerate(([0, 0, 0], [0, -1, 0])):
            expected = tracks[row].at(1.5) + aside
            np.testing.assert_allclose(shown.joints[row].points, expected, atol=1e-5)
            bones = expected[tracks[row].bones]
            np.testing.assert_allclose(shown.lines[row].points, bones, atol=1e-5)
        shown.tick(shown.duration)
        assert shown.time.value == 0.0
        shown.play.value = False
        shown.time.value = 2.0
        shown.tick(1.0)
        np.testing.assert_allclose(shown.joints[0].points, tracks[0].at(2.0), atol=1e-5)
    finally:
        shown.close()


def test_what_is_wrong_is_named_before_serving(made, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="port: found 70000"):
        main(["view", str(made[3]), "--port", "70000"])
    with pytest.raises(InputError, match="nothing there"):
        main(["view", str(tmp_path / "none.npz"), "--port", "0"])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"no viser, expected .*musclemimic_retarget\[viewer\]"):
        main(["view", str(made[3])])


@pytest.mark.slow
def test_the_command_serves_until_interrupted(made):
    # A shell that runs the tests in the background has children ignore Ctrl-C.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "import sys; from musclemimic_models.cli import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "retarget", "view", str(made[3])]
    command += ["--source", str(made[0]), "--port", "0"]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert running.stderr is not None
    lines: list[str] = []
    try:
        while not lines or "http://localhost:" not in lines[-1]:
            line = running.stderr.readline()
            assert line, f"it ended before it said where it is: {lines}"
            lines.append(line)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 0
    assert out == ""
    assert "Traceback" not in err
