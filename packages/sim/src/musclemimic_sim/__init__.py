"""Batched motion-imitation environment for musculoskeletal models."""

from musclemimic_models.errors import InputError as InputError
from musclemimic_models.files import atomic_write as atomic_write
from musclemimic_models.files import jsonable as jsonable
from musclemimic_models.files import read_npz as read_npz
from musclemimic_models.files import require_file as require_file
from musclemimic_models.files import write_json as write_json
from musclemimic_models.files import write_npz as write_npz
from musclemimic_models.files import write_text as write_text

from musclemimic_sim.config import CoordinationConfig as CoordinationConfig
from musclemimic_sim.config import EnvConfig as EnvConfig
from musclemimic_sim.config import RewardConfig as RewardConfig
from musclemimic_sim.config import RewardTerm as RewardTerm
from musclemimic_sim.config import TerminationConfig as TerminationConfig
from musclemimic_sim.env import ImitationEnv as ImitationEnv
from musclemimic_sim.env import make_env as make_env
from musclemimic_sim.loading import load_clips as load_clips
from musclemimic_sim.native import NativeSimulator as NativeSimulator
from musclemimic_sim.types import Environment as Environment
from musclemimic_sim.types import EnvSpec as EnvSpec
from musclemimic_sim.types import ObsField as ObsField
from musclemimic_sim.types import SimOutput as SimOutput
from musclemimic_sim.types import Simulator as Simulator
from musclemimic_sim.types import State as State
from musclemimic_sim.types import TimeStep as TimeStep
