"""Evaluate a policy on clips.

The only library module (beside the demo) that knows the learner, and only to read its files.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import jax
import numpy as np
from musclemimic_models import InputError, MotionClip, MusculoModel, get_musculo_model
from musclemimic_sim import EnvConfig, make_env

from musclemimic_eval.recording import Policy, Start, run_episodes
from musclemimic_eval.rollout import Rollout
from musclemimic_eval.task import trained_task
from musclemimic_eval.validation import (
    EpisodeScore,
    ValidationTable,
    named_clips,
    score,
    tabulate,
)

_GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)


@dataclass(frozen=True)
class Evaluation:
    """Episodes of a policy (those that were kept) and the validation table of all."""

    rollouts: tuple[Rollout, ...]
    table: ValidationTable


def evaluate(
    policy: Policy,
    clips: Mapping[str, MotionClip] | Sequence[MotionClip],
    *,
    model: MusculoModel | str,
    episodes: int = 32,
    seed: int = 0,
    deterministic: bool = True,
    horizon: int | None = None,
    num_envs: int = 128,
    config: EnvConfig | None = None,
    splits: Mapping[str, Sequence[str]] = MappingProxyType({}),
    keep: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Run a policy on clips and measure how well it imitates.

    Episodes start at frames spread evenly over each clip, the first at frame 0, and run to the
    clip's end (or for the horizon) unless terminated early (published limits: 0.3 m mean relative
    site deviation, 0.5 m root deviation).

    Args:
        policy: the policy.
        clips: reference motions, by name or as a sequence.
        model: the body, or its name (without fingers).
        episodes: per clip; fewer where a clip has fewer frames to start from.
        seed: of exploration noise and of the bootstrap.
        deterministic: act with the mean instead of sampling.
        horizon: longest episode, control steps; None for the clip's end.
        num_envs: episodes simulated together.
        config: the task the policy was trained in; None to read it from the policy. Thresholds,
            horizon and restarts are set for evaluation.
        splits: see `validate`.
        keep: how many rollouts of each clip to return (the table has all episodes); None for all.
            An hour of full-body episodes takes some 5 GB.
        on_progress: called after every control step with (episodes finished, all episodes).

    Raises:
        InputError: the policy belongs to another body or task, a clip to another body, or a
            number is out of range.
    """
    for name, value in (
        ("episodes", episodes),
        ("num_envs", num_envs),
        ("horizon", horizon),
        ("keep", keep),
    ):
        if value is not None and value < 1:
            raise InputError("evaluate", name, found=value, expected=">= 1")
    if isinstance(model, str):
        model = get_musculo_model(model, fingers=False)
    require_model(policy, model)
    named = named_clips(clips)
    for name, clip in named.items():
        clip.require_model(model, name)
    starts = spread_starts(named, episodes=episodes, horizon=horizon)
    env = make_env(
        model,
        tuple(named.values()),
        num_envs=min(num_envs, len(starts)),
        seed=seed,
        config=(config or trained_task(policy.provenance)).for_evaluation(horizon=horizon),
    )
    scores: dict[int, EpisodeScore] = {}
    kept: dict[int, Rollout] = {}
    wanted = _kept(starts, keep)
    try:
        for index, rollout in run_episodes(
            policy,
            env,
            starts,
            site_names=tuple(model.mimic_sites),
            key=None if deterministic else jax.random.key(seed),
            on_progress=on_progress,
        ):
            scores[index] = score(rollout, named)
            if index in wanted:
                kept[index] = rollout
    finally:
        env.close()
    table = tabulate([scores[index] for index in sorted(scores)], splits, seed=seed)
    return Evaluation(tuple(kept[index] for index in sorted(kept)), table)


def _kept(starts: Sequence[Start], keep: int | None) -> set[int]:
    """The starts whose rollouts are kept: the first `keep` of every clip (None: all)."""
    seen: Counter[int] = Counter()
    wanted: set[int] = set()
    for index, start in enumerate(starts):
        seen[start.clip] += 1
        if keep is None or seen[start.clip] <= keep:
            wanted.add(index)
    return wanted


def require_model(policy: Policy, model: MusculoModel) -> None:
    """Raise InputError, naming both bodies, unless the policy was trained for `model`."""
    if policy.spec.model_sha256 != model.content_sha256:
        raise InputError(
            "policy",
            "model_sha256",
            found=f"{policy.spec.model_name} ({policy.spec.model_sha256[:12]})",
            expected=f"{model.label} ({model.content_sha256[:12]})",
        )


def spread_starts(
    clips: Mapping[str, MotionClip], *, episodes: int, horizon: int | None = None
) -> list[Start]:
    """`episodes` starts per clip, one in each of as many equal parts of it, the first at frame 0.

    Even spacing would meet a clip that repeats a stride at a few phases only; the place within a
    part goes by multiples of the golden ratio, which fall in with no period. With a horizon, over
    the frames from which a whole horizon is left, if there are enough.
    """
    starts: list[Start] = []
    for index, (name, clip) in enumerate(clips.items()):
        last = len(clip) - 1  # an episode needs a frame to go to
        room = last if horizon is None else max(last - horizon + 1, min(episodes, last))
        edges = np.linspace(0, room, min(episodes, room) + 1).astype(int)
        place = np.arange(len(edges) - 1) * _GOLDEN % 1.0
        frames = edges[:-1] + (place * np.diff(edges)).astype(int)
        longest = last if horizon is None else horizon
        starts += [
            Start(index, name, frame, min(last - frame, longest)) for frame in frames.tolist()
        ]
    return starts


def load_policy(path: Path | str) -> Policy:
    """Read a trained policy from its file.

    Raises:
        InputError: musclemimic_rl is not installed, or the file is not a policy.
    """
    try:
        from musclemimic_rl import load_policy as load
    except ModuleNotFoundError as error:
        raise InputError(
            path,
            "policy",
            found=f"no module {error.name}",
            expected="pip install 'musclemimic-eval[rollout]'",
        ) from error
    return load(path)


def load_gains(path: Path | str, model: MusculoModel, clip: MotionClip) -> Policy:
    """The gains that a recipe found, acting without a policy on top (action 0).

    Args:
        path: the recipe's gains.json.
        model: the body.
        clip: any motion of it.

    Raises:
        InputError: musclemimic_rl is not installed, or the file does not hold gains.
    """
    try:
        from musclemimic_rl.recipe.resting import gains_task, resting_policy
    except ModuleNotFoundError as error:
        raise InputError(
            path,
            "gains",
            found=f"no module {error.name}",
            expected="pip install 'musclemimic-eval[rollout]'",
        ) from error
    env = make_env(model, [clip], num_envs=1, config=gains_task(path))
    try:
        return resting_policy(path, env.spec)
    finally:
        env.close()
