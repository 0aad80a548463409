"""`musclemimic sim describe | play | bench | replay | diverged`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from musclemimic_models.errors import unknown_name
from rich.console import Console
from rich.table import Table

from musclemimic_sim.bench_command import BenchArguments, bench
from musclemimic_sim.config import JOINT_MAPS, EnvConfig
from musclemimic_sim.loading import load_clips
from musclemimic_sim.making import make_env
from musclemimic_sim.play.command import PlayArguments, play
from musclemimic_sim.replay_commands import DivergedArguments, ReplayArguments, diverged, replay


@dataclass(frozen=True)
class DescribeArguments:
    """Size and layout of the observation and action for a clip's model.

    Attributes:
        clip: a motion clip file.
        json: print one JSON document instead of tables.
        env: the task.
    """

    clip: Annotated[Path, tyro.conf.Positional]
    json: bool = False
    env: EnvConfig = field(default_factory=EnvConfig)


def _describe(arguments: DescribeArguments) -> int:
    model, clips = load_clips([arguments.clip])
    spec = make_env(model, clips, num_envs=1, config=arguments.env).spec
    if arguments.json:
        sys.stdout.write(json.dumps(spec.to_dict(), indent=2) + "\n")
        return 0
    table = Table("field", "size", "from", "unit", title=f"observation of {spec.model_name}")
    start = 0
    for block in spec.obs_fields:
        table.add_row(block.name, str(block.dim), str(start), block.unit)
        start += block.dim
    table.add_section()
    table.add_row("total", str(spec.obs_size), "", "")
    console = Console()
    acted = "joint targets" if spec.action_map in JOINT_MAPS else "muscles"
    console.print(table)
    console.print(
        f"action: {spec.action_size} {acted}, map {spec.action_map!r}, "
        f"every {1000 * spec.control_dt:g} ms"
    )
    return 0


_COMMANDS = {
    "describe": "size and layout of observation and action",
    "replay": "pose a clip frame by frame, or play back excitations",
    "diverged": "repeat a diverged world in plain MuJoCo",
    "play": "an environment in the browser, its reference as a ghost, live rewards",
    "bench": "environment steps per second on this machine, and where the time goes",
}


def main(argv: Sequence[str]) -> int:
    """Run `musclemimic sim …`; returns the exit code.

    Raises:
        InputError: an unknown subcommand, or arguments that cannot be used.
    """
    if not argv or argv[0] in ("-h", "--help"):
        lines = ["usage: musclemimic sim COMMAND [FILE] [options]", "", "commands:"]
        lines += [f"  {name:<10}{text}" for name, text in _COMMANDS.items()]
        sys.stdout.write("\n".join(lines) + "\n")
        return 0
    name, rest, prog = argv[0], list(argv[1:]), f"musclemimic sim {argv[0]}"
    match name:
        case "describe":
            return _describe(tyro.cli(DescribeArguments, args=rest, prog=prog))
        case "replay":
            return replay(tyro.cli(ReplayArguments, args=rest, prog=prog))
        case "diverged":
            return diverged(tyro.cli(DivergedArguments, args=rest, prog=prog))
        case "bench":
            return bench(tyro.cli(BenchArguments, args=rest, prog=prog))
        case "play":
            return play(tyro.cli(PlayArguments, args=rest, prog=prog))
        case _:
            raise unknown_name("sim", "command", name, list(_COMMANDS))
