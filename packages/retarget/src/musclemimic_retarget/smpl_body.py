"""Rest joints of a person's own shape, from SMPL body-model files through smplx (extra `smpl`).

The files are licensed (smpl.is.tue.mpg.de, mano.is.tue.mpg.de, smpl-x.is.tue.mpg.de) and are
pickles: smplx runs what is in them, so use only files from there.
"""

import contextlib
import importlib.util
import io
import logging
import pickle
from importlib import import_module
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

logger = logging.getLogger(__name__)

GENDERS = ("female", "male", "neutral")
# The most shape numbers that any published file has.
_MOST_BETAS = 300
_SUFFIXES = (".npz", ".pkl")
# ImportError: older SMPL files are pickles that need the package chumpy.
_UNREADABLE = (
    *(OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, IndexError),
    *(AssertionError, pickle.UnpicklingError, EOFError, ImportError),
)


def find_body_model(folder: Path, family: str, gender: str) -> Path:
    """A model's file in a folder as smplx (smplh/SMPLH_MALE.pkl) or AMASS (smplh/male/model.npz).

    Args:
        folder: with one folder a family, or the files themselves; or one model file.
        family: "SMPL", "SMPL-H" or "SMPL-X".
        gender: one of `GENDERS`.

    Raises:
        InputError: no such folder, or no such file in it.
    """
    if folder.is_file():
        return folder
    if not folder.is_dir():
        raise InputError(folder, "body models", found="nothing there", expected="a folder")
    short = family.replace("-", "").lower()
    wanted = {
        f"{place}{short}_{gender}{suffix}" for place in ("", f"{short}/") for suffix in _SUFFIXES
    } | {f"{place}{gender}/model.npz" for place in ("", f"{short}/")}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix().lower() in wanted:
            return path
    raise InputError(
        folder, "body models", found="none of these", expected=" or ".join(sorted(wanted))
    )


def rest_joints(
    path: Path, family: str, gender: str, betas: Float[np.ndarray, " B"]
) -> Float[np.ndarray, "J 3"]:
    """Joint centres of a body shape in the rest pose, m; x left, y up, z forward.

    Args:
        path: the model's file (`find_body_model`).
        family: "SMPL", "SMPL-H" or "SMPL-X".
        gender: one of `GENDERS`.
        betas: shape numbers; those beyond what the file has are left out, which is logged.

    Raises:
        InputError: smplx or torch is not installed, or the file is no such model.
    """
    if any(importlib.util.find_spec(name) is None for name in ("smplx", "torch")):
        raise InputError(
            path,
            "body model",
            found="no smplx or torch",
            expected="pip install 'musclemimic_retarget[smpl]'",
        )
    # Not in the default environment, so that type checking cannot follow them.
    smplx, torch = import_module("smplx"), import_module("torch")
    kind = {"SMPL": smplx.SMPL, "SMPL-H": smplx.SMPLH, "SMPL-X": smplx.SMPLX}[family]
    if family != "SMPL-X":
        # smplx would use 10 of the 16 that AMASS has: it takes files of fewer than this for small.
        kind = type(kind.__name__, (kind,), {"SHAPE_SPACE_DIM": len(betas)})
    try:
        # smplx prints warnings.
        with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            model = kind(
                str(path),
                gender=gender,
                num_betas=_MOST_BETAS,
                use_pca=False,
                ext=path.suffix[1:],
                dtype=torch.float64,
            )
            count = int(model.num_betas)
            used = np.zeros((1, count))
            used[0, : len(betas)] = betas[:count]
            shaped = model.forward_shape(torch.as_tensor(used)).vertices
            joints = torch.einsum("jv,bvx->bjx", model.J_regressor, shaped)[0].numpy()
    except _UNREADABLE as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            path, "body model", found=reason, expected=f"an {family} model of smplx"
        ) from error
    if np.any(betas[count:]):
        logger.warning("%s: has %d of %d betas; the others left out", path.name, count, len(betas))
    return np.asarray(joints, dtype=np.float64)
