"""How fast an environment steps on this machine, beside plain MuJoCo, and where the time goes."""

import math
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Bool, Float
from mujoco.rollout import Rollout
from musclemimic_models import MusculoModel, compile_spec, load_spec

from musclemimic_sim.body import BodyState, body_state
from musclemimic_sim.compiled import jit
from musclemimic_sim.env import ImitationEnv
from musclemimic_sim.task import Episode

# Random excitations up to this: bodies neither slump nor cramp, fall, and are restarted.
_EXCITATION = 0.3


@dataclass(frozen=True)
class Speed:
    """Medians on this machine.

    Attributes:
        num_envs: environments stepped together.
        step_s: one step of all of them: physics, observation, reward, termination, restarts.
        rollout_s: plain `mujoco.rollout` of the published model over the same time, from the same
            states, with the same excitations and threads.
        ratio: rollout_s / step_s, median of paired rounds; above 1 the environment is faster.
        restarts: environments restarted in an average step.
        parts: seconds of each part of a step, each measured alone.
    """

    num_envs: int
    step_s: float
    rollout_s: float
    ratio: float
    restarts: float
    parts: dict[str, float]

    @property
    def steps_per_second(self) -> float:
        """Environment steps per second."""
        return self.num_envs / self.step_s


def thread_count() -> int:
    """Cores this process may use."""
    if "sched_getaffinity" in dir(os):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def published_model(model: MusculoModel) -> mujoco.MjModel:
    """The body as myo-sim publishes it: with meshes, all sites and its own muscle paths."""
    return compile_spec(load_spec(model.name, fingers=model.fingers, visual=True, repaired=False))


def measure(
    env: ImitationEnv, published: mujoco.MjModel, *, threads: int, steps: int, rounds: int
) -> Speed:
    """Step an environment with random actions and `mujoco.rollout` in turn.

    In turn, so that a change of the machine's load meets both.

    Args:
        env: stepped; made with `num_threads=threads`.
        published: see `published_model`.
        threads: of `mujoco.rollout`.
        steps: control steps in a round.
        rounds: timed rounds, after one that is not.
    """
    plain = _PlainRollout(published, env, threads)
    ours: list[float] = []
    theirs: list[float] = []
    restarts: list[int] = []
    step = env.reset()
    for key in jax.random.split(jax.random.PRNGKey(0), rounds + 1):
        shape = (steps, env.num_envs, env.spec.action_size)
        actions = list(_EXCITATION * jax.random.uniform(key, shape))
        jax.block_until_ready(actions)
        start = plain.state()
        excitations: list[Float[np.ndarray, "N nu"]] = []
        ended: list[Bool[jax.Array, " N"]] = []
        begin = time.perf_counter()
        for action in actions:
            step = env.step(action)
            excitations.append(env.excitation)
            ended.append(step.terminated | step.truncated)
        step.obs.block_until_ready()
        middle = time.perf_counter()
        stacked = np.stack(excitations, axis=1).astype(np.float64)
        control = np.repeat(stacked, env.task.config.substeps, axis=1)
        begin_rollout = time.perf_counter()
        plain.run(start, control)
        theirs.append((time.perf_counter() - begin_rollout) / steps)
        ours.append((middle - begin) / steps)
        restarts += [int(done.sum()) for done in ended]
    ratios = [b / a for a, b in zip(ours[1:], theirs[1:], strict=True)]
    return Speed(
        num_envs=env.num_envs,
        step_s=statistics.median(ours[1:]),
        rollout_s=statistics.median(theirs[1:]),
        ratio=statistics.median(ratios),
        restarts=float(statistics.mean(restarts[steps:])),
        parts=parts_of_a_step(env, repeats=max(3, rounds)),
    )


class _PlainRollout:
    """`mujoco.rollout` of another model of the same body, with a pool of threads that stays."""

    def __init__(self, published: mujoco.MjModel, env: ImitationEnv, threads: int) -> None:
        self._env = env
        self._models = [published] * env.num_envs
        self._datas = [mujoco.MjData(published) for _ in range(threads)]
        self._rollout = Rollout(nthread=threads)

    def state(self) -> Float[np.ndarray, "N s"]:
        """The environment's present physics: time, qpos, qvel, act."""
        output = self._env.output
        parts = (np.asarray(a) for a in (output.qpos, output.qvel, output.act))
        time_column = np.zeros((self._env.num_envs, 1))
        return np.concatenate([time_column, *parts], axis=1).astype(np.float64)

    def run(self, state: Float[np.ndarray, "N s"], control: Float[np.ndarray, "N t nu"]) -> None:
        self._rollout.rollout(self._models, self._datas, state, control)


def parts_of_a_step(env: ImitationEnv, *, repeats: int) -> dict[str, float]:
    """Median seconds of physics, transfers, observation, reward, restart and coordination.

    Each alone and waited for, so they add up to a little more than a step. "transfers" is physics
    output to device arrays; "reward" includes termination; "restart" is one world's; the last is
    there with coordinated actions only: muscle moments and the solution.
    """
    saved = env.get_state()
    count, task, simulator = env.num_envs, env.task, env.simulator
    # Constants would let the compiler compute the whole thing in advance.
    action = jnp.full((count, env.spec.action_size), 0.1)
    ctrl = np.full_like(env.excitation, 0.1)
    observe, start = jit(task.observe), jit(task.start)

    def judged(
        state: BodyState, episode: Episode, action: jax.Array, excitation: jax.Array
    ) -> tuple[jax.Array, ...]:
        # Without the observation, which the compiler then leaves out.
        outcome = task.judge(state, episode, action, excitation)
        return outcome.reward, outcome.terminated, outcome.truncated, *outcome.terms.values()

    judge = jit(judged)
    one = jnp.zeros(count, dtype=bool).at[0].set(True)
    rest = np.zeros((count, env.excitation.shape[1]), np.float32)

    def transfer() -> BodyState:
        bad, _ = simulator.health()
        return body_state(env.output, np.asarray(bad))

    def restart() -> object:
        episode, qpos, qvel = start(env.episode, one)
        simulator.reset(np.asarray(one), np.asarray(qpos), np.asarray(qvel), rest)
        return episode

    state, excitation = transfer(), jnp.asarray(ctrl)
    calls: dict[str, Callable[[], object]] = {
        "physics": lambda: simulator.step(ctrl),
        "transfers": transfer,
        "observation": lambda: observe(state, env.episode),
        "reward": lambda: judge(state, env.episode, action, excitation),
        "restart": restart,
    }
    if task.config.action_map == "coordinated":
        calls["coordination"] = lambda: env.excite(action)
    parts = {name: _median_seconds(call, repeats) for name, call in calls.items()}
    env.set_state(saved)
    return parts


def _median_seconds(call: Callable[[], object], repeats: int) -> float:
    jax.block_until_ready(call())
    seconds: list[float] = []
    for _ in range(repeats):
        begin = time.perf_counter()
        jax.block_until_ready(call())
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def growth_exponent(speeds: list[Speed]) -> float:
    """Slope of log(step time) over log(environments): 1 where cost is linear."""
    x = [math.log(speed.num_envs) for speed in speeds]
    y = [math.log(speed.step_s) for speed in speeds]
    return float(np.polyfit(x, y, 1)[0])
