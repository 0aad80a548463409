"""The squat of the benchmark is one that a body could hold at every depth."""

import importlib
from pathlib import Path

import mujoco
import numpy as np
from musclemimic_models import get_musculo_model

ROOT = Path(__file__).resolve().parents[2]


def test_squat_keeps_ranges_feet_and_balance(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    squat = importlib.import_module("benchmarks.on_its_feet").Squat
    model = get_musculo_model("MyoFullBody", fingers=False)
    m = model.mj_model
    poses = squat(model).poses(np.array([0.0, 0.5, 1.0]))
    d = mujoco.MjData(m)
    heels = [m.body("calcn_l").id, m.body("calcn_r").id]
    ahead, tilt, feet = [], [], []
    for pose in poses:
        d.qpos[:] = pose
        mujoco.mj_forward(m, d)
        ahead.append(d.subtree_com[0, 0] - d.xpos[heels, 0].mean())
        tilt.append(np.degrees(np.arccos(d.xmat[heels[0], 8])))
        feet.append(d.xpos[heels].mean(axis=0))
    hinges = m.jnt_type == mujoco.mjtJoint.mjJNT_HINGE
    limited = hinges & (m.jnt_limited == 1)
    angles = poses[:, m.jnt_qposadr[limited]]
    low, high = m.jnt_range[limited].T
    assert (angles >= low - 1e-3).all() and (angles <= high + 1e-3).all()
    np.testing.assert_allclose(ahead, ahead[0], atol=1e-5)
    np.testing.assert_allclose(feet, [feet[0]] * 3, atol=1e-12)
    assert np.abs(np.subtract(tilt, tilt[0])).max() < 2.5
    knee = m.joint("knee_angle_r").qposadr[0]
    np.testing.assert_allclose(np.degrees(poses[:, knee]), [0.0, 35.0, 70.0], atol=1e-6)
