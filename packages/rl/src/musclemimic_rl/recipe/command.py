"""`musclemimic train --recipe NAME CLIPS…`."""

import sys
from collections.abc import Sequence

from musclemimic_sim import InputError

from musclemimic_rl.options import nearest, parse
from musclemimic_rl.recipe.config import WalkRecipe
from musclemimic_rl.recipe.walk import run_walk

RECIPES = ("walk",)

_HELP = """Teach a body to stay on its feet and follow its clips with all its muscles.

    musclemimic retarget walk.bvh --model MyoFullBody --out clips
    musclemimic retarget cycle clips/walk.npz --seconds 30
    musclemimic train --recipe walk clips/walk_cycle.npz --out runs/walk

Gains of the whole-body coordination are searched by evolution on the muscle model. Two further
stages are left out by default, since neither has been shown to help a walk: a policy that corrects
the joint targets (PPO, --correction.minutes), and one that learns to do without the layer, saying
the excitations itself (distillation, --student.minutes). Each stage is judged on episodes from
random phases. Stop it with Ctrl-C when you like: the same command goes on where it was."""


def recipe_main(name: str, argv: Sequence[str]) -> int:
    """Run a recipe; returns the exit code.

    Args:
        name: of the recipe.
        argv: the other arguments.

    Raises:
        InputError: no such recipe, or wrong settings.
    """
    if name not in RECIPES:
        raise InputError("train", "--recipe", found=repr(name), expected=nearest(name, RECIPES))
    prog = f"musclemimic train --recipe {name}"
    recipe = parse(WalkRecipe, argv, prog=prog, description=_HELP)
    for stage, verdict in run_walk(recipe).items():
        sys.stdout.write(f"{stage}: {verdict.line()}\n")
    return 0
