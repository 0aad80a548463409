"""A steady stride repeated: period, speed, heading, seam; what it refuses."""

import dataclasses

import numpy as np
import pytest
from motions import arm_wave, clip_from_qpos
from musclemimic_models import InputError, MotionClip
from musclemimic_retarget import CycleConfig, repeat_stride
from musclemimic_retarget.cli import main
from scipy.spatial.transform import Rotation

STRIDE_S, SPEED, DT = 1.2, 1.1, 0.01
FRAMES = round(STRIDE_S / DT)


def march(model, *, strides=6, heading=0.7, turn=0.0, drift=0.0, waver=0.0):
    """Legs swinging in a known period while the root moves straight ahead (or turns, rad/s)."""
    t = np.arange(strides * FRAMES + 40) * DT
    phase = 2 * np.pi * t / STRIDE_S
    qpos = np.tile(model.mj_model.qpos0, (len(t), 1))
    angle = heading + turn * t
    steps = SPEED * DT * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    qpos[:, :2] = np.cumsum(steps, axis=0)
    qpos[:, 2] = 1.0 + 0.02 * np.sin(2 * phase)
    rest = Rotation.from_quat(model.mj_model.qpos0[3:7], scalar_first=True)
    sway = Rotation.from_euler("z", 0.1 * np.sin(phase)[:, None])
    facing = Rotation.from_euler("z", angle[:, None]) * sway * rest
    qpos[:, 3:7] = facing.as_quat(scalar_first=True)
    amplitude = 1 + waver * np.sin(phase / strides)
    for side, shift in (("l", 0.0), ("r", np.pi)):
        for name, size, lag in (("hip_flexion", 0.4, 0.0), ("knee_angle", 0.3, 0.8)):
            joint = model.mj_model.joint(f"{name}_{side}").qposadr[0]
            swinging = size * amplitude * np.sin(phase + shift + lag)
            qpos[:, joint] = swinging + drift * t + (0.4 if name == "knee_angle" else 0.0)
    clip = clip_from_qpos(model, qpos)
    contact = np.stack([np.sin(phase) < 0.1, np.sin(phase + np.pi) < 0.1], axis=1)
    return dataclasses.replace(clip, foot_contact=contact)


@pytest.fixture(scope="module")
def walk(full_body):
    return march(full_body)


def test_a_periodic_walk_comes_back_turned_along_x(full_body, walk):
    clip, report = repeat_stride(full_body, walk, CycleConfig(seconds=10.0))
    assert report.stride_s == pytest.approx(STRIDE_S)
    assert report.stride_m == pytest.approx(SPEED * STRIDE_S, rel=1e-3)
    assert report.left_out == 0
    assert report.strides == 5
    assert len(clip) == 9 * FRAMES  # 10 s rounded up to whole strides
    assert clip.qpos[-1, 0] == pytest.approx(SPEED * clip.duration, rel=1e-3)
    assert np.abs(clip.qpos[:, 1]).max() < 0.01
    joint = full_body.mj_model.joint("hip_flexion_l").qposadr[0]
    assert np.ptp(clip.qpos[:, joint]) == pytest.approx(0.8, abs=0.01)
    np.testing.assert_allclose(clip.qpos[FRAMES:, 7:], clip.qpos[:-FRAMES, 7:], atol=1e-9)
    np.testing.assert_array_equal(clip.foot_contact[FRAMES:], clip.foot_contact[:-FRAMES])


def test_no_seam_although_start_and_end_of_a_stride_differ(full_body):
    """A joint that drifts by 0.12 rad a stride would jump by as much at each repetition."""
    clip, report = repeat_stride(full_body, march(full_body, drift=0.1), CycleConfig(seconds=4.0))
    assert report.seam_rad == pytest.approx(0.12, abs=0.01)
    joint = full_body.mj_model.joint("hip_flexion_l").qposadr[0]
    bend = np.abs(np.diff(clip.qpos[:, joint], n=2))
    seams = np.arange(FRAMES, len(clip) - 2, FRAMES)
    assert bend[seams].max() < 1.5 * np.median(bend)


def test_strides_that_differ_are_averaged_and_counted(full_body):
    _, steady = repeat_stride(full_body, march(full_body))
    _, wavering = repeat_stride(full_body, march(full_body, waver=0.3))
    assert steady.spread_rad < 1e-3 < 5e-3 < wavering.spread_rad


def test_left_out_when_too_long(full_body):
    """The third stride of nine is stretched to one and a half times its length."""
    walk = march(full_body, strides=9)
    rows = np.arange(len(walk)).tolist()
    middle = [row for row in rows[2 * FRAMES : 3 * FRAMES] for _ in range(1 + row % 2)]
    order = rows[: 2 * FRAMES] + middle + rows[3 * FRAMES :]
    slow = clip_from_qpos(full_body, walk.qpos[order])
    slow = dataclasses.replace(slow, foot_contact=walk.foot_contact[order])
    _, report = repeat_stride(full_body, slow)
    assert report.left_out >= 1
    assert report.stride_s == pytest.approx(STRIDE_S)


def test_joints_stay_in_range_and_the_floor_is_not_pierced(full_body, walk):
    low = walk.qpos.copy()
    low[:, 2] -= 0.3
    sunk = dataclasses.replace(clip_from_qpos(full_body, low), foot_contact=walk.foot_contact)
    clip, _ = repeat_stride(full_body, sunk, CycleConfig(seconds=2.0))
    box, scalars = full_body.couplings.box.T, full_body.couplings.scalar_qpos
    assert (clip.qpos[:, scalars] >= box[0] - 1e-9).all()
    assert (clip.qpos[:, scalars] <= box[1] + 1e-9).all()
    assert clip.qpos[:, 2].min() > 0.8


def test_refusals(full_body, arms, walk):
    with pytest.raises(InputError, match="strides"):
        repeat_stride(full_body, clip_from_qpos(full_body, walk.qpos))  # never touches the ground
    with pytest.raises(InputError, match="turned"):
        repeat_stride(full_body, march(full_body, turn=0.6))
    with pytest.raises(InputError, match="model_sha256"):
        repeat_stride(arms, walk)
    with pytest.raises(InputError, match="strides"):
        repeat_stride(arms, arm_wave(arms))
    with pytest.raises(InputError, match="cutoff_hz"):
        CycleConfig(cutoff_hz=0.0)


def test_command(full_body, walk, tmp_path, capsys):
    walk.save(tmp_path / "walk.npz")
    assert main(["cycle", str(tmp_path / "walk.npz"), "--seconds", "3"]) == 0
    assert "5 strides" in capsys.readouterr().out
    assert MotionClip.load(tmp_path / "walk_cycle.npz").duration == pytest.approx(3.6, abs=0.02)
    with pytest.raises(InputError, match="--out"):
        main(["cycle", str(tmp_path / "walk.npz"), "--out", str(tmp_path / "walk.npz")])
