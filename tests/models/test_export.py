"""The exported folder, in another engine."""

import mujoco
import numpy as np
import pytest
from musclemimic_models import export_mjcf, load_model


@pytest.mark.slow
@pytest.mark.parametrize("name", ["BimanualMuscle", "MyoFullBody"])
def test_mujoco_warp_pulls_like_plain_mujoco(name, tmp_path):
    import mujoco_warp as mjw
    import warp

    warp.config.quiet = True
    path = export_mjcf(name, tmp_path / "body", fingers=False, visual=False)
    model = mujoco.MjModel.from_xml_path(str(path))
    data, rng = mujoco.MjData(model), np.random.default_rng(0)
    data.act[:] = rng.uniform(size=model.na)
    data.qvel[:] = 0.3 * rng.normal(size=model.nv)
    mujoco.mj_forward(model, data)
    warp_model = mjw.put_model(model)
    warp_data = mjw.put_data(model, data, nworld=1, njmax=320, nconmax=128)
    warp_data.actuator_force.zero_()
    # What forces need, and no more: every further kernel has to be compiled.
    for stage in ("kinematics", "com_pos", "tendon", "transmission", "fwd_velocity"):
        getattr(mjw, stage)(warp_model, warp_data)
    mjw.fwd_actuation(warp_model, warp_data)
    for field, tolerance in (("actuator_length", 1e-6), ("actuator_force", 1e-4)):
        theirs = getattr(data, field)
        ours = getattr(warp_data, field).numpy()[0]
        assert np.abs(ours - theirs).max() < tolerance * np.abs(theirs).max(), field
    # Plain MuJoCo reads the file with the precision of its text.
    original = load_model(name, fingers=False, visual=False)
    other = mujoco.MjData(original)
    other.act[:], other.qvel[:] = data.act, data.qvel
    mujoco.mj_forward(original, other)
    scale = np.abs(other.actuator_force).max()
    assert np.abs(data.actuator_force - other.actuator_force).max() < 1e-3 * scale
