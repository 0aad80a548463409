"""Shapes and types of every annotated array are checked while tests run."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

PACKAGES = [f"musclemimic_{name}" for name in ("models", "retarget", "sim", "rl", "eval")]
install_import_hook(PACKAGES, "beartype.beartype")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for the real data, before `-m` selects."""
    for item in items:
        if isinstance(item, pytest.Function) and "real_data" in item.fixturenames:
            item.add_marker("real_data")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real human data; its absence is an error, not a skip."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MUSCLEMIMIC_TEST_DATA", default))
    assert folder.is_dir(), f"no real data at {folder}: set MUSCLEMIMIC_TEST_DATA"
    return folder
