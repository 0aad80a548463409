"""One training run of a benchmark: made once, resumed where it was cut off, measured at its end."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from musclemimic_eval.baseline import ZeroPolicy
from musclemimic_models import MotionClip, MusculoModel
from musclemimic_models.files import write_json
from musclemimic_rl import Progress, TrainConfig, TrainResult, resume, train
from musclemimic_rl.checkpoint import has_checkpoint
from musclemimic_rl.guided import stepped_task
from musclemimic_rl.validation import Acting, Validator
from musclemimic_sim import ImitationEnv, make_env

from benchmarks.run import machine

SITE, ENDS = "validation/error/site_position_m", "validation/termination_rate"
# Starts a clip, evenly spread over it, and the longest episode in control steps (3 s).
EPISODES, HORIZON = 32, 300
Figures = dict[str, dict[str, float]]
Row = dict[str, object]


@dataclass(frozen=True)
class Run:
    """A training run and what it is measured on.

    Attributes:
        name: of its folder, without the seed.
        what: told in a few words.
        config: without folder, seed and limits.
        model: the body.
        clips: learnt from, by name.
        held_out: only measured on.
        trainer: what learns, with the signature of `train`.
    """

    name: str
    what: str
    config: TrainConfig
    model: MusculoModel
    clips: Mapping[str, MotionClip]
    held_out: Mapping[str, MotionClip]
    trainer: Callable[..., TrainResult] = train
    resumer: Callable[..., TrainResult] = resume


def finish(
    run: Run,
    folder: Path,
    *,
    on_update: Callable[[Progress], None] | None = None,
    show_progress: bool = True,
) -> Row | None:
    """The run's row, from its file if it was made before; None if it was interrupted.

    Args:
        run: with folder, seed and limits in its configuration.
        folder: of the run; `row.json` marks it as finished.
        on_update: see `train`.
        show_progress: bars on standard error.
    """
    file = folder / "row.json"
    if file.exists():
        return json.loads(file.read_text())
    config = dataclasses.replace(run.config, out=folder)
    clips = list(run.clips.values())
    env = make_env(
        run.model,
        clips,
        num_envs=config.num_envs,
        seed=config.seed,
        config=stepped_task(config),
        num_threads=config.num_threads,
    )
    watched = list((run.held_out or run.clips).values())
    held = _judge_env(run, watched, count=config.validation.num_envs)
    held.reset()
    options = {"on_update": on_update, "show_progress": show_progress, "validation_env": held}
    try:
        if has_checkpoint(folder / "checkpoints"):
            result = run.resumer(folder, env, **options)
        else:
            result = run.trainer(config, env, **options)
    finally:
        env.close()
        held.close()
    if result.interrupted:
        return None
    row = _row(run, result)
    write_json(file, row)
    return row


def measure(run: Run, policies: Mapping[str, Acting]) -> dict[str, Figures]:
    """Mean figures of each policy on each clip, without exploration, from the same even starts.

    Early ends and reward by the published thresholds and weights, whatever the run trained with.
    """
    clips = {**run.clips, **run.held_out}
    figures: dict[str, Figures] = {name: {} for name in policies}
    for name, clip in clips.items():
        env = _judge_env(run, [clip], count=EPISODES)
        last = int(env.task.bank.length[0]) - 1
        frames = np.linspace(0, last, EPISODES, endpoint=False).astype(int)
        env.reset_to(np.zeros(EPISODES, int), frames)
        validate = Validator(env, env.get_state(), HORIZON)
        for title, policy in policies.items():
            found = validate(policy)
            figures[title][name] = {
                "site_error_cm": 100.0 * found[SITE],
                "early_ends": found[ENDS],
                "reward": found["validation/reward"],
                "mean_activation": found["validation/mean_activation"],
            }
        env.close()
    return figures


def _judge_env(run: Run, clips: list[MotionClip], *, count: int) -> ImitationEnv:
    task = dataclasses.replace(run.config.env.for_evaluation(horizon=HORIZON), reward=None)
    threads = run.config.num_threads
    return make_env(run.model, clips, num_envs=count, seed=10_000, config=task, num_threads=threads)


def _row(run: Run, result: TrainResult) -> Row:
    counters = result.counters
    zero = ZeroPolicy(result.policy.spec, {})
    return {
        "name": run.name,
        "what": run.what,
        "seed": run.config.seed,
        "minutes": counters.elapsed_s / 60.0,
        "cpu_minutes": counters.cpu_s / 60.0,
        "env_steps": counters.env_steps,
        "updates": counters.updates,
        "steps_per_second": counters.env_steps / counters.elapsed_s,
        "steps_per_cpu_second": counters.env_steps / counters.cpu_s,
        "held_out": sorted(run.held_out),
        "figures": measure(run, {"policy": result.policy, "action 0": zero}),
        "config": told(run.config),
        "machine": machine(),
    }


def told(config: TrainConfig) -> dict[str, object]:
    """The settings for a results file: paths without what is before the benchmark's folder."""
    return {key: _told(value) for key, value in dataclasses.asdict(config).items()}


def _told(value: object) -> object:
    match value:
        case Path():
            return "/".join(value.parts[-3:])
        case dict():
            return {key: _told(held) for key, held in value.items()}
        case _:
            return value
