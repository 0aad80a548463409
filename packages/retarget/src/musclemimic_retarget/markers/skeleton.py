"""From landmarks to a `SkeletonMotion`: all joints of the SMPL skeleton, and the rest pose."""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_retarget.markers.landmarks import Landmarks, upright_facing_x
from musclemimic_retarget.markers.legs import Leg, outward, without_overextension
from musclemimic_retarget.markers.marker_sets import SIDES
from musclemimic_retarget.markers.pelvis import Pelvis, locate_pelvis
from musclemimic_retarget.markers.proportions import with_plausible_hips
from musclemimic_retarget.markers.upper_body import (
    Arm,
    hanging_arm,
    has_arm,
    has_trunk,
    locate_arm,
    locate_trunk,
    shoulder_centre,
)
from musclemimic_retarget.motion import MotionSource, SkeletonMotion
from musclemimic_retarget.rotations import quaternions
from musclemimic_retarget.smpl import CANONICAL_FROM_SMPL, JOINT_NAMES, PARENTS, REST

logger = logging.getLogger(__name__)

# Shoulder height − ankle height, leg length hip to ankle, and hip height over stature: Winter
# 2009, Biomechanics and Motor Control of Human Movement, fig. 4.1.
_SHOULDER_ABOVE_ANKLE, _LEG, _HIP_HEIGHT = 0.779, 0.491, 0.53
_PLAUSIBLE_STATURE = (0.6, 2.4)
# Mean SMPL skeleton in the canonical frame (forward, left, up), for what no marker shows.
_MEAN = dict(zip(JOINT_NAMES, REST @ CANONICAL_FROM_SMPL.T, strict=True))
_ABOVE_LUMBAR = ("spine1", "spine2", "spine3", "neck", "head", "left_collar", "right_collar")

Centres = dict[str, Float[np.ndarray, "T 3"]]
Turns = dict[str, Float[np.ndarray, "T 3 3"]]


def build_motion(landmarks: Landmarks, *, belt_speed: float = 0.0) -> SkeletonMotion:
    """Joint centres and segment rotations of landmarks in any right-handed axes.

    Args:
        landmarks: without gaps.
        belt_speed: of a treadmill, m/s; adds its way to everything, as if walked overground.

    Raises:
        InputError: implausible body height (wrong units), someone not upright, exchanged labels.
    """
    landmarks = landmarks.turned(upright_facing_x(landmarks))
    _require_outside(landmarks)
    rise = landmarks["left_asis"][:, 2] - landmarks["left_heel"][:, 2]
    _require_plausible(landmarks, float(rise.max()) / _HIP_HEIGHT)
    pelvis, legs = with_plausible_hips(landmarks, locate_pelvis(landmarks))
    legs = without_overextension(legs, landmarks.source)
    trunk = locate_trunk(landmarks, pelvis)
    centres, turns = _leg_joints(pelvis, legs)
    _add_spine(centres, turns, landmarks, trunk, leg_length=_leg_length(pelvis, legs))
    _add_arms(centres, turns, landmarks, trunk)
    rest = _rest_positions(centres, turns)
    stature = _stature(landmarks, rest)
    _require_plausible(landmarks, stature)
    positions = np.stack([centres[name] for name in JOINT_NAMES], axis=1)
    positions[..., 0] += (belt_speed * np.arange(len(landmarks)) / landmarks.fps)[:, None]
    return SkeletonMotion(
        source=MotionSource(Path(landmarks.source).name),
        fps=landmarks.fps,
        joint_names=JOINT_NAMES,
        parents=PARENTS,
        rest_positions=rest,
        positions=positions,
        rotations=quaternions(np.stack([turns[name] for name in JOINT_NAMES], axis=1)),
        stature=stature,
    )


def _leg_joints(pelvis: Pelvis, legs: dict[str, Leg]) -> tuple[Centres, Turns]:
    centres: Centres = {}
    turns: Turns = {"pelvis": pelvis.turn}
    for side, leg in legs.items():
        centres |= {
            f"{side}_hip": pelvis.hips[side],
            f"{side}_knee": leg.knee,
            f"{side}_ankle": leg.ankle,
            f"{side}_foot": leg.forefoot,
        }
        turns |= {
            f"{side}_hip": leg.thigh_turn,
            f"{side}_knee": leg.shank_turn,
            f"{side}_ankle": leg.foot_turn,
            f"{side}_foot": leg.foot_turn,
        }
    return centres, turns


def _add_spine(
    centres: Centres,
    turns: Turns,
    landmarks: Landmarks,
    trunk: Float[np.ndarray, "T 3 3"],
    *,
    leg_length: float,
) -> None:
    """Pelvis, spine, neck, head and collars: the mean skeleton's, scaled to the trunk, in place.

    The trunk is one segment from the lumbar joint (spine1) up, as its orientation is measured.
    """
    hips = (centres["left_hip"] + centres["right_hip"]) / 2
    mean_hips = (_MEAN["left_hip"] + _MEAN["right_hip"]) / 2
    if has_trunk(landmarks):
        shoulders = np.mean([shoulder_centre(landmarks, trunk, side) for side in SIDES], axis=0)
        mean_shoulders = (_MEAN["left_shoulder"] + _MEAN["right_shoulder"]) / 2
        height = float(np.median(np.linalg.norm(shoulders - hips, axis=1)))
        scale = height / float(np.linalg.norm(mean_shoulders - mean_hips))
    else:
        logger.warning(
            "%s: no shoulder markers: trunk upright over the pelvis, arms hanging",
            Path(landmarks.source).name,
        )
        scale = leg_length / float(np.mean([_mean_leg(side) for side in SIDES]))
    turns |= dict.fromkeys(_ABOVE_LUMBAR, trunk)
    centres["pelvis"] = hips + turns["pelvis"] @ (scale * (_MEAN["pelvis"] - mean_hips))
    for joint in (*_ABOVE_LUMBAR, *(f"{side}_shoulder" for side in SIDES)):
        parent = JOINT_NAMES[PARENTS[JOINT_NAMES.index(joint)]]
        offset = scale * (_MEAN[joint] - _MEAN[parent])
        centres[joint] = centres[parent] + turns[parent] @ offset


