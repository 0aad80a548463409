"""What an action drives: from actions to muscle excitations, for each `EnvConfig.action_map`."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Float
from musclemimic_models import MusculoModel

from musclemimic_sim.body import BodyState
from musclemimic_sim.compiled import jit
from musclemimic_sim.config import JOINT_MAPS
from musclemimic_sim.coordinator import build_coordinator
from musclemimic_sim.following import Reference
from musclemimic_sim.task import Episode, Task
from musclemimic_sim.types import Dynamics, Simulator
from musclemimic_sim.whole_body import build_whole_body
from musclemimic_sim.whole_body_gains import WholeBodyGains, gains_of

# Excitations that an action means in an episode. Reads the physics' present state by itself.
Drive = Callable[[Episode, Float[jax.Array, "N A"]], Float[jax.Array, "N nu"]]


def action_names(model: MusculoModel, action_map: str) -> tuple[str, ...]:
    """What the components of an action are called: muscles, or the independent joints."""
    if action_map not in JOINT_MAPS:
        return model.muscle_names
    name_at = dict(zip(model.mj_model.jnt_qposadr.tolist(), model.joint_names, strict=True))
    return tuple(name_at[address] for address in model.couplings.scalar_qpos.tolist())


def build_drive(
    model: MusculoModel, simulator: Simulator, task: Task, state: Callable[[], BodyState]
) -> Drive:
    """The compiled drive of a task.

    Args:
        model: the body.
        simulator: its physics.
        task: with the configuration.
        state: gives the present state of the bodies.
    """
    match task.config.action_map:
        case "coordinated":
            return _joint_drive(model, simulator, task, state)
        case "whole_body":
            return WholeBodyDrive(model, simulator, task, state)
        case _:
            return partial(_excitation, task)


_excitation = jit(Task.excitation)


def _joint_drive(
    model: MusculoModel, simulator: Simulator, task: Task, state: Callable[[], BodyState]
) -> Drive:
    coordinator, timestep = build_coordinator(model), float(model.mj_model.opt.timestep)
    control_dt = task.config.substeps * timestep

    def excite(
        state: BodyState,
        physics: tuple[Dynamics, Float[jax.Array, "N nu nv"]],
        episode: Episode,
        action: Float[jax.Array, "N J"],
    ) -> Float[jax.Array, "N nu"]:
        dynamics, moments = physics
        return coordinator.excite(
            task.config,
            state=state,
            moments=moments,
            dynamics=dynamics,
            target=task.joint_target(episode, action, control_dt=control_dt),
            timestep=timestep,
        )

    compiled = jit(excite)

    def now(episode: Episode, action: Float[jax.Array, "N J"]) -> Float[jax.Array, "N nu"]:
        physics = simulator.dynamics(), jnp.asarray(simulator.muscle_moments())
        return compiled(state(), physics, episode, action)

    return now


class WholeBodyDrive:
    """The drive of `action_map="whole_body"`.

    Attributes:
        gains: in use; numbers, or one for each world, so that many can be tried side by side.
    """

    def __init__(
        self,
        model: MusculoModel,
        simulator: Simulator,
        task: Task,
        state: Callable[[], BodyState],
    ) -> None:
        """Compile; see `build_drive`."""
        self.gains = gains_of(task.config.whole_body)
        self._simulator, self._state = simulator, state
        layer, timestep = build_whole_body(model), float(model.mj_model.opt.timestep)
        config, substeps = task.config.whole_body, task.config.substeps

        def excite(
            state: BodyState,
            physics: tuple[Dynamics, Float[jax.Array, "N nu nv"]],
            episode: Episode,
            action: Float[jax.Array, "N J"],
            gains: WholeBodyGains,
        ) -> Float[jax.Array, "N nu"]:
            dynamics, moments = physics
            arriving = jnp.clip(task.arriving(episode, action), -1, 1)
            return layer.excite(
                gains,
                state=state,
                dynamics=dynamics,
                moments=moments,
                reference=_reference(task, episode, control_dt=substeps * timestep),
                joint_offset=config.scale_rad * arriving,
                config=config,
                timestep=timestep,
                substeps=substeps,
            )

        self._excite = jit(excite)

    def __call__(
        self, episode: Episode, action: Float[jax.Array, "N A"]
    ) -> Float[jax.Array, "N nu"]:
        """Excitations that an action means in the present state."""
        physics = self._simulator.dynamics(), jnp.asarray(self._simulator.muscle_moments())
        return self._excite(self._state(), physics, episode, action, self.gains)


def _reference(task: Task, episode: Episode, *, control_dt: float) -> Reference:
    """The next reference frame."""
    bank, frame = task.bank, episode.frame + 1
    rows = bank.at(episode.clip[:, None], frame[:, None] + jnp.arange(-1, 2))
    around = bank.swing[rows]
    middle = rows[:, 1]
    return Reference(
        qpos=bank.qpos[middle].at[:, :3].add(-episode.origin),
        qvel=bank.qvel[middle],
        acceleration=bank.acceleration_at(episode.clip, frame, dt=control_dt),
        swing=around[:, 1],
        swing_rate=(around[:, 2] - around[:, 0]) / (2 * control_dt),
    )
