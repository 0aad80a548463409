"""The policies of a recipe: one that corrects the layer's joint targets, one without the layer."""

import dataclasses
from pathlib import Path

from musclemimic_sim import (
    EnvConfig,
    InputError,
    RewardConfig,
    RewardTerm,
    WholeBodyConfig,
    load_clips,
    make_env,
)

from musclemimic_rl.checkpoint import has_checkpoint
from musclemimic_rl.config import DistilConfig, TrainConfig
from musclemimic_rl.config_file import read_config
from musclemimic_rl.network_config import NetworkConfig
from musclemimic_rl.optim import OptimConfig
from musclemimic_rl.policy import PolicyBundle
from musclemimic_rl.ppo import PPOConfig
from musclemimic_rl.recipe.config import CorrectionConfig, StudentConfig, WalkRecipe
from musclemimic_rl.recipe.judge import whole_body_task
from musclemimic_rl.recipe.resting import resting_policy
from musclemimic_rl.source import LESSONS
from musclemimic_rl.trainer import resume, train

# A fall begins seconds before it: the pelvis drifts off the reference's place. The published reward
# hardly pays for that place, and a policy sold it for millimetres of the sites.
UPRIGHT = RewardConfig(root_position=RewardTerm(1.0, 30.0))


def corrected(recipe: WalkRecipe, gains: WholeBodyConfig, *, show_progress: bool) -> Path:
    """Train, or go on training, the policy on top (PPO); returns the run's folder.

    Raises:
        InputError: the run there is on other gains.
    """
    config = recipe.correction
    run = _run(
        recipe,
        config,
        out=recipe.out / "policy",
        task=dataclasses.replace(whole_body_task(gains, auto_reset=True), reward=UPRIGHT),
        network=NetworkConfig(hidden=config.hidden, initial_std=config.initial_std),
        ppo=PPOConfig(
            num_steps=config.num_steps,
            minibatch_size=_minibatch(config),
            gamma=config.gamma,
            epochs=4,  # the KL holds them back
            warmup_updates=config.warmup_updates,
            optim=OptimConfig(learning_rate=config.learning_rate, target_kl=config.target_kl),
        ),
    )
    return _made(run, show_progress=show_progress)


def resting(recipe: WalkRecipe, gains: WholeBodyConfig) -> PolicyBundle:
    """The layer by itself, as a policy that corrects nothing."""
    model, clips = load_clips(recipe.clips, recipe.model, fingers=recipe.fingers)
    env = make_env(
        model, clips, num_envs=1, config=whole_body_task(gains, auto_reset=True), num_threads=1
    )
    spec = env.spec
    env.close()
    return resting_policy(recipe.out / "gains.json", spec)


def taught(
    recipe: WalkRecipe, gains: WholeBodyConfig, teacher: Path, *, show_progress: bool
) -> Path:
    """Distil, or go on distilling, into excitations; returns the run's folder.

    Args:
        recipe: its `student` says how.
        gains: of the whole-body layer, through which the teacher acts.
        teacher: policy file.
        show_progress: draw progress bars on standard error.

    Raises:
        InputError: the run there is on other gains.
    """
    config = recipe.student
    run = _run(
        recipe,
        config,
        out=recipe.out / "student",
        task=dataclasses.replace(whole_body_task(gains, auto_reset=True), action_map="clip"),
        network=NetworkConfig(hidden=config.hidden),
        ppo=dataclasses.replace(
            LESSONS,
            num_steps=config.num_steps,
            minibatch_size=_minibatch(config),
            optim=dataclasses.replace(LESSONS.optim, learning_rate=config.learning_rate),
        ),
        distil=DistilConfig(teacher=teacher, teacher_until=config.teacher_until),
    )
    return _made(run, show_progress=show_progress)


def _run(
    recipe: WalkRecipe,
    stage: CorrectionConfig | StudentConfig,
    *,
    out: Path,
    task: EnvConfig,
    network: NetworkConfig,
    ppo: PPOConfig,
    distil: DistilConfig | None = None,
) -> TrainConfig:
    return TrainConfig(
        clips=recipe.clips,
        out=out,
        model=recipe.model,
        fingers=recipe.fingers,
        num_envs=stage.num_envs,
        num_threads=recipe.num_threads,
        seed=recipe.seed,
        minutes=stage.minutes,
        env=task,
        network=network,
        ppo=ppo,
        distil=distil or DistilConfig(),
    )


def _minibatch(stage: CorrectionConfig | StudentConfig) -> int:
    return min(1024, stage.num_envs * stage.num_steps)


def _made(config: TrainConfig, *, show_progress: bool) -> Path:
    """Begin the run, or go on with it if it is there; returns its folder.

    Raises:
        InputError: the run there is on other gains.
        KeyboardInterrupt: it was interrupted, and has been saved: the recipe ends there too.
    """
    run = config.out
    if has_checkpoint(run / "checkpoints"):
        if read_config(run / "config.json").env.whole_body != config.env.whole_body:
            expected = "the gains now found; move it away to train anew"
            raise InputError(run, "whole_body", found="a policy on other gains", expected=expected)
        result = resume(run, minutes=config.minutes, show_progress=show_progress)
    else:
        result = train(config, show_progress=show_progress)
    if result.interrupted:
        raise KeyboardInterrupt
    return run
