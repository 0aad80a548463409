"""How long, and at what effort, a body follows its reference from random phases."""

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from musclemimic_sim import EnvConfig, InputError, WholeBodyConfig, load_clips, make_env

from musclemimic_rl.policy import PolicyBundle
from musclemimic_rl.recipe.config import JudgeConfig, WalkRecipe
from musclemimic_rl.recipe.episodes import OnStep, require_room, run_episodes

INITIAL_ACTIVATION = 0.05


@dataclass(frozen=True)
class Verdict:
    """Of episodes from random phases, at the published thresholds (0.3 m relative, 0.5 m root).

    Attributes:
        episodes: how many.
        goal_s, horizon_s: what counts as success; longest episode.
        success: share of the episodes of at least goal_s.
        complete: share that reached the horizon.
        mean_s, median_s, worst_s: length of the episodes.
        activation: mean over muscles, time and episodes.
        site_error_m: mean deviation of the sites relative to the pelvis.
    """

    episodes: int
    goal_s: float
    horizon_s: float
    success: float
    complete: float
    mean_s: float
    median_s: float
    worst_s: float
    activation: float
    site_error_m: float

    def line(self) -> str:
        """In one line."""
        return (
            f"{100 * self.success:.0f} % of {self.episodes} episodes last {self.goal_s:g} s, "
            f"{100 * self.complete:.0f} % {self.horizon_s:g} s; mean {self.mean_s:.2f} s, median "
            f"{self.median_s:.2f} s; activation {self.activation:.3f}, sites "
            f"{100 * self.site_error_m:.1f} cm"
        )


def whole_body_task(gains: WholeBodyConfig, *, auto_reset: bool) -> EnvConfig:
    """The task of the recipe."""
    return EnvConfig(
        action_map="whole_body",
        whole_body=gains,
        initial_activation=INITIAL_ACTIVATION,
        auto_reset=auto_reset,
    )


def judge(
    clips: tuple[Path, ...],
    task: EnvConfig,
    config: JudgeConfig,
    *,
    policy: PolicyBundle | None = None,
    recipe: WalkRecipe | None = None,
    on_step: OnStep | None = None,
) -> Verdict:
    """Run the episodes; without a policy the action is 0.

    Args:
        clips: files.
        task: the environment's settings; never restarts here.
        config: see there.
        policy: acts without exploration.
        recipe: gives model, threads and seed.
        on_step: told every control step.

    Raises:
        InputError: a clip is shorter than the horizon, or the policy fits another environment.
    """
    recipe = recipe or WalkRecipe()
    model, loaded = load_clips(clips, recipe.model, fingers=recipe.fingers)
    env = make_env(
        model, loaded, num_envs=config.episodes, config=task, num_threads=recipe.num_threads
    )
    if policy is not None and policy.spec != env.spec:
        found = f"{policy.spec.obs_size} observations, action {policy.spec.action_map}"
        expected = f"{env.spec.obs_size} observations, action {env.spec.action_map}"
        raise InputError("judge", "policy", found=found, expected=expected)
    frames = round(config.horizon_s / env.spec.control_dt)
    lengths = np.asarray(env.task.bank.length)
    require_room(lengths, frames=frames, source="judge")
    rng = np.random.default_rng([recipe.seed, 99])
    clip = rng.integers(len(lengths), size=config.episodes)
    frame = (rng.uniform(size=config.episodes) * (lengths[clip] - 1 - frames)).astype(int)
    still = jnp.zeros((config.episodes, env.spec.action_size))

    def act(obs: Float[jax.Array, "N O"]) -> Float[jax.Array, "N A"]:
        return still if policy is None else policy.act(obs)

    result = run_episodes(env, act, clip=clip, frame=frame, horizon=frames, on_step=on_step)
    env.close()
    seconds = result.seconds
    step = 0.5 * env.spec.control_dt
    return Verdict(
        episodes=config.episodes,
        goal_s=config.goal_s,
        horizon_s=config.horizon_s,
        success=float((seconds > config.goal_s - step).mean()),
        complete=float((seconds > config.horizon_s - step).mean()),
        mean_s=float(seconds.mean()),
        median_s=float(np.median(seconds)),
        worst_s=float(seconds.min()),
        activation=float(result.activation.mean()),
        site_error_m=float(result.site_error_m.mean()),
    )
