"""PPO for muscle-driven motion imitation, in JAX and Equinox.

Names are imported when they are first used, so that `musclemimic_rl.portable`, which runs a
policy with NumPy alone, does not load JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musclemimic_rl.budget import Counters as Counters
    from musclemimic_rl.config import DistilConfig as DistilConfig
    from musclemimic_rl.config import ResetConfig as ResetConfig
    from musclemimic_rl.config import TrainConfig as TrainConfig
    from musclemimic_rl.config import ValidationConfig as ValidationConfig
    from musclemimic_rl.config import WandbConfig as WandbConfig
    from musclemimic_rl.config_file import read_config as read_config
    from musclemimic_rl.from_json import from_dict as from_dict
    from musclemimic_rl.loss import LossConfig as LossConfig
    from musclemimic_rl.network_config import NETWORKS as NETWORKS
    from musclemimic_rl.network_config import NetworkConfig as NetworkConfig
    from musclemimic_rl.onnx_export import export_onnx as export_onnx
    from musclemimic_rl.optim import OptimConfig as OptimConfig
    from musclemimic_rl.policy import PolicyBundle as PolicyBundle
    from musclemimic_rl.policy import load_policy as load_policy
    from musclemimic_rl.portable import NumpyPolicy as NumpyPolicy
    from musclemimic_rl.portable import load_numpy_policy as load_numpy_policy
    from musclemimic_rl.ppo import PPOConfig as PPOConfig
    from musclemimic_rl.progress import Progress as Progress
    from musclemimic_rl.rollout import RolloutStats as RolloutStats
    from musclemimic_rl.session import TrainResult as TrainResult
    from musclemimic_rl.source import distil_config as distil_config
    from musclemimic_rl.source import source_config as source_config
    from musclemimic_rl.trainer import resume as resume
    from musclemimic_rl.trainer import train as train
    from musclemimic_rl.update import UpdateMetrics as UpdateMetrics

_HOMES = {
    "budget": ("Counters",),
    "config": ("DistilConfig", "ResetConfig", "TrainConfig", "ValidationConfig", "WandbConfig"),
    "config_file": ("read_config",),
    "from_json": ("from_dict",),
    "loss": ("LossConfig",),
    "network_config": ("NETWORKS", "NetworkConfig"),
    "onnx_export": ("export_onnx",),
    "optim": ("OptimConfig",),
    "policy": ("PolicyBundle", "load_policy"),
    "portable": ("NumpyPolicy", "load_numpy_policy"),
    "ppo": ("PPOConfig",),
    "progress": ("Progress",),
    "rollout": ("RolloutStats",),
    "session": ("TrainResult",),
    "source": ("distil_config", "source_config"),
    "trainer": ("resume", "train"),
    "update": ("UpdateMetrics",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import the module that a public name lives in (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
