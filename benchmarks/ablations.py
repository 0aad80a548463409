"""What the learner's defaults rest on: one change at a time, at equal processor time.

    taskset -c 1 python benchmarks/ablations.py --cpu-minutes 3 --seeds 3
    taskset -c 1 python benchmarks/ablations.py adam muon-5 --out DIR    # some of them
    python benchmarks/ablations.py --list

A run's budget is what its process used of one core, with physics on one thread, so that it costs a
run little if others work on the machine; wall-clock time would hand them its learning. On one
core that is the wall-clock time of a machine of one's own.

Each run trains on the built-in two-arm motion and ends with a validation on it, from evenly random
starts and without exploration. A finished run leaves its row in DIR/runs/NAME-SEED/row.json, and
the tables DIR/ablations.json and DIR/ablations.md are written anew. The same command goes on where
it was stopped: finished runs are not repeated, a run cut off goes on from its checkpoint with the
time it has left. Compare runs of one table only.
"""

import argparse
import dataclasses
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from musclemimic_models.files import write_json, write_text
from musclemimic_rl import TrainConfig, TrainResult, ValidationConfig, resume, train
from musclemimic_rl.checkpoint import has_checkpoint
from musclemimic_rl.validation import validator
from musclemimic_sim import CoordinationConfig, make_env
from rich.console import Console
from rich.table import Table

from benchmarks.arm_configs import JOINTS, MUSCLES
from benchmarks.learning import told
from benchmarks.run import machine
from benchmarks.two_arms import two_arm_task

OUT = Path("benchmarks/results/ablations")
ERROR = "validation/error/site_position_m"


# One epoch became the default by this table.
BASE = dataclasses.replace(JOINTS, ppo=dataclasses.replace(JOINTS.ppo, epochs=4))


def _ppo(**changes: object) -> TrainConfig:
    return dataclasses.replace(BASE, ppo=dataclasses.replace(BASE.ppo, **changes))


def _optim(**changes: object) -> TrainConfig:
    return _ppo(optim=dataclasses.replace(BASE.ppo.optim, **changes))


def _network(**changes: object) -> TrainConfig:
    return dataclasses.replace(BASE, network=dataclasses.replace(BASE.network, **changes))


def _muscles(**changes: object) -> TrainConfig:
    return dataclasses.replace(MUSCLES, ppo=dataclasses.replace(MUSCLES.ppo, **changes))


def _env(**changes: object) -> TrainConfig:
    return dataclasses.replace(BASE, env=dataclasses.replace(BASE.env, **changes))


