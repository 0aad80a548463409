"""MotionClip: validation, files, refusals."""

import dataclasses
import json

import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import InputError, MotionClip, get_musculo_model


@pytest.fixture(scope="module")
def model():
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="module")
def clip(model):
    return arm_wave(model, seconds=0.3)


def test_round_trip_is_exact(clip, tmp_path):
    path = tmp_path / "new" / "clip.npz"
    clip.save(path)
    loaded = MotionClip.load(path)
    for field in dataclasses.fields(clip):
        a, b = getattr(clip, field.name), getattr(loaded, field.name)
        assert np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b, field.name


def test_arrays_cannot_be_changed(clip):
    with pytest.raises(ValueError, match="read-only"):
        clip.qpos[0, 0] = 1.0


def test_failed_save_leaves_the_old_file(clip, tmp_path, monkeypatch):
    path = tmp_path / "clip.npz"
    clip.save(path)
    before = path.read_bytes()

    def broken(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", broken)
    with pytest.raises(OSError, match="disk full"):
        clip.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["clip.npz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {"dt": 0.0}, "dt: found 0.0, expected seconds > 0"),
        (lambda c: {"qpos": c.qpos * np.nan}, "qpos: found .* non-finite"),
        (
            lambda c: {"site_quat": c.site_quat * 1.1},
            "site_quat: found a quaternion with norm off by 0.1",
        ),
        (lambda c: {"joint_names": c.joint_names[:-1]}, "qpos: found 36 columns"),
    ],
)
def test_invalid_values_are_named(clip, change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(clip, **change(clip))


def corrupt(path, **changes):
    with np.load(path) as archive:
        arrays = dict(archive)
    for name, value in changes.items():
        if value is None:
            arrays.pop(name)
        else:
            arrays[name] = value
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.unlink(), "file: found nothing there, expected an existing file"),
        (lambda p: p.write_bytes(b""), "file: found 0 bytes"),
        (lambda p: p.write_bytes(p.read_bytes()[:2000]), "expected a complete .npz archive"),
        (lambda p: p.write_text("hello"), "another kind of file"),
        (lambda p: corrupt(p, header=None), "header: found nothing, expected a MotionClip"),
        (
            lambda p: corrupt(p, header=np.array('{"schema_version": 99}')),
            "schema_version: found 99",
        ),
        (lambda p: corrupt(p, header=np.array("not json")), "header: found .*not JSON"),
        (lambda p: corrupt(p, qvel=np.zeros((29, 36))), r"qvel: found shape \(29, 36\)"),
        (lambda p: corrupt(p, qpos=np.zeros((1, 36))), "found 1 frames, expected at least 2"),
        (lambda p: corrupt(p, qvel=None), "qvel: found nothing"),
        (lambda p: corrupt(p, qpos=np.zeros((30, 3))), "qpos: found 3 columns"),
        (lambda p: corrupt(p, qpos=np.array([{}], dtype=object)), "pickled Python objects"),
        (
            lambda p: corrupt(p, qpos=np.array([["a"] * 36] * 30)),
            "qpos: found type <U1, expected num",
        ),
    ],
)
def test_hostile_files_name_file_and_field(clip, tmp_path, damage, message):
    path = tmp_path / "bad.npz"
    clip.save(path)
    damage(path)
    with pytest.raises(InputError, match=message) as error:
        MotionClip.load(path)
    assert "bad.npz" in str(error.value)
    assert "\n" not in str(error.value)


def test_clip_of_another_model_is_refused_with_both_names(clip):
    full = get_musculo_model("MyoFullBody", fingers=False)
    with pytest.raises(InputError, match=r"BimanualMuscle without.*expected MyoFullBody without"):
        clip.require_model(full)


def test_clip_with_fingers_fits_the_model_without(model):
    with_fingers = get_musculo_model("BimanualMuscle", fingers=True)
    clip = arm_wave(with_fingers, seconds=0.2)
    reduced = clip.for_model(model)
    reduced.require_model(model)
    for joint in model.joint_names:
        mine = reduced.qpos[:, model.joint_names.index(joint)]
        theirs = clip.qpos[:, with_fingers.joint_names.index(joint)]
        assert np.array_equal(mine, theirs), joint
    with pytest.raises(InputError, match="joint: found no 'cmc_flexion'"):
        reduced.for_model(with_fingers)


def test_free_root_columns_survive_the_subset():
    big, small = (get_musculo_model("full", fingers=f) for f in (True, False))
    qpos = np.tile(big.mj_model.qpos0, (3, 1))
    qpos[:, :3] = [1.0, 2.0, 3.0]
    from motions import clip_from_qpos

    reduced = clip_from_qpos(big, qpos).for_model(small)
    assert reduced.qpos.shape == (3, small.mj_model.nq)
    assert reduced.qvel.shape == (3, small.mj_model.nv)
    assert np.array_equal(reduced.qpos[:, :7], np.tile([1, 2, 3, *big.mj_model.qpos0[3:7]], (3, 1)))


def test_header_is_plain_json(clip, tmp_path):
    clip.save(tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz", allow_pickle=False) as archive:
        assert json.loads(str(archive["header"]))["model_name"] == clip.model_name


def test_zip_member_that_is_no_array_is_named(clip, tmp_path):
    import zipfile

    path = tmp_path / "odd.npz"
    clip.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("notes", "hello")
    with pytest.raises(InputError, match=r"odd\.npz: notes: found not an array"):
        MotionClip.load(path)


def test_an_archive_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path, monkeypatch):
    from musclemimic_models import files

    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, zeros=np.zeros(200_000))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(files, "LARGEST_ARCHIVE", 1_000_000)
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(InputError, match=r"0\.0 GB unpacked, expected at most 0\.001 GB"):
        files.read_npz(path)
