"""Signs and axes of the direct mapping, by geometry."""

import numpy as np
import pytest
from musclemimic_retarget.direct import direct_targets, map_coordinates
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.motion import CoordinateMotion, MotionSource
from musclemimic_retarget.opensim import KNOWN_COORDINATES
from musclemimic_retarget.rotations import matrices
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def body(full_body):
    return KinematicBody.of(full_body), FloorGeoms.of(full_body)


def standing(**changes):
    values = np.zeros((2, len(KNOWN_COORDINATES)))
    values[:, KNOWN_COORDINATES.index("pelvis_ty")] = 0.95
    for side in "rl":
        values[:, KNOWN_COORDINATES.index(f"pro_sup_{side}")] = np.pi / 2
    for name, value in changes.items():
        values[:, KNOWN_COORDINATES.index(name)] = value
    return CoordinateMotion(MotionSource("test"), 50.0, KNOWN_COORDINATES, values)


def sites(body, **changes):
    qpos, _ = map_coordinates(*body, standing(**changes))
    poses = body[0].poses(qpos[:1])
    names = body[0].site_names
    return (
        dict(zip(names, poses.site_pos[0], strict=True)),
        dict(zip(names, matrices(poses.site_quat[0]), strict=True)),
    )


def test_zero_is_upright_facing_forward_with_soles_on_the_floor(body):
    pos, mat = sites(body)
    x, y = mat["pelvis"][:, 0], mat["pelvis"][:, 1]
    np.testing.assert_allclose([x, y], [[1, 0, 0], [0, 0, 1]], atol=1e-9)
    qpos, _ = map_coordinates(*body, standing())
    clearance = body[1].feet(body[1].clearance(body[0].poses(qpos)))
    np.testing.assert_allclose(clearance.min(), 0.0, atol=1e-9)
    assert pos["right_hip"][1] < pos["left_hip"][1]


@pytest.mark.parametrize("side", ["right", "left"])
def test_positive_leg_angles_move_the_leg_as_in_opensim(body, side):
    letter = side[0]
    out = -1.0 if side == "right" else 1.0
    rest, _ = sites(body)

    def moved(joint, site, angle=0.4):
        bent, _ = sites(body, **{f"{joint}_{letter}": angle})
        reference, site = f"{side}_hip", f"{side}_{site}"
        return (bent[site] - bent[reference]) - (rest[site] - rest[reference])

    assert moved("hip_flexion", "knee")[0] > 0.1
    assert out * moved("hip_adduction", "knee")[1] < -0.1
    # Positive rotation is internal: the toes turn towards the midline.
    assert out * moved("hip_rotation", "toes")[1] < -0.03
    assert moved("knee_angle", "ankle")[0] < -0.1
    assert moved("ankle_angle", "toes")[2] > 0.03
    assert abs(moved("subtalar_angle", "toes", 0.3)[1]) > 0.003


@pytest.mark.parametrize("side", ["right", "left"])
def test_positive_arm_angles_move_the_arm_as_in_opensim(body, side):
    letter = side[0]
    out = -1.0 if side == "right" else 1.0

    def arm(**changes):
        pos, mat = sites(body, **{f"{name}_{letter}": value for name, value in changes.items()})
        return (
            pos[f"{side}_elbow"] - pos[f"{side}_shoulder"],
            pos[f"{side}_hand"] - pos[f"{side}_elbow"],
            mat[f"{side}_hand"],
        )

    assert arm(arm_flex=0.8)[0][0] > 0.15
    assert out * arm(arm_add=-0.8)[0][1] > 0.15
    bent = arm(elbow_flex=1.5)
    assert bent[1][0] > 0.2
    # Internal rotation brings the bent forearm in front of the trunk.
    assert out * arm(elbow_flex=1.5, arm_rot=0.8)[1][1] < -0.1
    neutral, pronated = arm()[2], arm(pro_sup=np.pi / 2 + 0.5)[2]
    thumb_side = np.array([1.0, 0.0, 0.0])
    # The hand's forward (thumb) side turns towards the body.
    assert out * (pronated @ thumb_side - neutral @ thumb_side)[1] < -0.2


@pytest.mark.parametrize("side", ["right", "left"])
def test_humerus_orientation_is_the_opensim_rotation(body, side):
    letter = side[0]
    mirror = 1.0 if side == "right" else -1.0
    angles = {"arm_flex": 0.5, "arm_add": -0.6, "arm_rot": 0.3}
    _, mat = sites(body, **{f"{name}_{letter}": value for name, value in angles.items()})
    relative = mat["upper_body"].T @ mat[f"{side}_shoulder"]
    expected = Rotation.from_euler("ZXY", [0.5, mirror * -0.6, mirror * 0.3]).as_matrix()
    # The published digits of the two shoulder axes are perpendicular to 1e-5.
    np.testing.assert_allclose(relative, expected, atol=1e-5)


@pytest.mark.parametrize(("name", "axis"), [("extension", 2), ("bending", 0), ("rotation", 1)])
def test_trunk_turns_by_the_lumbar_angle(body, name, axis):
    _, mat = sites(body, **{f"lumbar_{name}": 0.3})
    turn = Rotation.from_matrix(mat["pelvis"].T @ mat["upper_body"]).as_rotvec()
    np.testing.assert_allclose(turn, 0.3 * np.eye(3)[axis], atol=1e-3)


def test_pelvis_angles_and_translations(body):
    pos, mat = sites(body, pelvis_tilt=0.2, pelvis_list=-0.1, pelvis_rotation=0.5, pelvis_tz=1.0)
    expected = Rotation.from_euler("ZXY", [0.2, -0.1, 0.5]).as_matrix()
    up = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    np.testing.assert_allclose(mat["pelvis"], up @ expected, atol=1e-9)
    # OpenSim's z is to the right, the world's y to the left.
    assert pos["pelvis"][1] < -0.9
    # Posterior tilt: the top of the pelvis goes back.
    assert sites(body, pelvis_tilt=0.3)[1]["pelvis"][0, 1] < -0.2


def test_the_hanging_arm_has_no_singularity_in_its_pose(body):
    targets = direct_targets(*body, standing(arm_rot_r=0.3))
    relative = matrices(targets.quat[0])
    turn = relative[body[0].site("upper_body")].T @ relative[body[0].site("right_shoulder")]
    np.testing.assert_allclose(turn, Rotation.from_euler("Y", 0.3).as_matrix(), atol=1e-6)
