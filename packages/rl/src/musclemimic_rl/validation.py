"""Measuring a policy on held-out motions, by the environment's own error terms."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Float
from musclemimic_sim import Environment, InputError, State, load_clips, make_env

from musclemimic_rl.config import TrainConfig


@runtime_checkable
class Acting(Protocol):
    """What is measured."""

    def act(self, obs: Float[Array | np.ndarray, "N O"]) -> Float[jax.Array, "N A"]:
        """Actions without exploration."""
        ...


@dataclass(frozen=True)
class Validator:
    """Runs one episode in each environment, always from the same starts.

    Attributes:
        env: stepped in place.
        start: its state at the beginning of every validation.
        horizon: longest episode in control steps.
    """

    env: Environment
    start: State
    horizon: int

    def __call__(self, policy: Acting) -> dict[str, float]:
        """Figures under "validation/…".

        Terms and reward are means over the steps of the episodes, up to and with the one that
        ended each; what is not finite is left out. `steps` is the mean length of an episode and
        `termination_rate` the share of them that failed.
        """
        obs = self.env.set_state(self.start).obs
        alive = np.ones(self.env.num_envs, bool)
        failed, lengths = np.zeros_like(alive), np.zeros(self.env.num_envs)
        sums: dict[str, list[np.ndarray]] = {}
        for _ in range(self.horizon):
            step = self.env.step(policy.act(obs))
            obs = step.obs
            for name, values in {"reward": step.reward, **step.terms}.items():
                sums.setdefault(name, []).append(np.asarray(values)[alive])
            lengths += alive
            failed |= alive & np.asarray(step.terminated)
            alive &= ~np.asarray(step.terminated | step.truncated)
            if not alive.any():
                break
        means = {f"validation/{name}": _finite_mean(parts) for name, parts in sums.items()}
        return means | {
            "validation/steps": float(lengths.mean()),
            "validation/termination_rate": float(failed.mean()),
        }


def validator(env: Environment, *, horizon: int) -> Validator:
    """Validation in an environment, from the starts it chooses now."""
    env.reset()
    return Validator(env, env.get_state(), horizon)


def held_out_environment(config: TrainConfig) -> Environment | None:
    """The environment of `config.validation`; None without held-out clips.

    Raises:
        InputError: a clip cannot be read or was made for another model than the first.
    """
    if not config.validation.clips:
        return None
    model, clips = load_clips(config.validation.clips, config.model, fingers=config.fingers)
    return make_env(
        model,
        clips,
        num_envs=config.validation.num_envs,
        backend=config.backend,
        seed=config.seed + 1,
        config=config.env.for_evaluation(horizon=config.validation.horizon),
        num_threads=config.num_threads,
    )


def require_same_layout(env: Environment, held_out: Environment) -> None:
    """Refuse to validate in an environment that the policy cannot act in.

    Raises:
        InputError: naming what differs.
    """
    difference = env.spec.difference(held_out.spec)
    if difference is not None:
        raise InputError(
            "validation", "environment", found=difference, expected="that of the training"
        )


def _finite_mean(parts: list[np.ndarray]) -> float:
    values = np.concatenate(parts).astype(np.float64)
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")
