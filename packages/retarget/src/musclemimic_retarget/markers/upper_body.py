"""Trunk and arms."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.markers.frames import (
    across,
    sideways_frame,
    turn_about_x,
    unit,
    upright_frame,
)
from musclemimic_retarget.markers.landmarks import Landmarks
from musclemimic_retarget.markers.legs import outward
from musclemimic_retarget.markers.pelvis import Pelvis

# Shoulder centre below the acromion's marker over the distance between the acromia.
# Source: Rab et al. 2002, Gait Posture 15:113.
_SHOULDER_DROP = 0.17
# Elbow centre from its lateral marker over the upper arm's length, where the medial one is
# missing. Source: marker positions on the model of Rajagopal et al. 2016.
_ELBOW_HALF_WIDTH = 0.12
# Outward deviation of the forearm in extension where the elbow's axis is not marked, rad.
# Source: Paraskevas et al. 2004, Surg Radiol Anat 26:19 (12.9° ± 5.9°).
_CARRYING = float(np.deg2rad(12.9))
# Sine of elbow flexion between which the arm's plane gradually gives the elbow's axis.
_STRAIGHT, _BENT = 0.25, 0.5
# The elbow's centre and its axis depend on each other; they settle to 0.1 mm.
_ELBOW_ROUNDS = 5


@dataclass(frozen=True)
class Arm:
    """One arm over time: joint centres (T, 3) m and rotations (T, 3, 3) from the T-pose.

    In the T-pose the arm points sideways, the elbow flexes forward and the palm faces down.
    """

    shoulder: Float[np.ndarray, "T 3"]
    elbow: Float[np.ndarray, "T 3"]
    wrist: Float[np.ndarray, "T 3"]
    upper_turn: Float[np.ndarray, "T 3 3"]
    lower_turn: Float[np.ndarray, "T 3 3"]
    hand_turn: Float[np.ndarray, "T 3 3"]


def has_trunk(landmarks: Landmarks) -> bool:
    """Whether the shoulders are marked, which give the trunk's orientation."""
    return landmarks.has("left_acromion", "right_acromion")


def has_arm(landmarks: Landmarks, side: str) -> bool:
    """Whether an arm can be built."""
    wrists = [(f"{side}_wrist",), (f"{side}_wrist_radial", f"{side}_wrist_ulnar")]
    return (
        has_trunk(landmarks)
        and landmarks.has(f"{side}_elbow_lateral")
        and any(landmarks.has(*names) for names in wrists)
    )


def locate_trunk(landmarks: Landmarks, pelvis: Pelvis) -> Float[np.ndarray, "T 3 3"]:
    """The trunk's rotation from upright: from the lumbar joint to amid the acromia.

    That line is vertical in the neutral pose of Rajagopal et al. 2016 (within 1.3° on three
    scaled models). Without acromia the trunk is upright and faces where the pelvis does.
    """
    if not has_trunk(landmarks):
        up = np.broadcast_to(np.array([0.0, 0.0, 1.0]), pelvis.left.shape)
        return upright_frame(up, pelvis.left)
    left, right = landmarks["left_acromion"], landmarks["right_acromion"]
    return upright_frame((left + right) / 2 - pelvis.lumbar, left - right)


def shoulder_centre(
    landmarks: Landmarks, trunk: Float[np.ndarray, "T 3 3"], side: str
) -> Float[np.ndarray, "T 3"]:
    """Shoulder joint centre below the acromion, m."""
    between = landmarks["left_acromion"] - landmarks["right_acromion"]
    drop = _SHOULDER_DROP * float(np.median(np.linalg.norm(between, axis=1)))
    return landmarks[f"{side}_acromion"] - drop * trunk[:, :, 2]


