"""Candidates of the whole-body gains side by side, each from the same random phases of a clip.

python benchmarks/gains.py walk_cycle.npz --seconds 20 '{}' '{"side_position": 0.42}'
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jax.numpy as jnp
import numpy as np
from musclemimic_models import MotionClip, get_musculo_model
from musclemimic_rl.recipe.episodes import require_room, run_episodes
from musclemimic_rl.recipe.gain_space import NAMES, gains_of_worlds
from musclemimic_rl.recipe.judge import whole_body_task
from musclemimic_sim import WholeBodyConfig, make_env
from rich.console import Console
from rich.table import Table

from benchmarks.table import BenchmarkTable

COLUMNS = (
    "gains",
    ">= 5 s, %",
    ">= 10 s, %",
    "to the limit, %",
    "mean, s",
    "activation",
    "sites, cm",
)


def tried(
    clip: MotionClip, candidates: list[dict[str, float]], *, starts: int, seconds: float, seed: int
) -> BenchmarkTable:
    """How long each candidate follows the clip, by action 0, at the published thresholds."""
    start, frames = WholeBodyConfig(), round(seconds / clip.dt)
    require_room(np.array([len(clip)]), frames=frames, source="gains")
    values = [[float(one.get(name, getattr(start, name))) for name in NAMES] for one in candidates]
    share = (np.arange(starts) + np.random.default_rng(seed).uniform(size=starts)) / starts
    frame = (share * (len(clip) - 1 - frames)).astype(int)
    env = make_env(
        get_musculo_model("MyoFullBody", fingers=False),
        (clip,),
        num_envs=starts * len(candidates),
        config=whole_body_task(start, auto_reset=False),
    )
    env.use_gains(gains_of_worlds(np.repeat(np.array(values), starts, axis=0)))
    still = jnp.zeros((env.num_envs, env.spec.action_size))
    episodes = run_episodes(
        env,
        lambda _obs: still,
        clip=np.zeros(env.num_envs, dtype=int),
        frame=np.tile(frame, len(candidates)),
        horizon=frames,
    )
    env.close()
    lasted, activation, error = (
        values.reshape(len(candidates), starts)
        for values in (episodes.seconds, episodes.activation, episodes.site_error_m)
    )
    rows = tuple(
        (
            json.dumps(candidate),
            *(100.0 * float((lasted[row] >= s - 0.015).mean()) for s in (5.0, 10.0, seconds)),
            float(lasted[row].mean()),
            float(activation[row].mean()),
            100.0 * float(error[row].mean()),
        )
        for row, candidate in enumerate(candidates)
    )
    note = (
        f"{starts} random phases each, at most {seconds:g} s, seed {seed}; {{}}: the shipped gains"
    )
    return BenchmarkTable("gains", COLUMNS, rows, note)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path, help="of `musclemimic retarget cycle`, MyoFullBody")
    parser.add_argument("gains", nargs="+", type=json.loads, help="such as '{\"lift\": 0.2}'")
    parser.add_argument("--starts", type=int, default=12, help="episodes of each candidate")
    parser.add_argument("--seconds", type=float, default=20.0, help="longest episode")
    parser.add_argument("--seed", type=int, default=0, help="of the phases")
    args = parser.parse_args()
    unknown = sorted({name for one in args.gains for name in one} - set(NAMES))
    if unknown:
        parser.error(f"unknown gains {unknown}; there are {', '.join(NAMES)}")
    clip = MotionClip.load(args.clip)
    told = tried(clip, args.gains, starts=args.starts, seconds=args.seconds, seed=args.seed)
    table = Table(*told.columns, caption=told.notes)
    for row in told.rows:
        table.add_row(*(cell if isinstance(cell, str) else f"{cell:.3g}" for cell in row))
    Console().print(table)


if __name__ == "__main__":
    main()
