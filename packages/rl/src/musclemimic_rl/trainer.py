"""The training loop: collect, update, report, save; start, stop and resume."""

import dataclasses
import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import jax
import jax.numpy as jnp
from musclemimic_sim import Environment, InputError, jsonable, load_clips, make_env, write_json

from musclemimic_rl.checkpoint import Checkpoint, CheckpointStore, Counters, new_learner
from musclemimic_rl.config import TrainConfig
from musclemimic_rl.config_file import read_config
from musclemimic_rl.display import ProgressBar
from musclemimic_rl.interrupt import StopRequest, stop_on_signal
from musclemimic_rl.metrics import MetricsLog, Progress
from musclemimic_rl.policy import PolicyBundle
from musclemimic_rl.rollout import collect
from musclemimic_rl.update import UpdateMetrics, make_update

logger = logging.getLogger(__name__)

OnUpdate = Callable[[Progress], None]


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind.

    Attributes:
        policy: as of the last update.
        policy_file: where it was saved.
        run_dir: folder of the run.
        counters: updates, environment steps and seconds, over all sessions of the run.
        last: the last update's report; None if there was no update.
        interrupted: stopped by SIGTERM or Ctrl-C before the budget was used.
    """

    policy: PolicyBundle
    policy_file: Path
    run_dir: Path
    counters: Counters
    last: Progress | None
    interrupted: bool


def train(
    config: TrainConfig,
    env: Environment | None = None,
    *,
    on_update: OnUpdate | None = None,
    show_progress: bool = True,
) -> TrainResult:
    """Train a policy from scratch.

    SIGTERM or Ctrl-C ends the run after the present update, with everything saved.

    Args:
        config: the run; its JSON is saved in `config.out`.
        env: where to train instead of the environment that `config` describes; stays open.
        on_update: called after each update.
        show_progress: draw a progress bar on standard error.

    Raises:
        InputError: `config.out` already holds a run, a clip is bad, or the environment does not
            have `config.num_envs` environments.
    """
    run_dir = config.out
    if (run_dir / "config.json").exists():
        raise InputError(
            run_dir, "out", found="a run", expected="a new folder (or `musclemimic resume`)"
        )
    with _environment(config, env) as used:
        write_json(run_dir / "config.json", dataclasses.asdict(config))
        obs = used.reset().obs
        start = Checkpoint(new_learner(config, used.spec), {}, obs, Counters())
        return _Session(config, used, on_update, show_progress).run(start)


def resume(
    run_dir: Path | str,
    env: Environment | None = None,
    *,
    total_steps: int | None = None,
    minutes: float | None = None,
    on_update: OnUpdate | None = None,
    show_progress: bool = True,
) -> TrainResult:
    """Go on from the newest checkpoint of a run, bit for bit as if it had never stopped.

    (Where the learning rate follows the clock, only as exactly as the clock.)

    Args:
        run_dir: folder of the run.
        env: as for `train`.
        total_steps: new limit over the whole run; by default, without `minutes`, the old limits.
        minutes: new limit over the whole run.
        on_update: called after each update.
        show_progress: draw a progress bar on standard error.

    Raises:
        InputError: no run there, or its checkpoint is damaged or fits another environment,
            network or optimiser.
    """
    run_dir = Path(run_dir)
    config = dataclasses.replace(read_config(run_dir / "config.json"), out=run_dir)
    if total_steps is not None or minutes is not None:
        config = dataclasses.replace(config, total_steps=total_steps, minutes=minutes)
    if not (run_dir / "checkpoints").is_dir():
        raise InputError(run_dir, "checkpoints", found="nothing there", expected="a folder")
    with _environment(config, env) as used:
        with closing(_store(config)) as store:
            start = store.load_latest(config, used.spec)
        write_json(run_dir / "config.json", dataclasses.asdict(config))
        used.set_state(start.env_state)
        return _Session(config, used, on_update, show_progress).run(start)


def _store(config: TrainConfig) -> CheckpointStore:
    return CheckpointStore(config.out / "checkpoints", keep=config.keep_checkpoints)


@contextmanager
def _environment(config: TrainConfig, given: Environment | None) -> Generator[Environment]:
    """The given environment, or a new one that is closed at the end."""
    if given is not None:
        if given.num_envs != config.num_envs:
            raise InputError(
                "environment", "num_envs", found=given.num_envs, expected=config.num_envs
            )
        yield given
        return
    model, clips = load_clips(config.clips, config.model, fingers=config.fingers)
    env = make_env(
        model,
        clips,
        num_envs=config.num_envs,
        backend=config.backend,
        seed=config.seed,
        config=config.env,
        num_threads=config.num_threads,
    )
    try:
        yield env
    finally:
        env.close()


@dataclass(frozen=True)
class _Session:
    """One call of `train` or `resume`."""

    config: TrainConfig
    env: Environment
    on_update: OnUpdate | None
    show_progress: bool

    def run(self, start: Checkpoint) -> TrainResult:
        """Iterate until the budget is used or a signal asks to stop, then save."""
        config, folder = self.config, self.config.out
        with (
            stop_on_signal() as stop,
            closing(_store(config)) as store,
            closing(MetricsLog(folder, after_update=start.counters.updates)) as log,
            closing(ProgressBar(visible=self.show_progress)) as bar,
        ):
            point, last = start, None
            saved_s = start.counters.elapsed_s
            for point, last in self._iterate(start, stop):
                log.write(last)
                bar.show(last)
                if self.on_update is not None:
                    self.on_update(last)
                if point.counters.elapsed_s - saved_s >= 60.0 * config.checkpoint_minutes:
                    self._save(store, point)
                    saved_s = point.counters.elapsed_s
            policy = self._save(store, point)
        done = budget_used(config, point.counters) >= 1.0
        return TrainResult(
            policy=policy,
            policy_file=folder / "policy.npz",
            run_dir=folder,
            counters=point.counters,
            last=last,
            interrupted=stop.requested and not done,
        )

    def _iterate(
        self, start: Checkpoint, stop: StopRequest
    ) -> Iterator[tuple[Checkpoint, Progress]]:
        """Yield the state and the report after each update."""
        config = self.config
        update = make_update(config.ppo)
        learner, obs, counters = start.learner, jnp.asarray(start.obs), start.counters
        # The first update donates its state; the caller's copy must survive.
        learner = jax.tree.map(jnp.copy, learner)
        origin = time.monotonic() - counters.elapsed_s
        while not stop.requested and (used := budget_used(config, counters)) < 1.0:
            begin = time.monotonic()
            rollout, stats, obs = collect(self.env, obs, learner, num_steps=config.ppo.num_steps)
            learner, metrics = update(learner, rollout, jnp.asarray(used, jnp.float32))
            _warn_if_skipped(metrics)  # reads a number, so it waits for the update to finish
            now = time.monotonic()
            counters = Counters(
                updates=counters.updates + 1,
                env_steps=counters.env_steps + config.steps_per_update,
                elapsed_s=now - origin,
            )
            report = Progress(
                counters=counters,
                fraction=budget_used(config, counters),
                steps_per_second=config.steps_per_update / (now - begin),
                remaining_s=remaining_seconds(config, counters, start.counters),
                rollout=stats,
                update=metrics,
            )
            yield Checkpoint(learner, {}, obs, counters), report

    def _save(self, store: CheckpointStore, point: Checkpoint) -> PolicyBundle:
        """Write checkpoint and policy."""
        point = point._replace(env_state=self.env.get_state())
        store.save(point, self.config, self.env.spec)
        policy = bundle(self.config, self.env, point)
        policy.save(self.config.out / "policy.npz")
        return policy


def budget_used(config: TrainConfig, counters: Counters) -> float:
    """Share of the run's limit on steps or time that is used, whichever is larger."""
    steps = 0.0 if config.total_steps is None else counters.env_steps / max(config.total_steps, 1)
    seconds = (
        0.0 if config.minutes is None else counters.elapsed_s / max(60.0 * config.minutes, 1e-9)
    )
    return max(steps, seconds)


