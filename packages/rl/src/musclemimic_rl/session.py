"""The training loop: collect, update, validate, report, save."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np
from musclemimic_sim import Environment, jsonable

from musclemimic_rl.budget import Counters, budget_used, remaining_seconds, schedule_progress
from musclemimic_rl.checkpoint import Checkpoint, CheckpointStore
from musclemimic_rl.config import TrainConfig
from musclemimic_rl.display import ProgressBar
from musclemimic_rl.interrupt import StopRequest, stop_on_signal
from musclemimic_rl.iteration import Begin, ppo
from musclemimic_rl.log import Sink, open_sinks
from musclemimic_rl.memory import peak_memory_mb
from musclemimic_rl.networks import parameter_count
from musclemimic_rl.parallel import device_mesh, replicate
from musclemimic_rl.policy import PolicyBundle
from musclemimic_rl.progress import Progress

logger = logging.getLogger(__name__)

OnUpdate = Callable[[Progress], None]
Evaluate = Callable[[PolicyBundle], Mapping[str, float]]


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


@dataclass(frozen=True)
class Hooks:
    """What the caller of a run adds to it.

    Attributes:
        on_update: called after each update.
        evaluate: measurements of the policy, made where a validation is due and logged with it;
            names of figures as they should appear in the logs.
        show_progress: draw a progress bar on standard error.
    """

    on_update: OnUpdate | None = None
    evaluate: tuple[Evaluate, ...] = ()
    show_progress: bool = True


@dataclass(frozen=True)
class Session:
    """One call of `train`, `resume` or `distil`."""

    config: TrainConfig
    env: Environment
    hooks: Hooks
    begin: Begin = ppo

    def run(self, start: Checkpoint) -> TrainResult:
        """Iterate until the budget is used or a signal asks to stop, then save."""
        config, folder = self.config, self.config.out
        with ExitStack() as stack:
            stop = stack.enter_context(stop_on_signal())
            store = stack.enter_context(closing(_store(config)))
            opened = open_sinks(config, after_update=start.counters.updates)
            sinks = [stack.enter_context(closing(sink)) for sink in opened]
            bar = stack.enter_context(closing(ProgressBar(visible=self.hooks.show_progress)))
            bar.say(self._headline(start))
            point, last, saved_s = start, None, start.counters.elapsed_s
            if start.counters.updates == 0:
                # So that a run can be resumed however early it is killed.
                self._save(store, start)
                self._report_untrained(sinks, start)
            for point, last in self._iterate(start, stop):
                self._report(sinks, bar, last)
                if point.counters.elapsed_s - saved_s >= 60.0 * config.checkpoint_minutes:
                    self._save(store, point)
                    saved_s = point.counters.elapsed_s
                self._keep_snapshot(point)
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
        config, mesh = self.config, device_mesh(self.config.devices)
        # The first update donates its state; the caller's copy must survive.
        learner = replicate(jax.tree.map(jnp.copy, start.learner), mesh)
        obs, counters = jnp.asarray(start.obs), start.counters
        turn = self.begin(config, self.env, learner, obs, mesh)
        origin = time.monotonic() - counters.elapsed_s
        cpu_origin = time.process_time() - counters.cpu_s
        while not stop.requested and budget_used(config, counters) < 1.0:
            begin = time.monotonic()
            progress = schedule_progress(config, counters)
            learner, obs, stats, metrics = turn(learner, obs, progress)
            for warning in metrics.warnings():
                logger.warning(warning)
            now = time.monotonic()
            counters = counters._replace(
                updates=counters.updates + 1,
                env_steps=counters.env_steps + config.steps_per_update,
                elapsed_s=now - origin,
                cpu_s=time.process_time() - cpu_origin,
            )
            point = Checkpoint(learner, {}, obs, counters)
            yield (
                point,
                Progress(
                    counters=counters,
                    fraction=budget_used(config, counters),
                    steps_per_second=config.steps_per_update / (now - begin),
                    remaining_s=remaining_seconds(config, counters, start.counters),
                    peak_memory_mb=peak_memory_mb(),
                    rollout=stats,
                    update=metrics,
                    validation=self._measure(point),
                ),
            )

    def _measure(self, point: Checkpoint) -> dict[str, float]:
        """Figures of the present policy, where they are due."""
        figures: dict[str, float] = {}
        if point.counters.updates % self.config.validation.every == 0:
            policy = bundle(self.config, self.env, point)
            for evaluate in self.hooks.evaluate:
                figures |= evaluate(policy)
        return figures

    def _report_untrained(self, sinks: list[Sink], start: Checkpoint) -> None:
        """Where the policy starts from; and whatever measures it is compiled from here on."""
        figures = self._measure(start)
        if figures:
            for sink in sinks:
                sink.write(start.counters, figures)

    def _report(self, sinks: list[Sink], bar: ProgressBar, progress: Progress) -> None:
        scalars = progress.scalars()
        for sink in sinks:
            sink.write(progress.counters, scalars)
        bar.show(progress)
        if self.hooks.on_update is not None:
            self.hooks.on_update(progress)

    def _headline(self, start: Checkpoint) -> str:
        params, spec = start.learner.params, self.env.spec
        return (
            f"{spec.model_name}: {spec.obs_size} observations → {spec.action_size} actions; "
            f"actor {parameter_count(params.actor):,} and critic "
            f"{parameter_count(params.critic):,} parameters; {self.config.num_envs} environments"
        )

    def _save(self, store: CheckpointStore, point: Checkpoint) -> PolicyBundle:
        """Write checkpoint and policy."""
        point = point._replace(env_state=self.env.get_state())
        store.save(point, self.config, self.env.spec)
        policy = bundle(self.config, self.env, point)
        policy.save(self.config.out / "policy.npz")
        return policy

    def _keep_snapshot(self, point: Checkpoint) -> None:
        every, updates = self.config.snapshot_every, point.counters.updates
        if every is not None and updates % every == 0:
            file = self.config.out / "policies" / f"{updates:06d}.npz"
            bundle(self.config, self.env, point).save(file)


def bundle(config: TrainConfig, env: Environment, point: Checkpoint) -> PolicyBundle:
    """The policy of a checkpoint, on its own memory: the learner's buffers get donated."""
    provenance: dict[str, object] = {
        "algorithm": "PPO",
        "musclemimic_rl": version("musclemimic-rl"),
        **point.counters._asdict(),
        "config": jsonable(asdict(config)),
    }
    # Through the host: whatever devices the learner is on, the policy is on the first.
    return PolicyBundle(
        actor=jax.tree.map(_host_copy, point.learner.params.actor),
        obs_moments=jax.tree.map(_host_copy, point.learner.obs_moments),
        network=config.network,
        spec=env.spec,
        provenance=MappingProxyType(provenance),
    )


def _host_copy(leaf: jax.Array) -> jax.Array:
    return jnp.array(np.asarray(leaf), copy=True)


def _store(config: TrainConfig) -> CheckpointStore:
    return CheckpointStore(config.out / "checkpoints", keep=config.keep_checkpoints)
