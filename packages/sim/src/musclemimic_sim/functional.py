"""The environment as functions of an explicit state: branch, rewind and compare at will.

    env = make_env("BimanualMuscle", clips, num_envs=16)
    state, step = functional.reset(env, seed=0)
    after, step = functional.step(env, state, action)  # `state` is still what it was
    other, step = functional.step(env, state, another_action)  # a second branch from it

The same state and action give the same bits. `env` holds the worlds that do the work: going on
from the state they are in costs a copy of it, going back to another one a forward pass too (a
fifth of a control step).
"""

from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import jax
from jaxtyping import Float

from musclemimic_sim.env import ImitationEnv
from musclemimic_sim.task import Episode
from musclemimic_sim.types import SimOutput, State, TimeStep


@dataclass(frozen=True, eq=False)
class EnvState:
    """Everything about N environments at one moment; never changes.

    Attributes:
        arrays: as `ImitationEnv.get_state` returns them; read-only.
    """

    arrays: State

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in self.arrays.values():
            array.flags.writeable = False


class _Present(NamedTuple):
    """The state these functions left an environment in, and what tells that it is still there."""

    state: EnvState
    output: SimOutput
    episode: Episode


_present: WeakKeyDictionary[ImitationEnv, _Present] = WeakKeyDictionary()


def reset(env: ImitationEnv, *, seed: int) -> tuple[EnvState, TimeStep]:
    """Start new episodes everywhere; all that is random from here on follows from `seed`."""
    env.seed(seed)
    return _moved(env, env.reset())


def present(env: ImitationEnv) -> EnvState:
    """The state an environment is in now, however it got there."""
    state = EnvState(env.get_state())
    _present[env] = _Present(state, env.output, env.episode)
    return state


def step(
    env: ImitationEnv, state: EnvState, action: Float[jax.Array, "N A"]
) -> tuple[EnvState, TimeStep]:
    """The state one control step after `state`, and what happened on the way.

    Args:
        env: made with the configuration that `state` comes from.
        state: stays as it is.
        action: of every environment.

    Raises:
        InputError: `state` belongs to another configuration.
    """
    if not _is_in(env, state):
        env.set_state(state.arrays)
    return _moved(env, env.step(action))


def _is_in(env: ImitationEnv, state: EnvState) -> bool:
    """Whether nobody has moved the environment since it was in `state`."""
    last = _present.get(env)
    return (
        last is not None
        and last.state is state
        and last.output is env.output
        and last.episode is env.episode
    )


def _moved(env: ImitationEnv, step: TimeStep) -> tuple[EnvState, TimeStep]:
    return present(env), step
