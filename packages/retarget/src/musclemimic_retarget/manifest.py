"""What became of every motion of a batch: written after each, read to go on."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from musclemimic_models import InputError
from musclemimic_models.files import write_json

NAME = "manifest.json"
SCHEMA = 1
Status = Literal["ok", "failed", "missing"]


@dataclass(frozen=True)
class Entry:
    """One motion.

    Attributes:
        source: its file. status: "missing" if a split names it and it is not there.
        reason: one line, if it failed. sha256: of the file.
        seconds: reading, retargeting and writing took.
        metrics: `ClipMetrics` by name, if it went well.
    """

    source: str
    status: Status
    reason: str = ""
    sha256: str = ""
    seconds: float = 0.0
    metrics: dict[str, float | bool | str | None] = field(default_factory=dict)


@dataclass
class Manifest:
    """Entries by output name (a path below the output folder, without suffix).

    Attributes:
        settings: sha256 of all that shapes a clip besides its source.
        description: the same, readable.
        entries: of every motion so far. ignored: files with a suffix nobody reads.
    """

    settings: str
    description: dict[str, object]
    entries: dict[str, Entry] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write `manifest.json`, all or nothing."""
        write_json(folder / NAME, {"schema": SCHEMA} | dataclasses.asdict(self))

    def failures(self) -> int:
        """How many motions failed or are missing."""
        return sum(entry.status != "ok" for entry in self.entries.values())


def earlier_entries(folder: Path, settings: str) -> dict[str, Entry]:
    """Entries of an earlier run with the same settings; none if there was no such run.

    Raises:
        InputError: a manifest that cannot be read.
    """
    path = folder / NAME
    if not path.exists():
        return {}
    expected = "a manifest of this version (or --force)"
    try:
        document: dict[str, object] = json.loads(path.read_text("utf-8"))
        if document["schema"] != SCHEMA:
            raise InputError(path, "schema", found=document["schema"], expected=SCHEMA)
        if document["settings"] != settings:
            return {}
        entries = document["entries"]
        if not isinstance(entries, dict):
            raise InputError(path, "entries", found=type(entries).__name__, expected=expected)
        rows: dict[str, dict[str, object]] = entries  # pyright: ignore[reportUnknownVariableType]
        return {name: Entry(**row) for name, row in rows.items()}  # pyright: ignore[reportArgumentType]
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, "content", found=repr(error), expected=expected) from error
