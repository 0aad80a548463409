"""Starting from another run: what is taken over, what is reset, what is refused."""

import dataclasses

import jax
import numpy as np
import pytest
from musclemimic_rl import NetworkConfig, OptimConfig, ResetConfig, source_config, train
from musclemimic_rl.arrays import to_arrays
from musclemimic_rl.checkpoint import new_learner
from musclemimic_rl.source import take_over
from musclemimic_sim import EnvSpec, InputError
from toys import PointMass

STEPS = 16 * 16


@pytest.fixture
def source(toy_config, tmp_path):
    """A run of three updates, 3/4 of its budget, with a falling and KL-driven rate."""
    config = toy_config(out=tmp_path / "source", total_steps=4 * STEPS)
    optim = OptimConfig(schedule="linear", target_kl=1e-6)
    config = dataclasses.replace(config, ppo=dataclasses.replace(config.ppo, optim=optim))

    def stop(progress):
        if progress.counters.updates == 3:
            raise KeyboardInterrupt

    config = dataclasses.replace(config, checkpoint_minutes=0.0)
    with pytest.raises(KeyboardInterrupt):
        train(config, PointMass(16), on_update=stop, show_progress=False)
    # The third update was reported, not saved: the newest checkpoint is the second.
    return config


def learner(config, **reset):
    """Arrays of the new run's learner, and its share of the schedule."""
    config = dataclasses.replace(config, reset=ResetConfig(**reset))
    spec = PointMass(4).spec
    state, done = take_over(config, spec, new_learner(config, spec))
    return to_arrays(state._replace(key=jax.random.key_data(state.key))), done


@pytest.fixture
def followed(source, tmp_path):
    config = source_config(source.out)
    return dataclasses.replace(config, out=tmp_path / "next", total_steps=STEPS)


def group(arrays, prefix):
    return {name: value for name, value in arrays.items() if name.startswith(prefix)}


def same(left, right):
    return all(np.array_equal(left[name], right[name]) for name in left)


def test_settings_come_from_the_source_but_not_its_place_and_limits(source):
    config = source_config(source.out)
    assert (config.ppo, config.network, config.env) == (source.ppo, source.network, source.env)
    assert config.source == source.out
    assert (config.total_steps, config.minutes, config.clips) == (None, None, ())
    assert config.out != source.out


def test_each_reset_resets_only_its_own(followed):
    fresh = new_learner(followed, PointMass(4).spec)
    fresh = to_arrays(fresh._replace(key=jax.random.key_data(fresh.key)))
    parts = {
        "params.actor.log_std": "std",
        "params.actor.trunk": None,
        "params.actor.head": None,
        "params.critic": "critic",
        "opt_state": "optimiser",
        "lr_scale": "schedule",
        "obs_moments": "normaliser",
        "return_scale.moments": "normaliser",
    }
    kept, done = learner(followed)
    assert done == pytest.approx(0.5)  # two of four updates
    for prefix in parts:
        assert not same(group(kept, prefix), group(fresh, prefix)), prefix
    assert not np.any(kept["return_scale.running"])  # belongs to the old environments' episodes
    assert int(kept["updates"]) == 2
    for reset in ("std", "optimiser", "schedule", "normaliser", "critic"):
        also = {"optimiser": True} if reset == "critic" else {}
        found, done = learner(followed, **({reset: True} | also))
        assert done == (0.0 if reset == "schedule" else pytest.approx(0.5))
        for prefix, owner in parts.items():
            expected = fresh if owner == reset or owner in also else kept
            assert same(group(found, prefix), group(expected, prefix)), (reset, prefix)


def test_a_followed_run_goes_on_learning_and_resumes(followed):
    reports = []
    train(followed, PointMass(16), on_update=reports.append, show_progress=False)
    # The schedule had half of its way to go: at the start of it the rate is 0.55 of the first,
    # times what the KL rule had made of it.
    rate = float(reports[0].update.learning_rate)
    arrays, _ = learner(followed)
    np.testing.assert_allclose(rate, 3e-4 * 0.55 * float(arrays["lr_scale"]), rtol=1e-5)
    assert float(arrays["lr_scale"]) != 1.0
    # ... and a run that follows the follower starts where it ended: at the end of the schedule.
    assert learner(dataclasses.replace(followed, source=followed.out))[1] == pytest.approx(1.0)


def test_one_checkpoint_of_several_can_be_named(source, followed):
    first = dataclasses.replace(followed, source=source.out / "checkpoints" / "1")
    assert int(learner(first)[0]["updates"]) == 1


def test_a_policy_file_serves_where_what_it_lacks_is_reset(source, followed):
    file = source.out / "policy.npz"
    config = dataclasses.replace(followed, source=file, ppo=source_config(file).ppo)
    assert source_config(file).network == source.network
    with pytest.raises(InputError, match="from: found a policy file, which has neither critic"):
        learner(config)
    with pytest.raises(InputError, match=r"reset\.optimiser: found a new critic"):
        learner(followed, critic=True)
    arrays, _ = learner(config, critic=True, optimiser=True)
    kept, _ = learner(followed)
    for prefix in ("params.actor", "obs_moments"):
        assert same(group(arrays, prefix), group(kept, prefix)), prefix
    assert int(arrays["updates"]) == 0  # so that a warm-up of the new critic takes place


def other_spec(**changes):
    return dataclasses.replace(PointMass(4).spec, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model_name": "giant", "model_sha256": "1" * 64},
            r"model: found toy \(000000000000\), expected giant \(111111111111\)",
        ),
        ({"action_map": "clip"}, "environment: found action_map: affine instead of clip"),
    ],
)
def test_another_environment_is_refused(followed, changes, message):
    spec: EnvSpec = other_spec(**changes)
    with pytest.raises(InputError, match=message):
        take_over(followed, spec, new_learner(followed, spec))


def test_another_network_is_refused_by_its_field(followed):
    config = dataclasses.replace(followed, network=NetworkConfig(hidden=(32,), experts=2))
    with pytest.raises(InputError, match=r"network\.experts: found 0, expected 2"):
        learner(config)


def test_another_optimiser_needs_a_reset(followed):
    muon = dataclasses.replace(followed.ppo, optim=OptimConfig(name="muon"))
    config = dataclasses.replace(followed, ppo=muon)
    with pytest.raises(InputError, match="optimiser: found adam, expected muon, or --reset"):
        learner(config)
    assert learner(config, optimiser=True)[0]


def test_what_is_no_source_is_named(followed, tmp_path):
    for path, found in ((tmp_path, "a folder without checkpoints"), (tmp_path / "x", "nothing")):
        with pytest.raises(InputError, match=f"from: found {found}"):
            learner(dataclasses.replace(followed, source=path))
    clip = tmp_path / "clip.npz"
    np.savez(clip, qpos=np.zeros(3))
    with pytest.raises(InputError, match="header: found nothing"):
        source_config(clip)
