"""Recording episodes of a policy as rollouts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import jax
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import InputError
from musclemimic_sim import EnvSpec, SimOutput, Simulator, TimeStep
from musclemimic_sim.types import Array

from musclemimic_eval.rollout import Rollout
from musclemimic_eval.tape import Sample, Tape, Written

T = TypeVar("T")


@runtime_checkable
class Policy(Protocol):
    """What evaluation needs of a policy; `musclemimic_rl.PolicyBundle` is one."""

    @property
    def spec(self) -> EnvSpec:
        """The environment it was trained in."""
        ...

    @property
    def provenance(self) -> Mapping[str, object]:
        """How it was trained, plain values; its "config" says in which task."""
        ...

    def act(
        self, obs: Float[jax.Array, "N O"], key: jax.Array | None = None
    ) -> Float[jax.Array, "N A"]:
        """Actions: the mean, or with a key a sample."""
        ...


@runtime_checkable
class RolloutEnvironment(Protocol):
    """What recording needs of `musclemimic_sim.ImitationEnv`."""

    spec: EnvSpec
    output: SimOutput
    simulator: Simulator

    @property
    def excitation(self) -> Float[np.ndarray, "N nu"]:
        """What the muscles got in the last step."""
        ...

    @property
    def num_envs(self) -> int:
        """Environments stepped together."""
        ...

    @property
    def frame(self) -> Int[np.ndarray, " N"]:
        """Reference frame the present state is compared with."""
        ...

    @property
    def origin(self) -> Float[np.ndarray, "N 3"]:
        """World position subtracted from each reference, m."""
        ...

    def reset_to(self, clip_index: Int[np.ndarray, " N"], frame: Int[np.ndarray, " N"]) -> TimeStep:
        """Start every environment at a given frame of a given clip."""
        ...

    def step(self, action: Float[jax.Array, "N A"]) -> TimeStep:
        """One control step."""
        ...


@dataclass(frozen=True)
class Start:
    """Where an episode starts.

    Attributes:
        clip, name: index and name of the clip.
        frame: of the clip.
        steps: the longest the episode can get.
    """

    clip: int
    name: str
    frame: int
    steps: int


def run_episodes(
    policy: Policy,
    env: RolloutEnvironment,
    starts: Sequence[Start],
    *,
    site_names: tuple[str, ...],
    key: jax.Array | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[int, Rollout]]:
    """Record one rollout per start, as many at once as the environment holds.

    Args:
        policy: acts with its mean, or samples if there is a `key`.
        env: must not restart finished episodes by itself.
        starts: where the episodes begin.
        site_names: of the body's mimic sites.
        key: for exploration noise.
        on_progress: as in `evaluate`.

    Yields:
        Index of the start and its rollout. Starts with the same way to go come together, so that
        few environments wait for others; a whole batch is in memory at a time, not more.

    Raises:
        InputError: the policy was trained for another observation or action.
    """
    difference = env.spec.difference(policy.spec)
    if difference is not None:
        raise InputError(
            "policy", "spec", found=difference, expected="the environment it was trained in"
        )
    order = sorted(range(len(starts)), key=lambda index: -starts[index].steps)
    for first in range(0, len(order), env.num_envs):
        batch = order[first : first + env.num_envs]
        use = None
        if key is not None:
            key, use = jax.random.split(key)

        def report(finished: int, before: int = first) -> None:
            if on_progress is not None:
                on_progress(before + finished, len(starts))

        rollouts = _run_batch(
            policy,
            env,
            [starts[index] for index in batch],
            site_names=site_names,
            key=use,
            report=report,
        )
        yield from zip(batch, rollouts, strict=True)


def _run_batch(
    policy: Policy,
    env: RolloutEnvironment,
    starts: Sequence[Start],
    *,
    site_names: tuple[str, ...],
    key: jax.Array | None,
    report: Callable[[int], None],
) -> Iterator[Rollout]:
    # Idle environments repeat the last start and are not recorded.
    padded = [*starts, *[starts[-1]] * (env.num_envs - len(starts))]
    step = env.reset_to(
        np.array([start.clip for start in padded]), np.array([start.frame for start in padded])
    )
    origin = np.array(env.origin)

    def act(step: TimeStep) -> Float[jax.Array, "N A"]:
        nonlocal key
        use = None
        if key is not None:
            key, use = jax.random.split(key)
        return policy.act(step.obs, use)

    tape = Tape(len(starts))
    action, over = act(step), 0
    while over < len(starts):
        step = env.step(action)
        # The next action is on its way while this step is written down.
        action = act(step)
        over = tape.write(_sample(env, step))
        report(over)
    tape.close()

    def rollout(row: int) -> Rollout:
        return _rollout(env.spec, starts[row], tape.episode(row), -origin[row], site_names)

    yield from made_ahead(rollout, len(starts))


def made_ahead(make: Callable[[int], T], count: int) -> Iterator[T]:
    """make(0), make(1) … in turn, each made by a thread while the one before is in use."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = [thread.submit(make, 0)] if count else []
        for index in range(1, count + 1):
            ready = coming.pop().result()
            if index < count:
                coming.append(thread.submit(make, index))
            yield ready


def _sample(env: RolloutEnvironment, step: TimeStep) -> Sample:
    """What a rollout keeps of a step. Nothing here is a view of what physics will write to."""
    out, physics = env.output, env.simulator
    values: dict[str, Array] = {
        "qpos": out.qpos,
        "qvel": out.qvel,
        "excitation": env.excitation,
        "activation": out.act,
        "muscle_force": out.actuator_force,
        "muscle_length": out.actuator_length,
        "ground_reaction": physics.ground_force(),
        "centre_of_pressure": physics.ground_pressure_centre(),
        "site_pos": out.site_pos,
        "site_mat": out.site_mat,
        "reward": step.reward,
        "reference_frame": env.frame,
    }
    return Sample(values, step.terminated, step.truncated, step.unhealthy)


def _rollout(
    spec: EnvSpec,
    start: Start,
    written: Written,
    offset: Float[np.ndarray, "3"],
    site_names: tuple[str, ...],
) -> Rollout:
    length = len(written.values["qpos"])
    return Rollout(
        **written.values,  # pyright: ignore[reportArgumentType]
        time=spec.control_dt * np.arange(1, length + 1),
        reference_offset=offset,
        start_frame=start.frame,
        terminated=written.terminated,
        reference_clip=start.name,
        site_names=site_names,
        model_name=spec.model_name,
        model_sha256=spec.model_sha256,
    )
