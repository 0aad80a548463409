"""OpenSim coordinates to the model's own: legs one to one, trunk and arms through rotations."""

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from scipy.spatial.transform import Rotation

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.motion import CoordinateMotion
from musclemimic_retarget.opensim import ARM_COORDINATES, LEG_COORDINATES
from musclemimic_retarget.rotations import wxyz
from musclemimic_retarget.targets import Targets

# The model's legs are Rajagopal's: same names, same signs.
_LEG_JOINTS = (
    "hip_flexion",
    "hip_adduction",
    "hip_rotation",
    "knee_angle",
    "ankle_angle",
    "subtalar_angle",
    "mtp_angle",
)
_LUMBAR = {
    "lumbar_extension": "flex_extension",
    "lumbar_bending": "lat_bending",
    "lumbar_rotation": "axial_rotation",
}
# Rajagopal's radioulnar joint counts from full supination, MoBL-ARMS from the middle.
_PRONATION_OFFSET = -np.pi / 2
# OpenSim ground (x forward, y up, z right) to the world (x forward, y left, z up).
WORLD_FROM_OPENSIM = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def direct_targets(body: KinematicBody, floor: FloorGeoms, motion: CoordinateMotion) -> Targets:
    """Site targets: the sites of the directly mapped pose.

    Inverse kinematics then only has to respect the ranges and choose among the shoulder's
    redundant coordinates.

    Args:
        body: of the model.
        floor: its floor geoms, for the scale.
        motion: Rajagopal-type coordinates.

    Raises:
        InputError: a coordinate that the model needs is missing.
    """
    require_coordinates(body.musculo, motion)
    qpos, scale = map_coordinates(body, floor, motion)
    poses = body.poses(qpos)
    sites = len(body.site_names)
    return Targets(
        source=motion.source,
        rate=motion.fps,
        site_names=body.site_names,
        pos=poses.site_pos,
        quat=poses.site_quat,
        human_pos=poses.site_pos,
        pos_weight=np.ones(sites),
        rot_weight=np.ones(sites),
        human_to_model_scale=scale,
    )


def require_coordinates(model: Articulated, motion: CoordinateMotion) -> None:
    """Raise InputError if the motion lacks coordinates that the model needs."""
    needed = LEG_COORDINATES if model.has_free_root else ARM_COORDINATES
    missing = [name for name in needed if not motion.has(name)]
    if missing:
        raise InputError(
            motion.source.name,
            "columns",
            found=f"no {', '.join(missing)}",
            expected=f"the coordinates that {model.label} needs",
        )


def map_coordinates(
    body: KinematicBody, floor: FloorGeoms, motion: CoordinateMotion
) -> tuple[Float[np.ndarray, "T nq"], float]:
    """Poses with the same joint angles, ranges not yet enforced, and the length scale.

    Returns:
        (T, nq) poses, couplings imposed, and the human-to-model scale: the model's pelvis height
        over its lowest sole at these joint angles over the human's pelvis height (medians).
    """
    qpos = np.tile(body.model.qpos0, (len(motion), 1))
    if body.musculo.has_free_root:
        for side in "rl":
            for name in _LEG_JOINTS:
                _copy(body, qpos, motion, coordinate=f"{name}_{side}", joint=f"{name}_{side}")
        _lumbar(body, qpos, motion)
        _place_pelvis(body, qpos, _pelvis_turn(motion), np.zeros((len(motion), 3)))
    for side in "rl":
        if motion.has(f"arm_flex_{side}"):
            _arm(body, qpos, motion, side)
    qpos = body.musculo.couplings.apply(qpos)
    if not body.musculo.has_free_root:
        return qpos, 1.0
    soles = floor.feet(floor.clearance(body.poses(qpos)))
    scale = float(np.median(-soles.min(axis=1)) / np.median(motion.column("pelvis_ty")))
    translation = np.stack([motion.column(f"pelvis_t{axis}") for axis in "xyz"], axis=1)
    _place_pelvis(body, qpos, _pelvis_turn(motion), scale * translation @ WORLD_FROM_OPENSIM.T)
    return qpos, scale


def _copy(
    body: KinematicBody,
    qpos: Float[np.ndarray, "T nq"],
    motion: CoordinateMotion,
    *,
    coordinate: str,
    joint: str,
    offset: float = 0.0,
) -> None:
    """Copy one coordinate, if the motion has it, into a joint's column, in place."""
    if motion.has(coordinate):
        qpos[:, body.model.joint(joint).qposadr[0]] = motion.column(coordinate) + offset


def _pelvis_turn(motion: CoordinateMotion) -> Float[np.ndarray, "T 3 3"]:
    """Pelvis frame to world; tilt about z, list about x, rotation about y, in this order."""
    angles = [motion.column(f"pelvis_{name}") for name in ("tilt", "list", "rotation")]
    turn = Rotation.from_euler("ZXY", np.stack(angles, axis=1)).as_matrix()
    return WORLD_FROM_OPENSIM @ turn


