"""The person's own shape, from body-model files through smplx in an environment of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget.methods import ReaderOptions, read_with, require_use
from musclemimic_retarget.smpl import CANONICAL_FROM_SMPL, forward_kinematics, read_smpl
from musclemimic_retarget.smpl_body import find_body_model
from retarget.smpl_model_file import expected_joints, write_model

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("smpl_model_file.py")


def write_motion(path, width, *, gender="female", betas=None, frames=4):
    random = np.random.default_rng(width)
    np.savez(
        path,
        poses=0.3 * random.normal(size=(frames, width)),
        trans=random.normal(size=(frames, 3)),
        betas=np.zeros(10) if betas is None else betas,
        gender=np.array(gender),
        mocap_framerate=np.array(120.00004577),
    )
    return path


@pytest.mark.parametrize(
    "place",
    ["smplh/SMPLH_FEMALE.pkl", "SMPLH_female.npz", "smplh/female/model.npz", "female/model.npz"],
)
def test_files_are_found_where_their_owners_put_them(tmp_path, place):
    path = write_model(tmp_path / place, "SMPL-H", "female")
    write_model(tmp_path / "smplh/SMPLH_MALE.pkl", "SMPL-H", "male")
    assert find_body_model(tmp_path, "SMPL-H", "female") == path
    assert find_body_model(path, "SMPL-H", "female") == path


def test_what_is_missing_is_named(tmp_path):
    motion = write_motion(tmp_path / "walk.npz", 156)
    with pytest.raises(InputError, match="body models: found nothing there"):
        read_smpl(motion, body_models=tmp_path / "none")
    with pytest.raises(InputError, match=r"found none of these, .* smplh/smplh_female.pkl"):
        read_smpl(motion, body_models=tmp_path)
    nobody = write_motion(tmp_path / "nobody.npz", 156, gender="robot")
    with pytest.raises(InputError, match="gender: found robot, expected female or male or neutral"):
        read_smpl(nobody, body_models=tmp_path)
    with pytest.raises(InputError, match="--body-models: found no such file"):
        require_use(ReaderOptions(body_models=tmp_path), {".bvh"})


def test_without_smplx_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    motion = write_motion(tmp_path / "walk.npz", 156)
    write_model(tmp_path / "smplh/SMPLH_FEMALE.pkl", "SMPL-H", "female")
    with pytest.raises(InputError, match=r"no smplx or torch, .*musclemimic_retarget\[smpl\]"):
        read_with(motion, ReaderOptions(body_models=tmp_path))


def test_the_default_environment_is_free_of_torch():
    code = "import importlib.util as u; raise SystemExit(u.find_spec('torch') is not None)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_smplx_gives_every_family_its_own_joints(tmp_path):
    """One environment with the extra, every case in one process: torch is a big download."""
    models = tmp_path / "models"
    cases = {}
    for width, family, place, betas in (
        (72, "SMPL", "smpl/SMPL_FEMALE.pkl", 10),
        (156, "SMPL-H", "smplh/female/model.npz", 16),
        (165, "SMPL-X", "smplx/SMPLX_FEMALE.npz", 300),
    ):
        write_model(models / place, family, "female")
        for count in (2, betas):
            shape = np.random.default_rng(count).normal(size=count)
            path = write_motion(tmp_path / f"{width}_{count}.npz", width, betas=shape)
            cases[str(path)] = (family, shape)
    frames = np.tile(np.arange(4.0)[:, None], (1, 10))
    rows = write_motion(tmp_path / "rows.npz", 72, betas=frames)
    cases[str(rows)] = ("SMPL", frames.mean(axis=0))
    many = write_motion(tmp_path / "many.npz", 72, betas=np.ones(16), gender=b"female")
    cases[str(many)] = ("SMPL", np.ones(16))
    broken = write_motion(tmp_path / "broken.npz", 156, gender="male")
    (models / "smplh/SMPLH_MALE.pkl").write_bytes(b"cchumpy.ch\nCh\n.")
    command = ["uv", "run", "--isolated", "--frozen", "--no-dev", "--project", str(ROOT)]
    command += ["--package", "musclemimic-retarget", "--extra", "smpl", "python", str(PROGRAM)]
    ended = subprocess.run(
        [*command, str(models), *cases, str(broken)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    results = json.loads(ended.stdout)
    for motion, (family, betas) in cases.items():
        rest = expected_joints(family, "female", betas)
        found = np.array(results[motion]["rest"]) @ CANONICAL_FROM_SMPL
        np.testing.assert_allclose(found, rest, atol=1e-6, err_msg=motion)
        content = np.load(motion)
        turns = content["poses"][:, :66].reshape(4, 22, 3)
        positions, _ = forward_kinematics(turns, content["trans"], rest)
        np.testing.assert_allclose(results[motion]["positions"], positions, atol=1e-5)
    assert "SMPLH_MALE" in results[str(broken)]
    assert "ModuleNotFoundError" in results[str(broken)]
    assert "\n" not in results[str(broken)]
    assert "has 10 of 16 betas" in ended.stderr
