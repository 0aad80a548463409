"""A policy file: gives the same actions back, and refuses what it cannot trust."""

import json

import jax
import numpy as np
import pytest
from musclemimic_rl import load_policy, train
from musclemimic_sim import InputError, read_npz, write_npz

OBS = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)


@pytest.fixture
def policy(point_mass, toy_config):
    return train(toy_config(total_steps=256), point_mass(16), show_progress=False).policy


@pytest.fixture
def path(policy, tmp_path):
    file = tmp_path / "policy.npz"
    policy.save(file)
    return file


def change(path, **arrays):
    """Rewrite the file with some arrays replaced (None drops one)."""
    stored = read_npz(path) | arrays
    write_npz(path, {name: array for name, array in stored.items() if array is not None})


def change_header(path, **fields):
    header = json.loads(str(read_npz(path)["header"])) | fields
    change(path, header=np.array(json.dumps(header)))


def test_round_trip(policy, path):
    again = load_policy(path)
    np.testing.assert_array_equal(again.act(OBS), policy.act(OBS))
    key = jax.random.key(3)
    np.testing.assert_array_equal(again.act(OBS, key), policy.act(OBS, key))
    assert np.any(again.act(OBS, key) != again.act(OBS))
    assert (again.spec, again.network) == (policy.spec, policy.network)
    assert again.provenance["env_steps"] == 256
    assert again.parameter_count == policy.parameter_count == 2 * 32 + 32 + 64 + 32 + 1 + 1


def test_sampling_has_the_policys_spread(policy):
    many = np.repeat(OBS[:1], 5000, axis=0)
    samples = np.asarray(policy.act(many, jax.random.key(0)))
    std = float(np.exp(policy.actor.log_std[0]))
    np.testing.assert_allclose(samples.std(), std, rtol=0.05)
    np.testing.assert_allclose(samples.mean(), policy.act(OBS[:1])[0, 0], atol=5 * std / 70)


def test_an_observation_of_another_layout_is_refused(policy):
    with pytest.raises(InputError, match=r"observation: shape: found \(.*, expected \(N, 2\)"):
        policy.act(np.zeros((5, 3), np.float32))


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.npz: file: found nothing there"):
        load_policy(tmp_path / "none.npz")


def test_a_truncated_file(path):
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match=r"policy\.npz: archive: found .*truncated"):
        load_policy(path)


def test_a_foreign_file(path):
    write_npz(path, {"qpos": np.zeros(3)})
    with pytest.raises(InputError, match="header: found nothing, expected the header of a musc"):
        load_policy(path)


def test_pickled_objects_are_not_unpickled(path):
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="found pickled Python objects"):
        load_policy(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "other"}, "format: found 'other'"),
        ({"version": 2}, "version: found 2, expected 1"),
        ({"network": {"hidden": [64], "initial_std": 0.3}}, r"actor\.\S+: found float32 \(.*32"),
        ({"network": {"hidden": "wide"}}, r"network\.hidden: found 'wide'"),
        ({"network": {"depth": 3}}, r"network\.depth: found an unknown field"),
        ({"network": {"hidden": [10**9] * 2}}, r"actor\.\S+: found"),
        ({"network": []}, r"network\.: found \[\], expected an object"),
        ({"spec": {"obs_fields": []}}, "fields: found"),
        ({"spec": None}, "spec: found None, expected an object"),
        ({"provenance": 3}, "provenance: found 3, expected an object"),
    ],
)
def test_a_bad_header(path, fields, message):
    change_header(path, **fields)
    with pytest.raises(InputError, match=message):
        load_policy(path)


def test_a_spec_of_the_wrong_types(path):
    spec = json.loads(str(read_npz(path)["header"]))["spec"]
    change_header(path, spec=spec | {"obs_fields": [{"name": "state", "dim": "two", "unit": ""}]})
    with pytest.raises(InputError, match="spec: found ill-typed"):
        load_policy(path)


def test_a_header_that_is_not_json_or_not_text(path):
    change(path, header=np.array("{"))
    with pytest.raises(InputError, match=r"header: .*expected JSON"):
        load_policy(path)
    change(path, header=np.zeros(3))
    with pytest.raises(InputError, match=r"header: found float64 \(3,\)"):
        load_policy(path)


def test_missing_superfluous_misshapen_and_infinite_arrays(policy, path):
    name = "actor.head.bias"
    change(path, **{name: None})
    with pytest.raises(InputError, match=f"{name}: found nothing, expected an array"):
        load_policy(path)
    policy.save(path)
    change(path, extra=np.zeros(1))
    with pytest.raises(InputError, match="extra: found an array, expected nothing"):
        load_policy(path)
    policy.save(path)
    change(path, **{name: np.zeros(2, np.float32)})
    with pytest.raises(InputError, match=rf"{name}: found float32 \(2,\), expected float32 \(1,\)"):
        load_policy(path)
    policy.save(path)
    change(path, **{name: np.array([np.nan], np.float32)})
    with pytest.raises(InputError, match=f"{name}: found NaN or infinity"):
        load_policy(path)
