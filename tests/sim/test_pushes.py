"""Pushes: when they come, where they act, what they do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim import NativeSimulator, PushConfig, pushes

DT = 0.01
CONFIG = PushConfig(force_n=(50.0, 150.0), duration_s=0.05, interval_s=(0.03, 0.1))
WORLDS, STEPS = 40, 300


@pytest.fixture(scope="module")
def history():
    """(STEPS, WORLDS) states of pushes on two bodies."""
    state = pushes.quiet(WORLDS)
    everywhere = jnp.ones(WORLDS, dtype=bool)
    state = pushes.restart(CONFIG, state, everywhere, jax.random.PRNGKey(0), control_dt=DT)
    states = []
    for key in jax.random.split(jax.random.PRNGKey(1), STEPS):
        state = pushes.advance(CONFIG, state, key, bodies=2, control_dt=DT)
        states.append(state)
    return [np.stack([np.asarray(getattr(s, name)) for s in states]) for name in state._fields]


def runs(flags):
    """Lengths of the runs of True, but for the first and the last run of the series."""
    edges = np.flatnonzero(np.diff(flags.astype(int)))
    starts = edges[flags[edges + 1]]
    ends = edges[~flags[edges + 1]]
    return [int(ends[ends > start][0] - start) for start in starts if (ends > start).any()]


def test_pushes_last_and_pause_as_configured(history):
    acting = history[2] > 0
    lasting = [n for world in acting.T for n in runs(world)]
    pauses = [n for world in (~acting).T for n in runs(world)]
    assert len(lasting) > 500
    assert set(lasting) == {5}
    assert set(pauses) == set(range(3, 11))
    first = acting.argmax(axis=0)
    assert set(first.tolist()) <= set(range(3, 11))


def test_pushes_are_horizontal_within_bounds_from_all_sides(history):
    force, body, remaining = history[0], history[1], history[2]
    pushing = force[remaining > 0]
    size = np.linalg.norm(pushing, axis=1)
    assert size.min() == pytest.approx(50, abs=3)
    assert size.max() == pytest.approx(150, abs=3)
    assert (pushing[:, 2] == 0).all()
    assert np.abs((pushing / size[:, None]).mean(axis=0)).max() < 0.15
    assert set(body[remaining > 0].tolist()) == {0, 1}


def test_restart_ends_a_push_only_where_asked(history):
    del history
    state = pushes.PushState(
        force=jnp.ones((2, 3)),
        body=jnp.zeros(2, dtype=jnp.int32),
        remaining=jnp.full(2, 4, dtype=jnp.int32),
        wait=jnp.zeros(2, dtype=jnp.int32),
    )
    mask = jnp.array([True, False])
    after = pushes.restart(CONFIG, state, mask, jax.random.PRNGKey(0), control_dt=DT)
    assert after.remaining.tolist() == [0, 4]
    assert after.force[1].tolist() == [1, 1, 1]


def test_a_push_gives_the_body_its_momentum():
    """Newton's second law: in the air, F for T moves the centre of mass by F T / M more."""
    model = get_musculo_model("MyoFullBody", fingers=False)
    m = model.mj_model
    sim = NativeSimulator(model, num_worlds=2, substeps=1)
    qpos = np.tile(m.qpos0, (2, 1)).astype(np.float32)
    qpos[:, 2] += 5.0
    still = np.zeros((2, m.nv), np.float32), np.zeros((2, m.nu), np.float32)
    out = sim.reset(np.ones(2, dtype=bool), qpos, *still)
    config = PushConfig(force_n=(80.0, 80.0))
    state = pushes.PushState(
        force=jnp.array([[80.0, 0, 0], [80.0, 0, 0]]),
        body=jnp.array([1, 0]),
        remaining=jnp.array([9, 0]),
        wait=jnp.array([0, 9]),
    )
    ids = pushes.pushed_bodies(config, model)
    assert [m.body(int(i)).name for i in ids] == ["pelvis", "torso"]
    sim.apply_force(pushes.external_force(state, ids, bodies=m.nbody))
    before = out.com
    for _ in range(50):
        out = sim.step(still[1])
    # x = ½ (F / M) T² after 50 steps of 2 ms (semi-implicit Euler: 51 · 50 / 2 · dt²).
    moved = (out.com - before)[0] - (out.com - before)[1]
    expected = 80 / m.body_mass.sum() * 0.002**2 * 50 * 51 / 2
    assert moved[0] == pytest.approx(expected, rel=0.02)
    assert moved[1:] == pytest.approx([0, 0], abs=1e-4)


def test_unknown_bodies_and_impossible_pushes_are_refused():
    model = get_musculo_model("BimanualMuscle", fingers=False)
    with pytest.raises(InputError, match=r"bodies: found 'tail', expected one of .*torso"):
        pushes.pushed_bodies(PushConfig(bodies=("tail",)), model)
    with pytest.raises(InputError, match=r"force_n: found \(5.0, 1.0\)"):
        PushConfig(force_n=(5.0, 1.0))
    with pytest.raises(InputError, match=r"duration_s: found 0"):
        PushConfig(duration_s=0.0)
    assert not PushConfig().is_active
