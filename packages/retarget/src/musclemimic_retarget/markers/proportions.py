"""Hip centres that make thighs too long are too high: they come down to a plausible thigh."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.markers.landmarks import Landmarks
from musclemimic_retarget.markers.legs import Leg, locate_leg
from musclemimic_retarget.markers.marker_sets import SIDES
from musclemimic_retarget.markers.pelvis import Pelvis

logger = logging.getLogger(__name__)

# Hip to knee over knee to ankle: 0.245 and 0.246 of the stature, Winter 2009, Biomechanics and
# Motor Control of Human Movement, fig. 4.1.
_THIGH_OVER_SHANK = 0.245 / 0.246
# People differ; recordings with markers on knees and ankles come to 0.98 to 1.04.
_LONGEST_THIGH = 1.07
_ROUNDS, _CLOSE = 10, 1e-4


def with_plausible_hips(landmarks: Landmarks, pelvis: Pelvis) -> tuple[Pelvis, dict[str, Leg]]:
    """Pelvis and legs, the hips lowered in the pelvis where thighs are too long for the shanks.

    Regressions count from the spines of the ilium, and a marker on a waistband that sits
    centimetres above them carries the hips up with it. Knees and ankles do not follow, so that the
    thigh shows it. Hips that the marker set gives
    (`hip_offset` or markers of their own) stay.
    """
    legs = {side: locate_leg(landmarks, pelvis, side) for side in SIDES}
    given = landmarks.hip_offset is not None or any(landmarks.has(f"{s}_hip") for s in SIDES)
    if given or _thigh_over_shank(pelvis, legs) < _LONGEST_THIGH:
        return pelvis, legs
    found, down = pelvis, 0.0
    for _ in range(_ROUNDS):
        excess = (_thigh_over_shank(found, legs) - _THIGH_OVER_SHANK) * _shank(legs)
        if abs(excess) < _CLOSE:
            break
        down += excess
        hips = {side: pelvis.hips[side] - down * pelvis.turn[:, :, 2] for side in SIDES}
        found = dataclasses.replace(pelvis, hips=hips)
        legs = {side: locate_leg(landmarks, found, side) for side in SIDES}
    logger.info(
        "%s: thighs too long for the shanks: hips lowered by %.0f mm",
        Path(landmarks.source).name,
        1e3 * down,
    )
    return found, legs


def _thigh_over_shank(pelvis: Pelvis, legs: dict[str, Leg]) -> float:
    thighs = [_length(pelvis.hips[side], leg.knee) for side, leg in legs.items()]
    return float(np.mean(thighs)) / _shank(legs)


def _shank(legs: dict[str, Leg]) -> float:
    return float(np.mean([_length(leg.knee, leg.ankle) for leg in legs.values()]))


def _length(first: Float[np.ndarray, "T 3"], second: Float[np.ndarray, "T 3"]) -> float:
    """Usual distance between two joint centres, m."""
    return float(np.median(np.linalg.norm(first - second, axis=1)))
