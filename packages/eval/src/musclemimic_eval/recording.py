"""Recording episodes of a policy as rollouts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import InputError
from musclemimic_sim import EnvSpec, SimOutput, Simulator, TimeStep
from scipy.spatial.transform import Rotation

from musclemimic_eval.rollout import Rollout

# A rotation matrix in float32 has a determinant this close to 1.
_PROPER = 1e-3


@runtime_checkable
class Policy(Protocol):
    """What evaluation needs of a policy; `musclemimic_rl.PolicyBundle` is one."""

    @property
    def spec(self) -> EnvSpec:
        """The environment it was trained in."""
        ...

    @property
    def provenance(self) -> Mapping[str, object]:
        """How it was trained, plain values; its "config" says in which task."""
        ...

    def act(
        self, obs: Float[jax.Array, "N O"], key: jax.Array | None = None
    ) -> Float[jax.Array, "N A"]:
        """Actions: the mean, or with a key a sample."""
        ...


@runtime_checkable
class RolloutEnvironment(Protocol):
    """What recording needs of `musclemimic_sim.ImitationEnv`."""

    spec: EnvSpec
    output: SimOutput
    simulator: Simulator

    @property
    def excitation(self) -> Float[np.ndarray, "N nu"]:
        """What the muscles got in the last step."""
        ...

    @property
    def num_envs(self) -> int:
        """Environments stepped together."""
        ...

    @property
    def frame(self) -> Int[np.ndarray, " N"]:
        """Reference frame the present state is compared with."""
        ...

    @property
    def origin(self) -> Float[np.ndarray, "N 3"]:
        """World position subtracted from each reference, m."""
        ...

    def reset_to(self, clip_index: Int[np.ndarray, " N"], frame: Int[np.ndarray, " N"]) -> TimeStep:
        """Start every environment at a given frame of a given clip."""
        ...

    def step(self, action: Float[jax.Array, "N A"]) -> TimeStep:
        """One control step."""
        ...


@dataclass(frozen=True)
class Start:
    """Where an episode starts.

    Attributes:
        clip, name: index and name of the clip.
        frame: of the clip.
        steps: the longest the episode can get.
    """

    clip: int
    name: str
    frame: int
    steps: int


def run_episodes(
    policy: Policy,
    env: RolloutEnvironment,
    starts: Sequence[Start],
    *,
    site_names: tuple[str, ...],
    key: jax.Array | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[int, Rollout]]:
    """Record one rollout per start, as many at once as the environment holds.

    Args:
        policy: acts with its mean, or samples if there is a `key`.
        env: must not restart finished episodes by itself.
        starts: where the episodes begin.
        site_names: of the body's mimic sites.
        key: for exploration noise.
        on_progress: as in `evaluate`.

    Yields:
        Index of the start and its rollout. Starts with the same way to go come together, so that
        few environments wait for others; a whole batch is in memory at a time, not more.

    Raises:
        InputError: the policy was trained for another observation or action.
    """
    difference = env.spec.difference(policy.spec)
    if difference is not None:
        raise InputError(
            "policy", "spec", found=difference, expected="the environment it was trained in"
        )
    order = sorted(range(len(starts)), key=lambda index: -starts[index].steps)
    for first in range(0, len(order), env.num_envs):
        batch = order[first : first + env.num_envs]
        use = None
        if key is not None:
            key, use = jax.random.split(key)

        def report(finished: int, before: int = first) -> None:
            if on_progress is not None:
                on_progress(before + finished, len(starts))

        rollouts = _run_batch(
            policy,
            env,
            [starts[index] for index in batch],
            site_names=site_names,
            key=use,
            report=report,
        )
        yield from zip(batch, rollouts, strict=True)


def _run_batch(
    policy: Policy,
    env: RolloutEnvironment,
    starts: Sequence[Start],
    *,
    site_names: tuple[str, ...],
    key: jax.Array | None,
    report: Callable[[int], None],
) -> list[Rollout]:
    # Idle environments repeat the last start and are not recorded.
    padded = [*starts, *[starts[-1]] * (env.num_envs - len(starts))]
    count = len(starts)
    step = env.reset_to(
        np.array([start.clip for start in padded]), np.array([start.frame for start in padded])
    )
    origin = np.array(env.origin)
    alive, terminated = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    lengths = np.zeros(count, dtype=int)
    frames: list[dict[str, np.ndarray]] = []
    while alive.any():
        use = None
        if key is not None:
            key, use = jax.random.split(key)
        step = env.step(policy.act(step.obs, use))
        unhealthy = np.asarray(step.unhealthy)[:count]
        frames.append(_sample(env) | {"reward": np.asarray(step.reward)})
        lengths += alive & ~unhealthy
        failed = np.asarray(step.terminated)[:count] | unhealthy
        terminated |= alive & failed
        alive &= ~(failed | np.asarray(step.truncated)[:count])
        report(int((~alive).sum()))
    stacked = {name: np.stack([frame[name] for frame in frames]) for name in frames[0]}
    stacked["site_quat"] = _quaternions(stacked.pop("site_mat"))
    ends: list[int] = lengths.tolist()
    return [
        Rollout(
            **{name: values[:length, row] for name, values in stacked.items()},  # pyright: ignore[reportArgumentType]
            time=env.spec.control_dt * np.arange(1, length + 1),
            reference_offset=-origin[row],
            start_frame=start.frame,
            terminated=bool(failed),
            reference_clip=start.name,
            site_names=site_names,
            model_name=env.spec.model_name,
            model_sha256=env.spec.model_sha256,
        )
        for row, (start, length, failed) in enumerate(zip(starts, ends, terminated, strict=True))
    ]


def _sample(env: RolloutEnvironment) -> dict[str, np.ndarray]:
    """What a rollout keeps of one step, all environments."""
    out, physics = env.output, env.simulator
    return {
        "qpos": np.asarray(out.qpos),
        "qvel": np.asarray(out.qvel),
        "excitation": np.asarray(env.excitation),
        "activation": np.asarray(out.act),
        "muscle_force": np.asarray(out.actuator_force),
        "muscle_length": np.asarray(out.actuator_length),
        "ground_reaction": np.asarray(physics.ground_force()),
        "centre_of_pressure": np.asarray(physics.ground_pressure_centre()),
        "site_pos": np.asarray(out.site_pos),
        "site_mat": np.asarray(out.site_mat),
        "reference_frame": np.array(env.frame),
    }


def _quaternions(matrices: Float[np.ndarray, "T N S 3 3"]) -> Float[np.ndarray, "T N S 4"]:
    """Site orientations; identity where physics had diverged (those samples are dropped)."""
    flat = matrices.reshape(-1, 3, 3).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        # The triple product of the rows; LAPACK's determinant takes five times as long.
        determinant = np.einsum("ni,ni->n", flat[:, 0], np.cross(flat[:, 1], flat[:, 2]))
        proper = np.abs(determinant - 1) < _PROPER
    flat[~proper] = np.eye(3)
    quaternions = Rotation.from_matrix(flat, assume_valid=True).as_quat(scalar_first=True)
    return quaternions.reshape(*matrices.shape[:3], 4)
