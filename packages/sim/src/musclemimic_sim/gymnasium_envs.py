"""Gymnasium's single and vector environment on top of `ImitationEnv` (extra `gymnasium`).

Importing this module registers `MuscleMimic/BimanualMuscle-v0` and `MuscleMimic/MyoFullBody-v0`:

    import gymnasium
    import musclemimic_sim.gymnasium_envs
    env = gymnasium.make("MuscleMimic/MyoFullBody-v0", clips=["walk.npz"])
    envs = gymnasium.make_vec("MuscleMimic/MyoFullBody-v0", num_envs=64, clips=["walk.npz"])

`gymnasium.make("musclemimic_sim.gymnasium_envs:MuscleMimic/MyoFullBody-v0")` does both in one.
Without clips the built-in wave is followed.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import gymnasium
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float, Float32, Float64
from musclemimic_models import InputError, MotionClip, get_musculo_model

from musclemimic_sim.bench_clip import built_in_clip
from musclemimic_sim.config import EnvConfig
from musclemimic_sim.env import ImitationEnv
from musclemimic_sim.loading import load_clips
from musclemimic_sim.making import make_env
from musclemimic_sim.types import TimeStep

IDS = {name: f"MuscleMimic/{name}-v0" for name in ("BimanualMuscle", "MyoFullBody")}
Info = dict[str, object]
Clips = Sequence[MotionClip | Path | str]


class MuscleMimicEnv(gymnasium.Env[Float32[np.ndarray, " O"], Float32[np.ndarray, " A"]]):
    """One environment. Actions in [−1, 1]; observations as `musclemimic sim describe` tells.

    `info` holds the reward's terms and the raw errors (`reward/…`, `error/…`).

    Attributes:
        env: the batched environment with one world.
    """

    metadata = {"render_modes": [], "render_fps": 100}  # noqa: RUF012 (gymnasium's own form)

    def __init__(
        self,
        model: str = "BimanualMuscle",
        clips: Clips = (),
        config: EnvConfig | None = None,
        num_threads: int = 1,
    ) -> None:
        """Load clips and build the environment.

        Args:
            model: name of the body (without fingers).
            clips: motion clips or their files; none for the built-in wave.
            config: the task.
            num_threads: of the physics.

        Raises:
            InputError: unknown model, or a clip that does not fit it.
        """
        # The caller resets, as Gymnasium wants it.
        config = dataclasses.replace(config or EnvConfig(), auto_reset=False)
        self.env = _build(model, clips, config, num_envs=1, num_threads=num_threads)
        self.observation_space, self.action_space = _spaces(self.env)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, object] | None = None
    ) -> tuple[Float32[np.ndarray, " O"], Info]:
        """Start an episode, at a random frame or where `options` say (`clip` and `frame`).

        Raises:
            InputError: an unknown option, or a frame that does not exist.
        """
        super().reset(seed=seed)
        step = _restart(self.env, seed, options)
        return np.array(step.obs[0]), {}

    def step(
        self, action: Float[np.ndarray, " A"]
    ) -> tuple[Float32[np.ndarray, " O"], float, bool, bool, Info]:
        """One control step; after the episode's end call `reset`."""
        step = self.env.step(jnp.array(action, jnp.float32, copy=True)[None])
        info: Info = {name: float(value[0]) for name, value in step.terms.items()}
        return (
            np.array(step.final_obs[0]),
            float(step.reward[0]),
            bool(step.terminated[0]),
            bool(step.truncated[0]),
            info,
        )

    def close(self) -> None:
        """Free the world."""
        self.env.close()


