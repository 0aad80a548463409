"""Retargeting an hour of motion: time per frame and memory, as the length grows.

A walk goes to and fro without a jump. Each length has a process of its own, so that its peak
memory is its own. The command line, which also reads a file, measures the clip and saves it, gets
another walk as an SMPL file.
"""

import dataclasses
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from musclemimic_models import get_musculo_model
from musclemimic_retarget import GMRFit, SkeletonMotion, read_motion

from benchmarks.table import BenchmarkTable

CLIP = "bvh/bandai2_walk_normal_001.bvh"
FILE = "smpl/asap_walk_level2.npz"
MINUTES = (1, 10, 60)


def run() -> BenchmarkTable:
    """Minutes, milliseconds per 30 Hz frame, peak memory, and what the clip alone takes."""
    data = Path(os.environ.get("MUSCLEMIMIC_TEST_DATA", "../shared/data"))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    rows = []
    for minutes in MINUTES:
        with context.Pool(1) as pool:
            rows.append(("call", minutes, *pool.apply(measure, (data / CLIP, minutes))))
    with context.Pool(1) as pool:
        longest = MINUTES[-1]
        rows.append(("command line", longest, *pool.apply(command, (data / FILE, longest))))
    return BenchmarkTable(
        "retarget_hour",
        ("by", "minutes", "GMR-Fit whole, ms", "memory before, GB", "peak, GB", "the clip, GB"),
        tuple(rows),
        "per 30 Hz frame, MyoFullBody, one process for each row; by command line with reading, "
        "metrics and saving, and memory before: of its --help",
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


def command(path: Path, minutes: int) -> tuple[float, float, float, float]:
    """The same of `musclemimic retarget FILE`, its seconds by the clock from start to end."""
    program = [str(Path(sys.executable).with_name("musclemimic")), "retarget"]
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / "long.npz"
        write_to_and_fro(path, long, 60.0 * minutes)
        subprocess.run([*program, "--help"], check=True, capture_output=True)
        before, began = peak_of_children(), time.perf_counter()
        line = [*program, str(long), "--model", "MyoFullBody", "--out", folder + "/clips"]
        subprocess.run(line, check=True, capture_output=True)
        seconds = time.perf_counter() - began
        with np.load(f"{folder}/clips/long.npz") as clip:
            size = sum(clip[name].nbytes for name in clip.files)
    return 1e3 * seconds / (60.0 * minutes * 30.0), before, peak_of_children(), size / 1e9


def write_to_and_fro(path: Path, long: Path, seconds: float) -> None:
    """An SMPL file's motion forwards and backwards for so long, as another file."""
    with np.load(path) as file:
        fields = {name: file[name] for name in file.files}
    frames = len(fields["poses"])
    order = there_and_back(frames, round(seconds * float(fields["mocap_framerate"])))
    for name in ("poses", "trans"):
        fields[name] = fields[name][order]
    np.savez(long, **fields)


def peak_of_children() -> float:
    """Most memory that a finished child took so far, GB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6


def peak() -> float:
    """Most memory so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def to_and_fro(motion: SkeletonMotion, seconds: float) -> SkeletonMotion:
    """The motion forwards and backwards for so long."""
    order = there_and_back(len(motion), round(seconds * motion.fps))
    return dataclasses.replace(
        motion, positions=motion.positions[order], rotations=motion.rotations[order]
    )


def there_and_back(frames: int, length: int) -> np.ndarray:
    """Frame numbers 0, 1, … frames − 1, … 1, 0, 1, … of a length."""
    there = np.arange(frames)
    return np.resize(np.concatenate([there, there[-2:0:-1]]), length)


if __name__ == "__main__":
    print(run())
