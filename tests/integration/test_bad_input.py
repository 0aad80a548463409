"""What bad input gets: one line naming file, field, found and expected; exit code 2; no debris."""

from pathlib import Path

import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_models.cli import run

FRAMES = 40


def smpl(path: Path, **changes: object) -> Path:
    """A valid SMPL file, then changed."""
    values: dict[str, object] = {
        "poses": np.zeros((FRAMES, 72)),
        "trans": np.tile([0.0, 0.0, 0.9], (FRAMES, 1)),
        "betas": np.zeros(10),
        "gender": "neutral",
        "mocap_framerate": 30.0,
    }
    np.savez(path, **{k: v for k, v in (values | changes).items() if v is not None})
    return path


def truncated(path: Path) -> Path:
    smpl(path)
    path.write_bytes(path.read_bytes()[:3000])
    return path


def coordinates(path: Path, names: str, rows: str = "0 0.1\n0.01 0.1\n0.02 0.1\n") -> Path:
    path = path.with_suffix(".mot")
    path.write_text(f"Coordinates\nversion=1\ninDegrees=no\nendheader\ntime {names}\n{rows}")
    return path


BAD_MOTIONS = {
    "missing": (lambda p: p, "file"),
    "truncated": (truncated, "archive"),
    "width": (lambda p: smpl(p, poses=np.zeros((FRAMES, 70))), "poses"),
    "nan": (lambda p: smpl(p, poses=np.full((FRAMES, 72), np.nan)), "poses"),
    "no frames": (lambda p: smpl(p, poses=np.zeros((0, 72)), trans=np.zeros((0, 3))), "poses"),
    "rate 0": (lambda p: smpl(p, mocap_framerate=0.0), "mocap_framerate"),
    "no rate": (lambda p: smpl(p, mocap_framerate=None), "mocap_framerate"),
    "counts": (lambda p: smpl(p, trans=np.zeros((FRAMES - 1, 3))), "trans"),
    "unknown joint": (lambda p: coordinates(p, "elbow_of_a_robot"), "column"),
    "suffix": (lambda p: smpl(p) and p.with_suffix(".avi"), "suffix"),
}


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The error text, checked to be one line with all its parts."""
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert captured.out == ""
    assert ": found " in lines[0]
    assert ", expected " in lines[0]
    return lines[0]


@pytest.mark.parametrize("command", ["retarget", "demo"])
@pytest.mark.parametrize("case", BAD_MOTIONS)
def test_bad_motion(case, command, tmp_path, capsys):
    make, field = BAD_MOTIONS[case]
    path = make(tmp_path / "motion.npz")
    out = tmp_path / "out"
    files = [str(path)] if command == "retarget" else ["--motion", str(path)]
    assert run([command, *files, "--model", "BimanualMuscle", "--out", str(out)]) == 2
    line = complaint(capsys)
    assert path.name in line
    assert field in line
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["retarget", "MOTION", "--model", "Robot", "--out", "OUT"],
        ["demo", "--model", "Robot", "--out", "OUT"],
        ["models", "info", "Robot"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_unknown_model_lists_the_known_ones(arguments, tmp_path, capsys):
    motion, out = smpl(tmp_path / "motion.npz"), tmp_path / "out"
    filled = [{"MOTION": str(motion), "OUT": str(out)}.get(word, word) for word in arguments]
    assert run(filled) == 2
    assert "'Robot', expected one of BimanualMuscle, MyoFullBody" in complaint(capsys)
    assert not out.exists()


def test_clip_of_another_model_is_refused_with_both_names(tmp_path, capsys):
    clip, out = tmp_path / "arms.npz", tmp_path / "run"
    arm_wave(get_musculo_model("bimanual", fingers=False), 0.2).save(clip)
    command = ["train", str(clip), "--model", "MyoFullBody", "--minutes", "1", "--out", str(out)]
    assert run(command) == 2
    line = complaint(capsys)
    assert "arms.npz" in line
    assert "BimanualMuscle" in line
    assert "MyoFullBody" in line
    assert not out.exists()


def test_policy_that_is_none(tmp_path, capsys):
    clip = tmp_path / "arms.npz"
    arm_wave(get_musculo_model("bimanual", fingers=False), 0.2).save(clip)
    out = tmp_path / "report"
    assert run(["eval", str(clip), "--clips", str(clip), "--out", str(out)]) == 2
    assert "arms.npz" in complaint(capsys)
    assert not out.exists()
