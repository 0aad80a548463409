"""The native backend is C MuJoCo: parity, determinism, divergence, restore."""

import copy

import mujoco
import numpy as np
import pytest
from musclemimic_models import InputError, get_musculo_model
from musclemimic_sim import NativeSimulator

SUBSTEPS = 5
MASSES = ("body_mass", "body_inertia")


@pytest.fixture(params=["BimanualMuscle", "MyoFullBody"])
def model(request):
    return get_musculo_model(request.param, fingers=False)


def random_states(model, worlds, seed=0):
    rng = np.random.default_rng(seed)
    m, c = model.mj_model, model.couplings
    qpos = np.tile(m.qpos0, (worlds, 1))
    middle, half = c.box.mean(axis=1), np.diff(c.box)[:, 0] / 2
    qpos[:, c.scalar_qpos] = middle + half * rng.uniform(-0.3, 0.3, (worlds, len(half)))
    qpos = c.apply(qpos)
    qvel = np.zeros((worlds, m.nv))
    act = rng.uniform(0, 0.3, (worlds, m.na))
    return tuple(x.astype(np.float32) for x in (qpos, qvel, act))


def excitations(model, worlds, steps, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 0.5, (steps, worlds, model.mj_model.nu)).astype(np.float32)


def simulator(model, worlds=3, threads=2):
    sim = NativeSimulator(model, num_worlds=worlds, substeps=SUBSTEPS, num_threads=threads)
    qpos, qvel, act = random_states(model, worlds)
    return sim, sim.reset(np.ones(worlds, dtype=bool), qpos, qvel, act)


def test_every_output_equals_plain_mujoco(model):
    worlds, steps = 3, 20
    sim, _ = simulator(model, worlds)
    qpos, qvel, act = random_states(model, worlds)
    ctrl = excitations(model, worlds, steps)
    for t in range(steps):
        out = sim.step(ctrl[t])
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    for world in range(worlds):
        mujoco.mj_resetData(m, d)
        d.qpos[:], d.qvel[:], d.act[:] = qpos[world], qvel[world], act[world]
        mujoco.mj_forward(m, d)
        for t in range(steps):
            d.ctrl[:] = ctrl[t, world]
            mujoco.mj_step(m, d, SUBSTEPS)
        force = d.actuator_force.copy()
        touch = [d.sensordata[m.sensor_adr[i]] for i in range(m.nsensor) if m.sensor_type[i] == 0]
        mujoco.mj_fwdPosition(m, d)
        mujoco.mj_sensorPos(m, d)
        mujoco.mj_fwdVelocity(m, d)
        for name in ("qpos", "qvel", "act", "actuator_length", "actuator_velocity"):
            expected = getattr(d, name).astype(np.float32)
            assert np.array_equal(getattr(out, name)[world], expected), name
        assert np.array_equal(out.actuator_force[world], force.astype(np.float32))
        assert np.array_equal(out.touch[world], np.array(touch, dtype=np.float32))
        assert out.com[world] == pytest.approx(d.subtree_com[1], abs=1e-6)
        velocity = np.zeros(6)
        for i, name in enumerate(model.mimic_sites):
            site = m.site(f"mimic_{name}").id
            assert out.site_pos[world, i] == pytest.approx(d.site_xpos[site], abs=1e-6)
            assert out.site_mat[world, i].ravel() == pytest.approx(d.site_xmat[site], abs=1e-6)
            mujoco.mj_objectVelocity(m, d, mujoco.mjtObj.mjOBJ_SITE, site, velocity, 0)
            assert out.site_angvel[world, i] == pytest.approx(velocity[:3], abs=1e-4)
            assert out.site_linvel[world, i] == pytest.approx(velocity[3:], abs=1e-4)


def test_any_number_of_threads_gives_the_same_bits(model):
    ctrl = excitations(model, 5, 10)
    runs = []
    for threads in (1, 2, 3):
        sim, _ = simulator(model, 5, threads)
        for c in ctrl:
            out = sim.step(c)
        runs.append(out)
    for other in runs[1:]:
        for name, value in vars(runs[0]).items():
            assert np.array_equal(value, getattr(other, name)), name


def test_restored_state_continues_bit_for_bit(model):
    ctrl = excitations(model, 3, 12)
    sim, _ = simulator(model)
    for c in ctrl[:6]:
        sim.step(c)
    state = sim.get_state()
    straight = [sim.step(c) for c in ctrl[6:]]
    fresh, _ = simulator(model)
    restored = fresh.set_state(state)
    assert np.isfinite(restored.qpos).all()
    for expected, c in zip(straight, ctrl[6:], strict=True):
        out = fresh.step(c)
        for name, value in vars(expected).items():
            assert np.array_equal(value, getattr(out, name)), name