def remaining_seconds(config: TrainConfig, now: Counters, start: Counters) -> float:
    """Time until the budget is used up, at the average pace since `start`."""
    limits: list[float] = []
    if config.minutes is not None:
        limits.append(60.0 * config.minutes - now.elapsed_s)
    if config.total_steps is not None:
        pace = (now.elapsed_s - start.elapsed_s) / max(now.env_steps - start.env_steps, 1)
        limits.append(pace * (config.total_steps - now.env_steps))
    return max(0.0, min(limits))


def bundle(config: TrainConfig, env: Environment, point: Checkpoint) -> PolicyBundle:
    """The policy of a checkpoint, on its own memory: the learner's buffers get donated."""
    provenance: dict[str, object] = {
        "algorithm": "PPO",
        "musclemimic_rl": version("musclemimic-rl"),
        **point.counters._asdict(),
        "config": jsonable(dataclasses.asdict(config)),
    }
    return PolicyBundle(
        actor=jax.tree.map(jnp.copy, point.learner.params.actor),
        obs_moments=jax.tree.map(jnp.copy, point.learner.obs_moments),
        network=config.network,
        spec=env.spec,
        provenance=MappingProxyType(provenance),
    )


def _warn_if_skipped(metrics: UpdateMetrics) -> None:
    if int(metrics.skipped):
        logger.warning("%d gradient steps skipped: loss or gradient not finite", metrics.skipped)
