"""Starting, continuing and resuming a training run."""

import dataclasses
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from musclemimic_sim import Environment, InputError, load_clips, make_env, write_json

from musclemimic_rl.budget import Counters
from musclemimic_rl.checkpoint import Checkpoint, CheckpointStore, has_checkpoint, new_learner
from musclemimic_rl.config import TrainConfig
from musclemimic_rl.config_file import read_config
from musclemimic_rl.distil import distillation
from musclemimic_rl.guided import guided, stepped_task, teacher_of
from musclemimic_rl.iteration import Begin, ppo
from musclemimic_rl.parallel import device_mesh
from musclemimic_rl.session import Evaluate, Hooks, OnUpdate, Session, TrainResult
from musclemimic_rl.source import take_over
from musclemimic_rl.validation import held_out_environment, require_same_layout, validator


def train(
    config: TrainConfig,
    env: Environment | None = None,
    *,
    validation_env: Environment | None = None,
    on_update: OnUpdate | None = None,
    evaluate: Evaluate | None = None,
    show_progress: bool = True,
) -> TrainResult:
    """Train a policy, from scratch or from `config.source`.

    SIGTERM or Ctrl-C ends the run after the present update, with everything saved.

    Args:
        config: the run; its JSON is saved in `config.out`.
        env: where to train instead of the environment that `config` describes; stays open. With
            `config.distil.teacher`, the teacher's environment.
        validation_env: where to validate instead of on `config.validation.clips`; stays open.
        on_update: called after each update.
        evaluate: further figures of the policy, by name, logged where a validation is due.
        show_progress: draw a progress bar on standard error.

    Raises:
        InputError: no limit on the run, `config.out` already holds one, a clip is bad, the
            environment does not have `config.num_envs` environments, or the source does not fit.
    """
    config.require_limit()
    device_mesh(config.devices)
    run_dir = config.out
    if has_checkpoint(run_dir / "checkpoints"):
        raise InputError(
            run_dir, "out", found="a run", expected="a new folder (or `musclemimic resume`)"
        )
    hooks = Hooks(on_update, () if evaluate is None else (evaluate,), show_progress)
    with _environments(config, env, validation_env, hooks) as (used, hooks):
        learner, schedule_start = new_learner(config, used.spec), 0.0
        if config.source is not None:
            learner, schedule_start = take_over(config, used.spec, learner)
        write_json(run_dir / "config.json", dataclasses.asdict(config))
        counters = Counters(schedule_start=schedule_start)
        start = Checkpoint(learner, {}, used.reset().obs, counters)
        return Session(config, used, hooks, _begin(config)).run(start)


def resume(
    run_dir: Path | str,
    env: Environment | None = None,
    *,
    total_steps: int | None = None,
    minutes: float | None = None,
    cpu_minutes: float | None = None,
    validation_env: Environment | None = None,
    on_update: OnUpdate | None = None,
    evaluate: Evaluate | None = None,
    show_progress: bool = True,
) -> TrainResult:
    """Go on from the newest checkpoint of a run, bit for bit as if it had never stopped.

    (Where the learning rate follows the clock, only as exactly as the clock.)

    Args:
        run_dir: folder of the run.
        env: as for `train`.
        total_steps: new limit over the whole run; without any new limit the old ones hold.
        minutes: new limit over the whole run.
        cpu_minutes: new limit over the whole run.
        validation_env: as for `train`.
        on_update: called after each update.
        evaluate: as for `train`.
        show_progress: draw a progress bar on standard error.

    Raises:
        InputError: no run there, or its checkpoint is damaged or fits another environment,
            network or optimiser.
    """
    run_dir = Path(run_dir)
    config = dataclasses.replace(read_config(run_dir / "config.json"), out=run_dir)
    if (total_steps, minutes, cpu_minutes) != (None, None, None):
        config = dataclasses.replace(
            config, total_steps=total_steps, minutes=minutes, cpu_minutes=cpu_minutes
        )
    if not (run_dir / "checkpoints").is_dir():
        raise InputError(run_dir, "checkpoints", found="nothing there", expected="a folder")
    hooks = Hooks(on_update, () if evaluate is None else (evaluate,), show_progress)
    with _environments(config, env, validation_env, hooks) as (used, hooks):
        with closing(CheckpointStore(run_dir / "checkpoints")) as store:
            start = store.load_latest(config, used.spec)
        write_json(run_dir / "config.json", dataclasses.asdict(config))
        used.set_state(start.env_state)
        return Session(config, used, hooks, _begin(config)).run(start)


def _begin(config: TrainConfig) -> Begin:
    return ppo if config.distil.teacher is None else distillation


@contextmanager
def _environments(
    config: TrainConfig, given: Environment | None, held_out: Environment | None, hooks: Hooks
) -> Generator[tuple[Environment, Hooks]]:
    """The training environment, and the hooks with validation added; closes what it opened."""
    opened: list[Environment] = []
    try:
        teacher = teacher_of(config)
        env = given
        if env is None:
            env = _training_environment(config)
            opened.append(env)
        if teacher is not None:
            env = guided(config, env, teacher)
        if env.num_envs != config.num_envs:
            raise InputError(
                "environment", "num_envs", found=env.num_envs, expected=config.num_envs
            )
        if held_out is None:
            held_out = held_out_environment(config)
            opened += [] if held_out is None else [held_out]
        if held_out is not None:
            require_same_layout(env, held_out)
            measure = validator(held_out, horizon=config.validation.horizon)
            hooks = dataclasses.replace(hooks, evaluate=(measure, *hooks.evaluate))
        yield env, hooks
    finally:
        for env in opened:
            env.close()


def _training_environment(config: TrainConfig) -> Environment:
    model, clips = load_clips(config.clips, config.model, fingers=config.fingers)
    return make_env(
        model,
        clips,
        num_envs=config.num_envs,
        backend=config.backend,
        seed=config.seed,
        config=stepped_task(config),
        num_threads=config.num_threads,
    )
