"""MuJoCo Warp of another minor version than MuJoCo is refused before it computes anything."""

import pytest
from musclemimic_models import InputError
from musclemimic_sim.warp_backend import versions


def test_other_minor_version_is_refused(monkeypatch):
    installed = {"mujoco": "3.17.0", "mujoco-warp": "4.0.1"}
    monkeypatch.setattr(versions, "version", installed.__getitem__)
    with pytest.raises(InputError, match=r"4\.0\.1.*3\.17"):
        versions.require_same_minor()


def test_installed_versions_belong_together():
    versions.require_same_minor()
