"""Compiled models on disk."""

import logging

import mujoco
import numpy as np
import pytest
from musclemimic_models import InputError, cache, get_xml_path, load_model

LABEL = "BimanualMuscle"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def compilations(monkeypatch):
    """Counts how often a model is composed."""
    import musclemimic_models.musculo as home

    calls, real = [], home.load_spec

    def counted(*args, **kwargs):
        calls.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(home, "load_spec", counted)
    return calls


def load():
    return load_model(LABEL, fingers=False, visual=False)


def test_second_load_reads_the_file_and_is_the_same_model(folder, compilations):
    first, second = load(), load()
    assert len(compilations) == 1
    assert [path.suffix for path in folder.iterdir()] == [".mjb"]
    assert mujoco.mj_sizeModel(first) == mujoco.mj_sizeModel(second)
    for field in ("body_mass", "site_pos", "actuator_gainprm", "wrap_prm", "eq_data"):
        assert np.array_equal(getattr(first, field), getattr(second, field)), field
    # Each caller gets a model of his own.
    first.body_mass[:] = 0
    assert load().body_mass.sum() > 40


def test_another_mujoco_or_myo_sim_does_not_get_the_old_file(folder, compilations, monkeypatch):
    load()
    monkeypatch.setattr(mujoco, "__version__", "3.17.99")
    load()
    assert len(compilations) == 2
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_damaged_file_is_replaced(folder, compilations, caplog, content):
    load()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with caplog.at_level(logging.WARNING):
        assert load().nu == 64
    assert "damaged" in caplog.text
    assert len(compilations) == 2
    assert path.read_bytes() == whole


def test_off_means_no_file(monkeypatch, tmp_path, compilations):
    monkeypatch.setenv(cache.CACHE_VARIABLE, "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load()
    load()
    assert len(compilations) == 2
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="found off"):
        get_xml_path(LABEL)


def test_folder_that_cannot_be_written_costs_a_warning_only(tmp_path, monkeypatch, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(blocked / "cache"))
    with caplog.at_level(logging.WARNING):
        assert load().nu == 64
    assert "not cached" in caplog.text


def test_xml_path_is_exported_once(folder):
    path = get_xml_path(LABEL, fingers=False, visual=False)
    written = path.stat().st_mtime_ns
    assert get_xml_path("bimanual", fingers=False, visual=False) == path
    assert path.stat().st_mtime_ns == written
    assert mujoco.MjModel.from_xml_path(str(path)).nu == 64
