"""Left alone, the body falls like a body: no explosion, no NaN."""

import mujoco
import numpy as np

from musclemimic_models.musculo import MusculoModel
from musclemimic_models.validation.check import Check
from musclemimic_models.validation.poses import neutral_pose

DURATION_S = 2.0
# A body of 1 m leg length that falls over freely hits the ground with 5 m/s; whipping hands and
# swinging forearms turn at up to some 30 rad/s. An unstable model passes any limit.
SPEED_LIMIT = 60.0
# The pelvis of a fallen body lies lower than half of the standing height.
FALLEN = 0.5


def check_passive_fall(model: MusculoModel) -> Check:
    """Released from standing with zero excitation it falls (or hangs), without NaN or warning.

    The worst figure is the largest joint speed; it is infinite when a state is not finite,
    MuJoCo warns, or a body with a free root is still standing after `DURATION_S`.
    """
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    d.qpos[:] = neutral_pose(model)
    mujoco.mj_forward(m, d)
    height = float(d.qpos[2])
    fastest, where = 0.0, ""
    for _ in range(round(DURATION_S / m.opt.timestep)):
        mujoco.mj_step(m, d)
        joint = int(np.abs(d.qvel).argmax())
        speed = float(abs(d.qvel[joint]))
        if not np.isfinite(d.qpos).all() or any(w.number for w in d.warning):
            return _check(float("inf"), f"unstable at {d.time:.3f} s")
        if speed > fastest:
            fastest, where = speed, m.joint(m.dof_jntid[joint]).name
    if model.has_free_root and d.qpos[2] > FALLEN * height:
        return _check(float("inf"), f"pelvis still at {d.qpos[2]:.2f} m")
    return _check(fastest, where)


def _check(worst: float, where: str) -> Check:
    return Check(f"falls for {DURATION_S:g} s", worst, SPEED_LIMIT, "rad/s or m/s", where)
