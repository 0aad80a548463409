"""The walk recipe: search gains, train a policy on top, judge every stage."""

import dataclasses
import json
from pathlib import Path

import numpy as np
from musclemimic_sim import (
    InputError,
    WholeBodyConfig,
    load_clips,
    make_env,
    write_json,
)

from musclemimic_rl.checkpoint import has_checkpoint
from musclemimic_rl.config import TrainConfig
from musclemimic_rl.config_file import read_config
from musclemimic_rl.from_json import from_dict
from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.optim import OptimConfig
from musclemimic_rl.ppo import PPOConfig
from musclemimic_rl.recipe.config import WalkRecipe
from musclemimic_rl.recipe.display import StageBar
from musclemimic_rl.recipe.judge import Verdict, whole_body_task
from musclemimic_rl.recipe.ledger import Ledger
from musclemimic_rl.recipe.search import Generation, found, search_gains
from musclemimic_rl.trainer import resume, train


def run_walk(recipe: WalkRecipe, *, show_progress: bool = True) -> dict[str, Verdict]:
    """Run the stages that are not yet done; returns the verdict on each.

    `recipe.out` then holds recipe.json, search.jsonl, gains.json, the run `policy/`, verdicts.json
    and verdicts.md.

    Args:
        recipe: all settings.
        show_progress: draw progress bars on standard error.

    Raises:
        InputError: no clips, clips shorter than a horizon, or a folder with another recipe in it.
    """
    if not recipe.clips:
        raise InputError("recipe", "clips", found="none", expected="at least one clip file")
    _require_same_recipe(recipe)
    ledger = Ledger(recipe, show_progress=show_progress)
    ledger.judge("first gains", recipe.gains)
    gains = _searched(recipe, show_progress=show_progress)
    ledger.judge("gains found", gains)
    if recipe.correction.minutes > 0:
        run = _corrected(recipe, gains, show_progress=show_progress)
        ledger.judge("policy on top", gains, run / "policy.npz")
    return ledger.verdicts


def _searched(recipe: WalkRecipe, *, show_progress: bool) -> WholeBodyConfig:
    """Search, or go on searching, or read what was found."""
    config, log = recipe.search, recipe.out / "search.jsonl"
    model, clips = load_clips(recipe.clips, recipe.model, fingers=recipe.fingers)
    env = make_env(
        model,
        clips,
        num_envs=config.population * config.starts,
        config=whole_body_task(recipe.gains, auto_reset=False),
        num_threads=recipe.num_threads,
    )
    generations: list[Generation] = []
    with StageBar("searching gains", visible=show_progress) as bar:
        for generation in search_gains(
            env,
            recipe.gains,
            config,
            log=log,
            seed=recipe.seed,
            on_step=bar.on_step(config.horizon_s, of=config.generations, done=generations),
        ):
            generations.append(generation)
            bar.say(
                f"generation {generation.generation}: mean {np.mean(generation.seconds):.2f} s, "
                f"best {np.max(generation.seconds):.2f} s of {config.horizon_s:g} s, activation "
                f"{np.mean(generation.activation):.3f}"
            )
    env.close()
    gains = found(recipe.gains, generations)
    write_json(recipe.out / "gains.json", dataclasses.asdict(gains))
    return gains


def _corrected(recipe: WalkRecipe, gains: WholeBodyConfig, *, show_progress: bool) -> Path:
    """Train, or go on training, the policy on top; returns the run's folder."""
    run, config = recipe.out / "policy", recipe.correction
    if has_checkpoint(run / "checkpoints"):
        if read_config(run / "config.json").env.whole_body != gains:
            expected = "the gains now found; move it away to train anew"
            raise InputError(run, "whole_body", found="a policy on other gains", expected=expected)
        resume(run, minutes=config.minutes, show_progress=show_progress)
        return run
    train(
        TrainConfig(
            clips=recipe.clips,
            out=run,
            model=recipe.model,
            fingers=recipe.fingers,
            num_envs=config.num_envs,
            num_threads=recipe.num_threads,
            seed=recipe.seed,
            minutes=config.minutes,
            env=whole_body_task(gains, auto_reset=True),
            network=NetworkConfig(hidden=config.hidden, initial_std=config.initial_std),
            ppo=PPOConfig(
                num_steps=config.num_steps,
                minibatch_size=min(1024, config.num_envs * config.num_steps),
                warmup_updates=config.warmup_updates,
                optim=OptimConfig(learning_rate=config.learning_rate, target_kl=config.target_kl),
            ),
        ),
        show_progress=show_progress,
    )
    return run


def _require_same_recipe(recipe: WalkRecipe) -> None:
    """Refuse to go on in a folder with other settings than limits; write them down.

    Raises:
        InputError: naming the setting.
    """
    path = recipe.out / "recipe.json"
    if path.exists():
        there = from_dict(WalkRecipe, json.loads(path.read_text()), source=path)
        for field in dataclasses.fields(recipe):
            own, old = (getattr(_without_limits(r), field.name) for r in (recipe, there))
            if own != old:
                raise InputError(path, field.name, found=old, expected=f"{own}, or another folder")
    write_json(path, dataclasses.asdict(recipe))


def _without_limits(recipe: WalkRecipe) -> WalkRecipe:
    """What has to stay the same from one call to the next."""
    return dataclasses.replace(
        recipe,
        out=Path(),
        num_threads=0,
        search=dataclasses.replace(recipe.search, generations=0),
        correction=dataclasses.replace(recipe.correction, minutes=0.0),
    )
