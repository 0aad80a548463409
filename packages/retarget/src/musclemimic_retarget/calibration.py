"""The model's own T-pose: what ties human segment orientations to the model's frames."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError

from musclemimic_retarget.feasible import clip_to_feasible
from musclemimic_retarget.ik import InverseKinematics
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.knee_track import KneeTrack, measure_knee
from musclemimic_retarget.motion import SkeletonMotion
from musclemimic_retarget.pose_cost import IKConfig, SiteTargets
from musclemimic_retarget.rotations import shortest_arc

SIDES = ("left", "right")
# Mimic site to the human joint (SMPL naming) it imitates.
SITE_JOINTS = {
    "pelvis": "pelvis",
    "upper_body": "spine3",
    "head": "head",
    **{
        f"{side}_{site}": f"{side}_{joint}"
        for side in SIDES
        for site, joint in (
            ("shoulder", "shoulder"),
            ("elbow", "elbow"),
            ("hand", "wrist"),
            ("hip", "hip"),
            ("knee", "knee"),
            ("ankle", "ankle"),
            ("toes", "foot"),
        )
    },
}
_ARM, _LEG = ("shoulder", "elbow", "hand"), ("hip", "knee", "ankle", "toes")
# Sites whose orientation the T-pose fixes; the others' follow from positions and anatomy.
_ORIENTED = ("pelvis", "upper_body", "shoulder", "hand", "hip", "ankle", "toes")
_LIMB_ORIENTATION_WEIGHT = 0.3
# More than any carrying angle, rad.
_BENT = 0.5


@dataclass(frozen=True)
class Calibration:
    """The model in the pose that corresponds to the human's rest pose, facing +x.

    Attributes:
        qpos: (nq,) the pose.
        pos: (S, 3) m, mat: (S, 3, 3): its mimic sites.
        girdle_elevation: (E,) grid of shoulder elevation, rad.
        girdle: per side (E, 3): shoulder centre in the upper body site's frame, m, at those
            elevations (the model couples clavicle and scapula to shoulder elevation).
        knees: per side with one that moves on the thigh, where it goes as it bends.
    """

    qpos: Float[np.ndarray, " nq"]
    pos: Float[np.ndarray, "S 3"]
    mat: Float[np.ndarray, "S 3 3"]
    girdle_elevation: Float[np.ndarray, " E"]
    girdle: dict[str, Float[np.ndarray, "E 3"]]
    knees: dict[str, KneeTrack]


def calibrate(body: KinematicBody, human: SkeletonMotion) -> Calibration:
    """Find the model's pose for the human's rest pose, by inverse kinematics.

    The trunk is upright and faces +x; limb segments point as the human's do, as far as the
    model's anatomy allows (its elbow keeps its carrying angle); arms are raised without twist,
    so that palms face down and elbows flex forwards; feet lie flat and point as the human's.

    Raises:
        InputError: the human skeleton lacks a joint.
    """
    neutral = clip_to_feasible(body, body.model.qpos0)
    poses = body.poses(neutral[None])
    start_pos, start_mat = poses.site_pos[0], poses.site_mat[0]
    girdle_elevation, girdle = measure_girdle(body)
    pos, mat = start_pos.copy(), start_mat.copy()
    for side in SIDES:
        arm = [body.site(f"{side}_{site}") for site in _ARM]
        directions = _rest_directions(human, side, _ARM)
        swing = shortest_arc(start_pos[arm[1]] - start_pos[arm[0]], directions[0])
        mat[arm] = swing @ start_mat[arm]
        forearm = swing @ (start_pos[arm[2]] - start_pos[arm[1]])
        if _angle(forearm, directions[1]) > _BENT:
            # A model that rests with bent elbows: its forearm has a way of its own to go.
            mat[arm[1:]] = shortest_arc(forearm, directions[1]) @ mat[arm[1:]]
        elevation = _angle(directions[0], np.array([0.0, 0.0, -1.0]))
        trunk = body.site("upper_body")
        pos[arm[0]] = (
            start_pos[trunk]
            + start_mat[trunk]
            @ interpolate_girdle(girdle_elevation, girdle[side], np.array([elevation]))[0]
        )
        _lay_chain(pos, start_pos, arm, directions)
        if f"{side}_hip" in body.site_names:
            leg = [body.site(f"{side}_{site}") for site in _LEG]
            _lay_chain(pos, start_pos, leg, _rest_directions(human, side, _LEG))
            thigh = start_pos[leg[1]] - start_pos[leg[0]]
            mat[leg[0]] = shortest_arc(thigh, pos[leg[1]] - pos[leg[0]]) @ start_mat[leg[0]]
            mat[leg[2:]] = _toe_out(start_pos, leg, human, side) @ start_mat[leg[2:]]
    qpos = _solve(body, pos, mat)
    solved = body.poses(qpos[None])
    tracks = {side: measure_knee(body, side) for side in SIDES}
    knees = {side: track for side, track in tracks.items() if track is not None}
    return Calibration(
        qpos, solved.site_pos[0], solved.site_mat[0], girdle_elevation, girdle, knees
    )


def measure_girdle(
    body: KinematicBody,
) -> tuple[Float[np.ndarray, " E"], dict[str, Float[np.ndarray, "E 3"]]]:
    """Sweep shoulder elevation and read where the shoulder centre goes on the trunk.

    Returns:
        (E,) elevations, rad, and per side (E, 3) positions in the upper body site's frame, m.
    """
    model, couplings = body.model, body.musculo.couplings
    if not body.has_joint("shoulder_elv_l"):
        return _rigid_girdle(body)
    addresses = {side: model.joint(f"shoulder_elv_{side[0]}").qposadr[0] for side in SIDES}
    box = dict(zip(couplings.scalar_qpos.tolist(), couplings.box, strict=True))
    low, high = (float(end) for end in box[int(addresses["right"])])
    grid = np.linspace(low, high, 64)
    sweep = np.repeat(model.qpos0[None], len(grid), axis=0)
    for address in addresses.values():
        sweep[:, address] = grid
    poses = body.poses(couplings.apply(sweep))
    trunk = body.site("upper_body")
    frame = poses.site_mat[:, trunk]
    return grid, {
        side: np.einsum(
            "eji,ej->ei",
            frame,
            poses.site_pos[:, body.site(f"{side}_shoulder")] - poses.site_pos[:, trunk],
        )
        for side in SIDES
    }


def _rigid_girdle(
    body: KinematicBody,
) -> tuple[Float[np.ndarray, " E"], dict[str, Float[np.ndarray, "E 3"]]]:
    """The shoulders' place on a trunk that has no moving girdle, at every elevation."""
    poses, trunk = body.poses(body.model.qpos0[None]), body.site("upper_body")
    frame = poses.site_mat[0, trunk]
    places = {
        side: frame.T
        @ (poses.site_pos[0, body.site(f"{side}_shoulder")] - poses.site_pos[0, trunk])
        for side in SIDES
    }
    return np.array([0.0, np.pi]), {side: np.tile(place, (2, 1)) for side, place in places.items()}


