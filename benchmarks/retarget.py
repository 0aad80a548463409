"""Retargeting: milliseconds per 30 Hz frame and quality, beside mink on the same targets.

Processor time, not the clock: other work on the machine would count.
Needs the dependency group: uv run --group benchmarks python benchmarks/run.py retarget
"""

import multiprocessing
import os
import statistics
import time
from pathlib import Path

import numpy as np
from musclemimic_models import MusculoModel, get_musculo_model
from musclemimic_models.build import MIMIC_PREFIX
from musclemimic_retarget import GMRFit, MocapBody, read_motion
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.targets import Targets

from benchmarks.table import BenchmarkTable

MODEL = "MyoFullBody"
CLIPS = (
    "smpl/asap_walk_level2.npz",
    "smpl/asap_shoot_level1.npz",
    "bvh/bandai2_walk_normal_001.bvh",
    "bvh/bandai2_run_normal_001.bvh",
    "opensim_walk3d/markers_walk.trc",
)
ROUNDS = 5
# As in general motion retargeting (GMR): two stages, each one step and at most ten more, until
# the error changes by less than this.
STAGES = ((1.0, 0.1), (1.0, 0.3))  # position cost, orientation cost
QPS_PER_STAGE = 11
SETTLED = 1e-3
DT = 1.0


def run() -> BenchmarkTable:
    """Solve and whole time of our methods, IK time of mink, and the RMS errors, on one core."""
    # The threads of numpy's algebra would be counted too: a process that starts with one has one.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure)


def measure() -> BenchmarkTable:
    """In a process of its own."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    data = Path(os.environ.get("MUSCLEMIMIC_TEST_DATA", "../shared/data"))
    model = get_musculo_model(MODEL, fingers=False)
    fit, pulled = GMRFit(model), MocapBody(model)
    rows: list[tuple[str | float, ...]] = []
    for clip in CLIPS:
        motion = read_motion(data / clip)
        solve, whole, seconds = [], [], []
        result = fit.solve(motion)
        for _ in range(ROUNDS):
            began, clock = time.perf_counter(), time.process_time()
            made, _, solving = fit._run(motion)
            whole.append(time.process_time() - clock)
            solve.append(whole[-1] * solving / (time.perf_counter() - began))
            frames = made.duration * 30.0
        targets = at_30_hz(result.targets)
        seconds, rmse = mink_seconds(model, targets)
        ours = [1e3 * statistics.median(times) / frames for times in (solve, whole)]
        theirs = 1e3 * seconds / len(targets)
        clock = time.process_time()
        pulled.retarget(motion)
        mocap_seconds = time.process_time() - clock
        mocap = pulled.solve(motion).metrics
        rows.append(
            (
                Path(clip).stem,
                *ours,
                1e3 * mocap_seconds / frames,
                theirs,
                theirs / ours[0],
                *(result.metrics.rmse_m, mocap.rmse_m, rmse),
            )
        )
    return BenchmarkTable(
        "retarget",
        (
            *("clip", "GMR-Fit solve, ms", "GMR-Fit whole, ms", "Mocap-Body whole, ms"),
            *("mink IK, ms", "mink / solve", "GMR-Fit RMSE, m", "Mocap-Body RMSE, m"),
            "mink RMSE, m",
        ),
        tuple(rows),
        f"processor time of one core per 30 Hz frame, {MODEL}; GMR-Fit: medians of {ROUNDS}, "
        "finished clip at 100 Hz on the floor; mink: raw poses at 30 Hz, couplings as equality "
        "tasks, daqp",
    )


def at_30_hz(targets: Targets) -> Targets:
    """Every target of a clip at 30 frames per second."""
    times = np.arange(0.0, targets.times[-1], 1 / 30.0)
    return targets.at(times, 30.0)


def mink_seconds(model: MusculoModel, targets: Targets) -> tuple[float, float]:
    """Seconds for all frames by differential IK with mink, and its RMS position error, m."""
    import mink

    m = model.mj_model
    configuration = mink.Configuration(m, m.qpos0)
    tasks = {
        name: mink.FrameTask(MIMIC_PREFIX + name, "site", 1.0, 1.0, lm_damping=1e-3)
        for name in targets.site_names
    }
    couplings = mink.EqualityConstraintTask(m, cost=100.0)
    limits = [mink.ConfigurationLimit(m)]
    body, poses, elapsed = KinematicBody.of(model), [], 0.0
    for frame in range(len(targets)):
        began = time.process_time()
        for column, task in enumerate(tasks.values()):
            rotation = mink.SO3(targets.quat[frame, column])
            task.set_target(
                mink.SE3.from_rotation_and_translation(rotation, targets.pos[frame, column])
            )
        for position, orientation in STAGES:
            for column, task in enumerate(tasks.values()):
                task.set_position_cost(position)
                task.set_orientation_cost(orientation * float(targets.rot_weight[column]))
            _settle(configuration, [*tasks.values(), couplings], limits)
        elapsed += time.process_time() - began
        poses.append(configuration.q.copy())
    error = body.poses(np.array(poses)).site_pos - targets.pos
    return elapsed, float(np.sqrt((error**2).sum(axis=-1).mean()))


def _settle(configuration: object, tasks: list, limits: list) -> None:
    """Differential steps until the error hardly changes."""
    import mink

    previous = np.inf
    for _ in range(QPS_PER_STAGE):
        velocity = mink.solve_ik(configuration, tasks, DT, "daqp", damping=1e-6, limits=limits)
        configuration.integrate_inplace(velocity, DT)
        error = sum(float(np.linalg.norm(task.compute_error(configuration))) for task in tasks)
        if previous - error < SETTLED:
            return
        previous = error
