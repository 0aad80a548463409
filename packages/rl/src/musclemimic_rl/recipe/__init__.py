"""Recipes: several stages of learning in a row, each of them resumable.

`walk` is the road of a muscle-driven body that has to stay on its feet:
    search  gains of the whole-body coordination, by evolution on the muscle model itself;
    ppo     a policy that corrects the coordination's joint targets;
    judge   how long either of them follows the reference, from random phases.
"""

from musclemimic_rl.recipe.config import JudgeConfig as JudgeConfig
from musclemimic_rl.recipe.config import SearchConfig as SearchConfig
from musclemimic_rl.recipe.config import WalkRecipe as WalkRecipe
from musclemimic_rl.recipe.judge import Verdict as Verdict
from musclemimic_rl.recipe.judge import judge as judge
from musclemimic_rl.recipe.search import search_gains as search_gains
from musclemimic_rl.recipe.walk import run_walk as run_walk
