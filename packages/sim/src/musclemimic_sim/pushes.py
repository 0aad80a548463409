"""Perturbation: pushes at random times, on random bodies, from random sides.

Pure sampling; the simulators exert the force, see `Simulator.apply_force`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int, UInt32
from musclemimic_models import InputError, MusculoModel
from musclemimic_models.errors import unknown_name


@dataclass(frozen=True)
class PushConfig:
    """Horizontal forces on the body. None act by default.

    Attributes:
        force_n: least and largest force, N, uniform between; its direction is uniform in the
            horizontal plane.
        duration_s: of a push.
        interval_s: least and largest time from a push's end (or an episode's start) to the next.
        bodies: names of the bodies that may be pushed, at their centre of mass; none for the
            pelvis and the torso, or on a fixed trunk for both hands.
    """

    force_n: tuple[float, float] = (0.0, 0.0)
    duration_s: float = 0.1
    interval_s: tuple[float, float] = (1.0, 3.0)
    bodies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse times and forces that cannot be.

        Raises:
            InputError: naming the field.
        """
        for name, bounds in (("force_n", self.force_n), ("interval_s", self.interval_s)):
            if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] < float("inf"):
                raise InputError("PushConfig", name, found=bounds, expected="0 <= low <= high")
        if not 0 < self.duration_s < float("inf"):
            raise InputError("PushConfig", "duration_s", found=self.duration_s, expected="> 0 s")

    @property
    def is_active(self) -> bool:
        """Whether anything pushes."""
        return self.force_n[1] > 0


class PushState(NamedTuple):
    """The present or last push of every world.

    Attributes:
        force: N, world frame. body: which of the pushed bodies.
        remaining: control steps that it still acts (0: none acts).
        wait: control steps until the next one starts.
    """

    force: Float[jax.Array, "N 3"]
    body: Int[jax.Array, " N"]
    remaining: Int[jax.Array, " N"]
    wait: Int[jax.Array, " N"]


def pushed_bodies(config: PushConfig, model: MusculoModel) -> Int[jax.Array, " P"]:
    """Ids of the bodies that may be pushed.

    Raises:
        InputError: a body that the model does not have.
    """
    m = model.mj_model
    default = ("pelvis", "torso") if model.has_free_root else ("lunate_l", "lunate_r")
    known = [m.body(index).name for index in range(1, m.nbody)]
    names = config.bodies or default
    for name in names:
        if name not in known:
            raise unknown_name("PushConfig", "bodies", name, known)
    return jnp.array([m.body(name).id for name in names])


def quiet(worlds: int) -> PushState:
    """No push, and none to come before `restart`."""
    zero = jnp.zeros(worlds, dtype=jnp.int32)
    return PushState(jnp.zeros((worlds, 3)), zero, zero, zero)


def restart(
    config: PushConfig,
    state: PushState,
    mask: Bool[jax.Array, " N"],
    key: UInt32[jax.Array, "2"],
    *,
    control_dt: float,
) -> PushState:
    """Where `mask`: no push, and a new wait for the next."""
    fresh = quiet(len(mask))._replace(wait=_waits(config, key, len(mask), control_dt))
    return _choose(mask, fresh, state)


def advance(
    config: PushConfig,
    state: PushState,
    key: UInt32[jax.Array, "2"],
    *,
    bodies: int,
    control_dt: float,
) -> PushState:
    """The pushes that act during the next control step.

    Args:
        config: of the pushes.
        state: during the last control step.
        key: for what starts now.
        bodies: how many may be pushed.
        control_dt: s.
    """
    for_wait, for_body, for_size, for_side = jax.random.split(key, 4)
    count = state.wait.shape[0]
    wait = jnp.where(state.remaining == 1, _waits(config, for_wait, count, control_dt), state.wait)
    waiting = state._replace(
        remaining=jnp.maximum(state.remaining - 1, 0),
        wait=jnp.where(state.remaining > 1, wait, wait - 1),
    )
    size = jax.random.uniform(
        for_size, (count,), minval=config.force_n[0], maxval=config.force_n[1]
    )
    side = jax.random.uniform(for_side, (count,), maxval=2 * jnp.pi)
    direction = jnp.stack([jnp.cos(side), jnp.sin(side), jnp.zeros(count)], axis=1)
    steps = max(1, round(config.duration_s / control_dt))
    started = PushState(
        force=size[:, None] * direction,
        body=jax.random.randint(for_body, (count,), 0, bodies),
        remaining=jnp.full(count, steps, dtype=jnp.int32),
        wait=jnp.zeros(count, dtype=jnp.int32),
    )
    starts = (waiting.remaining == 0) & (waiting.wait < 0)
    return _choose(starts, started, waiting)


def external_force(
    state: PushState, body_ids: Int[jax.Array, " P"], *, bodies: int
) -> Float[jax.Array, "N B 6"]:
    """Forces and torques on every body, MuJoCo's xfrc_applied."""
    acting = jnp.where(state.remaining[:, None] > 0, state.force, 0.0)
    worlds = jnp.arange(len(acting))
    xfrc = jnp.zeros((len(acting), bodies, 6))
    return xfrc.at[worlds, body_ids[state.body], :3].set(acting)


def _waits(
    config: PushConfig, key: UInt32[jax.Array, "2"], count: int, control_dt: float
) -> Int[jax.Array, " N"]:
    low, high = (max(0, round(bound / control_dt)) for bound in config.interval_s)
    return jax.random.randint(key, (count,), low, high + 1)


def _choose(mask: Bool[jax.Array, " N"], new: PushState, old: PushState) -> PushState:
    def pick(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.where(mask.reshape(-1, *([1] * (a.ndim - 1))), a, b)

    return PushState(*(pick(a, b) for a, b in zip(new, old, strict=True)))
