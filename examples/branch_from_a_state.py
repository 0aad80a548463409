"""Plan by trying: branch many times from one state, keep what came closest to the reference.

Needs no training and no file: uv run python examples/branch_from_a_state.py [--seconds S]

The functional API makes the state explicit, so that going back to it is one argument. Here a
planner tries 64 random joint-target offsets for a tenth of a second at a time, and carries on from
the best.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from musclemimic_models import get_musculo_model
from musclemimic_sim import EnvConfig, functional, make_env
from musclemimic_sim.bench_clip import built_in_clip

CANDIDATES, HOLD_STEPS = 64, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of motion to plan")
    seconds = parser.parse_args().seconds

    model = get_musculo_model("BimanualMuscle", fingers=False)
    config = EnvConfig(action_map="coordinated", auto_reset=False)
    env = make_env(model, [built_in_clip(model)], num_envs=CANDIDATES, config=config)
    env.reset_to(np.zeros(CANDIDATES, dtype=int), np.zeros(CANDIDATES, dtype=int))
    state = functional.present(env)

    key = jax.random.PRNGKey(0)
    for plan in range(round(seconds / (HOLD_STEPS * env.spec.control_dt))):
        key, now = jax.random.split(key)
        offsets = 0.03 * jax.random.normal(now, (CANDIDATES, env.spec.action_size))
        offsets = offsets.at[0].set(0.0)  # candidate 0: the reference itself
        tried, reward = state, jnp.zeros(CANDIDATES)
        for _ in range(HOLD_STEPS):
            tried, step = functional.step(env, tried, offsets)
            reward += step.reward
        best = int(reward.argmax())
        # Everybody goes back to the state before and does what the best one did.
        everyone = jnp.tile(offsets[best], (CANDIDATES, 1))
        for _ in range(HOLD_STEPS):
            state, step = functional.step(env, state, everyone)
        error = float(step.terms["error/site_position_m"][0])
        print(f"{(plan + 1) / 10:.1f} s: candidate {best:2d}, site error {100 * error:.2f} cm")


if __name__ == "__main__":
    main()
