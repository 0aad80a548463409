"""Evolution of the whole-body gains on the muscle model: CMA-ES (Hansen 2016, arXiv:1604.00772).

What makes a body fall is not differentiable and depends on 16 numbers; an evolution strategy
finds them without a teacher of other make whose torques muscles could not give anyway.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from musclemimic_sim import ImitationEnv, InputError, WholeBodyConfig, write_text

from musclemimic_rl.recipe.config import SearchConfig
from musclemimic_rl.recipe.episodes import OnStep, require_room, run_episodes
from musclemimic_rl.recipe.evolution import Evolution
from musclemimic_rl.recipe.gain_space import NAMES, config_with, gain_values, gains_of_worlds


@dataclass(frozen=True)
class Generation:
    """One generation; a line of search.jsonl.

    Attributes:
        generation: 1, 2, …
        points: candidates in the search space.
        scores: of each: share of the horizon, less the costs of activation and deviation.
        seconds, activation, site_error_m: means over each one's episodes.
        favourite: gains at the mean of the distribution after this generation.
        sigma: step size after it.
    """

    generation: int
    points: list[list[float]]
    scores: list[float]
    seconds: list[float]
    activation: list[float]
    site_error_m: list[float]
    favourite: dict[str, float]
    sigma: float


def search_gains(
    env: ImitationEnv,
    start: WholeBodyConfig,
    config: SearchConfig,
    *,
    log: Path,
    seed: int,
    on_step: OnStep | None = None,
) -> Iterator[Generation]:
    """Yield one generation after another, those of an interrupted search first.

    Args:
        env: with whole-body actions, without restarts, of `population · starts` environments.
        start: where the search begins.
        config: see there.
        log: a line for each generation, written whole after it; found there, the search goes on.
        seed: of candidates and starts.
        on_step: told every control step.

    Raises:
        InputError: the clips are shorter than the horizon, or the log is of another search.
    """
    frames = round(config.horizon_s / env.spec.control_dt)
    lengths = np.asarray(env.task.bank.length)
    require_room(lengths, frames=frames, source="search")
    evolution = Evolution(len(NAMES), sigma=config.sigma, population=config.population, seed=seed)
    done = _read(log)
    for generation in done:
        _replay(evolution, generation, log)
        yield generation
    while len(done) < config.generations and not good_enough(done, config):
        points = evolution.ask()
        if not done:
            points[0] = 0.0  # what it starts from is a candidate too
        values = gain_values(start, points)
        seconds, activation, error = _tried(
            env, values, config, rng=np.random.default_rng([seed, len(done)]), on_step=on_step
        )
        excess = np.maximum(0.0, activation - config.activation_limit)
        cost = 10.0 * (config.activation_cost * excess + config.error_cost * error)
        scores = seconds / config.horizon_s - cost
        evolution.tell(points, scores)
        favourite = gain_values(start, evolution.favourite[None])[0]
        generation = Generation(
            generation=len(done) + 1,
            points=points.tolist(),
            scores=scores.tolist(),
            seconds=seconds.tolist(),
            activation=activation.tolist(),
            site_error_m=error.tolist(),
            favourite=dict(zip(NAMES, favourite.tolist(), strict=True)),
            sigma=evolution.sigma,
        )
        done.append(generation)
        write_text(log, "".join(json.dumps(vars(g)) + "\n" for g in done))
        yield generation


def _tried(
    env: ImitationEnv,
    values: Float[np.ndarray, "P G"],
    config: SearchConfig,
    *,
    rng: np.random.Generator,
    on_step: OnStep | None,
) -> Float[np.ndarray, "3 P"]:
    """Mean length, s, activation and site deviation, m, of each candidate's episodes."""
    count, lengths = config.starts, np.asarray(env.task.bank.length)
    frames = round(config.horizon_s / env.spec.control_dt)
    clip = np.arange(count) % len(lengths)
    share = (np.arange(count) + rng.uniform(size=count)) / count
    frame = (share * (lengths[clip] - 1 - frames)).astype(int)
    env.use_gains(gains_of_worlds(np.repeat(values, count, axis=0)))
    still = jnp.zeros((env.num_envs, env.spec.action_size))
    episodes = run_episodes(
        env,
        lambda _obs: still,
        clip=np.tile(clip, len(values)),
        frame=np.tile(frame, len(values)),
        horizon=frames,
        on_step=on_step,
    )
    told = np.stack([episodes.seconds, episodes.activation, episodes.site_error_m])
    return told.reshape(3, len(values), count).mean(axis=2)


def found(start: WholeBodyConfig, generations: list[Generation]) -> WholeBodyConfig:
    """The settings with the last generation's favourite gains."""
    if not generations:
        return start
    favourite = generations[-1].favourite
    return config_with(start, np.array([favourite[name] for name in NAMES]))


def good_enough(done: list[Generation], config: SearchConfig) -> bool:
    """Whether an average candidate of the last generation lasts (nearly) to the horizon."""
    return bool(done) and float(np.mean(done[-1].seconds)) >= config.good_enough * config.horizon_s


def _replay(evolution: Evolution, generation: Generation, log: Path) -> None:
    """Bring the strategy to where it was after a generation of the log."""
    points, told = evolution.ask(), np.array(generation.points)
    drawn = slice(1 if generation.generation == 1 else 0, None)  # see `search_gains`
    if points.shape != told.shape or not np.allclose(points[drawn], told[drawn], atol=1e-9):
        raise InputError(
            log,
            f"generation {generation.generation}",
            found="candidates of a search with other settings",
            expected="the search to be continued; take another folder for a new one",
        )
    evolution.tell(told, np.array(generation.scores))


def _read(log: Path) -> list[Generation]:
    if not log.exists():
        return []
    try:
        return [Generation(**json.loads(line)) for line in log.read_text().splitlines()]
    except (ValueError, TypeError) as error:
        raise InputError(
            log, "line", found=f"unreadable ({error})", expected="a generation of a search"
        ) from error
