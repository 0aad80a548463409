"""What a run reports after each update, and the files it reports to."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tensorboardX import SummaryWriter

from musclemimic_rl.checkpoint import Counters
from musclemimic_rl.rollout import RolloutStats
from musclemimic_rl.update import UpdateMetrics

SITE_ERROR = "error/site_position_m"


@dataclass(frozen=True)
class Progress:
    """State of a run after an update.

    Attributes:
        counters: how far the run has come.
        fraction: share of the budget used, in [0, 1].
        steps_per_second: environment steps over all environments, in the last update.
        remaining_s: until the budget is used up, at the average pace of this session.
        rollout: what the policy did.
        update: what the learner did.
    """

    counters: Counters
    fraction: float
    steps_per_second: float
    remaining_s: float
    rollout: RolloutStats
    update: UpdateMetrics

    def scalars(self) -> dict[str, float]:
        """Every number under a name like "learner/approx_kl"; `env/` holds the named terms."""
        rollout, update = self.rollout, self.update
        return {
            "time/elapsed_s": self.counters.elapsed_s,
            "time/steps_per_second": self.steps_per_second,
            "rollout/reward": rollout.reward,
            "rollout/episodes": rollout.episodes,
            "rollout/termination_rate": rollout.termination_rate,
            "rollout/unhealthy": rollout.unhealthy,
            "learner/policy_loss": float(update.loss.policy),
            "learner/value_loss": float(update.loss.value),
            "learner/entropy": float(update.loss.entropy),
            "learner/approx_kl_k3": float(update.loss.approx_kl),
            "learner/clip_fraction": float(update.loss.clip_fraction),
            "learner/explained_variance": float(update.explained_variance),
            "learner/grad_norm": float(update.grad_norm),
            "learner/learning_rate": float(update.learning_rate),
            "learner/mean_std": float(update.mean_std),
            "learner/skipped": float(update.skipped),
            **{f"env/{name}": value for name, value in rollout.terms.items()},
        }


class MetricsLog:
    """Writes metrics.jsonl (one object an update; null for NaN) and TensorBoard events."""

    def __init__(self, folder: Path, *, after_update: int) -> None:
        """Open the files, dropping what an interrupted session wrote past `after_update`."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "metrics.jsonl"
        kept = _lines_up_to(path, after_update)
        path.write_text("".join(kept))
        self._file = path.open("a")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=after_update + 1)

    def write(self, progress: Progress) -> None:
        """Append one update; TensorBoard's step is the update."""
        counters, scalars = progress.counters, progress.scalars()
        record: Mapping[str, float | None] = {
            "update": counters.updates,
            "env_steps": counters.env_steps,
            **{name: value if math.isfinite(value) else None for name, value in scalars.items()},
        }
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
        for name, value in scalars.items():
            self._board.add_scalar(name, value, counters.updates)

    def close(self) -> None:
        """Finish writing and free what is open."""
        self._file.close()
        self._board.close()


def _lines_up_to(path: Path, update: int) -> list[str]:
    """Whole records of a metrics file up to an update; a torn last line is dropped."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("}\n")]
    return [line for line in lines if json.loads(line)["update"] <= update]
