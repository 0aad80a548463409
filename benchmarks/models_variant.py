"""Cost of a physics step: the simulation variant against the model with meshes."""

import statistics

import mujoco
import numpy as np

from benchmarks.table import BenchmarkTable, interleaved, median_ratio

MODELS = ("BimanualMuscle", "MyoFullBody")
STEPS = 250
ROUNDS = 15


def run() -> BenchmarkTable:
    """Milliseconds per 2 ms step, one thread, random excitations from standing."""
    from musclemimic_models import load_model

    rows: list[tuple[str | float, ...]] = []
    for name in MODELS:
        models = {
            "full": load_model(name, fingers=False, visual=True),
            "variant": load_model(name, fingers=False, visual=False),
        }
        ctrl = np.random.default_rng(0).uniform(0, 0.3, models["full"].nu)

        def rollout(model: mujoco.MjModel, ctrl: np.ndarray = ctrl) -> None:
            data = mujoco.MjData(model)
            data.ctrl[:] = ctrl
            for _ in range(STEPS):
                mujoco.mj_step(model, data)

        seconds = interleaved(
            {key: (lambda model=model: rollout(model)) for key, model in models.items()},
            rounds=ROUNDS,
        )
        per_step = {k: 1e3 * statistics.median(v) / STEPS for k, v in seconds.items()}
        ratio = median_ratio(seconds["variant"], seconds["full"])
        rows.append((name, per_step["full"], per_step["variant"], ratio))
    return BenchmarkTable(
        "models_variant",
        ("model without fingers", "with meshes, ms/step", "variant, ms/step", "variant / full"),
        tuple(rows),
        "median of paired rounds, one thread, plain mj_step",
    )
