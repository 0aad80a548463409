"""How two arms are trained: on joint targets, and on excitations."""

import dataclasses

from musclemimic_rl import NetworkConfig, OptimConfig, PPOConfig, TrainConfig, ValidationConfig
from musclemimic_sim import CoordinationConfig, EnvConfig, RewardConfig, RewardTerm

# Weights as published, sharpened to what two arms can do: the published terms stop rewarding
# progress at a few centimetres (action 0 with joint actions already earns 99.6 % of them).
SHARP = RewardConfig(
    joint_position=RewardTerm(0.5, 3_000.0),
    joint_velocity=RewardTerm(0.5, 50.0),
    site_position=RewardTerm(2.0, 20_000.0),
    site_orientation=RewardTerm(0.2, 1_000.0),
    site_velocity=RewardTerm(0.5, 10.0),
    site_angular=RewardTerm(0.5, 1.0),
    root_position=RewardTerm(0.0, 10.0),
    root_velocity=RewardTerm(0.0, 10.0),
)
JOINTS = TrainConfig(
    num_threads=1,
    cpu_minutes=5.0,
    checkpoint_minutes=1.0,
    keep_checkpoints=1,
    env=EnvConfig(
        action_map="coordinated", reward=SHARP, coordination=CoordinationConfig(scale_rad=0.1)
    ),
    network=NetworkConfig(hidden=(256, 256, 256), initial_std=0.3),
    ppo=PPOConfig(
        gamma=0.95,
        lam=0.9,
        warmup_updates=8,
        optim=OptimConfig(schedule="linear", learning_rate=3e-4),
    ),
    validation=ValidationConfig(every=25),
)
MUSCLES = dataclasses.replace(
    JOINTS,
    cpu_minutes=12.0,
    env=EnvConfig(),
    network=NetworkConfig(hidden=(256, 256, 256), initial_std=0.15),
    ppo=dataclasses.replace(JOINTS.ppo, warmup_updates=0),
)
