"""Legs: knee and ankle centres, and orientations of thigh, shank and foot."""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_retarget.markers.feet import foot_body, foot_orientation, forefoot_centre
from musclemimic_retarget.markers.frames import turn_about_y, upright_frame
from musclemimic_retarget.markers.functional import (
    Poses,
    carried,
    common_axis,
    common_centre,
)
from musclemimic_retarget.markers.landmarks import Landmarks
from musclemimic_retarget.markers.pelvis import Pelvis
from musclemimic_retarget.markers.rigid import body_poses

logger = logging.getLogger(__name__)

# Where only the lateral marker is there: half the distance between the lateral and the medial
# marker over that from the hip to the lateral knee marker, and from there to the lateral ankle.
# Source: marker positions on the model of Rajagopal et al. 2016 (knee 0.127, ankle 0.115).
_KNEE_HALF_WIDTH, _ANKLE_HALF_WIDTH = 0.127, 0.115
# Knees do not bend backwards (in the muscle models not at all): what this share of the frames does
# beyond straight is an error of joint centres.
_OVEREXTENDED_SHARE = 0.01


@dataclass(frozen=True)
class Leg:
    """One leg over time: joint centres (T, 3) m and rotations (T, 3, 3) from the rest pose.

    In the rest pose the leg is straight and vertical, the knee flexes about the left-right axis,
    and the foot stands flat.
    """

    knee: Float[np.ndarray, "T 3"]
    ankle: Float[np.ndarray, "T 3"]
    forefoot: Float[np.ndarray, "T 3"]
    thigh_turn: Float[np.ndarray, "T 3 3"]
    shank_turn: Float[np.ndarray, "T 3 3"]
    foot_turn: Float[np.ndarray, "T 3 3"]


def locate_leg(landmarks: Landmarks, pelvis: Pelvis, side: str) -> Leg:
    """Joint centres and segment orientations of one leg.

    The knee's axis is the line between the epicondyles where both are marked, else the axis that
    thigh and shank turn about against each other. Thigh and shank share it, since a knee hardly
    twists; their long axes run between joint centres.

    Raises:
        InputError: markers of inner and outer side exchanged, or too few to find the ankle.
    """
    hip = pelvis.hips[side]
    thigh = _body(landmarks, side, "thigh", ("knee_lateral", "knee_medial"), hip)
    shank = _body(landmarks, side, "shank", ("ankle_lateral", "ankle_medial"), None)
    thigh_left, shank_left = _knee_axes(landmarks, pelvis, side, thigh, shank)
    ankle = _ankle(landmarks, side, shank, shank_left)
    knee = _knee(landmarks, side, hip, ankle, bodies=(thigh, shank), left=thigh_left)
    shank_turn = upright_frame(knee - ankle, shank_left)
    foot_turn = foot_orientation(landmarks, side, shank_turn)
    return Leg(
        knee=knee,
        ankle=ankle,
        forefoot=forefoot_centre(landmarks, side, ankle, foot_turn),
        thigh_turn=upright_frame(hip - knee, thigh_left),
        shank_turn=shank_turn,
        foot_turn=foot_turn,
    )


def without_overextension(legs: dict[str, Leg], source: str) -> dict[str, Leg]:
    """Legs whose knees bend backwards, with the zero of both thighs moved until they do not.

    Hip centres by regression are the least certain of the three joint centres (errors of 1 to
    2 cm, 1.5° to 3° of the thigh) and err on both sides alike; so the thighs take all of it, both
    as much.
    """
    bends = [knee_flexion(leg.thigh_turn, leg.shank_turn) for leg in legs.values()]
    excess = -float(np.mean([np.quantile(bend, _OVEREXTENDED_SHARE) for bend in bends]))
    if excess <= 0.0:
        return legs
    logger.info(
        "%s: knees bend backwards by %.1f deg: zero of the thighs moved by as much",
        Path(source).name,
        np.rad2deg(excess),
    )
    moved = turn_about_y(-excess)
    return {
        side: dataclasses.replace(leg, thigh_turn=leg.thigh_turn @ moved)
        for side, leg in legs.items()
    }


def knee_flexion(
    thigh_turn: Float[np.ndarray, "T 3 3"], shank_turn: Float[np.ndarray, "T 3 3"]
) -> Float[np.ndarray, " T"]:
    """Angle of the shank against the thigh about the thigh's left-right axis, rad."""
    bend = np.swapaxes(thigh_turn, 1, 2) @ shank_turn
    return np.arctan2(bend[:, 0, 2], bend[:, 2, 2])


def outward(side: str) -> float:
    """1 if a side's lateral direction is the left, −1 if it is the right."""
    return 1.0 if side == "left" else -1.0


