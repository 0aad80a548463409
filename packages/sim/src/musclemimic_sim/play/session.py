"""The state a shown environment is in: one world, an agent, its reference. No graphics."""

import time
from collections import deque
from collections.abc import Mapping

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import MusculoModel
from musclemimic_models.view.stage import Stage

from musclemimic_sim.env import ImitationEnv
from musclemimic_sim.play.agents import Agent
from musclemimic_sim.types import TimeStep

_HISTORY = 500
_ROUNDING_S = 1e-9


class PlaySession:
    """An environment in motion. Not thread-safe: callers hold a lock of their own.

    Attributes:
        env: with one world and without automatic restarts.
        stage: the body as the viewer draws it.
        ghost: the same model, in the reference's pose.
        agents: by name. agent: the name of the one that acts.
        speed: 1 is real time. paused: whether time stands still.
        longest_work_s: in one `advance`; on a slow machine time slows down instead of the picture.
        restart_when_lost: start again where the termination thresholds are passed; otherwise go on
            to the clip's end.
        step: the last one.
        episodes: how many have been started.
        rewards: of the last steps of this episode.
        ended: why the last episode ended.
    """

    def __init__(
        self, env: ImitationEnv, model: MusculoModel, agents: Mapping[str, Agent], agent: str
    ) -> None:
        """Start the first episode."""
        self.env, self.agents, self.agent = env, dict(agents), agent
        self.stage = Stage(model)
        self.ghost = mujoco.MjData(self.stage.model)
        self.speed, self.paused, self.restart_when_lost = 1.0, False, True
        self.longest_work_s = 0.05
        self.episodes, self.ended = 0, ""
        self.rewards: deque[float] = deque(maxlen=_HISTORY)
        self._owed_s = 0.0
        self.step: TimeStep
        self.restart()

    @property
    def time(self) -> float:
        """Time in the clip, s."""
        return int(self.env.frame[0]) * self.env.spec.control_dt

    @property
    def duration(self) -> float:
        """Time of the clip's last frame, s."""
        length = int(self.env.task.bank.length[int(self.env.clip_index[0])])
        return (length - 1) * self.env.spec.control_dt

    def restart(self, *, clip: int | None = None, frame: int = 0) -> None:
        """Start an episode: at a frame of a clip, or where chance has it.

        Raises:
            InputError: a clip or frame that does not exist.
        """
        if clip is None:
            self.step = self.env.reset()
        else:
            self.step = self.env.reset_to(np.array([clip]), np.array([frame]))
        self.episodes += 1
        self._owed_s = 0.0
        self.rewards.clear()
        self._show()

    def advance(self, elapsed: float) -> None:
        """Let `elapsed` seconds of wall clock pass."""
        if self.paused:
            return
        dt, deadline = self.env.spec.control_dt, time.perf_counter() + self.longest_work_s
        self._owed_s = min(self._owed_s + elapsed * self.speed, 10 * dt)
        stepped = False
        while self._owed_s >= dt - _ROUNDING_S and time.perf_counter() < deadline:
            self._owed_s -= dt
            stepped = True
            if self._act():
                return
        if stepped:
            self._show()

    def _act(self) -> bool:
        """One control step; True if it ended the episode and another one has begun."""
        self.step = self.env.step(self.agents[self.agent](self.step.obs))
        self.rewards.append(float(self.step.reward[0]))
        unhealthy, over = bool(self.step.unhealthy[0]), bool(self.step.truncated[0])
        lost = bool(self.step.terminated[0])
        at_end = int(self.env.frame[0]) >= round(self.duration / self.env.spec.control_dt)
        if not (unhealthy or over or at_end or (lost and self.restart_when_lost)):
            return False
        reason = "diverged" if unhealthy else "lost the reference" if lost else "reached the end"
        self.ended = f"{reason} at {self.time:.2f} s"
        self.restart()
        return True

    def _show(self) -> None:
        """Bring body and ghost to the present state and reference."""
        output, data = self.env.output, self.stage.data
        data.qpos[:], data.act[:] = np.asarray(output.qpos)[0], np.asarray(output.act)[0]
        mujoco.mj_forward(self.stage.model, data)
        self.ghost.qpos[:] = self._reference()
        mujoco.mj_kinematics(self.stage.model, self.ghost)
        self.stage.changed = True

    def _reference(self) -> Float[np.ndarray, " nq"]:
        bank, episode = self.env.task.bank, self.env.episode
        qpos = np.array(bank.qpos[bank.at(episode.clip, episode.frame)][0], dtype=np.float64)
        if self.stage.body.has_free_root:
            qpos[:3] -= np.asarray(episode.origin)[0]
        return qpos
