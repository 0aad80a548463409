"""Gait Profile Score: one number for how far kinematics are from a reference.

Baker et al. 2009, Gait Posture 30:265: the Gait Variable Score is the RMS difference between a
curve and the reference's mean; the Gait Profile Score is the RMS of the scores of nine angles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from musclemimic_eval.reference.curves import ReferenceGroup

PELVIS = ("pelvis_tilt", "pelvis_obliquity", "pelvis_rotation")
LEG = (
    *("hip_flexion", "hip_adduction", "hip_rotation"),
    *("knee_flexion", "ankle_dorsiflexion", "foot_progression"),
)


@dataclass(frozen=True)
class ProfileScore:
    """Scores in degrees; 0 is the reference's mean.

    Attributes:
        left, right: each side's score over the angles that both have (Baker: nine).
        overall: pelvis (of the left cycle) and both legs.
        variables: (side, angle) to Gait Variable Score.
        missing: angles that ours or the reference lacks; scores are then not comparable with
            published ones.
    """

    left: float
    right: float
    overall: float
    variables: Mapping[tuple[str, str], float]
    missing: tuple[str, ...]


def profile_score(
    left: Mapping[str, Float[np.ndarray, "P"]],
    right: Mapping[str, Float[np.ndarray, "P"]],
    reference: ReferenceGroup,
) -> ProfileScore:
    """Scores of both sides' mean curves (deg, clinical sign, 0 to 100 % of their own cycle)."""
    names = [
        name
        for name in (*PELVIS, *LEG)
        if name in left and name in right and name in reference.curves
    ]
    scores = {
        (side, name): _rms(curves[name] - reference.curves[name].mean)
        for side, curves in (("left", left), ("right", right))
        for name in names
    }
    pooled = [score for (side, name), score in scores.items() if name in LEG or side == "left"]
    return ProfileScore(
        left=_rms(np.array([scores["left", name] for name in names])),
        right=_rms(np.array([scores["right", name] for name in names])),
        overall=_rms(np.array(pooled)),
        variables=MappingProxyType(scores),
        missing=tuple(name for name in (*PELVIS, *LEG) if name not in names),
    )


def _rms(values: Float[np.ndarray, " n"]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else np.nan