class MuscleMimicVectorEnv(VectorEnv):
    """Many environments stepped together on all cores; finished ones restart in the same step.

    `infos` holds the reward's terms and the raw errors of the step just taken, each (N,). Where an
    episode ended, `final_obs` is its last observation and `_final_obs` is True; the returned
    observation is the next episode's first (`AutoresetMode.SAME_STEP`).

    Attributes:
        env: the batched environment.
    """

    metadata = {  # noqa: RUF012 (gymnasium's own form)
        "render_modes": [],
        "render_fps": 100,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        model: str = "BimanualMuscle",
        clips: Clips = (),
        config: EnvConfig | None = None,
        num_threads: int = 0,
    ) -> None:
        """Load clips and build the environments; see `MuscleMimicEnv`."""
        if config is not None and not config.auto_reset:
            raise InputError(
                "MuscleMimicVectorEnv", "config.auto_reset", found=False, expected="True"
            )
        self.env = _build(model, clips, config, num_envs=num_envs, num_threads=num_threads)
        self.num_envs = num_envs
        self.single_observation_space, self.single_action_space = _spaces(self.env)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, object] | None = None
    ) -> tuple[Float32[np.ndarray, "N O"], Info]:
        """Start everywhere, at random frames or where `options` say (`clip`, `frame`: N each)."""
        super().reset(seed=seed)
        return np.array(_restart(self.env, seed, options).obs), {}

    def step(
        self, actions: Float[np.ndarray, "N A"]
    ) -> tuple[
        Float32[np.ndarray, "N O"],
        Float64[np.ndarray, " N"],
        Bool[np.ndarray, " N"],
        Bool[np.ndarray, " N"],
        Info,
    ]:
        """One control step of every environment."""
        step = self.env.step(jnp.array(actions, jnp.float32, copy=True))
        infos: Info = {}
        for name, value in step.terms.items():
            infos[name] = np.array(value)
            infos[f"_{name}"] = np.ones(self.num_envs, dtype=bool)
        terminated, truncated = np.array(step.terminated), np.array(step.truncated)
        done = terminated | truncated
        if done.any():
            last = np.array(step.final_obs)
            ends = np.full(self.num_envs, None, dtype=object)
            for index in np.flatnonzero(done):
                ends[index] = last[index]
            infos["final_obs"], infos["_final_obs"] = ends, done
        reward = np.asarray(step.reward, dtype=np.float64)
        return np.array(step.obs), reward, terminated, truncated, infos

    def close_extras(self, **kwargs: object) -> None:
        """Free the worlds."""
        self.env.close()


def _build(
    model: str,
    clips: Clips,
    config: EnvConfig | None,
    *,
    num_envs: int,
    num_threads: int,
) -> ImitationEnv:
    body = get_musculo_model(model, fingers=False)
    loaded = [
        clip if isinstance(clip, MotionClip) else load_clips([clip], model)[1][0] for clip in clips
    ]
    return make_env(
        body,
        loaded or [built_in_clip(body)],
        num_envs=num_envs,
        config=config,
        num_threads=num_threads,
    )


def _spaces(env: ImitationEnv) -> tuple[Box, Box]:
    observation = Box(-np.inf, np.inf, (env.spec.obs_size,), np.float32)
    return observation, Box(-1.0, 1.0, (env.spec.action_size,), np.float32)


def _restart(env: ImitationEnv, seed: int | None, options: Mapping[str, object] | None) -> TimeStep:
    if seed is not None:
        env.seed(seed)
    options = options or {}
    unknown = set(options) - {"clip", "frame"}
    if unknown:
        raise InputError("reset", "options", found=sorted(unknown), expected="clip and frame")
    if not options:
        return env.reset()
    clip, frame = (
        np.broadcast_to(np.asarray(options.get(name, 0), dtype=np.int64), env.num_envs)
        for name in ("clip", "frame")
    )
    return env.reset_to(clip, frame)


for _name, _id in IDS.items():
    if _id not in gymnasium.registry:
        gymnasium.register(
            _id,
            entry_point=f"{__name__}:MuscleMimicEnv",
            vector_entry_point=f"{__name__}:MuscleMimicVectorEnv",
            kwargs={"model": _name},
        )
