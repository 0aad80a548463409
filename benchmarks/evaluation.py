"""Speed of an evaluation beside bare physics: 100 episodes of 500 steps of an arms policy."""

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.table import BenchmarkTable, median_ratio

MODEL = "BimanualMuscle"
EPISODES, STEPS = 100, 500
ROUNDS = 3


def run() -> BenchmarkTable:
    """Steps/s of recording and scoring, of the whole call, and of MuJoCo alone, in turn."""
    from musclemimic_eval import evaluate
    from musclemimic_eval.policy_rollout import spread_starts
    from musclemimic_eval.recording import run_episodes
    from musclemimic_eval.validation import score
    from musclemimic_models import get_musculo_model
    from musclemimic_sim import EnvConfig, keep_compilations, make_env

    keep_compilations()  # as the command does
    model = get_musculo_model(MODEL, fingers=False)
    clip = _slow_swing()
    starts = spread_starts({"swing": clip}, episodes=EPISODES, horizon=STEPS)
    config = EnvConfig().for_evaluation(horizon=STEPS)
    env = make_env(model, [clip], num_envs=EPISODES, config=config)
    policy = _untrained(env.spec)
    rollouts: list = []

    def record() -> None:
        rollouts.clear()
        for _, rollout in run_episodes(policy, env, starts, site_names=tuple(model.mimic_sites)):
            score(rollout, {"swing": clip})
            rollouts.append(rollout)

    record()  # compiles
    lengths = {len(rollout) for rollout in rollouts}
    if lengths != {STEPS}:
        raise RuntimeError(f"episodes of {sorted(lengths)} steps; the benchmark needs {STEPS}")
    excitation = np.stack([rollout.excitation for rollout in rollouts], axis=1)  # (T, N, nu)
    bare = _bare_physics(model, rollouts, excitation)
    total = EPISODES * STEPS

    def whole() -> None:
        evaluate(policy, {"swing": clip}, model=model, episodes=EPISODES, horizon=STEPS)

    seconds: dict[str, list[float]] = {"bare": [], "record": [], "whole": []}
    tasks: dict[str, Callable[[], None]] = {"bare": bare, "record": record, "whole": whole}
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            begin = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - begin)
    env.close()
    labels = {
        "bare": "MuJoCo alone (mujoco.batch, same excitations)",
        "record": "recording and scoring the episodes",
        "whole": "evaluate(), programs kept from an earlier call: environment, episodes, intervals",
    }
    rows = tuple(
        (
            labels[name],
            statistics.median(values),
            total / statistics.median(values),
            median_ratio(seconds["bare"], values),
        )
        for name, values in seconds.items()
    )
    return BenchmarkTable(
        "eval",
        ("what", "seconds", "steps/s", "of bare physics"),
        rows,
        f"{EPISODES} episodes of {STEPS} steps of 10 ms, {MODEL} without fingers, all cores, "
        "median of rounds in turn",
    )


def _slow_swing():
    """Arms hanging and swinging a little: an untrained policy stays within the limits."""
    from musclemimic_models import get_musculo_model
    from musclemimic_sim.bench_clip import clip_of

    model = get_musculo_model(MODEL, fingers=False)
    t = 0.01 * np.arange(STEPS + 150)
    qpos = np.tile(model.mj_model.qpos0, (len(t), 1))
    for side in "rl":
        for joint, middle in (("shoulder_elv", 0.35), ("elbow_flexion", 0.6)):
            address = int(model.mj_model.joint(f"{joint}_{side}").qposadr[0])
            qpos[:, address] = middle + 0.1 * np.sin(2 * np.pi * 0.5 * t)
    return clip_of(model, qpos, dt=0.01, source="slow swing")


def _untrained(spec):
    """A policy of the default size with fresh weights, as slow as a trained one."""
    import jax
    from musclemimic_rl import NetworkConfig, PolicyBundle
    from musclemimic_rl.networks import Actor
    from musclemimic_rl.normalise import empty_moments

    network = NetworkConfig()
    actor = Actor(
        network, obs_size=spec.obs_size, action_size=spec.action_size, key=jax.random.key(0)
    )
    return PolicyBundle(actor, empty_moments((spec.obs_size,)), network, spec, {})


def _bare_physics(model, rollouts, excitation: np.ndarray) -> Callable[[], None]:
    """The same control steps by the thread pool and nothing else."""
    from mujoco.batch import Batch

    batch = Batch(model.mj_model, len(rollouts), 0, persistent=True)
    fields = {name: batch.bind(name) for name in ("qpos", "qvel", "act", "ctrl")}

    def run() -> None:
        for world, rollout in enumerate(rollouts):
            fields["qpos"][world], fields["qvel"][world] = rollout.qpos[0], rollout.qvel[0]
            fields["act"][world] = rollout.activation[0]
        for ctrl in excitation:
            fields["ctrl"][:] = ctrl
            batch.step(nstep=5)

    return run
