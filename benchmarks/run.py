"""Run benchmarks and print their tables: python benchmarks/run.py [--json FILE] [NAME …]."""

import argparse
import importlib
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from musclemimic_models.files import write_json
from rich.console import Console
from rich.table import Table

BENCHMARKS = {
    "models_load": "time to get a model, first and from the cache",
    "models_variant": "physics step of the simulation variant against the full model",
    "step": "environment steps beside mujoco.rollout of the published model, and their parts",
    "eval": "an evaluation of 100 episodes of the arms beside bare physics",
    "train": "training steps per second end to end against bare physics",
    "retarget": "milliseconds per frame and error of both methods, beside mink (group benchmarks)",
    "retarget_hour": "time and memory of GMR-Fit for 1, 10 and 60 minutes of motion",
}
# `eval` is no name for a module.
MODULES = {"eval": "evaluation"}


def main() -> int:
    """Run the named benchmarks (default: all); returns 2 for an unknown name."""
    listing = "\n".join(f"  {name:<16}{text}" for name, text in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"benchmarks:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; default all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables there too")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}; expected {', '.join(BENCHMARKS)}")
    console, tables = Console(), []
    for name in arguments.names or BENCHMARKS:
        with Console(stderr=True).status(f"{name}: {BENCHMARKS[name]}"):
            result = importlib.import_module(f"benchmarks.{MODULES.get(name, name)}").run()
        table = Table(*result.columns, title=result.name, caption=result.notes)
        for row in result.rows:
            table.add_row(*(f"{x:.3g}" if isinstance(x, float) else str(x) for x in row))
        console.print(table)
        tables.append(result.__dict__)
    if arguments.json:
        write_json(arguments.json, {"machine": machine(), "tables": tables})
    return 0


def machine() -> dict[str, object]:
    """What a reader needs to place the figures."""
    import os

    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "mujoco": version("mujoco"),
        "myo-sim": version("myo-sim"),
    }


if __name__ == "__main__":
    sys.exit(main())
