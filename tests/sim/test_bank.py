"""The reference bank: addressing, memory, and the clips it refuses."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from motions import arm_wave, clip_from_qpos
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim.bank import build_bank
from musclemimic_sim.relative import rotation_matrix
from musclemimic_sim.sensors import quaternion_matrix
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="module")
def full():
    return get_musculo_model("MyoFullBody", fingers=False)


@pytest.fixture(scope="module")
def walker(full):
    """The full body drifts and turns, lifting one knee."""
    t = np.linspace(0, 1, 60)[:, None]
    qpos = np.tile(full.mj_model.qpos0, (60, 1))
    qpos[:, :1] += t
    upright = Rotation.from_quat(qpos[0, 3:7], scalar_first=True)
    qpos[:, 3:7] = (Rotation.from_rotvec(t * [0.6, 0, 0.8]) * upright).as_quat(scalar_first=True)
    qpos[:, full.mj_model.joint("knee_angle_r").qposadr[0]] = np.sin(3 * t[:, 0]) ** 2
    return clip_from_qpos(full, qpos)


def test_rows_of_clips_of_different_lengths(arms):
    clips = [arm_wave(arms, 0.01 * frames) for frames in (5, 9, 3)]
    bank = build_bank(arms, clips, control_dt=0.01)
    assert bank.length.tolist() == [5, 9, 3]
    rows = bank.at(jnp.array([0, 1, 2, 2, 0]), jnp.array([4, 8, 0, 99, -3]))
    assert rows.tolist() == [4, 13, 14, 16, 0]
    assert bank.qpos.dtype == jnp.float32
    for row, clip, frame in ((13, 1, 8), (16, 2, 2)):
        root = bank.root_at(jnp.array([row]))
        for name in ("qpos", "site_pos", "site_quat"):
            expected = getattr(clips[clip], name)[frame]
            assert np.asarray(getattr(bank, name)[row]) == pytest.approx(expected, abs=1e-6)
        for name in ("pos", "linvel", "angvel"):
            expected = getattr(clips[clip], f"site_{name}")[frame, 0]
            assert np.asarray(getattr(root, name)[0, 0]) == pytest.approx(expected, abs=1e-6)


def test_relative_states_of_all_frames_equal_scipy(full, walker):
    """Of more frames than are computed at once; the walker drifts and turns."""
    clips = [walker] * 18
    bank = build_bank(full, clips, control_dt=0.01)
    assert sum(len(clip) for clip in clips) > 1024
    turns = Rotation.from_quat(walker.site_quat.reshape(-1, 4), scalar_first=True)
    R = turns.as_matrix().reshape(*walker.site_quat.shape[:2], 3, 3)
    R0, offset = R[:, 0], walker.site_pos[:, 1:] - walker.site_pos[:, :1]
    carried = np.cross(walker.site_angvel[:, :1], offset)
    expected = {
        "pos": offset @ R0,
        "rot": Rotation.from_matrix((R0[:, None].mT @ R[:, 1:]).reshape(-1, 3, 3)).as_rotvec(),
        "linvel": (walker.site_linvel[:, 1:] - walker.site_linvel[:, :1] - carried) @ R0,
        "angvel": (walker.site_angvel[:, 1:] - walker.site_angvel[:, :1]) @ R0,
    }
    for clip in (0, 17):
        rows = bank.at(jnp.full(len(walker), clip), jnp.arange(len(walker)))
        relative = bank.relative_at(rows)
        for name, values in expected.items():
            ours = np.asarray(getattr(relative, name))
            assert ours == pytest.approx(values.reshape(ours.shape), abs=2e-5), name
        np.testing.assert_array_equal(relative.flat(), bank.relative[rows])


@pytest.mark.parametrize("matrix", [lambda q: rotation_matrix(jnp.array(q)), quaternion_matrix])
def test_rotation_matrix_equals_scipy(matrix):
    rotations = Rotation.random(20, np.random.default_rng(0))
    quaternions = rotations.as_quat(scalar_first=True).astype(np.float32).reshape(4, 5, 4)
    ours = np.asarray(matrix(quaternions)).reshape(20, 3, 3)
    assert ours.dtype == np.float32
    assert ours == pytest.approx(rotations.as_matrix(), abs=1e-6)


def test_thousands_of_clips_and_their_memory(arms):
    """2,000 clips of different lengths: addressed in bounds, 4.8 MB a minute on the arms."""
    pool = [arm_wave(arms, 0.01 * frames) for frames in range(3, 13)]
    clips = [pool[i % len(pool)] for i in range(2000)]
    bank = build_bank(arms, clips, control_dt=0.01)
    m = arms.mj_model
    assert bank.bytes_per_frame == 4 * (m.nq + m.nv + 19 * len(arms.mimic_sites) - 6)
    assert bank.bytes_per_frame * 6000 == pytest.approx(4.776e6, rel=0.001)
    last = bank.at(jnp.array(1999), jnp.array(10**6))
    assert int(last) == sum(len(clip) for clip in clips) - 1
    assert np.asarray(bank.qpos[last]) == pytest.approx(pool[9].qpos[-1], abs=1e-6)


def spoilt(clip, field, change):
    values = getattr(clip, field).copy()
    change(values)
    return dataclasses.replace(clip, **{field: values})


def refuse(model, clip, message):
    with pytest.raises(InputError, match=message):
        build_bank(model, [clip], control_dt=0.01)


def test_velocities_in_degrees_are_refused_by_joint_and_frame(arms):
    clip = arm_wave(arms, 1.0)
    elbow = arms.mj_model.joint("elbow_flexion_l")

    def degrees(qvel):
        qvel[:, elbow.dofadr[0]] *= 180 / np.pi

    message = (
        r"clip 0 \(tests.motions\): qvel of elbow_flexion_l, frame \d+: found .* rad/s.*expect"
    )
    refuse(arms, spoilt(clip, "qvel", degrees), message)


def test_one_spoilt_frame_is_named(arms):
    clip = arm_wave(arms, 1.0)
    dof = arms.mj_model.joint("elbow_flexion_r").dofadr[0]

    def spike(qvel):
        qvel[37, dof] = 9.0

    refuse(arms, spoilt(clip, "qvel", spike), r"elbow_flexion_r, frame 37: found 9 rad/s")

    def jump(qpos):
        qpos[50:, arms.mj_model.joint("elbow_flexion_r").qposadr[0]] += 0.2

    refuse(arms, spoilt(clip, "qpos", jump), r"elbow_flexion_r, frame (49|50): found .* expected")


def test_root_velocities_in_the_wrong_frame_are_refused(full, walker):
    build_bank(full, [walker], control_dt=0.01)

    def world_frame(qvel):
        R = Rotation.from_quat(walker.qpos[:, 3:7], scalar_first=True)
        qvel[:, 3:6] = R.apply(qvel[:, 3:6])

    refuse(full, spoilt(walker, "qvel", world_frame), r"qvel of root rotation [xyz], frame")

    def half_rate(qvel):
        qvel[:, :3] *= 0.5

    refuse(full, spoilt(walker, "qvel", half_rate), r"qvel of root x, frame")


@pytest.mark.parametrize("field", ["site_linvel", "site_angvel"])
def test_site_velocities_are_checked_too(full, walker, field):
    def stop(values):
        values[20:30] = 0.0

    refuse(full, spoilt(walker, field, stop), rf"{field} of site \w+ [xyz], frame 2\d")
