"""Marker gaps: short ones by splines, longer ones by rigid bodies, the rest by trimming."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from scipy.interpolate import CubicSpline

from musclemimic_retarget.markers.rigid import fill_from_body
from musclemimic_retarget.markers.trajectories import MarkerTrajectories

logger = logging.getLogger(__name__)

SPLINE_SECONDS = 0.1
"""Longest gap that a spline bridges: within it a limb does little more than one smooth arc."""


def fill_gaps(
    trajectories: MarkerTrajectories, bodies: Sequence[Sequence[str]]
) -> MarkerTrajectories:
    """Fill what can be filled: short gaps by splines, then longer ones from rigid bodies.

    Args:
        trajectories: with gaps.
        bodies: labels of the markers on each rigid segment.
    """
    limit = int(np.floor(SPLINE_SECONDS * trajectories.fps + 1e-6))
    positions = fill_short(trajectories.positions, limit)
    for body in bodies:
        columns = trajectories.columns(body)
        if columns:
            positions[:, columns] = fill_from_body(positions[:, columns])
    filled = np.isfinite(positions[..., 0]) & ~trajectories.seen
    if filled.any():
        names = np.array(trajectories.names)[filled.any(axis=0)]
        logger.info(
            "%s: %d gap frames filled in %s",
            Path(trajectories.source).name,
            filled.sum(),
            ", ".join(names),
        )
    return dataclasses.replace(trajectories, positions=positions)


def fill_short(positions: Float[np.ndarray, "T M 3"], limit: int) -> Float[np.ndarray, "T M 3"]:
    """Bridge gaps of at most `limit` frames, with data on both sides, by cubic splines."""
    result = positions.copy()
    for column in range(positions.shape[1]):
        seen = np.isfinite(positions[:, column, 0])
        frames = np.flatnonzero(seen)
        if len(frames) < 4:
            continue
        spline = CubicSpline(frames, positions[frames, column])
        for first, end in runs(~seen):
            if first > 0 and end < len(seen) and end - first <= limit:
                result[first:end, column] = spline(np.arange(first, end))
    return result


def runs(mask: Bool[np.ndarray, " T"]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def longest_run(mask: Bool[np.ndarray, " T"]) -> tuple[int, int]:
    """The longest stretch of True, the first of equals; (0, 0) if there is none."""
    return max(runs(mask), key=lambda run: run[1] - run[0], default=(0, 0))
