"""Feet: orientation from standing flat, and the toes' joint."""

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_retarget.markers.frames import upright_frame
from musclemimic_retarget.markers.functional import Poses
from musclemimic_retarget.markers.landmarks import Landmarks
from musclemimic_retarget.markers.rigid import body_poses

# The share of frames in which heel and forefoot are lowest that counts as flat on the floor.
_FLAT_SHARE = 0.1


def foot_body(landmarks: Landmarks, side: str) -> Poses | None:
    """Poses of the foot as one body; the ankle's marker helps where there are only two others."""
    names = [f"{side}_{name}" for name in ("heel", "toe", "mt1", "mt5")]
    points = [landmarks[name] for name in names if landmarks.has(name)]
    if len(points) < 3 and landmarks.has(f"{side}_ankle_lateral"):
        points.append(landmarks[f"{side}_ankle_lateral"])
    return body_poses(points)


def foot_orientation(
    landmarks: Landmarks, side: str, shank_turn: Float[np.ndarray, "T 3 3"]
) -> Float[np.ndarray, "T 3 3"]:
    """The foot's rotation from standing flat with the knee's axis across.

    How the markers lie when it is flat is read off the frames with heel and forefoot lowest. Its
    heading there counts as neutral: toes that point outwards of the knee do so by the shape of
    the shank, which a leg of hinges cannot follow.

    Raises:
        InputError: fewer than three markers on the foot, or all on a line.
    """
    body = foot_body(landmarks, side)
    if body is None:
        raise InputError(
            landmarks.source,
            f"{side} foot",
            found="too few markers off one line",
            expected="heel, toe and one more on the foot or the lateral malleolus",
        )
    height = np.stack([landmarks[f"{side}_heel"][:, 2], _front(landmarks, side)[:, 2]], axis=1)
    above = (height - height.min(axis=0)).sum(axis=1)
    flat = np.argsort(above, kind="stable")[: max(1, round(_FLAT_SHARE * len(above)))]
    up = np.broadcast_to(np.array([0.0, 0.0, 1.0]), (len(flat), 3))
    turn = body[0]
    mean = np.einsum("tji,tjk->ik", turn[flat], upright_frame(up, shank_turn[flat][:, :, 1]))
    left, _, right = np.linalg.svd(mean)
    return turn @ (left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right)


def _front(landmarks: Landmarks, side: str) -> Float[np.ndarray, "T 3"]:
    """Middle of the forefoot's markers."""
    names = [f"{side}_{name}" for name in ("mt1", "mt5")]
    if not landmarks.has(*names):
        names = [name for name in (f"{side}_toe", f"{side}_mt5") if landmarks.has(name)]
    return np.mean([landmarks[name] for name in names], axis=0)


def forefoot_centre(
    landmarks: Landmarks,
    side: str,
    ankle: Float[np.ndarray, "T 3"],
    foot_turn: Float[np.ndarray, "T 3 3"],
) -> Float[np.ndarray, "T 3"]:
    """The toes' joint, fixed to the foot: amid the metatarsal heads, or beside the fifth."""
    offset = np.einsum("tji,tj->ti", foot_turn, _front(landmarks, side) - ankle)
    fifth = f"{side}_mt5"
    if landmarks.has(fifth) and not landmarks.has(f"{side}_mt1"):
        # The toe's marker may be on the hallux, far in front of the joint.
        beside = np.einsum("tji,tj->ti", foot_turn, landmarks[fifth] - ankle)
        offset[:, 0] = beside[:, 0]
    return ankle + foot_turn @ np.median(offset, axis=0)
