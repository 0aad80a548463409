"""The imitation environment: N bodies follow reference clips with their muscles."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import InputError, MusculoModel

from musclemimic_sim.body import BodyState, clean_state
from musclemimic_sim.compiled import jit
from musclemimic_sim.divergence import DivergenceRecorder
from musclemimic_sim.drives import WholeBodyDrive, action_names, build_drive
from musclemimic_sim.health import Health, healthy, note, restarted
from musclemimic_sim.saving import from_state, to_state
from musclemimic_sim.task import Episode, Outcome, Task
from musclemimic_sim.types import Array, EnvSpec, SimOutput, Simulator, State, TimeStep
from musclemimic_sim.variation import Variation
from musclemimic_sim.whole_body_gains import WholeBodyGains

_LOG = logging.getLogger(__name__)
# Restarts of up to a share of 1/_FEW of the environments are observed by themselves.
_FEW = 8


class ImitationEnv:
    """N environments on one simulator; implements `Environment`.

    Attributes:
        spec: layout of observation and action.
        simulator: the physics.
        output: physics after the last step (or restart).
        health: how often each world diverged or ran out of room.
        variation: randomised bodies and pushes.
    """

    def __init__(self, model: MusculoModel, simulator: Simulator, task: Task, *, seed: int) -> None:
        """Assemble; use `make_env`."""
        count, muscles = simulator.num_worlds, len(model.muscle_names)
        self.simulator = simulator
        self.task = task
        self._model = model
        self._initial_act = jnp.full((count, muscles), task.config.initial_activation)
        self._excitation = jnp.zeros((count, muscles))
        control_dt = task.config.substeps * float(model.mj_model.opt.timestep)
        self.variation = Variation(
            model,
            simulator,
            task.config.randomisation,
            task.config.pushes,
            seed=seed,
            control_dt=control_dt,
        )
        self.health = healthy(count)
        self._recorder = DivergenceRecorder(
            model, simulator, task.config.divergence, substeps=task.config.substeps
        )
        names = action_names(model, task.config.action_map)
        self._episode = task.blank(count, actions=len(names), muscles=muscles, seed=seed)
        self._excite = build_drive(model, simulator, task, self._state)
        self._judge, self._observe = partial(_judged, task), partial(_observed, task)
        self._few = -(-count // _FEW)
        self._observe_again = partial(_observed_again, task, most=self._few)
        self._start, self._place = partial(_started, task), partial(_placed, task)
        everywhere = jnp.ones(count, dtype=bool)
        self._restart(everywhere, *self._start(self._episode, everywhere))
        self.spec = self.spec_for(task.config.action_map)

    @property
    def excitation(self) -> Float[np.ndarray, "N nu"]:
        """What the muscles got in the last step."""
        return np.asarray(self._excitation)

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

    def spec_for(self, action_map: str) -> EnvSpec:
        """The layout of this task's observation and action if actions meant `action_map`."""
        model, config = self._model, self.task.config
        names, muscles = action_names(model, action_map), len(model.muscle_names)
        episode = self.task.blank(self.num_envs, actions=len(names), muscles=muscles, seed=0)
        return EnvSpec(
            obs_fields=self.task.layout(self._state(), episode),
            action_names=names,
            action_map=action_map,
            control_dt=config.substeps * float(model.mj_model.opt.timestep),
            model_name=model.label,
            model_sha256=model.content_sha256,
        )

    def seed(self, seed: int) -> None:
        """Let everything random from here on follow from `seed`; takes effect with `reset`."""
        self._episode = self.task.reseeded(self._episode, seed)
        self.variation.reseed(seed)

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

    def step(
        self,
        action: Float[jax.Array, "N A"],
        *,
        excitation: Float[jax.Array, "N nu"] | None = None,
    ) -> TimeStep:
        """One control step; finished episodes restart by themselves (unless configured off).

        Args:
            action: what the episode remembers as chosen, and what its penalties see.
            excitation: what the muscles get instead of what `action` means, in [0, 1]: for
                showing a policy of this environment what another one does.
        """
        if excitation is None:
            excitation = self.excite(action)
        self._excitation = excitation
        self.variation.before_step()
        self._recorder.before_step(excitation)
        self.output = self.simulator.step(excitation)
        flags = self.simulator.health()
        verdict = self._judge(
            vars(self.output),
            flags,
            health=self.health,
            episode=self._episode,
            action=action,
            excitation=excitation,
        )
        outcome, failures = verdict.outcome, verdict.failures
        self.health, self._episode = verdict.health, outcome.episode
        obs = outcome.obs
        ended, failed = self._counts(verdict, flags)
        if failed:
            self._report(failures)
        if ended:
            done = verdict.done
            self._restart(done, *self._start(self._episode, done))
            state = self._state()
            if ended <= self._few:
                obs = self._observe_again(obs, state, self._episode, done)
            else:
                obs = self._observe(state, self._episode)
        return TimeStep(
            obs=obs,
            reward=outcome.reward,
            terminated=outcome.terminated,
            truncated=outcome.truncated,
            final_obs=outcome.obs,
            unhealthy=verdict.unhealthy,
            terms=outcome.terms | failures,
        )

    def excite(self, action: Float[jax.Array, "N A"]) -> Float[jax.Array, "N nu"]:
        """The excitations that `action` means in the present state; nothing moves."""
        return self._excite(self._episode, action)

    def use_gains(self, gains: WholeBodyGains) -> None:
        """Follow the reference with these gains from now on.

        Args:
            gains: numbers, or (N,) of each, so that many settings can be tried side by side.

        Raises:
            InputError: the environment's actions do not go through whole-body coordination.
        """
        if not isinstance(self._excite, WholeBodyDrive):
            found = self.task.config.action_map
            raise InputError("use_gains", "action_map", found=found, expected="whole_body")
        self._excite.gains = gains

    def get_state(self) -> State:
        """Everything needed to continue bit for bit, as named arrays."""
        variation = {f"variation/{k}": v for k, v in self.variation.get_state().items()}
        physics = {f"sim/{k}": v for k, v in self.simulator.get_state().items()}
        own = to_state(self._episode, "episode") | to_state(self.health, "health")
        return own | variation | physics

    def set_state(self, state: State) -> TimeStep:
        """Restore what `get_state` returned; returns the observation to act on."""
        self._episode = from_state(self._episode, state, "episode")
        self.health = from_state(self.health, state, "health")
        self.variation.set_state(_part(state, "variation/"))
        self.output = self.simulator.set_state(_part(state, "sim/"))
        self._recorder.forget()
        return self._fresh_step()

    def close(self) -> None:
        """Free the worlds."""
        self.simulator.close()

    def _state(self) -> BodyState:
        bad, _ = self.simulator.health()
        return _cleaned(vars(self.output), bad)

    def _counts(
        self, verdict: "_Verdict", flags: tuple[Bool[Array, " N"], Int[Array, " N"]]
    ) -> tuple[int, bool]:
        """How many environments are to be restarted, and whether physics failed anywhere."""
        if not self.task.config.auto_reset:
            # Nobody waits for the verdict: the host goes on, with what physics says of itself.
            return 0, any(np.asarray(flag).any() for flag in flags)
        # The one place where the host waits for the device.
        ended, bad_worlds, full_worlds = np.asarray(verdict.counts).tolist()
        return ended, bool(bad_worlds or full_worlds)

    def _report(self, failures: Mapping[str, Float[jax.Array, " N"]]) -> None:
        """Log, and write down, what went wrong in this step."""
        diverged = np.asarray(failures["health/diverged"]) > 0
        overflowed = int(np.asarray(failures["health/overflow"]).sum())
        if overflowed:
            _LOG.warning("%d worlds ran out of room for contacts or constraints", overflowed)
        if diverged.any():
            _LOG.warning("%d worlds diverged", diverged.sum())
            self._recorder.write(diverged, np.asarray(self._episode.steps))

    def _restart(
        self,
        mask: Bool[jax.Array, " N"],
        episode: Episode,
        qpos: Float[jax.Array, "N nq"],
        qvel: Float[jax.Array, "N nv"],
    ) -> None:
        self._episode = episode
        self.variation.restart(mask)
        self.output: SimOutput = self.simulator.reset(mask, qpos, qvel, self._initial_act)
        self.health = _health_restarted(self.health, mask)

    def _fresh_step(self) -> TimeStep:
        obs = self._observe(self._state(), self._episode)
        never = jnp.zeros(self.num_envs, dtype=bool)
        return TimeStep(obs, jnp.zeros(self.num_envs), never, never, obs, never, {})


