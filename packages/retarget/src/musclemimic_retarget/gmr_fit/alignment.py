"""What a whole motion has to agree on: its floor, the zero of its twists, what comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from musclemimic_retarget.stance import FloorPlane, fit_floor


@dataclass(frozen=True)
class Footing:
    """Where feet stood: what the floor is fitted to.

    Attributes:
        soles: (T, 2) height of both soles before any levelling, m. stance: (T, 2).
        feet: (T, 2, 3) positions of both ankles, m.
    """

    soles: Float[np.ndarray, "T 2"]
    stance: Bool[np.ndarray, "T 2"]
    feet: Float[np.ndarray, "T 2 3"]


@dataclass(frozen=True)
class Alignment:
    """What a stretch of motion has taught.

    Attributes:
        twist: site column to the turn of its targets, rad.
        plane: the floor in the targets' own frame; None on a fixed trunk.
        footing: what it was fitted to; None on a fixed trunk.
        angle: weight of the sum of angles (`GMRFitConfig.angle`, or less).
    """

    twist: Mapping[int, float]
    plane: FloorPlane | None
    footing: Footing | None
    angle: float


def agreed(stretches: Sequence[Alignment]) -> Alignment:
    """One alignment for a motion of which several stretches are known: medians, one floor."""
    first = stretches[0]
    twist = {c: float(np.median([each.twist[c] for each in stretches])) for c in first.twist}
    angle = float(np.median([each.angle for each in stretches]))
    known = [each.footing for each in stretches if each.footing is not None]
    if not known:
        return Alignment(twist, None, None, angle)
    footing = Footing(
        np.concatenate([each.soles for each in known]),
        np.concatenate([each.stance for each in known]),
        np.concatenate([each.feet for each in known]),
    )
    plane = fit_floor(footing.soles, footing.stance, footing.feet)
    return Alignment(twist, plane, footing, angle)
