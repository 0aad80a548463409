"""`musclemimic sim describe | bench | replay | diverged`."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
import tyro
from musclemimic_models.errors import unknown_name
from rich.console import Console
from rich.table import Table

from musclemimic_sim.config import EnvConfig
from musclemimic_sim.env import make_env
from musclemimic_sim.loading import load_clips
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


@dataclass(frozen=True)
class BenchArguments:
    """Environment steps per second with random actions, and where the time goes.

    Attributes:
        clip: a motion clip file.
        num_envs: environments stepped together.
        steps: timed vector steps; the median counts.
        json: print one JSON document instead of a table.
        env: the task.
    """

    clip: Annotated[Path, tyro.conf.Positional]
    num_envs: int = 128
    steps: int = 30
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
    console.print(table)
    console.print(
        f"action: {spec.action_size} muscles, map {spec.action_map!r}, "
        f"every {1000 * spec.control_dt:g} ms"
    )
    return 0


def _bench(arguments: BenchArguments) -> int:
    model, clips = load_clips([arguments.clip])
    env = make_env(model, clips, num_envs=arguments.num_envs, config=arguments.env)
    env.reset()
    keys = jax.random.split(jax.random.PRNGKey(0), arguments.steps + 3)
    shape = (env.num_envs, env.spec.action_size)
    whole: list[float] = []
    physics: list[float] = []
    for key in keys:
        action = jax.random.uniform(key, shape).block_until_ready()
        start = time.perf_counter()
        env.step(action).obs.block_until_ready()
        middle = time.perf_counter()
        env.simulator.step(np.asarray(action))
        whole.append(middle - start)
        physics.append(time.perf_counter() - middle)
    step, bare = (float(np.median(times[3:])) for times in (whole, physics))
    result = {
        "model": model.label,
        "num_envs": env.num_envs,
        "env_steps_per_second": env.num_envs / step,
        "physics_steps_per_second": env.num_envs / bare,
        "env_to_physics_ratio": bare / step,
    }
    if arguments.json:
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
        return 0
    table = Table(show_header=False)
    for name, value in result.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    Console().print(table)
    return 0


_COMMANDS = {
    "describe": "size and layout of observation and action",
    "bench": "environment steps per second, and the share of physics",
    "replay": "pose a clip frame by frame, or play back excitations",
    "diverged": "repeat a diverged world in plain MuJoCo",
}


def main(argv: Sequence[str]) -> int:
    """Run `musclemimic sim …`; returns the exit code.

    Raises:
        InputError: an unknown subcommand, or a clip that cannot be used.
    """
    if not argv or argv[0] in ("-h", "--help"):
        lines = ["usage: musclemimic sim COMMAND FILE [options]", "", "commands:"]
        lines += [f"  {name:<10}{text}" for name, text in _COMMANDS.items()]
        sys.stdout.write("\n".join(lines) + "\n")
        return 0
    name, rest, prog = argv[0], list(argv[1:]), f"musclemimic sim {argv[0]}"
    match name:
        case "describe":
            return _describe(tyro.cli(DescribeArguments, args=rest, prog=prog))
        case "bench":
            return _bench(tyro.cli(BenchArguments, args=rest, prog=prog))
        case "replay":
            return replay(tyro.cli(ReplayArguments, args=rest, prog=prog))
        case "diverged":
            return diverged(tyro.cli(DivergedArguments, args=rest, prog=prog))
        case _:
            raise unknown_name("sim", "command", name, list(_COMMANDS))
