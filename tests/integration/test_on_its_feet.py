"""A real walk on the muscle body without any policy: what the layers do by themselves."""

import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_models import get_musculo_model
from musclemimic_retarget import read_motion, retarget
from musclemimic_sim import EnvConfig, make_env


def survival(model, clip, action_map, starts):
    """Seconds until each episode is lost at the published thresholds, under action 0."""
    config = EnvConfig(action_map=action_map, auto_reset=False, initial_activation=0.05)
    env = make_env(model, [clip], num_envs=len(starts), config=config)
    env.reset_to(np.zeros(len(starts), dtype=int), np.array(starts))
    going, seconds = np.ones(len(starts), dtype=bool), np.zeros(len(starts))
    idle = jnp.zeros((len(starts), env.spec.action_size))
    for step in range(150):
        going &= ~np.asarray(env.step(idle).terminated)
        seconds[going] = 0.01 * (step + 1)
        if not going.any():
            break
    env.close()
    return seconds


@pytest.mark.slow
def test_ground_reaction_keeps_the_walk_up_longer(real_data):
    """Measured over 4 s: 3.1 s with the whole-body layer, 0.6 s with joint torques."""
    model = get_musculo_model("MyoFullBody", fingers=False)
    clip = retarget(model, read_motion(real_data / "bvh/bandai2_walk_normal_001.bvh"))
    starts = np.linspace(60, 500, 8).astype(int)
    whole, joints = (survival(model, clip, name, starts) for name in ("whole_body", "coordinated"))
    assert whole.mean() > 1.6 * joints.mean()
    assert whole.min() > 0.9
