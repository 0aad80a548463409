"""Folders of motions: in parallel, again, and with bad ones among them."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from musclemimic_models import InputError, MotionClip
from musclemimic_retarget import batch
from musclemimic_retarget.batch import find_jobs
from musclemimic_retarget.cli import main
from musclemimic_retarget.manifest import Entry
from musclemimic_retarget.methods import ReaderOptions, read_with, require_use
from musclemimic_retarget.quality import missed, worst_first

FRAMES = 8


def wave(path, angle=0.3):
    """A short SMPL file: one elbow bends."""
    poses = np.zeros((FRAMES, 72))
    poses[:, 3 * 18 + 1] = np.linspace(0, -angle, FRAMES)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, poses=poses, trans=np.zeros((FRAMES, 3)), mocap_framerate=30.0)
    return path


@pytest.fixture
def folder(tmp_path):
    """Three motions in two levels, and a file nobody reads."""
    wave(tmp_path / "in" / "a.npz", 0.3)
    wave(tmp_path / "in" / "deep" / "b.npz", 0.6)
    wave(tmp_path / "in" / "deep" / "c.npz", 0.9)
    (tmp_path / "in" / "notes.txt").write_text("hello")
    return tmp_path


def run(folder, *more, source="in", jobs="1"):
    out = str(folder / "out")
    inputs = [str(folder / source)] if source else []
    return main([*inputs, "--model", "bimanual", "--out", out, "--jobs", jobs, *more])


def manifest(folder):
    return json.loads((folder / "out" / "manifest.json").read_text())


def test_output_mirrors_the_folder_and_the_manifest_knows_everything(folder):
    assert run(folder) == 0
    found = manifest(folder)
    assert set(found["entries"]) == {"a", "deep/b", "deep/c"}
    assert [path.rsplit("/", 1)[1] for path in found["ignored"]] == ["notes.txt"]
    for name, entry in found["entries"].items():
        assert entry["status"] == "ok"
        assert entry["seconds"] > 0
        assert entry["metrics"]["joint_limit_violation_percent"] == 0
        assert len(entry["sha256"]) == 64
        clip = MotionClip.load(folder / "out" / f"{name}.npz")
        assert clip.model_sha256 == found["description"]["model_sha256"]


def test_second_run_converts_only_what_changed(folder, monkeypatch):
    assert run(folder) == 0
    converted, real = [], batch.convert

    def spy(job, *rest):
        converted.append(job.name)
        return real(job, *rest)

    monkeypatch.setattr(batch, "convert", spy)
    assert run(folder) == 0
    assert converted == []
    wave(folder / "in" / "a.npz", 0.5)
    (folder / "out" / "deep" / "c.npz").unlink()
    assert run(folder) == 0
    assert converted == ["a", "deep/c"]
    converted.clear()
    assert run(folder, "--config.smoothing-hz", "6") == 0
    assert len(converted) == 3
    converted.clear()
    assert run(folder, "--config.smoothing-hz", "6", "--force") == 0
    assert len(converted) == 3


def test_a_bad_file_fails_alone(folder, capsys):
    (folder / "in" / "deep" / "bad.npz").write_bytes(b"nonsense")
    assert run(folder) == 1
    assert "deep/bad" in capsys.readouterr().out
    entries = manifest(folder)["entries"]
    assert entries["deep/bad"]["status"] == "failed"
    assert "archive" in entries["deep/bad"]["reason"]
    assert sum(entry["status"] == "ok" for entry in entries.values()) == 3
    assert run(folder, "--allow-failures", "1") == 0


@pytest.mark.slow
def test_processes_give_the_same_clips_as_one(folder):
    assert run(folder) == 0
    alone = {p.name: p.read_bytes() for p in (folder / "out").rglob("*.npz")}
    assert run(folder, "--force", jobs="2") == 0
    for path in (folder / "out").rglob("*.npz"):
        with np.load(path) as clip, np.load(__import__("io").BytesIO(alone[path.name])) as other:
            assert np.array_equal(clip["qpos"], other["qpos"])


@pytest.mark.slow
def test_a_killed_run_is_taken_up_again(folder):
    for number in range(12):
        wave(folder / "in" / f"more{number}.npz", 0.1 + 0.05 * number)
    code = "import sys; from musclemimic_retarget.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = [str(folder / "in"), "--model", "bimanual", "--out", str(folder / "out")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "--jobs", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (folder / "out" / "more1.npz").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = manifest(folder)["entries"]
    assert 0 < len(before) < 15
    assert run(folder) == 0
    after = manifest(folder)["entries"]
    assert len(after) == 15
    assert all(after[name] == entry for name, entry in before.items())


@pytest.mark.slow
def test_a_motion_that_kills_its_process_fails_alone(folder):
    code = """