def test_reset_touches_only_the_masked_worlds(model):
    sim, _ = simulator(model)
    before = sim.step(excitations(model, 3, 1)[0])
    qpos, qvel, act = random_states(model, 3, seed=9)
    after = sim.reset(np.array([False, True, False]), qpos, qvel, act)
    for name in ("qpos", "qvel", "act", "actuator_length", "site_pos", "actuator_force"):
        a, b = getattr(before, name), getattr(after, name)
        assert np.array_equal(a[[0, 2]], b[[0, 2]]), name
    assert np.array_equal(after.qpos[1], qpos[1])


def test_one_diverged_world_is_reported_and_leaves_its_neighbours_alone(model):
    ctrl = excitations(model, 3, 3)
    healthy, _ = simulator(model)
    expected = [healthy.step(c) for c in ctrl][-1]
    sim, _ = simulator(model)
    qpos, qvel, act = random_states(model, 3)
    qvel[1, -1] = np.nan
    sim.reset(np.array([False, True, False]), qpos, qvel, act)
    for c in ctrl:
        out = sim.step(c)
    assert sim.health()[0].tolist() == [False, True, False]
    assert np.array_equal(out.qpos[[0, 2]], expected.qpos[[0, 2]])
    sim.reset(np.array([False, True, False]), *random_states(model, 3))
    assert not sim.health()[0].any()


@pytest.mark.parametrize("name", ["qpos", "qvel", "act"])
@pytest.mark.parametrize("column", [0, -1])
def test_every_coordinate_is_watched(model, name, column):
    sim, _ = simulator(model)
    state = dict(zip(("qpos", "qvel", "act"), random_states(model, 3), strict=True))
    state[name][2, column] = -2e4
    sim.reset(np.ones(3, dtype=bool), **state)
    assert sim.health()[0].tolist() == [False, False, True]


def test_randomised_strength_changes_only_that_world(model):
    sim, _ = simulator(model, 2)
    gain = np.tile(model.mj_model.actuator_gainprm, (2, 1, 1))
    gain[:, :, 2] *= 0.5
    sim.randomize({"actuator_gainprm": gain}, np.array([False, True]))
    bias = np.tile(model.mj_model.actuator_biasprm, (2, 1, 1))
    bias[1, :, 2] *= 0.5
    sim.randomize({"actuator_biasprm": bias})
    qpos, qvel, act = random_states(model, 1)
    both = tuple(np.repeat(x, 2, axis=0) for x in (qpos, qvel, act))
    out = sim.reset(np.ones(2, dtype=bool), *both)
    assert np.abs(out.actuator_force[0]).max() > 10
    np.testing.assert_allclose(out.actuator_force[1], 0.5 * out.actuator_force[0], rtol=1e-6)
    nominal, _ = simulator(model, 1)
    np.testing.assert_array_equal(
        nominal.reset(np.ones(1, dtype=bool), qpos, qvel, act).actuator_force[0],
        out.actuator_force[0],
    )


def test_derived_constants_follow_a_changed_mass(model):
    """As if the body had been compiled that heavy: same motion, bit for bit."""
    heavy = copy.copy(model.mj_model)
    heavy.body_mass[:] *= 1.5
    heavy.body_inertia[:] *= 1.5
    data = mujoco.MjData(heavy)
    mujoco.mj_setConst(heavy, data)
    qpos, qvel, act = random_states(model, 1)
    mujoco.mj_resetData(heavy, data)
    data.qpos[:], data.act[:] = qpos[0], act[0]
    mujoco.mj_step(heavy, data, SUBSTEPS)
    sim, _ = simulator(model, 2)
    sim.randomize(
        {name: np.stack([getattr(model.mj_model, name), getattr(heavy, name)]) for name in MASSES}
    )
    rows = tuple(np.repeat(x, 2, axis=0) for x in (qpos, qvel, act))
    sim.reset(np.ones(2, dtype=bool), *rows)
    out = sim.step(np.zeros((2, model.mj_model.nu), np.float32))
    np.testing.assert_array_equal(out.qvel[1], data.qvel.astype(np.float32))
    assert np.abs(out.qvel[0] - out.qvel[1]).max() > 1e-3


