"""The pure part of the task: start, judge and observe episodes, from physics state to numbers."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int, UInt32

from musclemimic_sim.bank import ReferenceBank
from musclemimic_sim.body import Body, BodyState
from musclemimic_sim.config import EnvConfig, RewardConfig
from musclemimic_sim.coordinator import JointTarget
from musclemimic_sim.observation import Goal, observe
from musclemimic_sim.reward import imitation_reward, lost, penalty, track


class Episode(NamedTuple):
    """Where each environment is in its episode.

    Attributes:
        clip, frame: which clip, and the reference frame the present state is compared with.
        steps: control steps since the start.
        origin: world position of the reference's start, subtracted from it (x and y), m.
        action, excitation: the last action, and what the muscles got from it.
        key: random key for the next start.
    """

    clip: Int[jax.Array, " N"]
    frame: Int[jax.Array, " N"]
    steps: Int[jax.Array, " N"]
    origin: Float[jax.Array, "N 3"]
    action: Float[jax.Array, "N A"]
    excitation: Float[jax.Array, "N nu"]
    key: UInt32[jax.Array, "2"]


class Outcome(NamedTuple):
    """Everything a step computes on the device before any restart."""

    obs: Float[jax.Array, "N O"]
    reward: Float[jax.Array, " N"]
    terminated: Bool[jax.Array, " N"]
    truncated: Bool[jax.Array, " N"]
    terms: dict[str, Float[jax.Array, " N"]]
    episode: Episode


@dataclass(frozen=True)
class Task:
    """The pure part: jitted functions of physics state and episode, for one model and config."""

    body: Body
    bank: ReferenceBank
    config: EnvConfig
    reward: RewardConfig
    free_root: bool

    def excitation(self, action: Float[jax.Array, "N A"]) -> Float[jax.Array, "N A"]:
        """What the muscles get from an action that addresses them directly."""
        if self.config.action_map == "affine":
            return jnp.clip((action + 1) / 2, 0, 1)
        return jnp.clip(action, 0, 1)

    def joint_target(self, episode: Episode, action: Float[jax.Array, "N J"]) -> JointTarget:
        """The next reference frame, moved by the action: what a coordinated action asks for."""
        rows = self.bank.at(episode.clip, episode.frame + 1)
        offset = self.config.coordination.scale_rad * jnp.clip(action, -1, 1)
        return JointTarget(
            position=self.bank.qpos[rows][:, self.body.joint_qpos] + offset,
            velocity=self.bank.qvel[rows][:, self.body.joint_qvel],
        )

    def blocks(self, state: BodyState, episode: Episode) -> dict[str, Float[jax.Array, "N _"]]:
        """The observation's named blocks."""
        ahead = 1 + self.config.lookahead_stride * jnp.arange(self.config.lookahead_frames + 1)
        rows = self.bank.at(episode.clip[:, None], episode.frame[:, None] + ahead)
        length = self.bank.length[episode.clip]
        goal = Goal(rows, episode.origin, episode.frame / jnp.maximum(length - 1, 1))
        return observe(
            body=self.body,
            bank=self.bank,
            state=state,
            action=jnp.clip(episode.action, -1, 1),
            excitation=episode.excitation,
            goal=goal,
            free_root=self.free_root,
        )

    def observe(self, state: BodyState, episode: Episode) -> Float[jax.Array, "N O"]:
        """The observation vector."""
        return jnp.concatenate(list(self.blocks(state, episode).values()), axis=1)

    def judge(
        self,
        state: BodyState,
        episode: Episode,
        action: Float[jax.Array, "N A"],
        excitation: Float[jax.Array, "N nu"],
    ) -> Outcome:
        """Reward, termination and observation after physics has taken `action`."""
        frame = episode.frame + 1
        rows = self.bank.at(episode.clip, frame)
        tracking = track(
            body=self.body, bank=self.bank, state=state, rows=rows, origin=episode.origin
        )
        parts = imitation_reward(self.reward, tracking.squares)
        cost = penalty(self.reward, action=action, previous=episode.action, activation=state.act)
        terminated = lost(self.config.termination, tracking.errors, state.healthy)
        steps = episode.steps + 1
        ended = frame >= self.bank.length[episode.clip] - 1
        if self.config.horizon is not None:
            ended |= steps >= self.config.horizon
        after = episode._replace(frame=frame, steps=steps, action=action, excitation=excitation)
        terms = {f"reward/{name}": value for name, value in parts.items()}
        terms |= {f"error/{name}": value for name, value in tracking.errors.items()}
        terms |= {"reward/penalty": cost, "mean_activation": state.act.mean(axis=1)}
        reward = jnp.maximum(0.0, sum(parts.values(), cost))
        return Outcome(
            obs=self.observe(state, after),
            # A diverged world is judged from zeros: it earns nothing.
            reward=jnp.where(state.healthy, reward, 0.0),
            terminated=terminated,
            truncated=ended & ~terminated,
            terms=terms,
            episode=after,
        )

    def start(
        self, episode: Episode, mask: Bool[jax.Array, " N"]
    ) -> tuple[Episode, Float[jax.Array, "N nq"], Float[jax.Array, "N nv"]]:
        """New episodes where `mask`, at a uniform frame of a uniform clip; and their states."""
        key, for_clip, for_frame = jax.random.split(episode.key, 3)
        count = episode.clip.shape
        clip = jax.random.randint(for_clip, count, 0, self.bank.length.shape[0])
        share = jax.random.uniform(for_frame, count)
        frame = (share * (self.bank.length[clip] - 1)).astype(clip.dtype)
        return self.place(episode._replace(key=key), mask, clip, frame)

    def place(
        self,
        episode: Episode,
        mask: Bool[jax.Array, " N"],
        clip: Int[jax.Array, " N"],
        frame: Int[jax.Array, " N"],
    ) -> tuple[Episode, Float[jax.Array, "N nq"], Float[jax.Array, "N nv"]]:
        """Episodes at the given frames where `mask`, with the root's x and y at the origin."""
        rows = self.bank.at(clip, frame)
        qpos, qvel = self.bank.qpos[rows], self.bank.qvel[rows]
        origin = jnp.zeros_like(episode.origin)
        if self.free_root:
            origin = qpos[:, :3] * jnp.array([1.0, 1.0, 0.0])
            qpos = qpos.at[:, :3].add(-origin)
        fresh = Episode(
            clip=clip,
            frame=frame,
            steps=jnp.zeros_like(frame),
            origin=origin,
            action=jnp.zeros_like(episode.action),
            excitation=jnp.zeros_like(episode.excitation),
            key=episode.key,
        )

        def choose(new: jax.Array, old: jax.Array) -> jax.Array:
            return jnp.where(mask.reshape(-1, *([1] * (new.ndim - 1))), new, old)

        kept = Episode(
            clip=choose(fresh.clip, episode.clip),
            frame=choose(fresh.frame, episode.frame),
            steps=choose(fresh.steps, episode.steps),
            origin=choose(fresh.origin, episode.origin),
            action=choose(fresh.action, episode.action),
            excitation=choose(fresh.excitation, episode.excitation),
            key=episode.key,
        )
        return kept, qpos, qvel
