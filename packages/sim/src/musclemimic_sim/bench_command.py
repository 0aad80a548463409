"""`musclemimic sim bench`."""

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import tyro
from musclemimic_models import InputError, get_musculo_model, list_models
from rich.console import Console
from rich.progress import track
from rich.table import Table

from musclemimic_sim.bench_clip import built_in_clip
from musclemimic_sim.config import EnvConfig
from musclemimic_sim.loading import load_clips
from musclemimic_sim.making import make_env
from musclemimic_sim.speed import (
    Speed,
    growth_exponent,
    measure,
    published_model,
    thread_count,
)


@dataclass(frozen=True)
class BenchArguments:
    """Environment steps per second on this machine, beside plain MuJoCo, and where time goes.

    Attributes:
        clip: a motion clip file; by default a built-in wave of both arms.
        model: the body, where no clip says it.
        num_envs: environments stepped together, one row each.
        steps: control steps in a timed round.
        rounds: timed rounds; medians count.
        threads: of the physics; 0 for all cores.
        json: print one JSON document instead of a table.
        env: the task.
    """

    clip: tyro.conf.Positional[Path | None] = None
    model: str = "BimanualMuscle"
    num_envs: tuple[int, ...] = (16, 128, 512)
    steps: int = 5
    rounds: int = 5
    threads: int = 0
    json: bool = False
    env: EnvConfig = field(default_factory=EnvConfig)


def bench(arguments: BenchArguments) -> int:
    """Measure and print; returns 0.

    Raises:
        InputError: an unusable clip, model or number.
    """
    _check(arguments)
    threads = arguments.threads or thread_count()
    if arguments.clip is None:
        model = get_musculo_model(arguments.model, fingers=False)
        clips = (built_in_clip(model),)
    else:
        model, clips = load_clips([arguments.clip])
    console = Console(stderr=True)
    with console.status(f"compiling {model.name} as published"):
        published = published_model(model)
    config = replace(arguments.env, auto_reset=True)
    speeds: list[Speed] = []
    rows = track(arguments.num_envs, "measuring", console=console, transient=True)
    for count in rows:
        env = make_env(model, clips, num_envs=count, config=config, num_threads=threads)
        speed = measure(
            env, published, threads=threads, steps=arguments.steps, rounds=arguments.rounds
        )
        speeds.append(speed)
        env.close()
    if arguments.json:
        sys.stdout.write(json.dumps(_document(model.label, threads, speeds), indent=2) + "\n")
    else:
        Console().print(_table(model.label, threads, speeds))
    return 0


def _check(arguments: BenchArguments) -> None:
    for name, values in (
        ("num_envs", arguments.num_envs),
        ("steps", (arguments.steps,)),
        ("rounds", (arguments.rounds,)),
    ):
        if not values or min(values) < 1:
            raise InputError("sim bench", name, found=values, expected="numbers >= 1")
    if arguments.threads < 0:
        raise InputError("sim bench", "threads", found=arguments.threads, expected=">= 0")
    if arguments.clip is None and arguments.model not in list_models():
        get_musculo_model(arguments.model, fingers=False)  # an alias, or the error that lists all


def _document(label: str, threads: int, speeds: list[Speed]) -> dict[str, object]:
    return {
        "model": label,
        "threads": threads,
        "rows": [
            {
                "num_envs": speed.num_envs,
                "env_steps_per_second": speed.steps_per_second,
                "step_s": speed.step_s,
                "rollout_s": speed.rollout_s,
                "ratio_to_mujoco_rollout": speed.ratio,
                "restarts_per_step": speed.restarts,
                "parts_s": speed.parts,
            }
            for speed in speeds
        ],
    }


def _table(label: str, threads: int, speeds: list[Speed]) -> Table:
    growth = (
        f"a step's time grows with environments to the power {growth_exponent(speeds):.2f}; "
        if len(speeds) > 1
        else ""
    )
    table = Table(
        "environments",
        *(str(speed.num_envs) for speed in speeds),
        title=f"{label}, {threads} threads",
        caption=f"{growth}parts each measured alone, the restart of one environment",
    )
    for name, shown in (
        ("steps per second", [f"{speed.steps_per_second:.0f}" for speed in speeds]),
        ("mujoco.rollout / environment", [f"{speed.ratio:.2f}" for speed in speeds]),
        ("whole step, ms", [f"{1e3 * speed.step_s:.2f}" for speed in speeds]),
        *(
            (f"  {part}, ms", [f"{1e3 * speed.parts[part]:.2f}" for speed in speeds])
            for part in speeds[0].parts
        ),
    ):
        table.add_row(name, *shown)
    return table
