"""The pure part of the task: start, judge and observe episodes, from physics state to numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int, UInt32

from musclemimic_sim.adaptation import (
    Adaptation,
    adapted,
    clip_probability,
    draw_clips,
    fresh_adaptation,
)
from musclemimic_sim.bank import ReferenceBank
from musclemimic_sim.body import Body, BodyState
from musclemimic_sim.compiled import jit
from musclemimic_sim.config import EnvConfig, RewardConfig
from musclemimic_sim.coordinator import JointTarget
from musclemimic_sim.delay import delayed, draw_delays, remembered
from musclemimic_sim.noise import noise_deviation
from musclemimic_sim.observation import UNITS, Goal, fields_of, observe
from musclemimic_sim.reward import imitation_reward, lost, penalty, track
from musclemimic_sim.types import ObsField


class Episode(NamedTuple):
    """Where each environment is in its episode.

    Attributes:
        clip, frame: which clip, and the reference frame the present state is compared with.
        steps: control steps since the start.
        origin: world position of the reference's start, subtracted from it (x and y), m.
        action, excitation: the last action, and what the muscles last got.
        delay: control steps from an action to the muscles.
        history: the last D actions, newest last; D is the longest delay.
        key: random key for the next start.
        noise_key: random key of the present observation's noise.
        adaptation: curriculum and clip sampling, common to all environments.
    """

    clip: Int[jax.Array, " N"]
    frame: Int[jax.Array, " N"]
    steps: Int[jax.Array, " N"]
    origin: Float[jax.Array, "N 3"]
    action: Float[jax.Array, "N A"]
    excitation: Float[jax.Array, "N nu"]
    delay: Int[jax.Array, " N"]
    history: Float[jax.Array, "N D A"]
    key: UInt32[jax.Array, "2"]
    noise_key: UInt32[jax.Array, "2"]
    adaptation: Adaptation


# What belongs to one environment and is renewed when its episode is.
_OWN = ("clip", "frame", "steps", "origin", "action", "excitation", "delay", "history")


class Outcome(NamedTuple):
    """Everything a step computes on the device before any restart."""

    obs: Float[jax.Array, "N O"]
    reward: Float[jax.Array, " N"]
    terminated: Bool[jax.Array, " N"]
    truncated: Bool[jax.Array, " N"]
    terms: dict[str, Float[jax.Array, " N"]]
    episode: Episode


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("body", "bank"),
    meta_fields=("config", "reward", "free_root"),
)
@dataclass(frozen=True)
class Task:
    """The pure part: functions of physics state and episode, for one model and config.

    Compiled functions take it as an argument: environments that differ only in the numbers of
    body and bank share their programs, and clips are no constants within them.
    """

    body: Body
    bank: ReferenceBank
    config: EnvConfig
    reward: RewardConfig
    free_root: bool

    def blank(self, count: int, *, actions: int, muscles: int, seed: int) -> Episode:
        """Before the first start: `count` environments at frame 0 of clip 0."""
        whole = jnp.zeros(count, dtype=jnp.int32)
        key = jax.random.PRNGKey(seed)
        return Episode(
            clip=whole,
            frame=whole,
            steps=whole,
            origin=jnp.zeros((count, 3)),
            action=jnp.zeros((count, actions)),
            excitation=jnp.zeros((count, muscles)),
            delay=whole,
            history=jnp.zeros((count, self.config.action_delay.most, actions)),
            key=key,
            noise_key=_noise_key(key),
            adaptation=fresh_adaptation(self.config.curriculum, self.bank.length.shape[0]),
        )

    def reseeded(self, episode: Episode, seed: int) -> Episode:
        """The same episodes with everything random yet to come from another seed."""
        key = jax.random.PRNGKey(seed)
        return episode._replace(key=key, noise_key=_noise_key(key))

    def arriving(self, episode: Episode, action: Float[jax.Array, "N A"]) -> jax.Array:
        """The action that reaches the muscles (joints) when `action` is chosen, (N, A)."""
        return delayed(episode.history, episode.delay, action)

    @property
    def resting_action(self) -> float:
        """The action that asks for the initial activation, or for the reference itself."""
        activation = self.config.initial_activation
        resting = {"clip": activation, "affine": 2 * activation - 1}
        return resting.get(self.config.action_map, 0.0)

    def excitation(
        self, episode: Episode, action: Float[jax.Array, "N A"]
    ) -> Float[jax.Array, "N A"]:
        """What the muscles get from an action that addresses them directly."""
        action = self.arriving(episode, action)
        if self.config.action_map == "affine":
            return jnp.clip((action + 1) / 2, 0, 1)
        return jnp.clip(action, 0, 1)

    def joint_target(
        self, episode: Episode, action: Float[jax.Array, "N J"], *, control_dt: float
    ) -> JointTarget:
        """The next reference frame, moved by the action: what a coordinated action asks for."""
        clip, frame = episode.clip, episode.frame + 1
        rows = self.bank.at(clip, frame)
        arriving = self.arriving(episode, action)
        offset = self.config.coordination.scale_rad * jnp.clip(arriving, -1, 1)
        acceleration = self.bank.acceleration_at(clip, frame, dt=control_dt)
        return JointTarget(
            position=self.bank.qpos[rows][:, self.body.joint_qpos] + offset,
            velocity=self.bank.qvel[rows][:, self.body.joint_qvel],
            acceleration=acceleration[:, self.body.joint_qvel],
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

    def layout(self, state: BodyState, episode: Episode) -> tuple[ObsField, ...]:
        """The observation's fields.

        Raises:
            InputError: sensor noise on a field that this body does not have.
        """
        # Shapes only, and remembered for environments of equal shape: to trace the blocks takes as
        # long as two control steps, to compute them one by one seconds of compilation.
        shapes = jax.eval_shape(_blocks, self, state, episode)
        # jax returns dicts in another order.
        widths = {name: shapes[name].shape[1] for name in UNITS if name in shapes}
        noise_deviation(self.config.sensor_noise, widths, "EnvConfig")
        return fields_of(widths)

    def observe(self, state: BodyState, episode: Episode) -> Float[jax.Array, "N O"]:
        """The observation vector, with sensor noise."""
        blocks = self.blocks(state, episode)
        exact = jnp.concatenate(list(blocks.values()), axis=1)
        return exact if self.config.sensor_noise.silent else exact + self._noise(blocks, episode)

    def observe_again(
        self,
        obs: Float[jax.Array, "N O"],
        state: BodyState,
        episode: Episode,
        mask: Bool[jax.Array, " N"],
        *,
        most: int,
    ) -> Float[jax.Array, "N O"]:
        """`obs`, computed anew where `mask`, which holds in at most `most` environments.

        A few bodies restart in a step; observing all of them twice would cost ten times as much.
        """
        rows = jnp.nonzero(mask, size=most, fill_value=jnp.argmax(mask))[0]

        def chosen(values: jax.Array) -> jax.Array:
            return values[rows]

        own = {name: chosen(getattr(episode, name)) for name in _OWN}
        few = jax.tree.map(chosen, state), episode._replace(**own)
        blocks = self.blocks(*few)
        fresh = jnp.concatenate(list(blocks.values()), axis=1)
        if not self.config.sensor_noise.silent:
            fresh += chosen(self._noise(blocks, episode))
        return obs.at[rows].set(fresh)

    def _noise(
        self, blocks: Mapping[str, Float[jax.Array, "_ _"]], episode: Episode
    ) -> Float[jax.Array, "N O"]:
        widths = {name: block.shape[1] for name, block in blocks.items()}
        deviation = noise_deviation(self.config.sensor_noise, widths, "EnvConfig")
        shape = (episode.clip.shape[0], sum(widths.values()))
        return jnp.asarray(deviation) * jax.random.normal(episode.noise_key, shape)

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
        c, scale = self.config, episode.adaptation.threshold_scale
        terminated = lost(c.termination, tracking.errors, state.healthy, scale=scale)
        steps = episode.steps + 1
        ended = frame >= self.bank.length[episode.clip] - 1
        if c.horizon is not None:
            ended |= steps >= c.horizon
        after = episode._replace(
            frame=frame,
            steps=steps,
            action=action,
            excitation=excitation,
            history=remembered(episode.history, action),
            noise_key=episode.noise_key if c.sensor_noise.silent else _noise_key(episode.noise_key),
            adaptation=adapted(
                c.curriculum,
                c.sampling,
                episode.adaptation,
                clip=episode.clip,
                early=terminated,
                ended=terminated | ended,
            ),
        )
        terms = {f"reward/{name}": value for name, value in parts.items()}
        terms |= {f"error/{name}": value for name, value in tracking.errors.items()}
        terms |= {"reward/penalty": cost, "mean_activation": state.act.mean(axis=1)}
        if c.curriculum.enabled:
            terms["curriculum/threshold_scale"] = jnp.broadcast_to(scale, cost.shape)
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
        """New episodes where `mask`, at a uniform frame of a drawn clip; and their states."""
        key, for_clip, for_frame = jax.random.split(episode.key, 3)
        count = episode.clip.shape[0]
        shares = clip_probability(self.config.sampling, episode.adaptation.clip_early_share)
        clip = draw_clips(for_clip, shares, count)
        share = jax.random.uniform(for_frame, (count,))
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
        fresh = {
            "clip": clip,
            "frame": frame,
            "steps": jnp.zeros_like(frame),
            "origin": origin,
            "action": jnp.zeros_like(episode.action),
            "excitation": jnp.zeros_like(episode.excitation),
            "delay": draw_delays(self.config.action_delay, episode.key, clip.shape[0]),
            "history": jnp.full_like(episode.history, self.resting_action),
        }

        def choose(new: jax.Array, old: jax.Array) -> jax.Array:
            return jnp.where(mask.reshape(-1, *([1] * (new.ndim - 1))), new, old)

        old = episode._asdict()
        kept = episode._replace(**{name: choose(fresh[name], old[name]) for name in _OWN})
        return kept, qpos, qvel


_blocks = jit(Task.blocks)


def _noise_key(key: UInt32[jax.Array, "2"]) -> UInt32[jax.Array, "2"]:
    """The next key of the noise: another stream than that of the starts."""
    return jax.random.fold_in(key, 1)
