"""Writing down what a batch of episodes does, in a thread beside the physics."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_sim.types import Array
from scipy.spatial.transform import Rotation

# A rotation matrix in float32 has a determinant this close to 1.
_PROPER = 1e-3
# Control steps put in order at once.
_TOGETHER = 32


class Sample(NamedTuple):
    """One control step of N episodes.

    Attributes:
        values: what a `Rollout` keeps of it by name, (N, …); orientations as "site_mat".
        terminated, truncated: whose episode ended with this step, and how.
        unhealthy: whose physics diverged in it.
    """

    values: Mapping[str, Array]
    terminated: Bool[Array, " N"]
    truncated: Bool[Array, " N"]
    unhealthy: Bool[Array, " N"]


class Written(NamedTuple):
    """One episode on the tape.

    Attributes:
        values: arrays of a `Rollout` by name, (T, …).
        terminated: whether it ended because the body lost the reference, or diverged.
    """

    values: Mapping[str, np.ndarray]
    terminated: bool


class Tape:
    """What `count` episodes did, step by step; of each only until it was over.

    Samples are put in order, an episode's in a row, by a thread of the tape's own and many at
    once: physics goes on meanwhile, and small arrays cost more than what is in them.
    """

    def __init__(self, count: int) -> None:
        """For the first `count` of the samples' rows."""
        self._count = count
        self._fresh: list[Mapping[str, Array]] = []
        self._blocks: list[dict[str, np.ndarray]] = []  # (count, up to _TOGETHER, …)
        self._alive, self._terminated = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
        self._lengths = np.zeros(count, dtype=int)
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="tape")
        self._storing: Future[None] | None = None

    def write(self, sample: Sample) -> int:
        """Add the next step; returns how many episodes are over."""
        unhealthy = self._own(sample.unhealthy)
        failed = self._own(sample.terminated) | unhealthy
        self._lengths += self._alive & ~unhealthy
        self._terminated |= self._alive & failed
        self._alive &= ~(failed | self._own(sample.truncated))
        self._fresh.append(sample.values)
        if len(self._fresh) == _TOGETHER:
            self._store()
        return int((~self._alive).sum())

    def close(self) -> None:
        """Bring everything in order; before any `episode`."""
        self._store()
        self._wait()
        self._clerk.shutdown()

    def episode(self, row: int) -> Written:
        """What is written of one episode; a sample with diverged physics is not."""
        length = int(self._lengths[row])
        values = {
            name: np.concatenate([block[name][row] for block in self._blocks])[:length]
            for name in self._blocks[0]
        }
        return Written(values, bool(self._terminated[row]))

    def _own(self, rows: Array) -> np.ndarray:
        return np.asarray(rows)[: self._count]

    def _store(self) -> None:
        """Let the thread put the fresh samples in order."""
        self._wait()
        fresh, self._fresh = self._fresh, []
        if fresh:
            self._storing = self._clerk.submit(self._put, fresh)

    def _wait(self) -> None:
        if self._storing is not None:
            self._storing.result()

    def _put(self, samples: Sequence[Mapping[str, Array]]) -> None:
        block = {
            name: np.stack([self._own(sample[name]) for sample in samples], axis=1)
            for name in samples[0]
        }
        block["site_quat"] = _quaternions(block.pop("site_mat"))
        self._blocks.append(block)


def _quaternions(matrices: Float[np.ndarray, "N T S 3 3"]) -> Float[np.ndarray, "N T S 4"]:
    """Site orientations; identity where physics had diverged (those samples are dropped)."""
    flat = matrices.reshape(-1, 3, 3).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        # The triple product of the rows; LAPACK's determinant takes five times as long.
        determinant = np.einsum("ni,ni->n", flat[:, 0], np.cross(flat[:, 1], flat[:, 2]))
        proper = np.abs(determinant - 1) < _PROPER
    flat[~proper] = np.eye(3)
    quaternions = Rotation.from_matrix(flat, assume_valid=True).as_quat(scalar_first=True)
    return quaternions.reshape(*matrices.shape[:3], 4)
