"""Steps per second and memory of one body in environments of several sizes; see gpu_check.py."""

import argparse
import gc
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import jax
import warp as wp
from musclemimic_models import get_musculo_model
from musclemimic_models.files import write_json
from musclemimic_sim import ImitationEnv, make_env
from musclemimic_sim.bench_clip import built_in_clip
from musclemimic_sim.warp_backend import WarpSimulator

from benchmarks.gpu_report import part_name, read_part

SEED = 0


def main() -> None:
    """Measure what is missing, largest first so that a lack of memory shows early."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", required=True)
    parser.add_argument("--describe", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--parts", type=Path)
    parser.add_argument("--worlds", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--seconds", type=float)
    a = parser.parse_args()
    if a.describe:
        write_json(a.describe, describe(a.device))
        return
    for backend, worlds in [("native", 128 if a.device != "cpu" else max(a.worlds))] + [
        ("warp", count) for count in a.worlds
    ]:
        path = a.parts / part_name(a.model, backend, worlds)
        if "environment_steps_per_second" in read_part(path):
            continue
        print(f"{a.model}, {backend}, {worlds} worlds", flush=True)
        try:
            row = measure(a.model, backend, worlds, device=a.device, seconds=a.seconds)
        except (RuntimeError, MemoryError) as error:
            # Out of memory comes as one of these from Warp and JAX.
            row = {"error": str(error).splitlines()[0][:200]}
        head = {"model": a.model, "backend": backend, "worlds": worlds}
        write_json(path, head | row | {"machine": read_part(a.parts / "machine.json")})
        gc.collect()


def describe(device: str) -> dict[str, object]:
    """What the figures depend on. Fails where the device cannot be used."""
    wp.config.log_level = wp.LOG_WARNING
    warp_device = wp.get_device(device)
    return {
        "device": warp_device.name if warp_device.is_cuda else f"{platform.machine()} CPU",
        "device_memory_gb": round(warp_device.total_memory / 1e9, 1) if warp_device.is_cuda else 0,
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "jax_device": jax.devices()[0].platform,
        **{name: version(name) for name in ("mujoco", "mujoco-warp", "warp-lang", "jax")},
    }


def measure(
    model_name: str, backend: str, worlds: int, *, device: str, seconds: float
) -> dict[str, object]:
    """Figures of one environment under random excitations."""
    model = get_musculo_model(model_name, fingers=False)
    clip = built_in_clip(model)
    free = free_memory(device)
    start = time.perf_counter()
    options = {"device": device} if backend == "warp" else {}
    env = make_env(model, [clip], num_envs=worlds, backend=backend, seed=SEED, **options)
    action = 0.3 * jax.random.uniform(jax.random.PRNGKey(SEED), (worlds, env.spec.action_size))
    for _ in range(2):
        env.step(action).obs.block_until_ready()
    first = time.perf_counter() - start
    used = free - free_memory(device) if backend == "warp" else 0
    check_transfers(env, action)
    step = median_seconds(lambda: env.step(action).obs, seconds)
    physics = median_seconds(lambda: env.simulator.step(action).qpos, seconds)
    _, overflow = env.simulator.health()
    row: dict[str, object] = {
        "environment_steps_per_second": worlds / step,
        "physics_steps_per_second": worlds / physics,
        "first_two_steps_seconds": first,
        "worlds_that_overflowed": int((env.health.overflowed > 0).sum() + (overflow != 0).sum()),
        "divergences": int(env.health.diverged.sum()),
    }
    if isinstance(env.simulator, WarpSimulator):
        row["allocated_mb_per_world"] = env.simulator.allocated_bytes / worlds / 1e6
    if used > 0:
        row["memory_mb_per_world"] = used / worlds / 1e6
    env.close()
    return row


def check_transfers(env: ImitationEnv, action: jax.Array) -> None:
    """A step may ask the device for nothing but its three flags (JAX raises otherwise)."""
    with jax.transfer_guard_device_to_host("disallow"):
        env.step(action).obs.block_until_ready()


def median_seconds(call: Callable[[], object], budget: float) -> float:
    """Median time of a call, over at least three and at most `budget` seconds."""
    times: list[float] = []
    while len(times) < 3 or sum(times) < budget:
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def free_memory(device: str) -> int:
    """Free bytes on a CUDA device; 0 on the CPU."""
    warp_device = wp.get_device(device)
    if not warp_device.is_cuda:
        return 0
    gc.collect()
    wp.synchronize_device(warp_device)
    return int(warp_device.free_memory)


if __name__ == "__main__":
    main()
