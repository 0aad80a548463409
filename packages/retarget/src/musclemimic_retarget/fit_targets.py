"""The human's pose on the model's own proportions: site targets of a whole motion."""

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.calibration import (
    SIDES,
    SITE_JOINTS,
    Calibration,
    interpolate_girdle,
)
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.motion import SkeletonMotion
from musclemimic_retarget.rotations import matrices, quaternions, shortest_arc, without_twist
from musclemimic_retarget.targets import Targets

# Segments that leave the trunk; each target hangs on its parent's.
_LIMB_PARENTS = {
    "elbow": "shoulder",
    "hand": "elbow",
    "knee": "hip",
    "ankle": "knee",
    "toes": "ankle",
}
_SPINE = ("pelvis", "spine1", "spine2", "spine3")


def fit_targets(body: KinematicBody, calibration: Calibration, human: SkeletonMotion) -> Targets:
    """Targets for a human motion on the model's proportions.

    Orientation of site i: R_j(t) · M_i, with R_j the human segment's rotation from its rest
    pose and M_i the site's orientation in the calibration pose. Positions: a chain from the
    pelvis (or, on a fixed trunk, the upper body) with the model's own calibration-pose segments
    turned by R_j, so that every bone length is the model's. The middle of the hips follows the
    human's, scaled by leg length. Head and shoulder follow the trunk as the model's rigid neck
    and coupled girdle do, and the knee rolls and glides on the thigh as the model's does.
    """
    if "pelvis" not in body.site_names:
        human = human.relative_to(SITE_JOINTS["upper_body"])
    turns = {
        site: matrices(human.rotations[:, human.index(SITE_JOINTS[site])])
        for site in body.site_names
    }
    for side in SIDES:
        turns[f"{side}_elbow"] = _without_pronation(body, calibration, turns, side)
    scale = length_ratio(body, calibration, human)
    mat = np.stack(
        [turns[site] @ calibration.mat[body.site(site)] for site in body.site_names], axis=1
    )
    pos = _trunk_positions(body, calibration, human, turns, scale)
    for side in SIDES:
        upper_arm = (
            calibration.pos[body.site(f"{side}_elbow")]
            - calibration.pos[body.site(f"{side}_shoulder")]
        )
        axis = turns[f"{side}_shoulder"] @ (upper_arm / np.linalg.norm(upper_arm))
        trunk = mat[:, body.site("upper_body")]
        # The trunk site's y axis points up along the spine.
        elevation = np.arccos(np.clip(-np.sum(axis * trunk[:, :, 1], axis=1), -1.0, 1.0))
        girdle = interpolate_girdle(
            calibration.girdle_elevation, calibration.girdle[side], elevation
        )
        pos[:, body.site(f"{side}_shoulder")] = pos[:, body.site("upper_body")] + np.einsum(
            "tij,tj->ti", trunk, girdle
        )
        for child, parent in _LIMB_PARENTS.items():
            if child == "knee" and side in calibration.knees:
                hip, knee = body.site(f"{side}_hip"), body.site(f"{side}_knee")
                way = calibration.knees[side].at(mat[:, hip], mat[:, knee])
                pos[:, knee] = pos[:, hip] + way
            elif f"{side}_{child}" in body.site_names:
                _hang(
                    body,
                    calibration,
                    turns,
                    pos,
                    child=f"{side}_{child}",
                    parent=f"{side}_{parent}",
                )
    return Targets(
        source=human.source,
        rate=human.fps,
        site_names=body.site_names,
        pos=pos,
        quat=quaternions(mat),
        human_pos=_scaled_human(body, human, pos, scale),
        pos_weight=np.ones(len(body.site_names)),
        # The model's neck is rigid: its head goes with the trunk.
        rot_weight=np.array([0.0 if site == "head" else 1.0 for site in body.site_names]),
        human_to_model_scale=scale,
    )


def length_ratio(body: KinematicBody, calibration: Calibration, human: SkeletonMotion) -> float:
    """Model leg length over human leg length (arm lengths on a model without legs)."""
    limb = (
        ("hip", "knee", "ankle") if "left_hip" in body.site_names else ("shoulder", "elbow", "hand")
    )
    model_length = human_length = 0.0
    for side in SIDES:
        sites = [f"{side}_{site}" for site in limb]
        model = calibration.pos[[body.site(site) for site in sites]]
        person = human.rest_positions[[human.index(SITE_JOINTS[site]) for site in sites]]
        model_length += float(np.linalg.norm(np.diff(model, axis=0), axis=1).sum())
        human_length += float(np.linalg.norm(np.diff(person, axis=0), axis=1).sum())
    return model_length / human_length


