import logging

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget import read_motion, synthetic_arm_motion, write_synthetic_smpl
from musclemimic_retarget.rotations import matrices
from musclemimic_retarget.smpl import CANONICAL_FROM_SMPL, PARENTS, REST
from scipy.spatial.transform import Rotation

UPRIGHT = Rotation.from_matrix(CANONICAL_FROM_SMPL).as_rotvec()


def arrays(frames=5, width=156, **changes):
    poses = np.zeros((frames, width))
    poses[:, :3] = UPRIGHT
    base = {
        "poses": poses,
        "trans": np.zeros((frames, 3)),
        "betas": np.zeros(10),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(120.00004577),
    }
    return {key: value for key, value in (base | changes).items() if value is not None}


def written(folder, content):
    path = folder / "motion.npz"
    np.savez(path, **content)
    return path


@pytest.mark.parametrize("width", [72, 156, 165])
def test_t_pose_facing_forward_is_all_identities(tmp_path, width):
    motion = read_motion(written(tmp_path, arrays(width=width)))
    np.testing.assert_allclose(
        matrices(motion.rotations), np.broadcast_to(np.eye(3), (5, 22, 3, 3)), atol=1e-9
    )
    offsets = motion.positions[0] - motion.positions[0, 0]
    np.testing.assert_allclose(offsets, motion.rest_positions - motion.rest_positions[0], atol=1e-9)
    assert motion.fps == pytest.approx(120.00004577)
    assert 1.6 < motion.stature < 1.8


def test_canonical_axes_are_forward_left_up(tmp_path):
    motion = read_motion(written(tmp_path, arrays()))
    offsets = motion.positions[0] - motion.positions[0, 0]
    place = dict(zip(motion.joint_names, offsets, strict=True))
    assert place["left_wrist"][1] > 0.5 > -0.5 > place["right_wrist"][1]
    assert place["head"][2] - place["pelvis"][2] > 0.5
    assert place["left_foot"][0] > place["left_ankle"][0] + 0.1


def test_knee_flexion_bends_the_shank_backwards(tmp_path):
    content = arrays()
    content["poses"][:, 3 * 4] = np.pi / 2
    motion = read_motion(written(tmp_path, content))
    shank = (
        motion.positions[0, motion.index("left_ankle")]
        - motion.positions[0, motion.index("left_knee")]
    )
    assert shank[0] < -0.35


def test_the_root_turns_about_the_pelvis_joint(tmp_path):
    content = arrays(trans=np.tile([1.0, 2.0, 3.0], (5, 1)))
    content["poses"][:, :3] = (
        Rotation.from_euler("z", 1.0) * Rotation.from_rotvec(UPRIGHT)
    ).as_rotvec()
    motion = read_motion(written(tmp_path, content))
    np.testing.assert_allclose(motion.positions[:, 0], np.tile([1, 2, 3] + REST[0], (5, 1)))


def test_bones_keep_their_length_in_any_pose(tmp_path):
    content = arrays(frames=8)
    content["poses"] += np.random.default_rng(0).normal(size=content["poses"].shape)
    motion = read_motion(written(tmp_path, content))
    for joint, parent in list(enumerate(PARENTS))[1:]:
        bones = np.linalg.norm(motion.positions[:, joint] - motion.positions[:, parent], axis=1)
        np.testing.assert_allclose(bones, np.linalg.norm(REST[joint] - REST[parent]), atol=1e-9)


def test_axis_angles_that_jump_by_a_turn_give_the_same_motion(tmp_path):
    content = arrays(frames=6)
    content["poses"][:, 48:51] = [0.0, 0.0, 0.8]
    jumping = content["poses"].copy()
    jumping[3:, 48:51] *= (0.8 - 2 * np.pi) / 0.8
    plain = read_motion(written(tmp_path, content)).at_most(50.0)
    jumped = read_motion(written(tmp_path, content | {"poses": jumping})).at_most(50.0)
    np.testing.assert_allclose(jumped.positions, plain.positions, atol=1e-9)


