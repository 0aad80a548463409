"""Versions that compute something else are refused by name."""

from importlib.metadata import PackageNotFoundError

import pytest
from musclemimic_models import InputError, load_spec, pins


def installed(versions):
    def version(package):
        if package not in versions:
            raise PackageNotFoundError(package)
        return versions[package]

    return version


def test_the_installed_versions_are_supported():
    pins.require_supported_physics()


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ({"mujoco": "4.0.0"}, r"mujoco: found 4\.0\.0, expected 3\.17\.\*"),
        ({"mujoco": "3.17.0", "mujoco-warp": "4.0.0"}, "mujoco-warp: found 4"),
        ({"mujoco": "3.1.7"}, "mujoco: found 3.1.7"),
    ],
)
def test_other_versions_are_refused_before_a_model_is_built(versions, message, monkeypatch):
    monkeypatch.setattr(pins, "version", installed(versions))
    with pytest.raises(InputError, match=message):
        load_spec("bimanual")


def test_the_same_minor_of_warp_is_welcome(monkeypatch):
    versions = {"mujoco": "3.17.1", "mujoco-warp": "3.17.0.1"}
    monkeypatch.setattr(pins, "version", installed(versions))
    pins.require_supported_physics()
