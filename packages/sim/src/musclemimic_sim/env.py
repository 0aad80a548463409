"""The imitation environment: N bodies follow reference clips with their muscles."""

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import InputError, MotionClip, MusculoModel, get_musculo_model

from musclemimic_sim.bank import build_bank
from musclemimic_sim.body import BodyState, body_state, describe_body
from musclemimic_sim.config import EnvConfig, default_reward
from musclemimic_sim.coordinator import build_coordinator
from musclemimic_sim.native import NativeSimulator
from musclemimic_sim.saving import from_state, to_state
from musclemimic_sim.task import Episode, Task
from musclemimic_sim.types import EnvSpec, SimOutput, Simulator, State, TimeStep

P = ParamSpec("P")
R = TypeVar("R")


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """`jax.jit` with the function's own signature (jax's annotation loses it)."""
    return jax.jit(function)


class ImitationEnv:
    """N environments on one simulator; implements `Environment`.

    Attributes:
        spec: layout of observation and action.
        simulator: the physics.
        output: physics after the last step (or restart).
        excitation: (N, nu) of the last step.
    """

    def __init__(self, model: MusculoModel, simulator: Simulator, task: Task, *, seed: int) -> None:
        """Assemble; use `make_env`."""
        count, muscles = simulator.num_worlds, len(model.muscle_names)
        self.simulator = simulator
        self.task = task
        self._initial_act = np.full((count, muscles), task.config.initial_activation, np.float32)
        self.excitation = np.zeros((count, muscles), dtype=np.float32)
        coordinated = task.config.action_map == "coordinated"
        action_names = _joint_names(model) if coordinated else model.muscle_names
        self._episode = task.blank(count, actions=len(action_names), muscles=muscles, seed=seed)
        self._excite = self._coordinated(model) if coordinated else jit(task.excitation)
        self._judge = jit(task.judge)
        self._observe = jit(task.observe)
        self._start = jit(task.start)
        self._place = jit(task.place)
        everywhere = jnp.ones(count, dtype=bool)
        self._restart(everywhere, *self._start(self._episode, everywhere))
        self.spec = EnvSpec(
            obs_fields=task.layout(self._state(), self._episode),
            action_names=action_names,
            action_map=task.config.action_map,
            control_dt=task.config.substeps * float(model.mj_model.opt.timestep),
            model_name=model.label,
            model_sha256=model.content_sha256,
        )

    @property
    def num_envs(self) -> int:
        """Number of environments stepped together."""
        return self.simulator.num_worlds

    @property
    def episode(self) -> Episode:
        """Where each environment is in its episode; replaced, never changed."""
        return self._episode

    @property
    def clip_index(self) -> Int[np.ndarray, " N"]:
        """Which clip each environment follows."""
        return np.asarray(self._episode.clip)

    @property
    def frame(self) -> Int[np.ndarray, " N"]:
        """Reference frame the present state is compared with."""
        return np.asarray(self._episode.frame)

    @property
    def origin(self) -> Float[np.ndarray, "N 3"]:
        """World position subtracted from each reference, m."""
        return np.asarray(self._episode.origin)

    def seed(self, seed: int) -> None:
        """Let everything random from here on follow from `seed`; takes effect with `reset`."""
        self._episode = self.task.reseeded(self._episode, seed)

    def reset(self) -> TimeStep:
        """Start new episodes everywhere (reward 0, nothing terminated)."""
        everywhere = jnp.ones(self.num_envs, dtype=bool)
        self._restart(everywhere, *self._start(self._episode, everywhere))
        return self._fresh_step()

    def reset_to(self, clip_index: Int[np.ndarray, " N"], frame: Int[np.ndarray, " N"]) -> TimeStep:
        """Start every environment at a given frame of a given clip.

        Raises:
            InputError: a clip or frame that does not exist.
        """
        lengths = np.asarray(self.task.bank.length)
        if (clip_index < 0).any() or (clip_index >= len(lengths)).any():
            raise InputError(
                "reset_to", "clip_index", found=clip_index, expected=f"0 to {len(lengths) - 1}"
            )
        if (frame < 0).any() or (frame >= lengths[clip_index] - 1).any():
            raise InputError(
                "reset_to", "frame", found=frame, expected="frames before a clip's last"
            )
        everywhere = jnp.ones(self.num_envs, dtype=bool)
        integer = jnp.int32
        placed = self._place(
            self._episode,
            everywhere,
            jnp.array(clip_index, dtype=integer),
            jnp.array(frame, dtype=integer),
        )
        self._restart(everywhere, *placed)
        return self._fresh_step()

    def step(self, action: Float[jax.Array, "N A"]) -> TimeStep:
        """One control step; finished episodes restart by themselves (unless configured off)."""
        excitation = self.excite(action)
        self.excitation = np.array(excitation)
        self.output = self.simulator.step(self.excitation)
        bad, _ = self.simulator.health()
        outcome = self._judge(self._state(), self._episode, action, excitation)
        self._episode = outcome.episode
        obs = outcome.obs
        done = outcome.terminated | outcome.truncated
        if self.task.config.auto_reset and bool(done.any()):
            self._restart(done, *self._start(self._episode, done))
            obs = self._observe(self._state(), self._episode)
        return TimeStep(
            obs=obs,
            reward=outcome.reward,
            terminated=outcome.terminated,
            truncated=outcome.truncated,
            final_obs=outcome.obs,
            unhealthy=jnp.array(bad),
            terms=outcome.terms,
        )

    def excite(self, action: Float[jax.Array, "N A"]) -> Float[jax.Array, "N nu"]:
        """The excitations that `action` means in the present state; nothing moves."""
        return self._excite(self._episode, action)

    def get_state(self) -> State:
        """Everything needed to continue bit for bit, as named arrays."""
        episode = to_state(self._episode, "episode")
        return episode | {f"sim/{k}": v for k, v in self.simulator.get_state().items()}

    def set_state(self, state: State) -> TimeStep:
        """Restore what `get_state` returned; returns the observation to act on."""
        self._episode = from_state(self._episode, state, "episode")
        physics = {k.removeprefix("sim/"): v for k, v in state.items() if k.startswith("sim/")}
        self.output = self.simulator.set_state(physics)
        return self._fresh_step()

    def close(self) -> None:
        """Free the worlds."""
        self.simulator.close()

    def _coordinated(
        self, model: MusculoModel
    ) -> Callable[[Episode, Float[jax.Array, "N J"]], Float[jax.Array, "N nu"]]:
        """The coordination layer, bound to this environment's physics and episodes."""
        coordinator, timestep = build_coordinator(model), float(model.mj_model.opt.timestep)

        def excite(
            state: BodyState,
            moments: Float[jax.Array, "N nu nv"],
            bias_force: Float[jax.Array, "N nv"],
            episode: Episode,
            action: Float[jax.Array, "N J"],
        ) -> Float[jax.Array, "N nu"]:
            return coordinator.excite(
                self.task.config,
                state=state,
                moments=moments,
                # A floating body's weight is carried by the ground, which gravity alone ignores.
                bias_force=jnp.where(self.task.free_root, 0.0, bias_force),
                target=self.task.joint_target(episode, action),
                timestep=timestep,
            )

        compiled = jit(excite)

        def now(episode: Episode, action: Float[jax.Array, "N J"]) -> Float[jax.Array, "N nu"]:
            moments = jnp.asarray(self.simulator.muscle_moments())
            bias_force = jnp.asarray(self.simulator.bias_force())
            return compiled(self._state(), moments, bias_force, episode, action)

        return now

    def _state(self) -> BodyState:
        bad, _ = self.simulator.health()
        return body_state(self.output, bad)

    def _restart(
        self,
        mask: Bool[jax.Array, " N"],
        episode: Episode,
        qpos: Float[jax.Array, "N nq"],
        qvel: Float[jax.Array, "N nv"],
    ) -> None:
        self._episode = episode
        self.output: SimOutput = self.simulator.reset(
            np.asarray(mask), np.asarray(qpos), np.asarray(qvel), self._initial_act
        )

    def _fresh_step(self) -> TimeStep:
        obs = self._observe(self._state(), self._episode)
        never = jnp.zeros(self.num_envs, dtype=bool)
        return TimeStep(obs, jnp.zeros(self.num_envs), never, never, obs, never, {})


