"""Does it learn? Runs on two arms, with curves and tables.

    python benchmarks/learn.py arms --seeds 3   # the built-in motion, both kinds of action
    python benchmarks/learn.py motions          # ten real motions and the built-in one
    python benchmarks/learn.py distil           # the policies of both into ones of excitations
    python benchmarks/learn.py finetune         # that of `motions` to a new motion; from scratch

Budgets are minutes of the process's own processor time on one core (pin it: `taskset -c 1 python
...`), so that other work on the machine hardly changes what a run gets. Each task writes
OUT/TASK/{table.md, rows.json, curves.csv, curves.png}; checkpoints lie in OUT/TASK/runs. The same
command goes on where it was stopped: finished runs are kept, a run cut off goes on from its
checkpoint. Every run ends with measurements without exploration from 32 even starts a motion, for
the policy and for action 0 (with joint actions: the coordination layer following the reference by
itself), at the published thresholds.
"""

import argparse
import dataclasses
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from musclemimic_models.files import write_json, write_text
from musclemimic_rl import OptimConfig, ResetConfig, ValidationConfig, distil_config

from benchmarks.arm_configs import JOINTS, MOTIONS, MUSCLES
from benchmarks.arm_motions import BUILT_IN, HELD_OUT, TRAINED, arm_clips
from benchmarks.curves import (
    Curve,
    draw_curves,
    markdown,
    read_curve,
    steps_to_reach,
    write_curves,
)
from benchmarks.learning import Row, Run, finish
from benchmarks.two_arms import two_arm_task

OUT = Path("benchmarks/results/learn")
NEW_MOTION = HELD_OUT[1]


def arms(_: argparse.Namespace) -> Iterator[Run]:
    """(a) The built-in two-arm motion."""
    model, clip = two_arm_task()
    for name, what, config in (
        ("joints", "joint targets through the coordination layer", JOINTS),
        ("muscles", "excitations", MUSCLES),
    ):
        yield Run(name, what, config, model, {BUILT_IN: clip}, {})


def motions(arguments: argparse.Namespace) -> Iterator[Run]:
    """(b) Ten real motions and the built-in one, two held out."""
    yield _motions(arguments.out)


def _motions(out: Path) -> Run:
    model, clip = two_arm_task()
    clips = {BUILT_IN: clip, **arm_clips(TRAINED, out / "motions" / "runs" / "clips")}
    held_out = arm_clips(HELD_OUT, out / "motions" / "runs" / "clips")
    return Run("motions", "eleven motions, one policy", MOTIONS, model, clips, held_out)


def distil(arguments: argparse.Namespace) -> Iterator[Run]:
    """(c) From joint targets to excitations, the policies of `arms` and `motions` as teachers."""
    model, clip = two_arm_task()
    arms_run = Run("student", "excitations, from the teacher", JOINTS, model, {BUILT_IN: clip}, {})
    motions_run = dataclasses.replace(_motions(arguments.out), name="motions-student")
    for run, teacher, minutes in (
        (arms_run, arguments.out / "arms" / "runs" / "joints-0", 2.5),
        (motions_run, arguments.out / "motions" / "runs" / "motions-0", 6.0),
    ):
        config = dataclasses.replace(
            distil_config(teacher),
            num_threads=1,
            cpu_minutes=minutes,
            validation=ValidationConfig(every=20),
        )
        yield dataclasses.replace(run, config=config)


def finetune(arguments: argparse.Namespace) -> Iterator[Run]:
    """(d) A motion held out so far, by excitations: from the student of eleven, and from scratch.

    Either by reward (PPO), or by the lessons of the teacher of eleven motions.
    """
    model, _ = two_arm_task()
    student = arguments.out / "distil" / "runs" / "motions-student-0"
    teacher = arguments.out / "motions" / "runs" / "motions-0"
    clips = arm_clips((NEW_MOTION,), arguments.out / "motions" / "runs" / "clips")
    often = ValidationConfig(every=5, num_envs=16)
    afresh = ResetConfig(std=True, optimiser=True, schedule=True, critic=True)
    lessons = dataclasses.replace(
        distil_config(teacher), num_threads=1, cpu_minutes=2.0, validation=often
    )
    more_lessons = dataclasses.replace(
        lessons,
        source=student,
        cpu_minutes=1.0,  # half of it
        reset=afresh,
        ppo=dataclasses.replace(
            lessons.ppo, optim=dataclasses.replace(lessons.ppo.optim, learning_rate=3e-4)
        ),
        distil=dataclasses.replace(lessons.distil, teacher_until=0.0),
    )
    reward = dataclasses.replace(MUSCLES, cpu_minutes=6.0, validation=often)
    # A distilled policy has no critic: it learns alone at first. A good actor explores little, and
    # so that a step changes little too, the rate follows the KL.
    more_reward = dataclasses.replace(
        reward,
        source=student,
        cpu_minutes=2.0,
        reset=afresh,
        network=dataclasses.replace(reward.network, initial_std=0.05),
        ppo=dataclasses.replace(
            reward.ppo,
            warmup_updates=12,
            optim=OptimConfig(learning_rate=3e-5, target_kl=0.01),
        ),
    )
    for name, config in (
        ("finetuned-taught", more_lessons),
        ("scratch-taught", lessons),
        ("finetuned-reward", more_reward),
        ("scratch-reward", reward),
    ):
        yield Run(name, "a new motion", config, model, clips, {})


