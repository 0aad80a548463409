"""The environment on MuJoCo Warp: the same task, bodies, pushes and failures as on the CPU."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from motions import arm_wave
from musclemimic_models import get_musculo_model
from musclemimic_sim import (
    DivergenceConfig,
    EnvConfig,
    PushConfig,
    RandomisationConfig,
    Spread,
    make_env,
    replay_clip,
    replay_divergence,
)
from musclemimic_sim.divergence import Divergence
from musclemimic_sim.native import NativeSimulator

pytestmark = pytest.mark.slow
WORLDS = 4
RANDOMISED = RandomisationConfig(
    strength=Spread(0.5, 1.2),
    mass=Spread(0.8, 1.2),
    friction=Spread(0.5, 1.0, shared=True),
    damping=Spread(0.5, 2.0),
    gravity=Spread(0.9, 1.1),
)
CONFIG = EnvConfig(
    randomisation=RANDOMISED,
    pushes=PushConfig(force_n=(5.0, 30.0), duration_s=0.03, interval_s=(0.0, 0.03)),
    horizon=6,
)


@pytest.fixture(scope="module")
def arms():
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(scope="module")
def clips(arms):
    return (arm_wave(arms, 0.6),)


@pytest.fixture(scope="module")
def environments(arms, clips, device):
    options = {"num_envs": WORLDS, "seed": 5, "config": CONFIG}
    return (
        make_env(arms, clips, **options),
        make_env(arms, clips, **options, backend="warp", device=device),
    )


def actions(env, steps):
    keys = jax.random.split(jax.random.PRNGKey(0), steps)
    return [0.3 * jax.random.normal(key, (WORLDS, env.spec.action_size)) for key in keys]


def test_same_seed_same_bodies_pushes_rewards_and_restarts(environments):
    native, warp = environments
    fields = [env.simulator.get_state() for env in environments]
    randomised = [name for name in fields[0] if name.startswith("model/")]
    assert len(randomised) == 7
    for name in randomised:
        np.testing.assert_array_equal(fields[1][name], fields[0][name].astype(np.float32), name)
    pushed, restarted = 0, 0
    for action in actions(native, 15):
        steps = [env.step(action) for env in environments]
        forces = [np.asarray(env.variation.push.force) for env in environments]
        np.testing.assert_array_equal(*forces)
        pushed += int((np.asarray(native.variation.push.remaining) > 0).sum())
        restarted += int(steps[0].truncated.sum())
        np.testing.assert_array_equal(steps[0].truncated, steps[1].truncated)
        np.testing.assert_allclose(steps[0].obs, steps[1].obs, atol=2e-3)
        np.testing.assert_allclose(steps[0].reward, steps[1].reward, atol=1e-4)
    assert pushed > 10
    assert restarted >= 2 * WORLDS
    np.testing.assert_array_equal(
        native.variation.factors["strength"], warp.variation.factors["strength"]
    )


def test_restored_it_continues_bit_for_bit(environments, assert_same):
    _, warp = environments
    saved = warp.get_state()
    straight = [warp.step(action) for action in actions(warp, 8)]
    assert any(bool(s.truncated.any()) for s in straight)
    warp.set_state(saved)
    for expected, action in zip(straight, actions(warp, 8), strict=True):
        step = warp.step(action)
        assert_same(expected.obs, step.obs)
        assert_same(expected.reward, step.reward)


def test_arrays_stay_on_the_device(environments, monkeypatch):
    """Physics gets and gives device arrays; nothing in between becomes a NumPy array."""
    _, warp = environments
    simulator, seen = warp.simulator, []

    def watched(name):
        method = getattr(simulator, name)

        def call(*arrays):
            seen.extend((name, type(array)) for array in arrays)
            return method(*arrays)

        return call

    for name in ("step", "reset", "apply_force"):
        monkeypatch.setattr(simulator, name, watched(name))
    for action in actions(warp, 7):
        warp.step(action)
    assert {name for name, _ in seen} == {"step", "reset", "apply_force"}
    assert all(issubclass(kind, jax.Array) for _, kind in seen)
    assert all(isinstance(value, jax.Array) for value in vars(warp.output).values())
    assert all(isinstance(flags, jax.Array) for flags in simulator.health())


def test_a_diverged_world_is_counted_restarted_and_written_down(arms, clips, device, tmp_path):
    config = EnvConfig(divergence=DivergenceConfig(folder=str(tmp_path)))
    env = make_env(arms, clips, num_envs=2, config=config, backend="warp", device=device)
    env.reset_to(np.array([0, 0]), np.array([3, 4]))
    xfrc = np.zeros((2, arms.mj_model.nbody, 6), np.float32)
    xfrc[1, arms.mj_model.body("lunate_r").id, 0] = 1e8
    env.step(jnp.zeros((2, 64)))
    env.simulator.apply_force(xfrc)
    step = env.step(jnp.zeros((2, 64)))
    assert step.unhealthy.tolist() == [False, True]
    assert env.health.diverged.tolist() == [0, 1]
    assert np.isfinite(np.asarray(step.obs)).all()
    again = env.step(jnp.zeros((2, 64)))
    assert not again.unhealthy.any()
    record = Divergence.load(tmp_path / "000.npz")
    assert (record.world, len(record.ctrl)) == (1, 2)
    assert replay_divergence(record).diverged


def test_posed_frames_agree(arms, clips, environments):
    simulators = (NativeSimulator(arms, num_worlds=4, substeps=1), environments[1].simulator)
    native, warp = (replay_clip(sim, arms, clips[0]) for sim in simulators)
    for name in ("actuator_length", "site_pos"):  # masses are randomised
        np.testing.assert_allclose(getattr(warp, name), getattr(native, name), atol=1e-6)


def test_coordinated_actions_agree(arms, clips, device):
    """Moment arms and bias forces of the backend reach the coordination layer."""
    steps = []
    for backend in ("native", "warp"):
        options = {"device": device} if backend == "warp" else {}
        config = EnvConfig(action_map="coordinated")
        env = make_env(arms, clips, num_envs=2, backend=backend, config=config, **options)
        env.reset_to(np.array([0, 0]), np.array([3, 20]))
        for _ in range(3):
            step = env.step(jnp.full((2, env.spec.action_size), 0.2))
        steps.append((step, env.excitation))
    assert steps[0][1].max() > 0.1
    np.testing.assert_allclose(steps[0][1], steps[1][1], atol=2e-3)
    np.testing.assert_allclose(steps[0][0].reward, steps[1][0].reward, atol=1e-4)