def _joint_names(model: MusculoModel) -> tuple[str, ...]:
    """Names of the independent joints, in the order of `Couplings.scalar_qpos`."""
    name_at = dict(zip(model.mj_model.jnt_qposadr.tolist(), model.joint_names, strict=True))
    return tuple(name_at[address] for address in model.couplings.scalar_qpos.tolist())


def make_env(
    model: MusculoModel | str,
    clips: Sequence[MotionClip],
    *,
    num_envs: int,
    backend: str = "native",
    seed: int = 0,
    config: EnvConfig | None = None,
    num_threads: int = 0,
) -> ImitationEnv:
    """An imitation environment.

    Args:
        model: a model or its name (without fingers).
        clips: reference motions made for it.
        num_envs: environments stepped together.
        backend: "native" (all CPU cores).
        seed: of the start states.
        config: the task; None for the defaults.
        num_threads: of the native backend; 0 for all cores.

    Raises:
        InputError: unknown model or backend, or a clip that does not fit.
    """
    if isinstance(model, str):
        model = get_musculo_model(model, fingers=False)
    if backend != "native":
        raise InputError("make_env", "backend", found=repr(backend), expected="native")
    if num_envs < 1:
        raise InputError("make_env", "num_envs", found=num_envs, expected=">= 1")
    config = config or EnvConfig()
    control_dt = config.substeps * float(model.mj_model.opt.timestep)
    bank = build_bank(model, clips, control_dt=control_dt)
    simulator = NativeSimulator(
        model,
        num_worlds=num_envs,
        substeps=config.substeps,
        num_threads=num_threads,
        moments=config.action_map == "coordinated",
    )
    task = Task(
        body=describe_body(model),
        bank=bank,
        config=config,
        reward=config.reward or default_reward(free_root=model.has_free_root),
        free_root=model.has_free_root,
    )
    return ImitationEnv(model, simulator, task, seed=seed)
