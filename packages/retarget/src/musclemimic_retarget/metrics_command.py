"""`musclemimic retarget metrics`: the quality of clips, and the tables that show it."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro
from musclemimic_models import InputError, MotionClip
from musclemimic_models.files import jsonable
from rich.console import Console

from musclemimic_retarget.clip_model import model_of
from musclemimic_retarget.metrics import clip_metrics, metrics_table
from musclemimic_retarget.quality import quality_table

# Up to so many clips get every figure, one column each; more get one row each.
FULL_TABLE = 4


@dataclass(frozen=True)
class MetricsCommand:
    """Measure clips. Errors against the source need its targets and are left out."""

    clips: tyro.conf.Positional[tuple[Path, ...]]
    """Clip files (.npz), and folders of them."""
    json: bool = False
    """Print one JSON document instead of a table."""


def show_metrics(command: MetricsCommand) -> int:
    """Load, measure and print; returns the exit code.

    Raises:
        InputError: no clip, or a file that is none.
    """
    paths = [
        path
        for given in command.clips
        for path in (sorted(given.rglob("*.npz")) if given.is_dir() else [given])
    ]
    if not paths:
        raise InputError("retarget metrics", "CLIP", found="none", expected="clips (.npz)")
    clips = {str(path): MotionClip.load(path) for path in paths}
    rows = {name: clip_metrics(model_of(name, clip), clip) for name, clip in clips.items()}
    if command.json:
        document = jsonable({name: row.to_dict() for name, row in rows.items()})
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        Console().print(
            metrics_table(rows)
            if len(rows) <= FULL_TABLE
            else quality_table({name: row.to_dict() for name, row in rows.items()})
        )
    return 0
