"""When feet swing: read off heels and toes of the reference."""

import numpy as np
import pytest
from motions import clip_from_qpos
from musclemimic_models import get_musculo_model
from musclemimic_sim.bank import build_bank
from musclemimic_sim.swing import GROUND_HEIGHT_M, SWING_S, lowest_points, stance, swing

FRAMES, DT = 60, 0.01


@pytest.fixture(scope="module")
def model():
    return get_musculo_model("MyoFullBody", fingers=False)


def posed(model, *, height=0.0, speed=0.0, knee=0.0):
    """The body in its default pose, lowest point at `height`, gliding; left hip and knee bent."""
    qpos = np.tile(model.mj_model.qpos0, (FRAMES, 1))
    for name, angle in (("knee_angle_l", knee), ("hip_flexion_l", 1.2 * knee)):
        qpos[:, model.mj_model.joint(name).qposadr[0]] = angle
    qpos[:, 0] += speed * DT * np.arange(FRAMES)
    clip = clip_from_qpos(model, qpos, DT)
    qpos[:, 2] += height - lowest_points(model, clip)[..., 2].min()
    return clip_from_qpos(model, qpos, DT)


def test_both_feet_stand_on_the_floor_and_none_above_it(model):
    assert stance(model, posed(model)).all()
    assert not stance(model, posed(model, height=GROUND_HEIGHT_M + 0.005)).any()


def test_a_foot_that_rushes_over_the_floor_swings_and_one_that_creeps_stands(model):
    assert not stance(model, posed(model, height=0.002, speed=3.0)).any()
    assert stance(model, posed(model, height=0.002, speed=0.4)).all()


def test_the_leg_with_the_bent_knee_is_the_one_that_swings(model):
    clip = posed(model, knee=0.8)
    assert stance(model, clip).all(axis=0).tolist() == [False, True]
    assert swing(model, clip).mean(axis=0) == pytest.approx([1.0, 0.0])


def test_a_heel_on_the_floor_stands_though_the_toes_are_up(model):
    """As at heel strike, where a foot that has to lie flat would still count as swinging."""
    qpos = np.tile(model.mj_model.qpos0, (FRAMES, 1))
    for side in "lr":
        qpos[:, model.mj_model.joint(f"ankle_angle_{side}").qposadr[0]] = 0.3
    clip = clip_from_qpos(model, qpos, DT)
    points = lowest_points(model, clip)
    qpos[:, 2] -= points[..., 2].min()
    clip = clip_from_qpos(model, qpos, DT)
    assert lowest_points(model, clip)[..., 2].max() > 0.05
    assert stance(model, clip).all()


def test_swing_is_stance_smoothed(model):
    """Half-way at the moment of lifting; nearly over two standard deviations later."""
    standing = posed(model).qpos.copy()
    lift = FRAMES // 2
    standing[lift:, 2] += 0.1
    found = swing(model, clip_from_qpos(model, standing, DT))
    later = lift + round(2 * SWING_S / DT)
    assert found[lift - 1 : lift + 1].mean() == pytest.approx(0.5, abs=0.1)
    assert found[later:].min() > 0.95
    assert found[: lift - round(2 * SWING_S / DT)].max() < 0.06


def test_the_bank_finds_swings_only_when_asked(model):
    clip = posed(model, knee=0.8)
    assert build_bank(model, [clip], control_dt=DT).swing.shape == (0, 2)
    asked = build_bank(model, [clip, clip], control_dt=DT, with_swing=True)
    assert asked.swing.shape == (2 * FRAMES, 2)