TASKS: Mapping[str, Callable[[argparse.Namespace], Iterator[Run]]] = {
    "arms": arms,
    "motions": motions,
    "finetune": finetune,
    "distil": distil,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Make what is not finished yet; returns 130 if it was interrupted."""
    arguments = _parse(argv)
    out: Path = arguments.out / arguments.task
    rows: list[Row] = []
    for seed in range(arguments.seeds):
        for run in TASKS[arguments.task](arguments):
            if arguments.only not in (None, run.name):
                continue
            name = f"{run.name}-{seed}"
            minutes = arguments.minutes or run.config.cpu_minutes
            config = dataclasses.replace(run.config, seed=seed, cpu_minutes=minutes)
            row = finish(dataclasses.replace(run, config=config), out / "runs" / name)
            if row is None:
                return 130
            rows.append(row)
            print(_write(out))
    return 0


def _write(out: Path) -> str:
    """Rows, table, curves and picture of all runs that are finished; returns the table."""
    files = sorted(out.glob("runs/*/row.json"))
    rows: dict[str, Row] = {file.parent.name: json.loads(file.read_text()) for file in files}
    write_json(out / "rows.json", list(rows.values()))
    curves = {name: read_curve(out / "runs" / name / "metrics.jsonl") for name in rows}
    write_curves(out / "curves.csv", curves)
    draw_curves(out / "curves.png", curves, {"action 0": _zero(rows)})
    table = markdown(*_table(rows)) + _comparison(curves)
    write_text(out / "table.md", table)
    return table


def _comparison(curves: Mapping[str, Curve]) -> str:
    """Steps to the errors that learning from scratch came to, where something began elsewhere."""
    scratch = {n.removeprefix("scratch-"): c for n, c in curves.items() if "scratch-" in n}
    lines: list[Sequence[str]] = []
    for seed, curve in scratch.items():
        tuned = curves.get(f"finetuned-{seed}")
        errors = [r["validation_site_error_m"] for r in curve]
        seen = sorted({e for e in errors if e is not None}, reverse=True)
        for error in seen if tuned is not None else ():
            slow, fast = steps_to_reach(curve, error), steps_to_reach(tuned, error)
            if not slow:
                continue  # where learning began
            told = "never" if fast is None else f"{fast:,.0f}"
            share = "" if fast is None else f"{fast / slow:.2f}"
            lines.append((seed, f"{100 * error:.2f}", f"{slow:,.0f}", told, share))
    columns = ("run", "site error, cm", "steps from scratch", "steps fine-tuned", "share")
    return "\n" + markdown(columns, lines) if lines else ""


def _zero(rows: Mapping[str, Row]) -> float:
    """Mean site error of action 0 on the motions that were watched, cm."""
    row = next(iter(rows.values()))
    found = row["figures"]["action 0"]
    watched = row["held_out"] or list(found)
    return statistics.mean(found[name]["site_error_cm"] for name in watched)


def _table(rows: Mapping[str, Row]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """One line a run and motion."""
    columns = (
        "run",
        "CPU minutes",
        "steps",
        "motion",
        "site error, cm",
        "action 0, cm",
        "early ends, %",
        "action 0, %",
        "mean activation",
    )
    lines: list[Sequence[str]] = []
    for name, row in rows.items():
        policy, zero = row["figures"]["policy"], row["figures"]["action 0"]
        for motion, found in policy.items():
            lines.append(
                (
                    name,
                    f"{row['cpu_minutes']:.1f}",
                    f"{row['env_steps']:,}",
                    motion + (" (held out)" if motion in row["held_out"] else ""),
                    f"{found['site_error_cm']:.2f}",
                    f"{zero[motion]['site_error_cm']:.2f}",
                    f"{100 * found['early_ends']:.0f}",
                    f"{100 * zero[motion]['early_ends']:.0f}",
                    f"{found['mean_activation']:.3f}",
                )
            )
    return columns, lines


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=TASKS, help="what to show")
    parser.add_argument("--only", metavar="RUN", help="one kind of run of the task")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each, with seeds from 0 (1)")
    parser.add_argument("--minutes", type=float, help="of processor time a run, if not the usual")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder ({OUT})")
    arguments = parser.parse_args(argv)
    if arguments.seeds < 1 or (arguments.minutes is not None and arguments.minutes <= 0):
        parser.error("--minutes must be above 0 and --seeds at least 1")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