def _place_pelvis(
    body: KinematicBody,
    qpos: Float[np.ndarray, "T nq"],
    turn: Float[np.ndarray, "T 3 3"],
    position: Float[np.ndarray, "T 3"],
) -> None:
    """Set the free root so that the pelvis site gets this pose, in place."""
    body.update(body.model.qpos0)
    site = body.site_ids[body.site("pelvis")]
    root_mat = body.data.xmat[1].reshape(3, 3)
    mat_in_root = root_mat.T @ body.data.site_xmat[site].reshape(3, 3)
    pos_in_root = root_mat.T @ (body.data.site_xpos[site] - body.data.xpos[1])
    root_turn = turn @ mat_in_root.T
    qpos[:, :3] = position - root_turn @ pos_in_root
    qpos[:, 3:7] = wxyz(Rotation.from_matrix(root_turn))


def _lumbar(body: KinematicBody, qpos: Float[np.ndarray, "T nq"], motion: CoordinateMotion) -> None:
    """Lumbar angles shared out over the model's coupled vertebrae, in place.

    One unit of the model's coordinate turns the trunk by one plus the sum of the couplings'
    slopes; that gain is measured on the model.
    """
    for coordinate, joint in _LUMBAR.items():
        if motion.has(coordinate):
            gain = _trunk_gain(body, joint)
            qpos[:, body.model.joint(joint).qposadr[0]] = motion.column(coordinate) / gain


def _trunk_gain(body: KinematicBody, joint: str) -> float:
    """Trunk rotation per unit of a lumbar joint and its followers, rad/rad."""
    small = 1e-3
    bent = body.model.qpos0.copy()
    bent[body.model.joint(joint).qposadr[0]] += small
    pair = np.stack([body.model.qpos0, body.musculo.couplings.apply(bent)])
    straight, turned = body.poses(pair).site_mat[:, body.site("upper_body")]
    axis = body.model.jnt_axis[body.model.joint(joint).id]
    turn = Rotation.from_matrix(straight.T @ turned).as_rotvec()
    return float(turn @ axis) / small


def _arm(
    body: KinematicBody, qpos: Float[np.ndarray, "T nq"], motion: CoordinateMotion, side: str
) -> None:
    """Arm coordinates of one side, in place.

    The humerus' rotation on the trunk is Rajagopal's intrinsic z (flexion), x (adduction),
    y (rotation). The model's own shoulder makes it of rotations about its elevation-plane axis
    a, its elevation axis b and a again: R = a(elv_angle) b(shoulder_elv) a(shoulder_rot −
    elv_angle), since its girdle followers cancel out and shoulder1_r2 = −elv_angle.
    """
    mirror = 1.0 if side == "r" else -1.0
    flexion, adduction, rotation = (
        motion.column(f"arm_{name}_{side}") for name in ("flex", "add", "rot")
    )
    angles = np.stack([flexion, mirror * adduction, mirror * rotation], axis=1)
    humerus = Rotation.from_euler("ZXY", angles)
    joints = [body.model.joint(f"{name}_{side}") for name in ("elv_angle", "shoulder_elv")]
    plane, raising = (body.model.jnt_axis[joint.id] for joint in joints)
    # The two axes are perpendicular up to rounding of their published digits.
    raising = raising - (raising @ plane) * plane
    raising /= np.linalg.norm(raising)
    first, second, third = _elevation_angles(humerus, plane, raising)
    columns = [body.model.joint(f"{name}_{side}").qposadr[0] for name in _SHOULDER]
    qpos[:, columns] = np.stack([first, second, third + first], axis=1)
    _copy(body, qpos, motion, coordinate=f"elbow_flex_{side}", joint=f"elbow_flexion_{side}")
    _copy(
        body,
        qpos,
        motion,
        coordinate=f"pro_sup_{side}",
        joint=f"pro_sup_{side}",
        offset=_PRONATION_OFFSET,
    )


_SHOULDER = ("elv_angle", "shoulder_elv", "shoulder_rot")


def _elevation_angles(
    humerus: Rotation, plane: Float[np.ndarray, " 3"], raising: Float[np.ndarray, " 3"]
) -> tuple[Float[np.ndarray, " T"], Float[np.ndarray, " T"], Float[np.ndarray, " T"]]:
    """Proper Euler angles about plane, raising, plane with the middle one in [0, π], rad."""
    # In the basis (plane × raising, raising, plane) these are the classic z-y-z angles.
    basis = np.stack([np.cross(raising, plane), raising, plane], axis=1)
    turn = basis.T @ humerus.as_matrix() @ basis
    middle = np.arctan2(np.hypot(turn[:, 0, 2], turn[:, 1, 2]), turn[:, 2, 2])
    first = np.arctan2(turn[:, 1, 2], turn[:, 0, 2])
    # With the arm hanging the split between first and third is arbitrary; their sum is not.
    untwisted = Rotation.from_euler("ZY", np.stack([first, middle], axis=1)).as_matrix()
    rest = np.swapaxes(untwisted, 1, 2) @ turn
    third = np.arctan2(rest[:, 1, 0], rest[:, 0, 0])
    return first, middle, third
