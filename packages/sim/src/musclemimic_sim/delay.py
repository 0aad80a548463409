"""Action delay: muscles get the action of some control steps ago."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int
from musclemimic_models import InputError


@dataclass(frozen=True)
class ActionDelay:
    """How long an action takes to the muscles, in control steps.

    Every episode draws its own delay from `least` to `most`, both included. Until the first
    action arrives, muscles are excited with `EnvConfig.initial_activation` (or, with coordinated
    actions, the reference itself is aimed at).
    """

    least: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        """Refuse a range that is none.

        Raises:
            InputError: naming the field.
        """
        if self.least < 0:
            raise InputError("action_delay", "least", found=self.least, expected=">= 0")
        if self.most < self.least:
            raise InputError(
                "action_delay", "most", found=self.most, expected=f">= least, {self.least}"
            )


def draw_delays(config: ActionDelay, key: jax.Array, count: int) -> Int[jax.Array, " N"]:
    """A delay for each of `count` episodes."""
    return jax.random.randint(key, (count,), config.least, config.most + 1, dtype=jnp.int32)


def delayed(
    history: Float[jax.Array, "N D A"],
    delay: Int[jax.Array, " N"],
    action: Float[jax.Array, "N A"],
) -> Float[jax.Array, "N A"]:
    """The action that arrives now.

    Args:
        history: the last D actions, newest last.
        delay: in control steps, 0 to D.
        action: the one just chosen.
    """
    if not history.shape[1]:
        return action
    line = jnp.concatenate([history, action[:, None]], axis=1)  # (N, D + 1, A)
    arriving = (history.shape[1] - delay)[:, None, None]
    return jnp.take_along_axis(line, arriving, axis=1)[:, 0]


def remembered(
    history: Float[jax.Array, "N D A"], action: Float[jax.Array, "N A"]
) -> Float[jax.Array, "N D A"]:
    """The history with one more action, the oldest forgotten."""
    if not history.shape[1]:
        return history
    return jnp.concatenate([history[:, 1:], action[:, None]], axis=1)
