"""Compiled models on disk: composing a body takes seconds, reading it back milliseconds.

Files lie in the user's cache folder, or where MUSCLEMIMIC_CACHE says ("off" for none). Their
names hash everything a compiled model depends on, so a stale one is never read; deleting the
folder is always safe.
"""

import hashlib
import logging
import os
import platform
from collections.abc import Callable
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

import mujoco
import numpy as np
import platformdirs
from jaxtyping import UInt8

from musclemimic_models.files import atomic_write

CACHE_VARIABLE = "MUSCLEMIMIC_CACHE"
_SOURCES = ("build.py", "corrections.py", "couplings.py", "registry.py")
_log = logging.getLogger(__name__)


def cache_folder() -> Path | None:
    """Where compiled models are kept; None if the user wants no cache."""
    chosen = os.environ.get(CACHE_VARIABLE, "")
    if chosen.lower() == "off":
        return None
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("musclemimic")) / "models"


def cached(label: str, compile_model: Callable[[], mujoco.MjModel]) -> mujoco.MjModel:
    """A model from the cache, or compiled and put there.

    Args:
        label: tells the variants of the models apart; the start of the file's name.
        compile_model: called if the cache does not have it. A folder that cannot be written
            costs a warning, not the model.
    """
    folder = cache_folder()
    if folder is None:
        return compile_model()
    path = folder / f"{label}-{content_key()}.mjb"
    if path.is_file():
        try:
            return mujoco.MjModel.from_binary_path(str(path))
        except ValueError as error:
            _log.warning("ignoring the damaged cache file %s (%s)", path, error)
    model = compile_model()
    try:
        atomic_write(path, lambda file: file.write(_binary(model).data))
    except OSError as error:
        _log.warning("the compiled model is not cached: %s", error)
    return model


def _binary(model: mujoco.MjModel) -> UInt8[np.ndarray, " bytes"]:
    buffer = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer


def content_key() -> str:
    """sha256 over myo-sim's files, our own that shape a model, MuJoCo and the machine's kind."""
    myo_sim = distribution("myo-sim")
    digest = hashlib.sha256()
    for part in (
        mujoco.__version__,
        platform.machine(),
        myo_sim.version,
        myo_sim.read_text("RECORD") or "",
        *((files("musclemimic_models") / source).read_text("utf-8") for source in _SOURCES),
    ):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:20]
