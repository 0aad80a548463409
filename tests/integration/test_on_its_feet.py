"""A real walk on the muscle body without any policy: what the layers do by themselves."""

import jax.numpy as jnp
import numpy as np
import pytest
from musclemimic_models import get_musculo_model
from musclemimic_retarget import read_motion, repeat_stride, retarget
from musclemimic_sim import EnvConfig, make_env


def survival(model, clip, action_map, starts, *, seconds_at_most=1.5):
    """Seconds until each episode is lost at the published thresholds, under action 0."""
    config = EnvConfig(action_map=action_map, auto_reset=False, initial_activation=0.05)
    env = make_env(model, [clip], num_envs=len(starts), config=config)
    env.reset_to(np.zeros(len(starts), dtype=int), np.array(starts))
    going, seconds = np.ones(len(starts), dtype=bool), np.zeros(len(starts))
    idle = jnp.zeros((len(starts), env.spec.action_size))
    for step in range(round(seconds_at_most / 0.01)):
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


@pytest.mark.slow
def test_the_repeated_stride_is_walked_for_ten_seconds(real_data):
    """98 % of all phases do; 50 to 69 % did while the sway from side to side could grow."""
    model = get_musculo_model("MyoFullBody", fingers=False)
    clip = retarget(model, read_motion(real_data / "bvh/bandai2_walk_normal_001.bvh"))
    cycle, _ = repeat_stride(model, clip)
    starts = np.linspace(0, len(cycle) - 1002, 8).astype(int) + np.arange(8) * 13
    seconds = survival(
        model, cycle, "whole_body", starts.clip(max=len(cycle) - 1002), seconds_at_most=10.0
    )
    assert (seconds > 9.98).sum() >= 7
