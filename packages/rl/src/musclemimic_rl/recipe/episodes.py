"""Episodes without restarts: how long each environment follows its reference."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_sim import ImitationEnv, InputError

Act = Callable[[Float[jax.Array, "N O"]], Float[jax.Array, "N A"]]
OnStep = Callable[[int, Bool[np.ndarray, " N"]], None]


@dataclass(frozen=True)
class Episodes:
    """N episodes.

    Attributes:
        seconds: until the reference was lost, or the horizon.
        activation: mean over muscles and time.
        site_error_m: mean deviation of the sites relative to the reference site.
    """

    seconds: Float[np.ndarray, " N"]
    activation: Float[np.ndarray, " N"]
    site_error_m: Float[np.ndarray, " N"]


def require_room(lengths: Int[np.ndarray, " C"], *, frames: int, source: object) -> None:
    """Refuse clips that end before the horizon.

    Raises:
        InputError: naming the shortest clip.
    """
    if lengths.min() <= frames + 1:
        raise InputError(
            source,
            f"clip {int(lengths.argmin())}",
            found=f"{int(lengths.min())} frames",
            expected=f"more than the horizon's {frames + 1} (`musclemimic retarget cycle` repeats "
            "a stride)",
        )


def run_episodes(
    env: ImitationEnv,
    act: Act,
    *,
    clip: Int[np.ndarray, " N"],
    frame: Int[np.ndarray, " N"],
    horizon: int,
    on_step: OnStep | None = None,
) -> Episodes:
    """Run one episode in every environment (made with `auto_reset=False`).

    Args:
        env: stepped in place.
        act: actions for observations.
        clip: that each follows.
        frame: where each starts.
        horizon: control steps at most.
        on_step: told the step and who is still following.
    """
    count, dt = env.num_envs, env.spec.control_dt
    step = env.reset_to(clip, frame)
    alive, steps = np.ones(count, dtype=bool), np.zeros(count)
    activation, error = np.zeros(count), np.zeros(count)
    for index in range(horizon):
        step = env.step(act(step.obs))
        steps += alive
        activation += np.where(alive, step.terms["mean_activation"], 0.0)
        error += np.where(alive, step.terms["error/site_position_m"], 0.0)
        alive &= ~np.asarray(step.terminated)
        if on_step is not None:
            on_step(index, alive)
        if not alive.any():
            break
    return Episodes(seconds=steps * dt, activation=activation / steps, site_error_m=error / steps)
