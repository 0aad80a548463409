"""Bodies and states that both physics backends start from."""

import os

import mujoco
import numpy as np
import pytest
from musclemimic_models import get_musculo_model


@pytest.fixture(scope="session")
def device():
    """Where Warp computes; benchmarks/gpu_check.sh sets a GPU."""
    return os.environ.get("MUSCLEMIMIC_WARP_DEVICE", "cpu")


@pytest.fixture(scope="session")
def assert_same(device):
    """Bit for bit on the CPU; on a GPU atomic sums come in any order."""

    def check(one, two, name=""):
        if device == "cpu":
            np.testing.assert_array_equal(one, two, err_msg=name)
        else:
            np.testing.assert_allclose(one, two, rtol=1e-2, atol=5e-2, err_msg=name)

    return check


@pytest.fixture(params=["BimanualMuscle", "MyoFullBody"], scope="session")
def model(request):
    return get_musculo_model(request.param, fingers=False)


def clearance_drop(m, qpos):
    """How far to move the root so that the lowest foot geom is 1 mm in the floor, m."""
    d = mujoco.MjData(m)
    d.qpos[:] = qpos
    mujoco.mj_forward(m, d)
    floor = next(g for g in range(m.ngeom) if m.geom_type[g] == mujoco.mjtGeom.mjGEOM_PLANE)
    feet = [
        g for g in range(m.ngeom) if m.body(m.geom_bodyid[g]).name.startswith(("calcn", "toes"))
    ]
    solid = [g for g in feet if m.geom_contype[g] or m.geom_conaffinity[g]]
    lowest = min(mujoco.mj_geomDistance(m, d, floor, g, 5.0, None) for g in solid)
    return -lowest - 0.001


@pytest.fixture(scope="session")
def states():
    """Makes states: near the middle of the joint ranges, feet about the floor, moving."""

    def make(model, worlds, seed=0):
        rng = np.random.default_rng(seed)
        m, c = model.mj_model, model.couplings
        qpos = np.tile(m.qpos0, (worlds, 1))
        middle, half = c.box.mean(axis=1), np.diff(c.box)[:, 0] / 2
        qpos[:, c.scalar_qpos] = middle + half * rng.uniform(-0.2, 0.2, (worlds, len(half)))
        qpos = c.apply(qpos)
        if model.has_free_root:
            qpos[:, 2] += [clearance_drop(m, row) for row in qpos]
        qvel = rng.normal(0, 0.1, (worlds, m.nv))
        act = rng.uniform(0, 0.3, (worlds, m.na))
        return tuple(x.astype(np.float32) for x in (qpos, qvel, act))

    return make