class _Verdict(NamedTuple):
    """All that a step computes on the device, in one program: fewer calls than one for each.

    Attributes:
        outcome: of the task.
        done: whose episode ended.
        unhealthy: whose physics diverged.
        health, failures: as of `note`.
        counts: in how many environments the episode ended, physics is bad, buffers are full.
    """

    outcome: Outcome
    done: Bool[jax.Array, " N"]
    unhealthy: Bool[jax.Array, " N"]
    health: Health
    failures: dict[str, Float[jax.Array, " N"]]
    counts: Int[jax.Array, "3"]


def _judge(
    task: Task,
    output: dict[str, Array],
    flags: tuple[Bool[Array, " N"], Int[Array, " N"]],
    *,
    health: Health,
    episode: Episode,
    action: Float[jax.Array, "N A"],
    excitation: Float[jax.Array, "N nu"],
) -> _Verdict:
    bad, overflow = flags
    outcome = task.judge(clean_state(output, bad), episode, action, excitation)
    health, failures = note(health, bad, overflow)
    done = outcome.terminated | outcome.truncated
    counts = jnp.stack([flag.sum() for flag in (done, health.bad, health.full)])
    return _Verdict(outcome, done, jnp.asarray(bad), health, failures, counts)


# Compiled once for all environments of equal shape: a task is an argument.
_cleaned, _health_restarted = jit(clean_state), jit(restarted)
_judged, _observed, _started, _placed = (
    jit(_judge),
    jit(Task.observe),
    jit(Task.start),
    jit(Task.place),
)
_observed_again = jit(Task.observe_again, static=("most",))


def _part(state: State, prefix: str) -> State:
    """The entries of a saved state below a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