def locate_arm(landmarks: Landmarks, trunk: Float[np.ndarray, "T 3 3"], side: str) -> Arm:
    """Joint centres and orientations of one arm.

    The elbow's axis is the line between the epicondyles where both are marked, else it follows
    from the arm's plane and a usual carrying angle, and with the arm nearly straight from the
    trunk's left-right axis. The forearm's outward deviation from that axis' plane counts as its
    rest pose.
    """
    shoulder = shoulder_centre(landmarks, trunk, side)
    lateral, wrist = landmarks[f"{side}_elbow_lateral"], _wrist(landmarks, side)
    if landmarks.has(f"{side}_elbow_medial"):
        medial = landmarks[f"{side}_elbow_medial"]
        axis, elbow = lateral - medial, (lateral + medial) / 2
    else:
        axis, elbow = trunk[:, :, 1], lateral
        half = _ELBOW_HALF_WIDTH * float(np.median(np.linalg.norm(lateral - shoulder, axis=1)))
        for _ in range(_ELBOW_ROUNDS):
            axis = _axis_of_plane(elbow - shoulder, wrist - elbow, trunk, side)
            elbow = lateral - half * across(axis, unit(lateral - shoulder))
    sign = outward(side)
    along = sign * (wrist - elbow)
    upper_turn = sideways_frame(sign * (elbow - shoulder), axis)
    lower_turn = sideways_frame(along, axis)
    hand_turn = lower_turn
    if landmarks.has(f"{side}_wrist_radial", f"{side}_wrist_ulnar"):
        thumb = landmarks[f"{side}_wrist_radial"] - landmarks[f"{side}_wrist_ulnar"]
        hand_turn = sideways_frame(along, np.cross(thumb, along))
    deviation = np.arcsin(np.sum(upper_turn[:, :, 2] * unit(along), axis=1))
    straight = turn_about_x(-float(np.median(deviation)))
    return Arm(shoulder, elbow, wrist, upper_turn, lower_turn @ straight, hand_turn @ straight)


def hanging_arm(
    shoulder: Float[np.ndarray, "T 3"],
    trunk: Float[np.ndarray, "T 3 3"],
    side: str,
    lengths: tuple[float, float],
) -> Arm:
    """An arm that hangs straight down from a moving trunk.

    Args:
        shoulder: its joint centre, m.
        trunk: rotation of the trunk.
        side: "left" or "right".
        lengths: of upper arm and forearm, m.
    """
    down = -trunk[:, :, 2]
    turn = sideways_frame(outward(side) * down, outward(side) * trunk[:, :, 1])
    elbow = shoulder + lengths[0] * down
    return Arm(shoulder, elbow, elbow + lengths[1] * down, turn, turn, turn)


def _wrist(landmarks: Landmarks, side: str) -> Float[np.ndarray, "T 3"]:
    radial, ulnar = f"{side}_wrist_radial", f"{side}_wrist_ulnar"
    if landmarks.has(radial, ulnar):
        return (landmarks[radial] + landmarks[ulnar]) / 2
    return landmarks[f"{side}_wrist"]


def _axis_of_plane(
    upper: Float[np.ndarray, "T 3"],
    lower: Float[np.ndarray, "T 3"],
    trunk: Float[np.ndarray, "T 3 3"],
    side: str,
) -> Float[np.ndarray, "T 3"]:
    """The elbow's axis towards its outer side, about which a bent arm deviates as usual.

    With n the normal of the arm's plane, e the direction in it across the upper arm and θ the
    flexion, a = n cos α + e sin α makes the forearm deviate by the carrying angle κ from the plane
    across a if sin θ sin α = sin κ.
    """
    upper, lower = unit(upper), unit(lower)
    normal = outward(side) * np.cross(lower, upper)
    sine = np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    tilt = np.arcsin(np.clip(np.sin(_CARRYING) / sine, 0.0, 1.0))
    axis = np.cos(tilt) * normal / sine + np.sin(tilt) * across(lower, upper)
    weight = np.clip((sine - _STRAIGHT) / (_BENT - _STRAIGHT), 0.0, 1.0)
    return weight * axis + (1.0 - weight) * across(outward(side) * trunk[:, :, 1], upper)