def _body(
    landmarks: Landmarks,
    side: str,
    cluster: str,
    names: tuple[str, ...],
    joint: Float[np.ndarray, "T 3"] | None,
) -> Poses | None:
    """Poses of a segment as one body of all its markers; None if they are too few.

    A joint centre counts as one; the shank borrows the knee's marker if it needs a third.
    """
    points = [landmarks[f"{side}_{name}"] for name in names if landmarks.has(f"{side}_{name}")]
    points += [] if joint is None else [joint]
    if f"{side}_{cluster}" in landmarks.clusters:
        points += list(np.moveaxis(landmarks.clusters[f"{side}_{cluster}"], 1, 0))
    spare = f"{side}_knee_lateral"
    if cluster == "shank" and len(points) < 3 and landmarks.has(spare):
        points.append(landmarks[spare])
    return body_poses(points)


def _knee_axes(
    landmarks: Landmarks, pelvis: Pelvis, side: str, thigh: Poses | None, shank: Poses | None
) -> tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T 3"]]:
    """The knee's flexion axis, pointing left, as thigh and shank carry it."""
    epicondyles = _mediolateral(landmarks, side, "knee")
    if epicondyles is not None:
        return epicondyles, epicondyles if shank is None else carried(shank[0], epicondyles)
    axes = common_axis(thigh[0], shank[0]) if thigh is not None and shank is not None else None
    if thigh is not None and shank is not None and axes is not None:
        on_thigh, on_shank = thigh[0] @ axes[0], shank[0] @ axes[1]
        sign = 1.0 if float(np.sum(on_thigh * pelvis.left)) > 0 else -1.0
        return sign * on_thigh, sign * on_shank
    logger.warning(
        "%s: %s knee: no medial marker and too little motion to find its axis; that of the pelvis "
        "is used",
        Path(landmarks.source).name,
        side,
    )
    on_thigh = pelvis.left if thigh is None else carried(thigh[0], pelvis.left)
    return on_thigh, on_thigh if shank is None else carried(shank[0], on_thigh)


def _mediolateral(landmarks: Landmarks, side: str, joint: str) -> Float[np.ndarray, "T 3"] | None:
    """From one of a joint's two markers to the other, pointing left; None if one is missing."""
    lateral, medial = f"{side}_{joint}_lateral", f"{side}_{joint}_medial"
    if not landmarks.has(lateral, medial):
        return None
    return outward(side) * (landmarks[lateral] - landmarks[medial])


def _ankle(
    landmarks: Landmarks, side: str, shank: Poses | None, left: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T 3"]:
    """Middle of the malleoli, or half an ankle's width from the outer, or the functional centre."""
    lateral, medial = f"{side}_ankle_lateral", f"{side}_ankle_medial"
    if landmarks.has(lateral, medial):
        return (landmarks[lateral] + landmarks[medial]) / 2
    if landmarks.has(lateral):
        knee = landmarks[f"{side}_knee_lateral"]
        length = float(np.median(np.linalg.norm(knee - landmarks[lateral], axis=1)))
        return landmarks[lateral] - outward(side) * _ANKLE_HALF_WIDTH * length * left
    foot = foot_body(landmarks, side)
    if shank is None or foot is None:
        raise InputError(
            landmarks.source,
            f"{side} ankle",
            found="no marker on it, and too few off one line on shank or foot",
            expected="a marker on the lateral malleolus, or three on shank and on foot",
        )
    return common_centre(shank, foot, hinge=False)


def _knee(
    landmarks: Landmarks,
    side: str,
    hip: Float[np.ndarray, "T 3"],
    ankle: Float[np.ndarray, "T 3"],
    *,
    bodies: tuple[Poses | None, Poses | None],
    left: Float[np.ndarray, "T 3"],
) -> Float[np.ndarray, "T 3"]:
    """Middle of the epicondyles, or half a knee's width from the outer, or the functional centre.

    The functional one is the point of the axis half-way, along that axis, between hip and ankle.
    """
    lateral, medial = f"{side}_knee_lateral", f"{side}_knee_medial"
    if landmarks.has(lateral, medial):
        return (landmarks[lateral] + landmarks[medial]) / 2
    if landmarks.has(lateral):
        length = float(np.median(np.linalg.norm(hip - landmarks[lateral], axis=1)))
        return landmarks[lateral] - outward(side) * _KNEE_HALF_WIDTH * length * left
    thigh, shank = bodies
    if thigh is None or shank is None:
        raise InputError(
            landmarks.source,
            f"{side} knee",
            found="no marker on it, and too few off one line on thigh or shank",
            expected="a marker on the lateral epicondyle",
        )
    centre = common_centre(thigh, shank, hinge=True)
    shift = float(np.einsum("ti,ti->", (hip + ankle) / 2 - centre, left)) / len(left)
    return centre + shift * left