def _trunk_positions(
    body: KinematicBody,
    calibration: Calibration,
    human: SkeletonMotion,
    turns: dict[str, Float[np.ndarray, "T 3 3"]],
    scale: float,
) -> Float[np.ndarray, "T S 3"]:
    """Positions of pelvis, hips, upper body and head; the limbs are still missing."""
    pos = np.tile(calibration.pos, (len(human), 1, 1))
    if "pelvis" not in body.site_names:
        return pos
    pelvis, trunk, head = (body.site(site) for site in ("pelvis", "upper_body", "head"))
    hips = [body.site(f"{side}_hip") for side in SIDES]
    to_hips = calibration.pos[hips] - calibration.pos[pelvis]
    human_hips = human.positions[:, [human.index(f"{side}_hip") for side in SIDES]].mean(axis=1)
    pos[:, pelvis] = scale * human_hips - turns["pelvis"] @ to_hips.mean(axis=0)
    for hip, offset in zip(hips, to_hips, strict=True):
        pos[:, hip] = pos[:, pelvis] + turns["pelvis"] @ offset
    spine = calibration.pos[trunk] - calibration.pos[pelvis]
    pos[:, trunk] = pos[:, pelvis] + _bent_spine(human, spine)
    to_head = calibration.pos[head] - calibration.pos[trunk]
    pos[:, head] = pos[:, trunk] + turns["upper_body"] @ to_head
    return pos


def _bent_spine(human: SkeletonMotion, spine: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "T 3"]:
    """The model's pelvis-to-trunk vector bent like the human's spine.

    It is split like the human's rest spine (the rotation and scale that lay one on the other)
    and each part turns with the human segment it belongs to.
    """
    joints = [human.index(joint) for joint in _SPINE]
    parts = np.diff(human.rest_positions[joints], axis=0)
    whole = parts.sum(axis=0)
    laid = parts @ shortest_arc(whole, spine).T * (np.linalg.norm(spine) / np.linalg.norm(whole))
    turns = matrices(human.rotations[:, joints[:-1]])
    return np.einsum("tkij,kj->ti", turns, laid)


def _hang(
    body: KinematicBody,
    calibration: Calibration,
    turns: dict[str, Float[np.ndarray, "T 3 3"]],
    pos: Float[np.ndarray, "T S 3"],
    *,
    child: str,
    parent: str,
) -> None:
    """Hang a limb site on its parent with the model's segment, in place."""
    below, above = body.site(child), body.site(parent)
    pos[:, below] = pos[:, above] + turns[parent] @ (
        calibration.pos[below] - calibration.pos[above]
    )


def _without_pronation(
    body: KinematicBody,
    calibration: Calibration,
    turns: dict[str, Float[np.ndarray, "T 3 3"]],
    side: str,
) -> Float[np.ndarray, "T 3 3"]:
    """The forearm's rotation without its twist: in the model the radius pronates, not the ulna."""
    forearm = (
        calibration.pos[body.site(f"{side}_hand")] - calibration.pos[body.site(f"{side}_elbow")]
    )
    upper_arm = turns[f"{side}_shoulder"]
    bend = np.swapaxes(upper_arm, 1, 2) @ turns[f"{side}_elbow"]
    return upper_arm @ without_twist(bend, forearm)


def _scaled_human(
    body: KinematicBody,
    human: SkeletonMotion,
    pos: Float[np.ndarray, "T S 3"],
    scale: float,
) -> Float[np.ndarray, "T S 3"]:
    """Uniformly scaled joint centres; a fixed trunk has them from the shoulders' middle."""
    joints = [human.index(SITE_JOINTS[site]) for site in body.site_names]
    scaled = scale * human.positions[:, joints]
    if "pelvis" in body.site_names:
        return scaled
    shoulders = [body.site(f"{side}_shoulder") for side in SIDES]
    return scaled + (pos[:, shoulders] - scaled[:, shoulders]).mean(axis=(0, 1))