def test_randomised_fields_are_part_of_the_state(model):
    ctrl = excitations(model, 3, 4)
    sim, _ = simulator(model)
    rng = np.random.default_rng(5)
    mass = model.mj_model.body_mass * rng.uniform(0.8, 1.2, (3, 1))
    gravity = np.array([[0, 0, -9.81], [0, 0, -5.0], [1.0, 0, -9.81]])
    sim.randomize({"body_mass": mass, "opt.gravity": gravity})
    sim.apply_force(rng.normal(0, 3, (3, model.mj_model.nbody, 6)))
    sim.step(ctrl[0])
    state = sim.get_state()
    straight = [sim.step(c) for c in ctrl[1:]]
    # One that never was randomised, and one whose damping must go back to nominal.
    fresh, other = simulator(model)[0], simulator(model)[0]
    other.randomize({"dof_damping": 3 * np.tile(model.mj_model.dof_damping, (3, 1))})
    for target in (fresh, other):
        target.set_state(state)
        for expected, c in zip(straight, ctrl[1:], strict=True):
            out = target.step(c)
            for name, value in vars(expected).items():
                assert np.array_equal(value, getattr(out, name)), name


def test_what_cannot_be_randomised_is_refused(model):
    sim, _ = simulator(model)
    with pytest.raises(InputError, match=r"found 'muscle_power', expected a floating-point field"):
        sim.randomize({"muscle_power": np.ones((3, 1))})
    with pytest.raises(InputError, match=r"body_mass: found shape \(3, 2\), expected \(3, "):
        sim.randomize({"body_mass": np.ones((3, 2))})


def test_standing_feet_carry_the_body_weight():
    """At rest on the floor, the ground pushes up with the weight; summed over both feet."""
    model = get_musculo_model("MyoFullBody", fingers=False)
    m = model.mj_model
    sim = NativeSimulator(model, num_worlds=1, substeps=SUBSTEPS)
    qpos, d = _soles_in_the_floor(m), mujoco.MjData(m)
    sim.reset(
        np.array([True]), qpos, np.zeros((1, m.nv), np.float32), np.zeros((1, m.na), np.float32)
    )
    force, centre = sim.ground_force(), sim.ground_pressure_centre()
    assert (force[0, :, 2] > 50).all()
    assert centre[0, 0, 1] > m.qpos0[1] > centre[0, 1, 1]
    assert np.abs(centre[0, :, 2]).max() < 0.01
    total = force[0, :, 2].sum()
    d.qpos[:] = qpos[0]
    mujoco.mj_forward(m, d)
    # Newton's second law for the whole body: sum of external forces = m (a − g).
    momentum_rate = m.body_mass.sum() * 9.81 + _vertical_momentum_rate(m, d)
    assert total == pytest.approx(momentum_rate, rel=0.02)


def _soles_in_the_floor(m) -> np.ndarray:
    """The reference pose, lowered until the soles press 2 mm into the floor; (1, nq)."""
    qpos, d = m.qpos0.astype(np.float32)[None].copy(), mujoco.MjData(m)
    d.qpos[:] = qpos[0]
    mujoco.mj_fwdPosition(m, d)
    feet = [
        g for g in range(m.ngeom) if m.body(m.geom_bodyid[g]).name.startswith(("calcn", "toes"))
    ]
    fromto = np.zeros(6)
    floor = m.geom("floor").id
    gap = min(mujoco.mj_geomDistance(m, d, floor, g, 2.0, fromto) for g in feet)
    qpos[0, 2] -= gap + 0.002
    return qpos


def test_ground_force_is_each_worlds_own_and_of_now():
    model = get_musculo_model("MyoFullBody", fingers=False)
    m = model.mj_model
    sim = NativeSimulator(model, num_worlds=2, substeps=SUBSTEPS)
    standing = _soles_in_the_floor(m)
    still = np.zeros((2, m.nv), np.float32), np.zeros((2, m.na), np.float32)
    lifted = standing.copy()
    lifted[0, 2] += 1.0
    both = np.concatenate([standing, lifted])
    sim.reset(np.array([True, True]), both, *still)
    force, centre = sim.ground_force(), sim.ground_pressure_centre()
    assert force[0, :, 2].sum() > 100
    assert not force[1].any()
    assert np.isnan(centre[1]).all()
    force[:] = -1.0  # a caller's copy
    sim.reset(np.array([False, True]), both[[0, 0]], *still)
    again = sim.ground_force()
    np.testing.assert_allclose(again[1], again[0], atol=1e-9)
    assert again[0, :, 2].sum() > 100
    sim.step(np.zeros((2, m.nu), np.float32))
    assert np.abs(sim.ground_force() - again).max() > 1.0


def _vertical_momentum_rate(m, d):
    mujoco.mj_rnePostConstraint(m, d)
    # cacc is the acceleration at the body's subtree frame origin, including gravity's reaction.
    acceleration = np.zeros(6)
    total = 0.0
    for body in range(1, m.nbody):
        mujoco.mj_objectAcceleration(m, d, mujoco.mjtObj.mjOBJ_BODY, body, acceleration, 0)
        total += m.body_mass[body] * (acceleration[5] - 9.81)
    return total