ABLATIONS: Mapping[str, tuple[str, TrainConfig]] = {
    "adam": ("what is changed: Adam, 4 epochs, minibatches of 1024, plain 3 x 256", _ppo()),
    "muon-5": ("Muon, 5 Newton-Schulz steps", _optim(name="muon")),
    "muon-3": ("Muon, 3 Newton-Schulz steps", _optim(name="muon", muon_steps=3)),
    "epochs-1": ("1 epoch", _ppo(epochs=1)),
    "epochs-2": ("2 epochs", _ppo(epochs=2)),
    "epochs-8": ("8 epochs", _ppo(epochs=8)),
    "minibatch-512": ("minibatches of 512", _ppo(minibatch_size=512)),
    "minibatch-4096": (
        "minibatches of 4096: one gradient step an epoch",
        _ppo(minibatch_size=4096),
    ),
    "rollout-64": ("rollouts of 64 steps", _ppo(num_steps=64)),
    "wide": ("plain 3 x 512", _network(hidden=(512, 512, 512))),
    "residual": ("gated residual blocks, 3 x 256", _network(kind="residual")),
    "experts": ("4 experts behind plain 3 x 256", _network(experts=4)),
    "published-reward": ("the published reward", _env(reward=None)),
    "std-0.1": ("exploration 0.1 instead of 0.3", _network(initial_std=0.1)),
    "scale-0.3": (
        "joint targets moved by up to 0.3 rad instead of 0.1",
        _env(coordination=CoordinationConfig()),
    ),
    "kl-rate": ("rate follows a KL of 0.01", _optim(schedule="constant", target_kl=0.01)),
    "muscles": ("excitations as actions, 4 epochs", _muscles(epochs=4)),
    "muscles-epochs-1": ("excitations as actions, 1 epoch", _muscles(epochs=1)),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is not finished yet; returns 130 if it was interrupted."""
    arguments = _parse(argv)
    if arguments.list:
        for name, (text, _) in ABLATIONS.items():
            print(f"{name:<18}{text}")
        return 0
    console = Console()
    for seed in range(arguments.seeds):
        for name in arguments.names or ABLATIONS:
            folder = arguments.out / "runs" / f"{name}-{seed}"
            if (folder / "row.json").exists():
                console.print(f"{name}, seed {seed}: finished before")
                continue
            console.print(f"{name}, seed {seed}: {ABLATIONS[name][0]}")
            if not _one(name, seed, folder, arguments):
                return 130
            console.print(_write_tables(arguments.out))
    return 0


def _one(name: str, seed: int, folder: Path, arguments: argparse.Namespace) -> bool:
    """Train and measure one run; False if it was interrupted."""
    config = dataclasses.replace(
        ABLATIONS[name][1],
        out=folder,
        seed=seed,
        cpu_minutes=arguments.cpu_minutes,
        num_threads=1,
        checkpoint_minutes=1.0,
        keep_checkpoints=1,
        validation=ValidationConfig(every=10**9),  # only at the end, so that it costs no run time
    )
    if arguments.smoke:
        config = _smoke(config)
    model, clip = two_arm_task()
    threads = config.num_threads
    env = make_env(
        model, [clip], num_envs=config.num_envs, seed=seed, config=config.env, num_threads=threads
    )
    task = dataclasses.replace(
        config.env.for_evaluation(horizon=config.validation.horizon), reward=None
    )
    count = config.validation.num_envs
    held = make_env(model, [clip], num_envs=count, seed=10_000, config=task, num_threads=threads)
    try:
        show = not arguments.smoke
        if has_checkpoint(folder / "checkpoints"):
            result = resume(folder, env, show_progress=show)
        else:
            result = train(config, env, show_progress=show)
        if result.interrupted:
            return False
        figures = validator(held, horizon=config.validation.horizon)(result.policy)
        write_json(folder / "row.json", _row(name, config, result, figures))
    finally:
        env.close()
        held.close()
    return True


def _row(
    name: str, config: TrainConfig, result: TrainResult, figures: Mapping[str, float]
) -> dict[str, object]:
    counters = result.counters
    return {
        "name": name,
        "what": ABLATIONS[name][0],
        "seed": config.seed,
        "minutes": counters.elapsed_s / 60.0,
        "cpu_minutes": counters.cpu_s / 60.0,
        "env_steps": counters.env_steps,
        "updates": counters.updates,
        "steps_per_cpu_second": counters.env_steps / counters.cpu_s,
        "site_error_cm": 100.0 * figures[ERROR],
        "early_ends": figures["validation/termination_rate"],
        "reward": figures["validation/reward"],
        "config": told(config),
        "machine": machine(),
    }


def _smoke(config: TrainConfig) -> TrainConfig:
    """A few seconds of the same, to see that everything runs; its figures mean nothing."""
    shape = dataclasses.replace(config.network, hidden=(16,) * len(config.network.hidden))
    ppo = dataclasses.replace(config.ppo, num_steps=8, minibatch_size=32)
    return dataclasses.replace(
        config,
        num_envs=8,
        cpu_minutes=None,
        total_steps=2 * 64,
        network=shape,
        ppo=ppo,
        validation=ValidationConfig(every=10**9, num_envs=4, horizon=20),
    )


def _write_tables(out: Path) -> Table:
    """ablations.json with every run, ablations.md with one line an ablation; the latter shown."""
    rows = [json.loads(path.read_text()) for path in sorted(out.glob("runs/*/row.json"))]
    write_json(out / "ablations.json", rows)
    columns = (
        "ablation",
        "seeds",
        "steps per CPU second",
        "site error, cm",
        "worst, cm",
        "early ends, %",
        "what",
    )
    table = Table(*columns, title="at equal processor time")
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for name in ABLATIONS:
        mine = [row for row in rows if row["name"] == name]
        if not mine:
            continue
        errors = [row["site_error_cm"] for row in mine]
        cells = (
            name,
            str(len(mine)),
            f"{statistics.mean(row['steps_per_cpu_second'] for row in mine):,.0f}",
            f"{statistics.mean(errors):.2f}",
            f"{max(errors):.2f}",
            f"{100 * statistics.mean(row['early_ends'] for row in mine):.0f}",
            mine[0]["what"],
        )
        table.add_row(*cells)
        lines.append("| " + " | ".join(cells) + " |")
    write_text(out / "ablations.md", "\n".join(lines) + "\n")
    return table


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; default all")
    parser.add_argument("--cpu-minutes", type=float, default=3.0, help="of training a run (3)")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each, with seeds from 0 (1)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder ({OUT})")
    parser.add_argument("--list", action="store_true", help="tell what there is, and end")
    parser.add_argument("--smoke", action="store_true", help="seconds instead of minutes a run")
    arguments = parser.parse_args(argv)
    unknown = sorted(set(arguments.names) - set(ABLATIONS))
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}; expected {', '.join(ABLATIONS)}")
    if arguments.cpu_minutes <= 0 or arguments.seeds < 1:
        parser.error("--cpu-minutes must be above 0 and --seeds at least 1")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
