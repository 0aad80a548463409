"""MuJoCo Warp (CPU device) does what native MuJoCo does.

Tolerances are ten times what was measured, by cause: Warp computes in float32 (1e-7 of a
length), stiff couplings and contacts turn that into velocity and force noise at once, and contacts
let trajectories drift apart over time.
"""

import dataclasses

import jax
import numpy as np
import pytest
from musclemimic_sim import NativeSimulator
from musclemimic_sim.warp_backend import WarpSimulator

pytestmark = pytest.mark.slow
SUBSTEPS, WORLDS = 5, 4
# Largest difference allowed after 1, 5, 50 and 200 control steps; SI units.
STEPS = (1, 5, 50, 200)
TOLERANCE = {
    "time": (1e-6, 1e-6, 1e-5, 3e-5),
    "qpos": (3e-5, 2e-4, 1e-3, 3e-2),
    "qvel": (1e-2, 6e-3, 1e-2, 3.0),
    "act": (1e-6, 1e-6, 1e-6, 1e-6),
    "actuator_length": (3e-6, 1e-5, 7e-5, 2e-3),
    "actuator_velocity": (5e-4, 3e-4, 5e-4, 0.3),
    "actuator_force": (0.2, 0.2, 0.6, 70.0),
    "site_pos": (5e-6, 3e-5, 3e-4, 2e-2),
    "site_mat": (2e-5, 1e-4, 1e-3, 5e-2),
    "site_linvel": (1e-3, 3e-4, 2e-3, 2.0),
    "site_angvel": (1e-2, 5e-3, 1e-2, 4.0),
    "com": (3e-6, 3e-6, 2e-4, 2e-3),
}
# Forces where nothing has just hit anything: nine of ten values. A toe that lands one substep
# earlier differs by hundreds of newtons for that instant.
TYPICAL = {"actuator_force": (1e-2, 1e-2, 5e-2, 1.0), "touch": (1e-2, 0.1, 0.1, 1.0)}


def both(model, worlds=WORLDS, **options):
    return (
        NativeSimulator(model, num_worlds=worlds, substeps=SUBSTEPS, moments=True),
        WarpSimulator(
            model, num_worlds=worlds, substeps=SUBSTEPS, device="cpu", moments=True, **options
        ),
    )


def difference(native, warp, name, share=1.0):
    theirs, ours = np.asarray(getattr(warp, name)), getattr(native, name)
    assert theirs.shape == ours.shape
    assert theirs.dtype == np.float32
    return float(np.quantile(np.abs(theirs - ours), share)) if ours.size else 0.0


def test_steps_resets_and_derived_quantities(model, states):
    native, warp = both(model)
    for sim in (native, warp):
        outputs = sim.reset(np.ones(WORLDS, dtype=bool), *states(model, WORLDS))
    rng = np.random.default_rng(1)
    touched = 0.0
    for step in range(1, max(STEPS) + 1):
        ctrl = rng.uniform(0, 0.3, (WORLDS, model.mj_model.nu)).astype(np.float32)
        outputs = [sim.step(ctrl) for sim in (native, warp)]
        touched = max(touched, float(outputs[0].touch.max(initial=0)))
        if step in STEPS:
            column = STEPS.index(step)
            for name, tolerance in TOLERANCE.items():
                error = difference(*outputs, name)
                assert error <= tolerance[column], f"{name} after {step} steps: {error}"
            for name, tolerance in TYPICAL.items():
                error = difference(*outputs, name, share=0.9)
                assert error <= tolerance[column], f"most {name} after {step} steps: {error}"
        if step == STEPS[1]:
            compare_on_request(model, native, warp)
        if step % 60 == 0:
            # A subset starts anew, from the same rows in both.
            mask = np.arange(WORLDS) % 2 == step // 60 % 2
            fresh = states(model, WORLDS, seed=step)
            before = outputs
            outputs = [sim.reset(mask, *fresh) for sim in (native, warp)]
            assert difference(*outputs, "qpos") <= TOLERANCE["qpos"][3]
            for name in ("actuator_force", "touch"):
                assert difference(*outputs, name, share=0.9) <= TYPICAL[name][3]
                kept, was = (np.asarray(getattr(o[1], name))[~mask] for o in (outputs, before))
                np.testing.assert_array_equal(kept, was)
    assert not warp.health()[0].any()
    assert not warp.health()[1].any()
    if model.has_free_root:
        assert touched > 100, "the feet never stood: contacts were not compared"


