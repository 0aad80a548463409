"""Unit of length and vertical axis, neither of which a BVH file states."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_retarget.smpl import CANONICAL_FROM_SMPL

logger = logging.getLogger(__name__)

# Metres. cgspeed's CMU conversion counts in 1/0.45 inch.
UNITS: Mapping[str, float] = MappingProxyType(
    {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "cmu": 0.0254 / 0.45}
)
_ADULT_LEG = (0.6, 1.1)  # m, hip to ankle
_PROPORTIONS = (0.3, 1.3)  # of trunk and of arm (shoulder to wrist) to leg
_UPRIGHT = 0.8  # cosine


def metres_per_unit(
    path: Path, unit: str | float | None, lengths: Mapping[str, float], skeleton: str
) -> float:
    """The file's unit of length, m.

    Args:
        path: for messages.
        unit: one of `UNITS`, metres as a number (or its text), or None to tell it from the legs.
        lengths: of leg, trunk and arm, file units.
        skeleton: name of the skeleton map, for the log.

    Raises:
        InputError: unknown unit, or no known one makes the figure an adult.
    """
    if unit is not None:
        return _given(path, unit)
    leg = lengths["leg"]
    for part in ("trunk", "arm"):
        ratio = lengths[part] / max(leg, 1e-12)
        if not _PROPORTIONS[0] < ratio < _PROPORTIONS[1]:
            raise InputError(
                path,
                "skeleton",
                found=f"{part} of {ratio:.2g} leg lengths",
                expected="a human's proportions, or an explicit unit",
            )
    fitting = [name for name, size in UNITS.items() if _ADULT_LEG[0] < leg * size < _ADULT_LEG[1]]
    if len(fitting) != 1:
        raise InputError(
            path,
            "unit",
            found=f"legs of {leg:.4g}, an adult's in {' and '.join(fitting) or 'no known unit'}",
            expected=f"an explicit unit: {', '.join(UNITS)} or metres",
        )
    size = UNITS[fitting[0]]
    logger.info(
        "%s: %s skeleton, lengths in %s (legs %.2f m)", path.name, skeleton, fitting[0], leg * size
    )
    return size


def _given(path: Path, unit: str | float) -> float:
    if isinstance(unit, str) and unit in UNITS:
        return UNITS[unit]
    try:
        size = float(unit)
    except ValueError:
        size = 0.0
    if not 0 < size < np.inf:
        raise InputError(
            path, "unit", found=repr(unit), expected=f"{', '.join(UNITS)} or metres > 0"
        )
    return size


def world_axes(
    path: Path,
    upwards: Float[np.ndarray, "T 3"],
    *,
    hint: str | None,
    up: str | None,
) -> Float[np.ndarray, "3 3"]:
    """The rotation from the file's world to one with z up.

    A y-up world keeps its handedness: z becomes x (forward), x becomes y (left).

    Args:
        path: for messages.
        upwards: from the feet to the head in every frame, file units.
        hint: vertical axis of the skeleton map or of a standing zero pose.
        up: "y" or "z" given by the user; wins.

    Raises:
        InputError: `up` is no axis, or motion and hint tell nothing or different things.
    """
    if up not in (None, "y", "z"):
        raise InputError(path, "up", found=repr(up), expected="'y' or 'z'")
    lengths = np.linalg.norm(upwards, axis=1, keepdims=True)
    along = np.abs(np.median(upwards / np.maximum(lengths, 1e-12), axis=0))
    shown = "xyz"[int(along.argmax())] if along.max() > _UPRIGHT else None
    told = up or (hint if shown in (None, hint) else shown if hint is None else None)
    if told not in ("y", "z"):
        raise InputError(
            path,
            "vertical axis",
            found=f"a body along {shown or 'none'}, a skeleton along {hint or 'none'}",
            expected="both along y or z, or an explicit up",
        )
    return CANONICAL_FROM_SMPL if told == "y" else np.eye(3)
