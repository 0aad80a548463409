"""Both methods on both bodies, with fingers and without; long motions in blocks."""

import dataclasses

import numpy as np
import pytest
from musclemimic_models import get_musculo_model
from musclemimic_retarget import (
    GMRFit,
    GMRFitConfig,
    MocapBodyConfig,
    clip_metrics,
    kinematics,
    read_motion,
    retarget,
    write_synthetic_smpl,
)


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    """Half a second of the built-in motion, arms on the move."""
    whole = read_motion(write_synthetic_smpl(tmp_path_factory.mktemp("m") / "arms.npz", 30.0))
    return dataclasses.replace(
        whole, positions=whole.positions[5:25], rotations=whole.rotations[5:25]
    )


@pytest.mark.slow
@pytest.mark.parametrize("config", [GMRFitConfig(), MocapBodyConfig()])
@pytest.mark.parametrize("fingers", [False, True])
@pytest.mark.parametrize("name", ["MyoFullBody", "BimanualMuscle"])
def test_every_combination(motion, name, fingers, config):
    model = get_musculo_model(name, fingers=fingers)
    clip = retarget(model, motion, config)
    assert clip.model_sha256 == model.content_sha256
    assert clip.qpos.shape[1] == model.mj_model.nq
    metrics = clip_metrics(model, clip)
    assert metrics.joint_limit_violation_percent == 0.0
    assert metrics.coupling_residual <= 1e-6
    hand = clip.site_pos[:, clip.site_names.index("left_hand")]
    assert np.ptp(hand, axis=0).max() > 0.05
    curled = [
        int(model.mj_model.joint(joint).qposadr[0])
        for joint in model.joint_names
        if joint.startswith(("mcp", "pm", "md"))
    ]
    assert bool(curled) == fingers
    assert np.ptp(clip.qpos[:, curled], axis=0).max(initial=0.0) < 1e-9


@pytest.mark.slow
def test_blocks_join_without_a_seam(full_body, real_data, monkeypatch):
    walk = read_motion(real_data / "smpl/asap_walk_level2.npz")
    clips = []
    for size in (7, 10_000):
        monkeypatch.setattr(kinematics, "_BLOCK", size)
        clips.append(GMRFit(full_body).retarget(walk))
    np.testing.assert_allclose(clips[0].qpos, clips[1].qpos, atol=1e-5)
    np.testing.assert_allclose(clips[0].site_linvel, clips[1].site_linvel, atol=1e-3)
    assert (clips[0].foot_contact == clips[1].foot_contact).all()