def compare_on_request(model, native, warp):
    """Muscle moments, bias forces and ground reaction."""
    moments, ours = np.asarray(warp.muscle_moments()), native.muscle_moments()
    assert np.abs(ours).max() > 0.02
    np.testing.assert_allclose(moments, ours, atol=1e-4)
    np.testing.assert_allclose(np.asarray(warp.bias_force()), native.bias_force(), atol=0.2)
    if model.has_free_root:
        force, theirs = native.ground_force(), np.asarray(warp.ground_force())
        assert force[..., 2].max() > 100
        np.testing.assert_allclose(theirs, force, atol=5.0, rtol=0.02)
        loaded = force[..., 2] > 50
        centre, other = native.ground_pressure_centre(), np.asarray(warp.ground_pressure_centre())
        np.testing.assert_allclose(other[loaded], centre[loaded], atol=2e-3)


def test_saved_state_continues_bit_for_bit(model, states):
    _, warp = both(model)
    warp.reset(np.ones(WORLDS, dtype=bool), *states(model, WORLDS))
    ctrl = np.full((3, WORLDS, model.mj_model.nu), 0.1, np.float32)
    warp.step(ctrl[0])
    saved = warp.get_state()
    straight = [warp.step(c) for c in ctrl[1:]]
    restored = warp.set_state(saved)
    np.testing.assert_array_equal(np.asarray(restored.qpos), saved["qpos"])
    again = [warp.step(c) for c in ctrl[1:]]
    for one, two in zip(straight, again, strict=True):
        for field in dataclasses.fields(one):
            a, b = (np.asarray(getattr(o, field.name)) for o in (one, two))
            np.testing.assert_array_equal(a, b, err_msg=field.name)


def test_a_diverged_world_is_named_and_leaves_its_neighbours_alone(model, states):
    _, warp = both(model)
    qpos, qvel, act = states(model, WORLDS)
    everywhere = np.ones(WORLDS, dtype=bool)
    ctrl = np.full((WORLDS, model.mj_model.nu), 0.1, np.float32)
    warp.reset(everywhere, qpos, qvel, act)
    healthy = warp.step(ctrl)
    poisoned = qvel.copy()
    poisoned[1, 3] = np.nan
    warp.reset(everywhere, qpos, poisoned, act)
    out = warp.step(ctrl)
    assert np.asarray(warp.health()[0]).tolist() == [False, True, False, False]
    others = [0, 2, 3]
    np.testing.assert_array_equal(np.asarray(out.qpos)[others], np.asarray(healthy.qpos)[others])
    only = np.arange(WORLDS) == 1
    warp.reset(only, qpos, qvel, act)
    assert not np.asarray(warp.health()[0]).any()
    out = warp.step(ctrl)
    np.testing.assert_allclose(np.asarray(out.qpos)[1], np.asarray(healthy.qpos)[1], atol=1e-6)


def test_too_small_buffers_are_reported(states):
    from musclemimic_models import get_musculo_model

    model = get_musculo_model("MyoFullBody", fingers=False)
    _, warp = both(model, worlds=2, rows_per_world=55)
    out = warp.step(np.zeros((2, model.mj_model.nu), np.float32))
    for _ in range(20):
        out = warp.step(np.zeros((2, model.mj_model.nu), np.float32))
    jax.block_until_ready(out.qpos)
    bad, overflow = warp.health()
    assert (np.asarray(overflow) & 1).all(), "rows ran out but nothing was said"
    assert bad.shape == (2,)


@pytest.mark.parametrize(
    ("field", "factor"),
    [("actuator_gainprm", 0.5), ("body_mass", 1.5), ("dof_damping", 3.0), ("opt.gravity", 0.5)],
)
def test_randomised_worlds_agree(model, states, field, factor):
    worlds = 2
    native, warp = both(model, worlds=worlds)
    if field == "opt.gravity":
        shared = model.mj_model.opt.gravity
    else:
        shared = getattr(model.mj_model, field)
    values = np.repeat(shared[None], worlds, axis=0).astype(float)
    if field == "actuator_gainprm":
        values[1, :, 2] *= factor
    else:
        values[1] *= factor
    start = states(model, 1)
    rows = [np.repeat(part, worlds, axis=0) for part in start]
    outputs = []
    for sim in (native, warp):
        sim.randomize(field, values)
        sim.reset(np.ones(worlds, dtype=bool), *rows)
        for _ in range(5):
            out = sim.step(np.full((worlds, model.mj_model.nu), 0.2, np.float32))
        outputs.append(out)
    apart = np.abs(outputs[0].qvel[0] - outputs[0].qvel[1]).max()
    assert apart > 0.05, "the field changed nothing"
    assert difference(*outputs, "qvel") < 0.05 * apart
