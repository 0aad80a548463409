"""The `musclemimic` command: finds the package that owns a subcommand and runs it."""

import logging
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points, version

from musclemimic_models.errors import InputError

GROUP = "musclemimic.commands"
# Which package brings which subcommand, so that a missing one can be named.
KNOWN = {
    "demo": ("musclemimic-eval[demo]", "retarget a motion, train a policy on it, report on it"),
    "models": ("musclemimic-models", "list, inspect, check and export the musculoskeletal models"),
    "retarget": ("musclemimic-retarget", "human motion files to clips for a muscle model"),
    "sim": ("musclemimic-sim", "describe, watch and time the imitation environment"),
    "train": ("musclemimic-rl", "train a policy on clips"),
    "resume": ("musclemimic-rl", "continue a training run from its last checkpoint"),
    "finetune": ("musclemimic-rl", "train on from another run's policy"),
    "distil": ("musclemimic-rl", "turn a policy of joint targets into one of excitations"),
    "policy": ("musclemimic-rl", "inspect or export a trained policy"),
    "eval": ("musclemimic-eval", "evaluate a policy on clips, or a human's own recording"),
}


def main() -> None:
    """Entry point of the `musclemimic` script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code (2 for bad input, 130 for Ctrl-C)."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    available = {point.name: point for point in entry_points(group=GROUP)}
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(_overview(set(available)))
        return 0
    if arguments[0] in ("-V", "--version"):
        sys.stdout.write(f"musclemimic {version('musclemimic-models')}\n")
        return 0
    name = arguments[0]
    if name not in available:
        sys.stderr.write(_missing(name, sorted(available)))
        return 2
    try:
        command: Callable[[Sequence[str]], int] = available[name].load()
        return command(arguments[1:])
    except InputError as error:
        sys.stderr.write(f"musclemimic {name}: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"musclemimic {name}: interrupted\n")
        return 130


def _overview(available: set[str]) -> str:
    lines = ["usage: musclemimic COMMAND [options]", "", "commands:"]
    for name, (package, text) in KNOWN.items():
        hint = "" if name in available else f"  [needs: pip install {package}]"
        lines.append(f"  {name:<10}{text}{hint}")
    lines += [f"  {name}" for name in sorted(available - set(KNOWN))]
    lines += ["", "musclemimic COMMAND --help explains one of them.", ""]
    return "\n".join(lines)


def _missing(name: str, available: list[str]) -> str:
    if name in KNOWN:
        return f"musclemimic: command {name!r} needs: pip install {KNOWN[name][0]}\n"
    return f"musclemimic: unknown command {name!r}, expected one of {', '.join(available)}\n"
