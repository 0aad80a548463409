"""The walk recipe: search gains, train a policy on top, distil it, judge every stage."""

import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from musclemimic_sim import (
    InputError,
    WholeBodyConfig,
    load_clips,
    make_env,
    write_json,
)

from musclemimic_rl.from_json import from_dict
from musclemimic_rl.policy import load_policy
from musclemimic_rl.recipe.config import WalkRecipe
from musclemimic_rl.recipe.display import StageBar
from musclemimic_rl.recipe.judge import Verdict, whole_body_task
from musclemimic_rl.recipe.ledger import Ledger
from musclemimic_rl.recipe.policies import corrected, resting, taught
from musclemimic_rl.recipe.search import Generation, found, search_gains

_LOG = logging.getLogger(__name__)
_FOUND, _ON_TOP = "gains found", "policy on top"


def run_walk(recipe: WalkRecipe, *, show_progress: bool = True) -> dict[str, Verdict]:
    """Run the stages that are not yet done; returns the verdict on each.

    `recipe.out` then holds recipe.json, search.jsonl, gains.json, the runs `policy` and `student`,
    policy.npz (the policy on top or what corrects nothing, whichever stays up longer),
    verdicts.json and verdicts.md.

    Args:
        recipe: all settings.
        show_progress: draw progress bars on standard error.

    Raises:
        InputError: no clips, clips shorter than a horizon, or a folder with another recipe in it.
        KeyboardInterrupt: a run was interrupted, and has been saved.
    """
    if not recipe.clips:
        raise InputError("recipe", "clips", found="none", expected="at least one clip file")
    _require_same_recipe(recipe)
    ledger = Ledger(recipe, show_progress=show_progress)
    ledger.judge("first gains", whole_body_task(recipe.gains, auto_reset=False))
    gains = _searched(recipe, show_progress=show_progress)
    task = whole_body_task(gains, auto_reset=False)
    ledger.judge(_FOUND, task)
    result = resting(recipe, gains)
    if recipe.correction.minutes > 0:
        run = corrected(recipe, gains, show_progress=show_progress)
        ledger.judge(_ON_TOP, task, run / "policy.npz")
        if _stays_up_longer(ledger.verdicts):
            result = load_policy(run / "policy.npz")
    result.save(recipe.out / "policy.npz")
    if recipe.student.minutes > 0:
        run = taught(recipe, gains, recipe.out / "policy.npz", show_progress=show_progress)
        alone = dataclasses.replace(task, action_map="clip")
        ledger.judge("excitations alone", alone, run / "policy.npz")
    return ledger.verdicts


def _stays_up_longer(verdicts: Mapping[str, Verdict]) -> bool:
    """Whether the policy on top is of use."""
    alone, corrected = verdicts[_FOUND].mean_s, verdicts[_ON_TOP].mean_s
    if corrected <= alone:
        _LOG.warning(
            "the policy on top lasts %.2f s and the layer by itself %.2f s: the latter is kept",
            corrected,
            alone,
        )
    return corrected > alone


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
        student=dataclasses.replace(recipe.student, minutes=0.0),
    )
