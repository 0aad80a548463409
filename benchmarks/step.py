"""Environment steps beside plain MuJoCo, by number of worlds, and where the time goes."""

from musclemimic_models import get_musculo_model
from musclemimic_sim import EnvConfig, make_env
from musclemimic_sim.bench_clip import built_in_clip
from musclemimic_sim.speed import growth_exponent, measure, published_model, thread_count

from benchmarks.table import BenchmarkTable

WORLDS = {"BimanualMuscle": (16, 128, 1024), "MyoFullBody": (16, 128, 1024)}
STEPS = {16: 10, 128: 5, 1024: 2}
ROUNDS = {16: 12, 128: 8, 1024: 3}
COORDINATED_WORLDS = 128
PARTS = ("physics", "transfers", "observation", "reward", "restart", "coordination")


def run() -> BenchmarkTable:
    """Ratio to `mujoco.rollout` of the published model, and milliseconds of each part."""
    rows: list[tuple[str | float, ...]] = []
    notes: list[str] = []
    threads = thread_count()
    for name, worlds in WORLDS.items():
        model = get_musculo_model(name, fingers=False)
        published, clip = published_model(model), built_in_clip(model)

        def row(count: int, threads: int, action_map: str = "clip", **where: object):
            config = EnvConfig(action_map=action_map)
            env = make_env(
                where["model"],
                [where["clip"]],
                num_envs=count,
                config=config,
                num_threads=threads,
            )
            speed = measure(
                env, where["published"], threads=threads, steps=STEPS[count], rounds=ROUNDS[count]
            )
            env.close()
            parts = (1e3 * speed.parts[p] if p in speed.parts else "" for p in PARTS)
            shown = (1e3 * speed.step_s, speed.steps_per_second, speed.ratio, speed.restarts)
            rows.append((where["model"].name, action_map, threads, count, *shown, *parts))
            return speed

        here = {"model": model, "clip": clip, "published": published}
        speeds = [row(count, threads, **here) for count in worlds]
        notes.append(f"{name}: step time grows with worlds to the {growth_exponent(speeds):.3f}")
        row(COORDINATED_WORLDS, threads, "coordinated", **here)
        if threads > 1:
            row(COORDINATED_WORLDS, 1, **here)
    return BenchmarkTable(
        "step",
        (
            *("model", "action", "threads", "worlds", "step, ms", "steps/s", "ratio"),
            *("restarts/step", *(f"{part}, ms" for part in PARTS)),
        ),
        tuple(rows),
        "ratio: mujoco.rollout of the published model / environment, paired rounds, same states, "
        "excitations and threads; parts measured alone, restart of one world; " + "; ".join(notes),
    )