def _add_arms(
    centres: Centres, turns: Turns, landmarks: Landmarks, trunk: Float[np.ndarray, "T 3 3"]
) -> None:
    """Both arms, hanging where markers are missing, in place."""
    missing = [side for side in SIDES if not has_arm(landmarks, side)]
    if missing:
        logger.warning(
            "%s: no markers on the %s arm: hanging at rest",
            Path(landmarks.source).name,
            " and ".join(missing),
        )
    arms: dict[str, Arm] = {
        side: locate_arm(landmarks, trunk, side) for side in SIDES if side not in missing
    }
    for side in missing:
        shoulder = centres[f"{side}_shoulder"]
        if has_trunk(landmarks):
            shoulder = shoulder_centre(landmarks, trunk, side)
        other = next(iter(arms.values()), None)
        size = centres["neck"] - centres["pelvis"]
        scale = float(np.median(np.linalg.norm(size, axis=1)))
        scale /= float(np.linalg.norm(_MEAN["neck"] - _MEAN["pelvis"]))
        lengths = _arm_lengths(other) if other is not None else _mean_arm(scale)
        arms[side] = hanging_arm(shoulder, trunk, side, lengths)
    for side, arm in arms.items():
        centres |= {
            f"{side}_shoulder": arm.shoulder,
            f"{side}_elbow": arm.elbow,
            f"{side}_wrist": arm.wrist,
        }
        turns |= {
            f"{side}_shoulder": arm.upper_turn,
            f"{side}_elbow": arm.lower_turn,
            f"{side}_wrist": arm.hand_turn,
        }


def _rest_positions(centres: Centres, turns: Turns) -> Float[np.ndarray, "J 3"]:
    """The T-pose: every joint where, in the median, it is in its parent's frame.

    Legs are made straight and feet to point forward, which is how their rotations are counted.
    """
    rest = np.zeros((len(JOINT_NAMES), 3))
    for index, (joint, parent) in enumerate(zip(JOINT_NAMES, PARENTS, strict=True)):
        if parent >= 0:
            above = JOINT_NAMES[parent]
            offset = np.einsum("tji,tj->ti", turns[above], centres[joint] - centres[above])
            middle = np.median(offset, axis=0)
            if joint.endswith(("knee", "ankle")):
                middle = np.array([0.0, 0.0, -float(np.median(np.linalg.norm(offset, axis=1)))])
            if joint.endswith("foot"):
                middle = np.array([np.hypot(middle[0], middle[1]), 0.0, middle[2]])
            rest[index] = rest[parent] + middle
    return rest


def _stature(landmarks: Landmarks, rest: Float[np.ndarray, "J 3"]) -> float:
    place = dict(zip(JOINT_NAMES, rest, strict=True))
    top, share = ("shoulder", _SHOULDER_ABOVE_ANKLE) if has_trunk(landmarks) else ("hip", _LEG)
    heights = [place[f"{side}_{top}"][2] - place[f"{side}_ankle"][2] for side in SIDES]
    return float(np.mean(heights)) / share


def _require_plausible(landmarks: Landmarks, stature: float) -> None:
    low, high = _PLAUSIBLE_STATURE
    if not low < stature < high:
        raise InputError(
            landmarks.source,
            "units",
            found=f"a body height of {stature:.3g} m",
            expected=f"{low} to {high} m; the units in the file may be wrong",
        )


def _require_outside(landmarks: Landmarks) -> None:
    """Raise InputError if a joint's inner and outer markers are exchanged."""
    left = landmarks["left_asis"] - landmarks["right_asis"]
    for side in SIDES:
        for joint in ("knee", "ankle"):
            lateral, medial = f"{side}_{joint}_lateral", f"{side}_{joint}_medial"
            if landmarks.has(lateral, medial):
                across = outward(side) * (landmarks[lateral] - landmarks[medial])
                if float(np.median(np.sum(across * left, axis=1))) < 0:
                    raise InputError(
                        landmarks.source,
                        f"{side} {joint}",
                        found="the medial marker outside the lateral one",
                        expected="the marker set's labels in the file's order",
                    )


def _leg_length(pelvis: Pelvis, legs: dict[str, Leg]) -> float:
    """Thigh and shank together, mean of both sides, m."""
    total = 0.0
    for side, leg in legs.items():
        thigh = np.linalg.norm(pelvis.hips[side] - leg.knee, axis=1)
        total += float(np.median(thigh + np.linalg.norm(leg.knee - leg.ankle, axis=1)))
    return total / len(legs)


def _mean_leg(side: str) -> float:
    hip, knee, ankle = (_MEAN[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    return float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))


def _arm_lengths(arm: Arm) -> tuple[float, float]:
    upper = np.linalg.norm(arm.elbow - arm.shoulder, axis=1)
    return float(np.median(upper)), float(np.median(np.linalg.norm(arm.wrist - arm.elbow, axis=1)))


def _mean_arm(scale: float) -> tuple[float, float]:
    """Upper arm and forearm of the mean skeleton, m."""
    shoulder, elbow, wrist = (_MEAN[f"left_{joint}"] for joint in ("shoulder", "elbow", "wrist"))
    return scale * float(np.linalg.norm(elbow - shoulder)), scale * float(
        np.linalg.norm(wrist - elbow)
    )
