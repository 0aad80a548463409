import json
from dataclasses import fields, replace

import numpy as np
import pytest
from musclemimic_eval import Rollout
from musclemimic_models import InputError


@pytest.fixture
def rollout(arms_clip, replay):
    return replay(arms_clip, start=3)


@pytest.fixture
def saved(rollout, tmp_path):
    path = tmp_path / "rollout.npz"
    rollout.save(path)
    return path


def rewrite(path, *, header=None, **arrays):
    """Change parts of a saved rollout; None drops an array."""
    with np.load(path) as archive:
        content = dict(archive)
    if header is not None:
        content["header"] = np.array(json.dumps(json.loads(str(content["header"])) | header))
    content |= arrays
    np.savez(path, **{name: value for name, value in content.items() if value is not None})


def test_round_trip(rollout, saved):
    back = Rollout.load(saved)
    for field in fields(Rollout):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(rollout, field.name))
    assert back.terminated is False
    assert list(saved.parent.iterdir()) == [saved]


def test_arrays_are_read_only_copies(rollout, arms_clip):
    with pytest.raises(ValueError, match="read-only"):
        rollout.qpos[0, 0] = 1
    source = np.array(rollout.qpos)
    made = replace(rollout, qpos=source)
    source[:] = 7
    assert made.qpos.max() < 7


def test_only_the_centre_of_pressure_may_be_nan(rollout):
    assert np.isnan(rollout.centre_of_pressure).all()
    force = rollout.muscle_force.copy()
    force[1, 2] = np.nan
    with pytest.raises(InputError, match="muscle_force: found 1 non-finite"):
        replace(rollout, muscle_force=force)
    with pytest.raises(InputError, match="centre_of_pressure"):
        replace(rollout, centre_of_pressure=np.full_like(rollout.centre_of_pressure, np.inf))


@pytest.mark.parametrize(
    ("field", "change", "match"),
    [
        ("qpos", lambda v: v[:-1], "qpos: found shape"),
        ("activation", lambda v: v[:, 1:], "activation: found shape"),
        ("site_pos", lambda v: v[:, 1:], "site_pos: found shape"),
        ("time", lambda v: v[::-1], "time: found a step back"),
        ("qvel", lambda v: v[:, 2:], "qvel: found 34 columns"),
        ("site_quat", lambda v: 1.1 * v, "quaternion: found norm off"),
        ("reference_frame", lambda v: v + 0.5, "reference_frame: found fractions"),
        ("reference_frame", lambda v: v - 100, "reference_frame: found negative"),
        ("reward", lambda v: v.astype(str), "reward: found type"),
    ],
)
@pytest.mark.usefixtures("as_users_run")
def test_bad_arrays_are_refused(rollout, field, change, match):
    with pytest.raises(InputError, match=match):
        replace(rollout, **{field: change(getattr(rollout, field))})


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"qpos": None}, r"rollout.npz: qpos: found nothing"),
        ({"qpos": np.zeros((2, 2))}, r"rollout.npz: qpos: found shape \(2, 2\)"),
        ({"header": {"schema_version": 99}}, "schema_version: found 99, expected 1"),
        ({"header": {"kind": "clip"}}, "kind: found 'clip'"),
        ({"header": {"terminated": "no"}}, "terminated: found 'no', expected bool"),
        ({"header": {"start_frame": None}}, "start_frame: found None, expected int"),
    ],
)
@pytest.mark.usefixtures("as_users_run")
def test_hostile_files_are_named(saved, changes, match):
    rewrite(saved, **changes)
    with pytest.raises(InputError, match=match):
        Rollout.load(saved)


def test_broken_and_foreign_files_are_named(saved, tmp_path, arms_clip):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"rollout\.npz"):
        Rollout.load(saved)
    clip = tmp_path / "clip.npz"
    arms_clip.save(clip)
    with pytest.raises(InputError, match=r"clip\.npz: header: found none, expected a Rollout"):
        Rollout.load(clip)
    with pytest.raises(InputError, match="nothing there"):
        Rollout.load(tmp_path / "absent.npz")
    rewrite(tmp_path / "clip.npz")
    np.savez(tmp_path / "pickle.npz", header=np.array([object()], dtype=object))
    with pytest.raises(InputError, match="pickled"):
        Rollout.load(tmp_path / "pickle.npz")


def test_a_clip_that_is_too_short_is_refused(rollout, arms_clip):
    with pytest.raises(InputError, match="frames: found 60"):
        replace(rollout, reference_frame=rollout.reference_frame + 10).require_clip(arms_clip)
