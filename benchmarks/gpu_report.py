"""The table that gpu_check.sh writes."""

import json
from collections.abc import Sequence
from pathlib import Path

from musclemimic_models.files import write_json, write_text

COLUMNS = {
    "model": "model",
    "backend": "physics",
    "worlds": "worlds",
    "environment_steps_per_second": "env steps/s",
    "physics_steps_per_second": "physics steps/s",
    "allocated_mb_per_world": "allocated, MB/world",
    "memory_mb_per_world": "used, MB/world",
    "first_two_steps_seconds": "first steps, s",
    "worlds_that_overflowed": "overflowed",
    "divergences": "diverged",
}


def part_name(model: str, backend: str, worlds: int) -> str:
    """File name of one row."""
    return f"{model}-{backend}-{worlds:05d}.json"


def read_part(path: Path) -> dict[str, object]:
    """What a part left, or nothing."""
    return json.loads(path.read_text()) if path.exists() else {}


def write_report(out: Path, *, models: Sequence[str], worlds: Sequence[int]) -> Path:
    """Write gpu_check.json and gpu_check.md from the parts; returns the latter."""
    parts = out / "parts"
    machine, parity = read_part(parts / "machine.json"), read_part(parts / "parity.json")
    rows = [
        row
        for path in sorted(parts.glob("*-*.json"))
        if (row := read_part(path)) and row["model"] in models
    ]
    have = {(row["model"], row["worlds"]) for row in rows if row["backend"] == "warp"}
    missing = [f"{m} at {w}" for m in models for w in worlds if (m, w) not in have]
    write_json(
        out / "gpu_check.json",
        {"machine": machine, "parity": parity, "rows": rows, "missing": missing},
    )
    lines = ["# MuJoCo Warp on this machine", ""]
    lines += [", ".join(f"{name}: {value}" for name, value in machine.items()), ""]
    counts = ", ".join(f"{parity.get(n, 0)} {n}" for n in ("passed", "failed", "error"))
    scope = "arms only" if parity.get("quick") else "both bodies"
    lines += [f"Parity suite ({scope}): **{parity.get('status', 'not run')}** ({counts}).", ""]
    lines += [
        "| " + " | ".join(COLUMNS.values()) + " |",
        "|" + "---|" * len(COLUMNS),
        *("| " + " | ".join(cell(row.get(name)) for name in COLUMNS) + " |" for row in rows),
        "",
    ]
    lines += [f"* {r['model']} at {r['worlds']}: {r['error']}" for r in rows if "error" in r]
    if missing:
        lines += [f"Not measured in the time given: {', '.join(missing)}. Run it again to go on."]
    lines += ["Random excitations on the built-in clip; observation, reward and restarts included."]
    path = out / "gpu_check.md"
    write_text(path, "\n".join(lines) + "\n")
    return path


def cell(value: object) -> str:
    """A figure with three digits, or whole from a thousand on."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
    return str(value)
