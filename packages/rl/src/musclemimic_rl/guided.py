"""An environment in which one policy acts while another one, with other actions, shows the way."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from musclemimic_sim import EnvConfig, Environment, EnvSpec, InputError, State, TimeStep

from musclemimic_rl.checkpoint import require_same_environment
from musclemimic_rl.config import TrainConfig
from musclemimic_rl.policy import PolicyBundle, load_policy

_PREVIOUS = "previous_action"
Rows = Float[Array, "N _"]
# By action map: an excitation as an action, an action as an excitation.
_TO_ACTION: Mapping[str, Callable[[Rows], Rows]] = {
    "clip": lambda excitation: excitation,
    "affine": lambda excitation: 2 * excitation - 1,
}
_TO_EXCITATION: Mapping[str, Callable[[Rows], Rows]] = {
    "clip": lambda action: jnp.clip(action, 0, 1),
    "affine": lambda action: jnp.clip((action + 1) / 2, 0, 1),
}
# The action at excitation 0; at excitation 1 it is 1 in both maps.
LEAST_ACTION: Mapping[str, float] = {"clip": 0.0, "affine": -1.0}


@runtime_checkable
class Teachable(Environment, Protocol):
    """An environment whose muscles can be driven past its own kind of action."""

    def spec_for(self, action_map: str) -> EnvSpec:
        """The layout if actions meant `action_map`."""
        ...

    def excite(self, action: Float[jax.Array, "N A"]) -> Float[jax.Array, "N nu"]:
        """The excitations that an action means in the present state."""
        ...

    def step(
        self,
        action: Float[jax.Array, "N A"],
        *,
        excitation: Float[jax.Array, "N nu"] | None = None,
    ) -> TimeStep:
        """One control step, with the excitations of `action` or the given ones."""
        ...


class GuidedEnv:
    """The teacher's environment as its student sees it; implements `Environment`.

    Actions are excitations. The observation is the teacher's, but for the previous action, which
    is the student's; the teacher's own observation goes on holding what the teacher last advised.

    Attributes:
        spec: of the student.
        target: the teacher's advice for the present state as an action of the student, (N, A).
    """

    def __init__(self, env: Teachable, teacher: PolicyBundle, action_map: str) -> None:
        """Join them.

        Raises:
            InputError: the teacher acts in another environment, or the student's observation
                differs from the teacher's in more than the previous action.
        """
        require_same_environment("the teacher", teacher.spec, env.spec)
        self._env, self._teacher, self._map = env, teacher, action_map
        self.spec = env.spec_for(action_map)
        self._before, self._after = _around_previous(env.spec, self.spec)
        self._previous = jnp.zeros((env.num_envs, self.spec.action_size))
        self._advice = jnp.zeros((env.num_envs, env.spec.action_size))
        self.target = self._previous

    @property
    def num_envs(self) -> int:
        """Number of environments stepped together."""
        return self._env.num_envs

    def reset(self) -> TimeStep:
        """Start new episodes everywhere."""
        self._previous = jnp.zeros_like(self._previous)
        return self._seen(self._env.reset(), self._previous)

    def step(self, action: Float[jax.Array, "N A"]) -> TimeStep:
        """One control step with the student's actions."""
        step = self._env.step(self._advice, excitation=_TO_EXCITATION[self._map](action))
        over = (step.terminated | step.truncated)[:, None]
        last = jnp.clip(action, -1, 1)
        self._previous = jnp.where(over, 0.0, last)
        return self._seen(step, last)

    def get_state(self) -> State:
        """The inner state and the student's last action."""
        return {**self._env.get_state(), _PREVIOUS: jax.device_get(self._previous)}

    def set_state(self, state: State) -> TimeStep:
        """Restore what `get_state` returned."""
        self._previous = jnp.array(state[_PREVIOUS])
        inner = {name: value for name, value in state.items() if name != _PREVIOUS}
        return self._seen(self._env.set_state(inner), self._previous)

    def close(self) -> None:
        """Close the teacher's environment."""
        self._env.close()

    def _seen(self, step: TimeStep, last: Float[jax.Array, "N A"]) -> TimeStep:
        """The step as the student sees it; and ask the teacher what to do next."""
        self._advice = self._teacher.act(step.obs)
        self.target = _TO_ACTION[self._map](self._env.excite(self._advice))
        return dataclasses.replace(
            step,
            obs=self._with(step.obs, self._previous),
            final_obs=self._with(step.final_obs, last),
        )

    def _with(
        self, obs: Float[jax.Array, "N O"], previous: Float[jax.Array, "N A"]
    ) -> Float[jax.Array, "N P"]:
        return jnp.concatenate([obs[:, : self._before], previous, obs[:, self._after :]], axis=1)


def teacher_of(config: TrainConfig) -> PolicyBundle | None:
    """The teacher that a run learns from; None if it learns from reward.

    Raises:
        InputError: its file is bad, or the run asks for what no student can have.
    """
    if config.distil.teacher is None:
        return None
    teacher, task = load_policy(config.distil.teacher), config.env
    if task.action_map not in LEAST_ACTION:
        expected = " or ".join(LEAST_ACTION)
        raise InputError("distil", "env.action_map", found=task.action_map, expected=expected)
    if task.action_delay.most:
        # An excitation would have to be right for a state that is yet to come.
        raise InputError("distil", "env.action_delay", found=task.action_delay, expected="none")
    if config.devices > 1:
        raise InputError("distil", "devices", found=config.devices, expected="1")
    return teacher


def stepped_task(config: TrainConfig) -> EnvConfig:
    """The task of the environment that a run steps: that of `config.env`, or the teacher's."""
    teacher = teacher_of(config)
    if teacher is None:
        return config.env
    return dataclasses.replace(config.env, action_map=teacher.spec.action_map)


def guided(config: TrainConfig, env: Environment, teacher: PolicyBundle) -> GuidedEnv:
    """The teacher's environment as the student of a run sees it.

    Raises:
        InputError: the environment's muscles cannot be driven, or as for `GuidedEnv`.
    """
    if not isinstance(env, Teachable):
        raise InputError(
            "distil", "environment", found=type(env).__name__, expected="an ImitationEnv"
        )
    return GuidedEnv(env, teacher, config.env.action_map)


def _around_previous(teacher: EnvSpec, student: EnvSpec) -> tuple[int, int]:
    """Where the previous action begins and ends in the teacher's observation.

    Raises:
        InputError: the observations differ in more than that.
    """
    begin = end = at = 0
    for theirs, mine in zip(teacher.obs_fields, student.obs_fields, strict=False):
        if theirs.name == mine.name == _PREVIOUS:
            begin, end = at, at + theirs.dim
        elif theirs != mine:
            raise InputError("distil", "observation", found=theirs, expected=mine)
        at += theirs.dim
    if len(teacher.obs_fields) != len(student.obs_fields) or begin == end:
        raise InputError(
            "distil",
            "observation",
            found=[field.name for field in teacher.obs_fields],
            expected=[field.name for field in student.obs_fields],
        )
    return begin, end
