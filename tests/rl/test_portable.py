"""Policies outside the framework: NumPy alone, ONNX, the entry point; and files not to trust."""

import json
import subprocess
import sys
from importlib.metadata import entry_points

import jax
import numpy as np
import onnx
import onnxruntime
import pytest
from musclemimic_rl import (
    NetworkConfig,
    PolicyBundle,
    export_onnx,
    load_numpy_policy,
    load_policy,
)
from musclemimic_rl.arrays import to_arrays
from musclemimic_rl.networks import Actor
from musclemimic_rl.normalise import Moments
from musclemimic_rl.policy_shapes import array_shapes
from musclemimic_sim import InputError, read_npz, write_npz
from numpy_networks import perturbed
from toys import make_spec

OBS_SIZE, ACTION_SIZE = 6, 3
NETWORKS = {
    "plain": NetworkConfig(hidden=(16, 8)),
    "residual": NetworkConfig(kind="residual", hidden=(6, 16, 16, 8)),  # the first block fits obs
    "experts": NetworkConfig(hidden=(16, 8), experts=3),
    "both": NetworkConfig(kind="residual", hidden=(16, 8), experts=2),
}
# Some far outside what the statistics know, so that the clip at 10 deviations matters.
OBS = np.random.default_rng(0).normal(0.0, 30.0, (64, OBS_SIZE)).astype(np.float32)


def make_policy(network):
    sizes = {"obs_size": OBS_SIZE, "action_size": ACTION_SIZE}
    rng = np.random.default_rng(1)
    moments = Moments(
        jax.numpy.asarray(100.0),
        jax.numpy.asarray(rng.normal(size=OBS_SIZE), jax.numpy.float32),
        jax.numpy.asarray(rng.uniform(0.1, 9.0, OBS_SIZE), jax.numpy.float32),
    )
    actor = perturbed(Actor(network, **sizes, key=jax.random.key(0)))
    spec = make_spec(OBS_SIZE, ACTION_SIZE)
    return PolicyBundle(actor, moments, network, spec, {"algorithm": "none"})


@pytest.fixture(params=NETWORKS, scope="module")
def saved(request, tmp_path_factory):
    policy = make_policy(NETWORKS[request.param])
    path = tmp_path_factory.mktemp("policy") / f"{request.param}.npz"
    policy.save(path)
    return policy, path


def test_numpy_acts_as_jax_does(saved):
    policy, path = saved
    portable = load_numpy_policy(path)
    expected = np.asarray(policy.act(OBS))
    assert np.ptp(expected) > 1.0
    np.testing.assert_allclose(portable(OBS), expected, atol=1e-5)
    np.testing.assert_allclose(portable(OBS[3]), expected[3], atol=1e-5)
    assert portable(OBS).dtype == np.float32
    assert portable.spec == policy.spec
    assert portable.network == policy.network


def test_numpy_samples_with_the_policys_spread(saved):
    policy, path = saved
    portable = load_numpy_policy(path)
    many = np.repeat(OBS[:1], 4000, axis=0)
    samples = portable.act(many, np.random.default_rng(0))
    std = np.exp(np.asarray(policy.actor.log_std))
    np.testing.assert_allclose(samples.std(axis=0), std, rtol=0.06)
    np.testing.assert_allclose(samples.mean(axis=0), portable(OBS[0]), atol=5 * std.max() / 63)


def test_onnx_acts_as_jax_does(saved, tmp_path):
    policy, path = saved
    target = tmp_path / "policy.onnx"
    export_onnx(load_numpy_policy(path), target)
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    for rows in (OBS, OBS[:1]):
        (found,) = session.run(["action"], {"obs": rows})
        np.testing.assert_allclose(found, policy.act(rows), atol=1e-5)
    (props,) = onnx.load(target).metadata_props
    assert json.loads(props.value)["model_name"] == "toy"


def test_the_listed_arrays_are_those_of_the_trainable_actor(saved):
    policy, _ = saved
    arrays = to_arrays({"actor": policy.actor, "obs_moments": policy.obs_moments})
    listed = array_shapes(policy.network, obs_size=OBS_SIZE, action_size=ACTION_SIZE)
    assert listed == {name: array.shape for name, array in arrays.items()}


def test_neither_jax_nor_mujoco_is_loaded_to_act(saved):
    _, path = saved
    code = """
import sys
import numpy as np
import musclemimic_rl
policy = musclemimic_rl.load_numpy_policy(sys.argv[1])
action = policy(np.zeros((2, policy.obs_size), np.float32))
assert action.shape == (2, policy.action_size) and np.all(np.isfinite(action))
heavy = sorted({"jax", "mujoco", "equinox", "optax", "orbax"} & set(sys.modules))
print(heavy)
policy.spec
print("jax" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["[]", "True"]


def test_the_entry_point_finds_the_loader(saved):
    policy, path = saved
    (point,) = entry_points(group="musclemimic.policies", name="npz")
    found = point.load()(path)
    np.testing.assert_allclose(found(OBS), policy.act(OBS), atol=1e-5)
    assert found.spec == policy.spec


def test_onnx_that_is_not_installed_is_named(saved, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"onnx: found no module onnx, expected pip install '"):
        export_onnx(load_numpy_policy(saved[1]), tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def damage(path, target, **changes):
    """A copy with some arrays replaced (None drops one), or fields of the header."""
    arrays = read_npz(path)
    header = json.loads(str(arrays["header"])) | changes.pop("header", {})
    arrays = arrays | {"header": np.array(json.dumps(header))} | changes
    write_npz(target, {name: array for name, array in arrays.items() if array is not None})
    return target


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actor.head.bias": None}, r"actor\.head\.bias: found nothing, expected an array"),
        ({"extra": np.zeros(1)}, "extra: found an array, expected nothing"),
        ({"actor.head.bias": np.zeros(9, np.float32)}, r"head\.bias: found float32 \(9,\)"),
        ({"actor.head.bias": np.zeros(3)}, r"head\.bias: found float64 \(3,\)"),
        ({"obs_moments.var": np.full(6, np.inf, np.float32)}, r"var: found NaN or infinity"),
        ({"header": {"spec": {}}}, "spec: found ill-typed"),
        ({"header": {"spec": {"obs_fields": 3, "action_names": []}}}, "spec: found ill-typed"),
        ({"header": {"version": 7}}, "version: found 7"),
    ],
)
def test_a_bad_file_is_refused_by_both_readers(tmp_path, changes, message):
    path = tmp_path / "good.npz"
    make_policy(NETWORKS["plain"]).save(path)
    bad = damage(path, tmp_path / "bad.npz", **changes)
    with pytest.raises(InputError, match=message):
        load_numpy_policy(bad)
    with pytest.raises(InputError, match=r"bad\.npz"):
        load_policy(bad)


def test_an_observation_of_another_length_is_refused(saved):
    portable = load_numpy_policy(saved[1])
    for shape in ((5,), (2, 5), (1, 1, 6)):
        with pytest.raises(InputError, match="observation: shape"):
            portable(np.zeros(shape, np.float32))
