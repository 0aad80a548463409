"""Retargeting an hour of motion: time per frame and memory, as the length grows.

A walk goes to and fro without a jump. Each length has a process of its own, so that its peak
memory is its own.
"""

import dataclasses
import multiprocessing
import os
import resource
import time
from pathlib import Path

import numpy as np
from musclemimic_models import get_musculo_model
from musclemimic_retarget import GMRFit, SkeletonMotion, read_motion

from benchmarks.table import BenchmarkTable

CLIP = "bvh/bandai2_walk_normal_001.bvh"
MINUTES = (1, 10, 60)


def run() -> BenchmarkTable:
    """Minutes, milliseconds per 30 Hz frame, peak memory, and what the clip alone takes."""
    data = Path(os.environ.get("MUSCLEMIMIC_TEST_DATA", "../shared/data"))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    rows = []
    for minutes in MINUTES:
        with context.Pool(1) as pool:
            rows.append((minutes, *pool.apply(measure, (data / CLIP, minutes))))
    return BenchmarkTable(
        "retarget_hour",
        ("minutes", "GMR-Fit whole, ms", "memory before, GB", "peak, GB", "the clip, GB"),
        tuple(rows),
        "per 30 Hz frame, MyoFullBody, one process for each length",
    )


def measure(path: Path, minutes: int) -> tuple[float, float, float, float]:
    """In a process of its own."""
    motion = to_and_fro(read_motion(path), 60.0 * minutes)
    fit, before = GMRFit(get_musculo_model("MyoFullBody", fingers=False)), peak()
    began = time.perf_counter()
    clip = fit.retarget(motion)
    seconds = time.perf_counter() - began
    arrays = (getattr(clip, field.name) for field in dataclasses.fields(clip))
    size = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))
    return 1e3 * seconds / (clip.duration * 30.0), before, peak(), size / 1e9


def peak() -> float:
    """Most memory so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def to_and_fro(motion: SkeletonMotion, seconds: float) -> SkeletonMotion:
    """The motion forwards and backwards for so long."""
    frames, there = round(seconds * motion.fps), np.arange(len(motion))
    loop = np.concatenate([there, there[-2:0:-1]])
    order = np.resize(loop, frames)
    return dataclasses.replace(
        motion, positions=motion.positions[order], rotations=motion.rotations[order]
    )


if __name__ == "__main__":
    print(run())
