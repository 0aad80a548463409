"""Reading the config.json of a run."""

import json
from pathlib import Path

from musclemimic_sim import InputError, require_file

from musclemimic_rl.config import TrainConfig
from musclemimic_rl.from_json import from_dict


def read_config(path: Path) -> TrainConfig:
    """Read the config.json of a run.

    Raises:
        InputError: no such file, not JSON, an unknown or ill-typed field, or no limit on the run.
    """
    require_file(path)
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(path, "file", found=f"unreadable ({error})", expected="JSON") from error
    config = from_dict(TrainConfig, values, source=path)
    config.require_limit(path)
    return config