@pytest.mark.parametrize("key", ["mocap_framerate", "mocap_frame_rate", "fps"])
def test_frame_rate_keys(tmp_path, key):
    content = arrays(mocap_framerate=None) | {key: np.array(30)}
    assert read_motion(written(tmp_path, content)).fps == 30.0


def test_gender_may_be_bytes_and_betas_are_noted(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        read_motion(written(tmp_path, arrays(gender=np.array(b"female"), betas=np.ones(16))))
    assert "betas" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses": None}, "poses: found"),
        ({"trans": None}, "trans: found"),
        ({"poses": np.zeros((5, 66))}, r"poses: found shape \(5, 66\)"),
        ({"poses": np.zeros(72)}, r"poses: found shape \(72,\)"),
        ({"poses": np.zeros((0, 156))}, "poses: found 0 frames"),
        ({"poses": np.array([["a"] * 72] * 5)}, "poses: found type"),
        ({"trans": np.zeros((4, 3))}, r"trans: found shape \(4, 3\), expected shape \(5, 3\)"),
        ({"trans": np.zeros((5, 2))}, r"trans: found shape \(5, 2\)"),
        ({"trans": np.full((5, 3), np.nan)}, "trans: found 15 non-finite, first in row 0"),
        ({"poses": np.full((5, 72), np.inf)}, "poses: found 360 non-finite"),
        ({"mocap_framerate": None}, "frame rate: found nothing"),
        ({"mocap_framerate": np.array(0)}, "mocap_framerate: found 0"),
        ({"mocap_framerate": np.array(np.nan)}, "mocap_framerate: found nan"),
        ({"mocap_framerate": np.array([30.0, 60.0])}, "mocap_framerate: found"),
        ({"mocap_framerate": np.array("fast")}, "mocap_framerate: found type"),
    ],
)
def test_bad_arrays_are_named(tmp_path, changes, message):
    path = written(tmp_path, arrays(**changes))
    with pytest.raises(InputError, match=message) as caught:
        read_motion(path)
    assert "motion.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"walk\.npz: file: found nothing there"):
        read_motion(tmp_path / "walk.npz")


def test_a_truncated_file_is_named(tmp_path):
    path = write_synthetic_smpl(tmp_path / "arms.npz")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(
        InputError, match=r"arms.npz: archive: found another kind of file, or a truncated one"
    ):
        read_motion(path)


def test_pickled_objects_are_refused(tmp_path):
    path = written(tmp_path, arrays(gender=np.array({"a": 1}, dtype=object)))
    with pytest.raises(InputError, match="pickled"):
        read_motion(path)


@pytest.mark.parametrize("name", ["walk.fbx", "walk", "walk.csv"])
def test_unsupported_suffixes_list_the_supported_ones(tmp_path, name):
    with pytest.raises(
        InputError, match=r"suffix: found .* one of .npz, .pkl, .sto, .mot, .bvh, .trc, .c3d"
    ):
        read_motion(tmp_path / name)


def test_built_in_motion_starts_and_ends_at_rest_at_moderate_speed():
    content = synthetic_arm_motion(60.0)
    assert content["poses"].shape[1] == 156
    assert 6 <= len(content["poses"]) / 60 <= 8
    np.testing.assert_allclose(content["poses"][0], content["poses"][-1], atol=1e-12)
    turns = Rotation.from_rotvec(content["poses"].reshape(-1, 3)).as_matrix().reshape(-1, 52, 3, 3)
    steps = Rotation.from_matrix(
        (np.swapaxes(turns[:-1], -1, -2) @ turns[1:]).reshape(-1, 3, 3)
    ).magnitude()
    speed = steps.reshape(-1, 52).max(axis=1) * 60
    assert speed.max() < 4.0
    assert max(speed[0], speed[-1]) < 0.05
