"""Warp's buffers hold what bodies thrown about and falling need, counted in C MuJoCo."""

import numpy as np
import pytest
from mujoco.batch import Batch
from musclemimic_sim.warp_backend.simulator import BUFFERS

WORLDS, EPISODES, STEPS = 16, 3, 60


@pytest.mark.slow
def test_buffers_exceed_the_worst_case_seen(model, states):
    batch = Batch(model.mj_model, WORLDS, 0, persistent=True)
    fields = {n: batch.bind(n) for n in ("qpos", "qvel", "act", "ctrl", "nefc", "ncon")}
    rng = np.random.default_rng(0)
    rows = contacts = 0
    for episode in range(EPISODES):
        batch.reset()
        qpos, qvel, act = states(model, WORLDS, seed=episode)
        # Thrown, so that they fall on everything they have.
        start = {"qpos": qpos, "qvel": qvel + rng.normal(0, 3 * episode, qvel.shape), "act": act}
        for name, values in start.items():
            fields[name][:] = values
        for _ in range(STEPS):
            fields["ctrl"][:] = rng.uniform(0, 1, fields["ctrl"].shape) ** (1 + episode)
            batch.step(nstep=10)
            rows = max(rows, int(np.max(fields["nefc"])))
            contacts = max(contacts, int(np.max(fields["ncon"])))
    allowed_rows, allowed_contacts = BUFFERS["free root" if model.has_free_root else "fixed trunk"]
    assert rows > 40 if not model.has_free_root else rows > 150, "a tame test proves nothing"
    assert rows * 1.15 < allowed_rows, f"{rows} constraint rows were needed"
    assert contacts * 1.15 < allowed_contacts, f"{contacts} contacts were needed"
