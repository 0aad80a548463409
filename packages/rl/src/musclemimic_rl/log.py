"""Where a run's numbers go: metrics.jsonl, TensorBoard, and Weights & Biases if asked."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from musclemimic_sim import write_text
from tensorboardX import SummaryWriter

from musclemimic_rl.budget import Counters
from musclemimic_rl.config import TrainConfig
from musclemimic_rl.wandb_sink import WandbSink


@runtime_checkable
class Sink(Protocol):
    """Takes named numbers, update by update."""

    def write(self, counters: Counters, scalars: Mapping[str, float]) -> None:
        """Keep the numbers of an update."""
        ...

    def close(self) -> None:
        """Finish writing and free what is open."""
        ...


def open_sinks(config: TrainConfig, *, after_update: int) -> Sequence[Sink]:
    """All that the configuration asks for; what was logged past `after_update` is dropped.

    Raises:
        InputError: Weights & Biases is asked for and not installed.
    """
    # First what can fail, before anything is written.
    extra = [] if config.wandb.project is None else [WandbSink(config)]
    board = TensorBoardSink(config.out / "tensorboard", after_update=after_update)
    return [JsonlSink(config.out / "metrics.jsonl", after_update=after_update), board, *extra]


class JsonlSink:
    """One JSON object a line, with "update" and "env_steps"; null for NaN."""

    def __init__(self, path: Path, *, after_update: int) -> None:
        """Open the file, without what an interrupted session wrote past `after_update`."""
        write_text(path, "".join(_lines_up_to(path, after_update)))
        self._file = path.open("a")

    def write(self, counters: Counters, scalars: Mapping[str, float]) -> None:
        """Append one line."""
        record: Mapping[str, float | None] = {
            "update": counters.updates,
            "env_steps": counters.env_steps,
            **{name: value if math.isfinite(value) else None for name, value in scalars.items()},
        }
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoardSink:
    """TensorBoard events; the step is the update."""

    def __init__(self, folder: Path, *, after_update: int) -> None:
        """Open a new events file that hides older events past `after_update`."""
        self._board = SummaryWriter(str(folder), purge_step=after_update + 1)

    def write(self, counters: Counters, scalars: Mapping[str, float]) -> None:
        """Add one point to every curve; NaN (no episode ended, say) leaves a gap."""
        for name, value in scalars.items():
            if math.isfinite(value):
                self._board.add_scalar(name, value, counters.updates)

    def close(self) -> None:
        """Flush and close."""
        self._board.close()


def _lines_up_to(path: Path, update: int) -> list[str]:
    """Whole records of a metrics file up to an update; a torn last line is dropped."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("}\n")]
    return [line for line in lines if json.loads(line)["update"] <= update]
