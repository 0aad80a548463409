"""Training end to end against bare physics: PPO on the built-in two-arm motion."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from musclemimic_rl import NetworkConfig, PPOConfig, TrainConfig
from musclemimic_rl.checkpoint import new_learner
from musclemimic_rl.learner import LearnerState
from musclemimic_rl.memory import peak_memory_mb
from musclemimic_rl.rollout import collect, warm_up
from musclemimic_rl.samples import Rollout
from musclemimic_rl.update import make_update
from musclemimic_sim import make_env

from benchmarks.table import BenchmarkTable, interleaved, median_ratio
from benchmarks.two_arms import two_arm_task

ROUNDS = 7
WIDTHS = ((256, 256, 256), (512, 512, 512))


@dataclass
class Loop:
    """One training loop, in pieces that can be timed; the pieces leave it ready to go on."""

    config: TrainConfig

    def __post_init__(self) -> None:
        model, clip = two_arm_task()
        self.env = make_env(model, [clip], num_envs=self.config.num_envs)
        self.learner = new_learner(self.config, self.env.spec)
        self.obs = self.env.reset().obs
        warm_up(self.learner, self.obs)
        self.update = make_update(self.config.ppo, donate=False)
        self.rollout = self.collect(self.learner)
        shape = (self.config.num_envs, self.env.spec.action_size)
        self.actions = np.random.default_rng(0).uniform(0, 0.3, shape).astype(np.float32)

    def physics(self) -> None:
        """A rollout's worth of bare physics steps."""
        for _ in range(self.config.ppo.num_steps):
            self.env.simulator.step(self.actions)

    def collect(self, learner: LearnerState) -> Rollout:
        """A rollout."""
        steps = self.config.ppo.num_steps
        rollout, _, self.obs = collect(self.env, self.obs, learner, num_steps=steps)
        jax.block_until_ready(rollout.obs)
        return rollout

    def learn(self) -> LearnerState:
        """Start an update; its result may still be computed when this returns."""
        return self.update(self.learner, self.rollout, jnp.zeros(()))[0]

    def in_turn(self) -> None:
        """A rollout, then its update: what `train` does."""
        self.rollout = self.collect(self.learner)
        self.learner = self.learn()
        jax.block_until_ready(self.learner.params)

    def side_by_side(self) -> None:
        """An update while the next rollout runs with the policy from before it."""
        learner = self.learn()
        self.rollout = self.collect(self.learner)
        jax.block_until_ready(learner.params)
        self.learner = learner


def run() -> BenchmarkTable:
    """Steps per second of physics and of training, and what running both at once would buy."""
    rows: list[tuple[str | float, ...]] = []
    for hidden in WIDTHS:
        loop = Loop(TrainConfig(network=NetworkConfig(hidden=hidden), ppo=PPOConfig()))
        pieces: dict[str, Callable[[], object]] = {
            "physics": loop.physics,
            "rollout": lambda loop=loop: loop.collect(loop.learner),
            "in turn": loop.in_turn,
            "side by side": loop.side_by_side,
        }
        seconds = interleaved(pieces, rounds=ROUNDS)
        loop.env.close()
        steps = loop.config.steps_per_update
        rows.append(
            (
                " x ".join(str(width) for width in hidden),
                steps / statistics.median(seconds["physics"]),
                steps / statistics.median(seconds["in turn"]),
                median_ratio(seconds["physics"], seconds["in turn"]),
                median_ratio(seconds["physics"], seconds["rollout"]),
                median_ratio(seconds["in turn"], seconds["side by side"]),
                peak_memory_mb(),
            )
        )
    return BenchmarkTable(
        "train",
        (
            "networks",
            "physics, steps/s",
            "training, steps/s",
            "training / physics",
            "rollout / physics",
            "in turn / side by side",
            "peak memory, MB",
        ),
        tuple(rows),
        "BimanualMuscle, built-in motion, 128 worlds x 32 steps, 1 epoch of Adam; speeds relative "
        "to each other are medians of paired rounds; memory of the whole process so far",
    )
