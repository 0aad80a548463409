"""Moment arms change continuously: no path snaps to another side of a bone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import mujoco
import numpy as np
from jaxtyping import Float

from musclemimic_models.musculo import MusculoModel
from musclemimic_models.validation.check import Check
from musclemimic_models.validation.poses import coordinate_geometry, neutral_pose, random_poses

# A jump is what remains of a change when the interval around it shrinks to _WIDTH. There a
# continuous moment arm changes by |dr/dq| · 1e-6 rad, under 1 µm for anything anatomical, and a
# path that snaps keeps its whole change. 1 mm is a few per cent of a usual moment arm.
JUMP_LIMIT_M = 1e-3
_WIDTH = 1e-6


@dataclass(frozen=True)
class Jump:
    """A discontinuity of one muscle's moment arm about one coordinate.

    Attributes:
        muscle, joint: names.
        value: joint coordinate where it happens, rad (or m).
        arm_m: change of the moment arm, m. length_m: change of the muscle's length, m.
        posture: 0 for neutral, else the number of the random posture.
    """

    muscle: str
    joint: str
    value: float
    arm_m: float
    length_m: float
    posture: int

    def __str__(self) -> str:
        """One line for people."""
        place = "neutral" if self.posture == 0 else f"random posture {self.posture}"
        return (
            f"{self.muscle} at {self.joint} = {self.value:.3f}: moment arm {1e3 * self.arm_m:.1f} "
            f"mm, length {1e3 * self.length_m:.2f} mm ({place})"
        )


def check_continuity(
    model: MusculoModel,
    *,
    postures: int = 3,
    steps: int = 200,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Check:
    """Sweep every independent coordinate through its feasible range, at several postures.

    Args:
        model: the body.
        postures: neutral and postures − 1 random feasible ones hold the other joints.
        steps: points of a sweep.
        seed: of the random postures.
        progress: called with (sweeps done, sweeps in all).
    """
    jumps = find_jumps(model, postures=postures, steps=steps, seed=seed, progress=progress)
    largest: dict[tuple[str, str], Jump] = {}
    for jump in sorted(jumps, key=lambda jump: jump.arm_m):
        largest[jump.muscle, jump.joint] = jump
    worst = sorted(largest.values(), key=lambda jump: -jump.arm_m)
    return Check(
        "moment arms are continuous",
        worst[0].arm_m if worst else 0.0,
        JUMP_LIMIT_M,
        "m",
        f"{worst[0].muscle} at {worst[0].joint}" if worst else "all muscles",
        tuple(str(jump) for jump in worst),
    )


def find_jumps(
    model: MusculoModel,
    *,
    postures: int,
    steps: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Jump]:
    """Every jump above `JUMP_LIMIT_M`. See `check_continuity` for the arguments."""
    others = np.vstack([neutral_pose(model), random_poses(model, postures - 1, seed)])
    coordinates = len(model.couplings.scalar_qpos)
    data = mujoco.MjData(model.mj_model)
    jumps: list[Jump] = []
    for number, posture in enumerate(others):
        for coordinate in range(coordinates):
            line = _Line(model, data, posture, coordinate)
            jumps += _sweep(line, steps, number)
            if progress:
                progress(number * coordinates + coordinate + 1, len(others) * coordinates)
    return jumps


class _Line(NamedTuple):
    """Poses that differ in one independent coordinate."""

    model: MusculoModel
    data: mujoco.MjData
    posture: Float[np.ndarray, " nq"]
    coordinate: int

    def geometry(
        self, values: Float[np.ndarray, " S"]
    ) -> tuple[Float[np.ndarray, "S nu"], Float[np.ndarray, "S nu"]]:
        """Lengths and moment arms, m, where the coordinate has the given values."""
        couplings = self.model.couplings
        poses = np.repeat(self.posture[None], len(values), axis=0)
        poses[:, couplings.scalar_qpos[self.coordinate]] = values
        return coordinate_geometry(self.model, couplings.apply(poses), self.coordinate, self.data)


def _sweep(line: _Line, steps: int, number: int) -> list[Jump]:
    model, couplings = line.model, line.model.couplings
    low, high = (float(end) for end in couplings.box[line.coordinate])
    values = np.linspace(low, high, steps)
    _, arms = line.geometry(values)
    address = couplings.scalar_qpos[line.coordinate]
    joint = model.joint_names[int(np.flatnonzero(model.mj_model.jnt_qposadr == address)[0])]
    jumps: list[Jump] = []
    for step, muscle in np.argwhere(_unpredicted(arms) > JUMP_LIMIT_M):
        interval = float(values[step]), float(values[step + 1])
        value, arm, length = _close_in(line, interval, int(muscle))
        if arm > JUMP_LIMIT_M:
            name = model.muscle_names[int(muscle)]
            jumps.append(Jump(name, joint, value, arm, length, number))
    return jumps


def _unpredicted(arms: Float[np.ndarray, "S nu"]) -> Float[np.ndarray, "S-1 nu"]:
    """How far each step's change differs from the mean of its neighbours' changes."""
    change = np.diff(arms, axis=0)
    padded = np.vstack([change[1:2], change, change[-2:-1]])
    return np.abs(change - 0.5 * (padded[:-2] + padded[2:]))


def _close_in(
    line: _Line, interval: tuple[float, float], muscle: int
) -> tuple[float, float, float]:
    """Halve the interval towards the larger change: (where, change of arm, of length)."""

    def at(value: float) -> tuple[float, float]:
        lengths, arms = line.geometry(np.array([value]))
        return float(lengths[0, muscle]), float(arms[0, muscle])

    (low, high), ends = interval, [at(value) for value in interval]
    while high - low > _WIDTH:
        middle = 0.5 * (low + high)
        found = at(middle)
        if abs(found[1] - ends[0][1]) > abs(ends[1][1] - found[1]):
            high, ends[1] = middle, found
        else:
            low, ends[0] = middle, found
    return low, abs(ends[1][1] - ends[0][1]), abs(ends[1][0] - ends[0][0])