import os, sys
from musclemimic_retarget import batch
from musclemimic_retarget.batch import Settings, find_jobs, convert_all
from musclemimic_retarget.gmr_fit import GMRFitConfig
from musclemimic_retarget.methods import ReaderOptions
import deadly
from pathlib import Path
if __name__ == "__main__":
    settings = deadly.Deadly("bimanual", False, GMRFitConfig(), ReaderOptions())
    jobs, _ = find_jobs([Path(sys.argv[1])])
    for job, entry in convert_all(jobs, Path(sys.argv[2]), settings, workers=2):
        print(job.name, entry.status, entry.reason)
"""
    (folder / "deadly.py").write_text(
        "import os\n"
        "from musclemimic_retarget.batch import Settings\n"
        "class Deadly(Settings):\n"
        "    def retargeter(self):\n"
        "        real = super().retargeter()\n"
        "        class Wrapped:\n"
        "            def solve(self, motion):\n"
        "                if motion.source.name == 'b.npz': os._exit(1)\n"
        "                return real.solve(motion)\n"
        "        return Wrapped()\n"
    )
    (folder / "run.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "run.py", str(folder / "in"), str(folder / "out")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = sorted(done.stdout.splitlines())
    assert lines == ["a ok ", "deep/b failed the process died on it", "deep/c ok "]


def test_the_other_method_is_another_setting(folder):
    assert run(folder) == 0
    assert run(folder, "--method", "mocap-body") == 0
    found = manifest(folder)
    assert found["description"]["method"] == "mocap-body"
    assert MotionClip.load(folder / "out" / "a.npz").provenance.method == "mocap-body"


def test_plot_draws_a_picture_beside_every_clip(folder):
    assert run(folder, "--plot") == 0
    pictures = sorted(path.name for path in (folder / "out").rglob("*.png"))
    assert pictures == ["a.png", "b.png", "c.png"]
    assert (folder / "out" / "a.png").stat().st_size > 30_000


def test_missing_motions_of_a_list_count_as_failures(folder):
    (folder / "list.txt").write_text("a\nnowhere/d\n")
    split = ["--split", str(folder / "list.txt"), "--amass-root", str(folder / "in")]
    assert run(folder, *split, source=None) == 1
    entries = manifest(folder)["entries"]
    assert {name: entry["status"] for name, entry in entries.items()} == {
        "a": "ok",
        "nowhere/d": "missing",
    }


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 9}', '{"schema": 1, "settings": "x"}'])
def test_a_damaged_manifest_is_named_and_force_goes_on(folder, content):
    assert run(folder) == 0
    path = folder / "out" / "manifest.json"
    text = content
    if "settings" in content:
        text = json.dumps(json.loads(path.read_text()) | {"entries": 3})
    path.write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json"):
        run(folder)
    assert run(folder, "--force") == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--jobs", "0"], "--jobs: found 0"),
        (["--split", "kinesis-test"], "--split: found files too"),
        (["--unit", "cm"], r"--unit: found no such file, expected \.bvh"),
        (["--belt-speed", "2"], "--belt-speed: found no such file"),
    ],
)
def test_options_that_make_no_sense_are_named(folder, more, message):
    with pytest.raises(InputError, match=message):
        main([str(folder / "in"), "--model", "bimanual", "--out", str(folder / "out"), *more])
    assert not (folder / "out").exists()


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="no motions there"):
        run(tmp_path)


def test_same_name_from_two_folders_is_refused(folder):
    wave(folder / "other" / "a.npz")
    with pytest.raises(InputError, match="'a' twice"):
        find_jobs([folder / "in", folder / "other"])


def test_belt_speed_moves_opensim_coordinates_over_ground(tmp_path):
    path = tmp_path / "run.mot"
    rows = "".join(f"{0.01 * k:.2f} 0.1 0.2\n" for k in range(50))
    path.write_text(
        "Coordinates\nversion=1\ninDegrees=no\nendheader\ntime pelvis_tx hip_flexion_r\n" + rows
    )
    still, moving = (read_with(path, ReaderOptions(belt_speed=v)) for v in (0.0, 2.0))
    way = moving.column("pelvis_tx") - still.column("pelvis_tx")
    assert way == pytest.approx(2.0 * still.times)
    require_use(ReaderOptions(belt_speed=2.0), {".mot"})


def test_worst_clip_comes_first():
    good = {"rmse_m": 0.01, "orientation_error_deg": 2.0, "tendon_jump": False}
    clips = {
        "fine": good,
        "finer": good | {"rmse_m": 0.005},
        "jumps": good | {"tendon_jump": True},
        "sinks and turns": good | {"max_penetration_m": 0.01, "orientation_error_deg": 5.0},
        "arms only": good | {"float_clearance_m": None, "rmse_m": 0.002},
    }
    order = ["sinks and turns", "jumps", "fine", "finer", "arms only"]
    assert worst_first(clips) == order
    assert missed(clips["jumps"]) == ["tendon_jump"]
    assert missed(clips["fine"]) == []


def test_entry_needs_no_metrics():
    assert Entry("x.npz", "missing").metrics == {}
