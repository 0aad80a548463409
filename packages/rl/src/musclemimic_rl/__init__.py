"""PPO for muscle-driven motion imitation, in JAX and Equinox."""

from musclemimic_rl.checkpoint import Counters as Counters
from musclemimic_rl.config import TrainConfig as TrainConfig
from musclemimic_rl.config import from_dict as from_dict
from musclemimic_rl.config import read_config as read_config
from musclemimic_rl.loss import LossConfig as LossConfig
from musclemimic_rl.metrics import Progress as Progress
from musclemimic_rl.networks import NETWORKS as NETWORKS
from musclemimic_rl.networks import NetworkConfig as NetworkConfig
from musclemimic_rl.optim import OptimConfig as OptimConfig
from musclemimic_rl.policy import PolicyBundle as PolicyBundle
from musclemimic_rl.policy import load_policy as load_policy
from musclemimic_rl.rollout import RolloutStats as RolloutStats
from musclemimic_rl.trainer import TrainResult as TrainResult
from musclemimic_rl.trainer import resume as resume
from musclemimic_rl.trainer import train as train
from musclemimic_rl.update import PPOConfig as PPOConfig
from musclemimic_rl.update import UpdateMetrics as UpdateMetrics
