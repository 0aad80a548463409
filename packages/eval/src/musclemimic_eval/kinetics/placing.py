"""Measured ground reaction under a retargeted motion."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_eval.kinetics.ground_reaction import GroundReaction

# The pelvis of clip and human may come apart by this, m, before they are not the same motion.
_LARGEST_SPREAD = 0.05


@dataclass(frozen=True)
class Placement:
    """How a laboratory's ground reaction was put under a model's motion.

    Attributes:
        ground: in the frame "model", on the clip's clock.
        length_scale: model lengths over human lengths (of the clip).
        force_scale: model mass over human mass.
        shift: (2,) m, added to scaled horizontal positions.
        spread: standard deviation of that shift over the clip (horizontal norm), m: how exactly
            the clip follows the measured pelvis.
    """

    ground: GroundReaction
    length_scale: float
    force_scale: float
    shift: Float[np.ndarray, " 2"]
    spread: float


def place_under(
    model: MusculoModel,
    clip: MotionClip,
    ground: GroundReaction,
    *,
    subject_mass: float,
    pelvis: Float[np.ndarray, "T 3"],
    start: float,
) -> Placement:
    """Put a laboratory's ground reaction under the clip that was retargeted from the same trial.

    A retargeter scales the human's lengths by s (`human_to_model_scale`), starts the clip at the
    origin at time 0 and levels the floor at z = 0. Hence positions p become s p + (shift, 0) and
    the floor's height becomes 0, with the shift that brings the measured pelvis onto the clip's
    (median over the clip). Forces are scaled by model mass over subject mass m/M: the motion
    then has the accelerations g and, for s near 1, q̈ of the human, and F = m (g + a) scales with
    mass alone; the horizontal accelerations of the clip are s times the human's, so
    |s − 1| of the inertial part stays as a residual. Free moments scale by s m/M.

    Args:
        model: of the clip.
        clip: retargeted from the trial.
        ground: in the frame "laboratory", with the axes of the clip (z up, x forward).
        subject_mass: kg.
        pelvis: (T, 3) m, the measured origin of the pelvis in the laboratory, at the clip's
            frame times.
        start: the laboratory's time of the clip's first frame, s.

    Raises:
        InputError: a ground reaction that is placed already, a mass out of any human range, a
            pelvis that does not move as the clip's does.
    """
    clip.require_model(model)
    if ground.frame != "laboratory":
        raise InputError("ground reaction", "frame", found=ground.frame, expected="'laboratory'")
    if not 5 < subject_mass < 300:
        raise InputError("subject", "mass", found=subject_mass, expected="kg, 5 to 300")
    length = clip.provenance.human_to_model_scale
    shift, spread = horizontal_shift(clip, pelvis)
    force = float(model.mj_model.body_subtreemass[0]) / subject_mass
    moved = ground.scaled(length=length, force=force).moved(np.eye(3), np.array([*shift, 0.0]))
    centre = moved.centre_of_pressure.copy()
    centre[..., 2] = np.where(moved.loaded, 0.0, np.nan)
    placed = dataclasses.replace(moved.delayed(-start), centre_of_pressure=centre, frame="model")
    return Placement(placed, length, force, shift, spread)


def horizontal_shift(
    clip: MotionClip, pelvis: Float[np.ndarray, "T 3"]
) -> tuple[Float[np.ndarray, " 2"], float]:
    """What was added to scaled horizontal positions, m, and how far that varies (SD), m.

    Args:
        clip: retargeted.
        pelvis: (T, 3) m, the human's measured pelvis at the clip's frame times, in its axes.

    Raises:
        InputError: a pelvis that does not move as the clip's does.
    """
    if len(pelvis) != len(clip):
        raise InputError("pelvis", "frames", found=len(pelvis), expected=f"{len(clip)}")
    offsets = clip.site_pos[:, 0, :2] - clip.provenance.human_to_model_scale * pelvis[:, :2]
    spread = float(np.linalg.norm(offsets.std(axis=0)))
    if spread > _LARGEST_SPREAD:
        raise InputError(
            "pelvis",
            "path",
            found=f"{100 * spread:.1f} cm off the clip's (standard deviation)",
            expected="the motion that the clip was made from, in its axes",
        )
    return np.asarray(np.median(offsets, axis=0)), spread
