"""The reference bank: addressing, memory, and the clips it refuses."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from motions import arm_wave, clip_from_qpos
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim.bank import build_bank
from musclemimic_sim.relative import rotation_matrix
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
        sites = bank.sites_at(jnp.array([row]))
        assert np.asarray(bank.qpos[row]) == pytest.approx(clips[clip].qpos[frame], abs=1e-6)
        assert np.asarray(sites.pos[0]) == pytest.approx(clips[clip].site_pos[frame], abs=1e-6)
        expected = Rotation.from_quat(clips[clip].site_quat[frame], scalar_first=True).as_matrix()
        assert np.asarray(sites.mat[0]) == pytest.approx(expected, abs=1e-6)


def test_rotation_matrix_equals_scipy():
    rotations = Rotation.random(20, np.random.default_rng(0))
    ours = rotation_matrix(jnp.array(rotations.as_quat(scalar_first=True)))
    assert np.asarray(ours) == pytest.approx(rotations.as_matrix(), abs=1e-6)


def test_thousands_of_clips_and_their_memory(arms):
    """2,000 clips of different lengths: addressed in bounds, 3.9 MB a minute on the arms."""
    pool = [arm_wave(arms, 0.01 * frames) for frames in range(3, 13)]
    clips = [pool[i % len(pool)] for i in range(2000)]
    bank = build_bank(arms, clips, control_dt=0.01)
    m = arms.mj_model
    assert bank.bytes_per_frame == 4 * (m.nq + m.nv + 13 * len(arms.mimic_sites))
    assert bank.bytes_per_frame * 6000 == pytest.approx(3.912e6, rel=0.001)
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