def interpolate_girdle(
    grid: Float[np.ndarray, " E"],
    positions: Float[np.ndarray, "E 3"],
    elevation: Float[np.ndarray, " T"],
) -> Float[np.ndarray, "T 3"]:
    """Shoulder centre on the trunk, (T, 3) m, at the given elevations, rad."""
    columns = [np.interp(elevation, grid, positions[:, axis]) for axis in range(3)]
    return np.stack(columns, axis=1)


def _rest_directions(
    human: SkeletonMotion, side: str, sites: tuple[str, ...]
) -> Float[np.ndarray, "N 3"]:
    """Unit vectors between the human's rest joint centres along one limb."""
    joints = [human.index(SITE_JOINTS[f"{side}_{site}"]) for site in sites]
    segments = np.diff(human.rest_positions[joints], axis=0)
    lengths = np.linalg.norm(segments, axis=1, keepdims=True)
    if (lengths < 1e-3).any():
        raise InputError(
            human.source.name, f"{side} limb", found="a segment of no length", expected="> 1 mm"
        )
    return segments / lengths


def _lay_chain(
    pos: Float[np.ndarray, "S 3"],
    start: Float[np.ndarray, "S 3"],
    chain: list[int],
    directions: Float[np.ndarray, "N 3"],
) -> None:
    """Lay the model's own segment lengths along the given directions, in place."""
    for parent, child, direction in zip(chain[:-1], chain[1:], directions, strict=True):
        length = np.linalg.norm(start[child] - start[parent])
        pos[child] = pos[parent] + length * direction


def _toe_out(
    start: Float[np.ndarray, "S 3"], leg: list[int], human: SkeletonMotion, side: str
) -> Float[np.ndarray, "3 3"]:
    """Turn about the vertical from the model's neutral foot direction to the human's."""
    flat = np.array([1.0, 1.0, 0.0])
    return shortest_arc(
        flat * (start[leg[3]] - start[leg[2]]), flat * _rest_directions(human, side, _LEG)[2]
    )


def _solve(
    body: KinematicBody, pos: Float[np.ndarray, "S 3"], mat: Float[np.ndarray, "S 3 3"]
) -> Float[np.ndarray, " nq"]:
    """The pose for the calibration targets, arms started half-way up."""
    stems = [name.removeprefix("left_").removeprefix("right_") for name in body.site_names]
    trunk = np.array([stem in ("pelvis", "upper_body") for stem in stems])
    oriented = np.array([stem in _ORIENTED for stem in stems])
    # Flat feet come from the ankle's orientation; the human's toe joint may sit lower.
    weights = np.array([0.0 if stem in ("head", "toes") else 1.0 for stem in stems])
    solver = InverseKinematics(body, IKConfig(iterations=200))
    start = solver.neutral.copy()
    for side in SIDES:
        if body.has_joint(f"shoulder_elv_{side[0]}"):
            start[body.model.joint(f"shoulder_elv_{side[0]}").qposadr[0]] = np.pi / 3
    orientation = np.where(trunk, 10.0, _LIMB_ORIENTATION_WEIGHT) * oriented
    targets = SiteTargets(pos[None], mat[None], weights, orientation)
    return solver.solve(targets, start[None]).qpos[0]


def _angle(first: Float[np.ndarray, " 3"], second: Float[np.ndarray, " 3"]) -> float:
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))
