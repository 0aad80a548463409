"""Several devices: forced host devices in a process of their own, against one device."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from musclemimic_rl.parallel import device_mesh
from musclemimic_sim import InputError

WORKER = """
import dataclasses, json, sys
from pathlib import Path
import jax
import numpy as np
from musclemimic_rl import NetworkConfig, PPOConfig, TrainConfig, resume, train
from musclemimic_rl.arrays import to_arrays
from musclemimic_rl.learner import init_learner
from musclemimic_rl.parallel import device_mesh, replicate
from musclemimic_rl.rollout import collect
from toys import PointMass

out, report = Path(sys.argv[1]), {"devices": len(jax.devices())}
ppo = PPOConfig(num_steps=16, epochs=1, minibatch_size=64)
network = NetworkConfig(hidden=(16,), experts=2)
config = TrainConfig(num_envs=16, total_steps=16 * 16 * 3, network=network, ppo=ppo)

def run(devices):
    folder = out / str(devices)
    place = dataclasses.replace(config, out=folder, devices=devices)
    policy = train(place, PointMass(16), show_progress=False).policy
    return to_arrays({"actor": policy.actor, "moments": policy.obs_moments})

one, four = run(1), run(4)
report["difference"] = max(float(np.max(np.abs(four[k] - v))) for k, v in one.items())
report["change"] = max(float(np.max(np.abs(v))) for v in one.values())

mesh, env = device_mesh(4), PointMass(16)
state = init_learner(network, ppo.optim, obs_size=2, action_size=1, num_envs=16, seed=0)
rollout, _, _ = collect(env, env.reset().obs, replicate(state, mesh), num_steps=4, mesh=mesh)
report["rollout devices"] = len(rollout.obs.sharding.device_set)
report["worlds on each"] = [s.data.shape[1] for s in rollout.obs.addressable_shards]
head = replicate(state, mesh).params.actor.head.weight
report["whole on each"] = head.sharding.is_fully_replicated and len(head.sharding.device_set)

again = resume(out / "4", PointMass(16), total_steps=16 * 16 * 4, show_progress=False)
report["resumed to"] = again.counters.updates
print(json.dumps(report))
"""


@pytest.mark.slow
def test_four_devices_learn_what_one_learns(tmp_path):
    tests = str(Path(__file__).resolve().parents[1])
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(tmp_path)],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": tests},
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["devices"] == 4
    assert report["rollout devices"] == 4
    assert report["worlds on each"] == [4, 4, 4, 4]
    assert report["whole on each"] == 4
    # Sums in another order, through three updates of 4 gradient steps each.
    assert report["difference"] < 1e-4
    assert report["change"] > 0.1
    assert report["resumed to"] == 4


def test_more_devices_than_there_are_is_refused():
    with pytest.raises(InputError, match=r"devices: found 64, expected 1 to \d+"):
        device_mesh(64)
