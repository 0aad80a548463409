"""Moment arms of the models against values measured in humans.

Signs are the models': positive angles and moment arms dorsiflex the ankle, flex the knee, hip,
elbow and wrist, pronate the forearm and rotate the shoulder inwards.
"""

import difflib
import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from musclemimic_models.errors import InputError
from musclemimic_models.musculo import MusculoModel, get_musculo_model
from musclemimic_models.registry import list_models
from musclemimic_models.validation.check import Check
from musclemimic_models.validation.moment_arm_table import (
    PublishedMomentArm,
    shipped_moment_arms,
)
from musclemimic_models.validation.poses import coordinate_geometry

# Studies disagree by more than their own 2 SD; one model value in ten may lie outside some band.
OUTSIDE_LIMIT = 0.1
_PEAK_POSES = 91
_RANGE_SLACK_DEG = 1e-3


@dataclass(frozen=True)
class MomentArmComparison:
    """A model's moment arm beside a published one; None in every number not comparable.

    Attributes:
        published, model: the measured value; the model's name.
        model_mm, difference_mm: its moment arm; that minus the published one, mm.
        ratio: model over published, None for a published zero.
        within: |difference| is within the tolerance and, without a standard deviation, signs agree.
        reason: why there is no comparison, such as "not in this model: soleus"; else empty.
    """

    published: PublishedMomentArm
    model: str
    model_mm: float | None = None
    difference_mm: float | None = None
    ratio: float | None = None
    within: bool | None = None
    reason: str = ""


def compare_moment_arms(
    model: MusculoModel, rows: Iterable[PublishedMomentArm]
) -> tuple[MomentArmComparison, ...]:
    """Put the model's moment arm beside every published one, in the same order.

    The joint is set to the row's angle, what is coupled to it follows, all else is neutral
    (qpos0). The right side is compared; `validate_model` checks that the left mirrors it.

    Raises:
        InputError: a muscle or joint that no model has; the message lists near names.
    """
    return tuple(_compare(model, row) for row in rows)


def check_published(model: MusculoModel, rows: Iterable[PublishedMomentArm] | None = None) -> Check:
    """Share of comparable published moment arms (default: the shipped ones) the model misses."""
    compared = compare_moment_arms(model, shipped_moment_arms() if rows is None else rows)
    usable = [row for row in compared if row.within is not None]
    outside = [row for row in usable if not row.within]
    details = tuple(
        f"{row.published.muscle} at {row.published.joint}: {row.model_mm:.1f} mm, published "
        f"{row.published.moment_arm_mm:g} ± {row.published.tolerance_mm:g} mm "
        f"({row.published.source})"
        for row in outside
    )
    share = len(outside) / len(usable) if usable else float("nan")
    where = f"{len(outside)} of {len(usable)} values outside"
    return Check("published moment arms", share, OUTSIDE_LIMIT, "of values", where, details)


def coupled_moment_arms(
    model: MusculoModel, joint: int, angles_rad: Float[np.ndarray, " P"]
) -> Float[np.ndarray, "P nu"]:
    """Moment arms, m, about an independent hinge, what is coupled to it moving along.

    That is -dL/dq with the couplings imposed, so that at the knee the tibia glides and the
    patella tracks as they do in the model, and a tendon-excursion experiment is matched.
    """
    m, couplings = model.mj_model, model.couplings
    coordinate = int(np.flatnonzero(couplings.scalar_qpos == m.jnt_qposadr[joint])[0])
    poses = np.tile(m.qpos0, (len(angles_rad), 1))
    poses[:, m.jnt_qposadr[joint]] = angles_rad
    return coordinate_geometry(model, couplings.apply(poses), coordinate)[1]


def _compare(model: MusculoModel, row: PublishedMomentArm) -> MomentArmComparison:
    couplings = model.couplings
    muscles = [_find("muscle", name, model, row.where) for name in row.muscle.split("+")]
    joint = _find("joint", row.joint, model, row.where)
    if min(*muscles, joint) < 0:
        reason = f"not in this model: {row.muscle} at {row.joint}"
        return MomentArmComparison(row, model.name, reason=reason)
    place = np.flatnonzero(couplings.scalar_qpos == model.mj_model.jnt_qposadr[joint])
    if not len(place):
        reason = f"{row.joint} follows another joint of this model"
        return MomentArmComparison(row, model.name, reason=reason)
    low, high = (float(limit) for limit in np.degrees(couplings.box[place[0]]))
    angle = row.angle_deg
    if angle is not None and not low - _RANGE_SLACK_DEG <= angle <= high + _RANGE_SLACK_DEG:
        reason = f"{angle:g}° is outside the model's range, {low:.0f}° to {high:.0f}°"
        return MomentArmComparison(row, model.name, reason=reason)
    angles = np.linspace(low, high, _PEAK_POSES) if angle is None else np.array([angle])
    force = model.muscles.max_isometric_force[muscles]
    arms = coupled_moment_arms(model, joint, np.radians(angles))[:, muscles] @ force / force.sum()
    sign = math.copysign(1.0, row.moment_arm_mm)
    value = 1e3 * sign * float((sign * arms).max())
    close = abs(value - row.moment_arm_mm) <= row.tolerance_mm
    return MomentArmComparison(
        published=row,
        model=model.name,
        model_mm=value,
        difference_mm=value - row.moment_arm_mm,
        ratio=value / row.moment_arm_mm if row.moment_arm_mm else None,
        within=close and (row.sd_mm is not None or value * row.moment_arm_mm >= 0),
    )


def _find(kind: str, stem: str, model: MusculoModel, where: str) -> int:
    """Index of the right (or only) muscle or joint of that name; -1 if only others have it."""
    names = model.muscle_names if kind == "muscle" else model.joint_names
    for name in (f"{stem}_r", stem):
        if name in names:
            return names.index(name)
    known = _stems(kind)
    if stem not in known.values():
        near = [known[name] for name in difflib.get_close_matches(stem.lower(), known, 5, 0.0)]
        expected = "one of the models', perhaps " + ", ".join(near)
        raise InputError(where, kind, found=repr(stem), expected=expected)
    return -1


@functools.cache
def _stems(kind: str) -> dict[str, str]:
    """Names of all models, with fingers, without their side, by their lower-case form."""
    models = [get_musculo_model(name) for name in list_models()]
    names = [m.muscle_names if kind == "muscle" else m.joint_names for m in models]
    stems = {name.removesuffix("_r").removesuffix("_l") for group in names for name in group}
    return {stem.lower(): stem for stem in sorted(stems)}
