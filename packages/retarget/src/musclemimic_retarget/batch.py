"""Many motions in parallel: a manifest after each, nothing done twice, no failure in the way."""

import dataclasses
import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from musclemimic_models import InputError, get_musculo_model
from musclemimic_models.files import jsonable, write_json

from musclemimic_retarget.manifest import Entry
from musclemimic_retarget.methods import (
    MethodConfig,
    ReaderOptions,
    make_retargeter,
    read_with,
)
from musclemimic_retarget.readers import READERS
from musclemimic_retarget.retargeter import Retargeter

# One core a worker: libraries that start threads of their own would fight over them.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Settings:
    """All that shapes a clip besides its source.

    Attributes:
        model: name. fingers: keep finger joints.
        config: of the method. reading: what files do not say of themselves.
        plot: draw NAME.png beside every clip.
    """

    model: str
    fingers: bool
    config: MethodConfig
    reading: ReaderOptions
    plot: bool = False

    def retargeter(self) -> Retargeter:
        """The method on the model."""
        model = get_musculo_model(self.model, fingers=self.fingers)
        return make_retargeter(model, self.config)

    def description(self) -> dict[str, object]:
        """The settings with model and versions, as plain values."""
        model = get_musculo_model(self.model, fingers=self.fingers)
        return {
            "model": model.label,
            "model_sha256": model.content_sha256,
            "method": self.retargeter().method,
            "config": dataclasses.asdict(self.config),
            "reading": dataclasses.asdict(self.reading),
            "plot": self.plot,
            "version": version("musclemimic-retarget"),
        }

    def sha256(self) -> str:
        """Of the description."""
        text = json.dumps(jsonable(self.description()), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Job:
    """One motion: its file, and the output path without suffix, below the output folder."""

    source: Path
    name: str


def find_jobs(inputs: Sequence[Path]) -> tuple[list[Job], list[str]]:
    """Motions in files and folders (searched to the bottom), and files nobody reads.

    Raises:
        InputError: an input that is not there, or two motions with one output name.
    """
    jobs: dict[str, Job] = {}
    ignored: list[str] = []
    for given in inputs:
        found = sorted(path for path in given.rglob("*") if path.is_file())
        for path in found if given.is_dir() else [given]:
            if given.is_dir() and path.suffix.lower() not in READERS:
                ignored.append(str(path))
                continue
            name = path.relative_to(given) if given.is_dir() else Path(path.name)
            key = name.with_suffix("").as_posix()
            if key in jobs:
                raise InputError(
                    "command line",
                    "FILE",
                    found=f"{key!r} twice ({jobs[key].source}, {path})",
                    expected="distinct file names",
                )
            jobs[key] = Job(path, key)
    return list(jobs.values()), ignored


def file_sha256(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def up_to_date(job: Job, out: Path, earlier: dict[str, Entry]) -> bool:
    """Whether an earlier run with the same settings made this clip from the same file."""
    entry = earlier.get(job.name)
    if entry is None or entry.status != "ok" or not clip_path(out, job.name).is_file():
        return False
    return job.source.is_file() and entry.sha256 == file_sha256(job.source)


def clip_path(out: Path, name: str) -> Path:
    """Where a clip goes. A name may hold dots."""
    return out / f"{name}.npz"


def convert(job: Job, out: Path, settings: Settings, retargeter: Retargeter) -> Entry:
    """Read, retarget and write one motion; what is wrong with it stands in the entry."""
    began = time.perf_counter()
    source = str(job.source)
    try:
        digest = file_sha256(job.source)
        result = retargeter.solve(read_with(job.source, settings.reading))
    except (ValueError, ArithmeticError, OSError) as error:
        # InputError is a ValueError, and so is a singular system.
        seconds = time.perf_counter() - began
        return Entry(source, "failed", reason=str(error).splitlines()[0], seconds=seconds)
    write_json(out / f"{job.name}.metrics.json", result.metrics.to_dict())
    if settings.plot:
        from musclemimic_retarget.plots import save_plot

        save_plot(retargeter.model, result, out / f"{job.name}.png")
    result.clip.save(clip_path(out, job.name))
    seconds = time.perf_counter() - began
    return Entry(source, "ok", sha256=digest, seconds=seconds, metrics=result.metrics.to_dict())


def convert_all(
    jobs: Sequence[Job], out: Path, settings: Settings, *, workers: int
) -> Iterator[tuple[Job, Entry]]:
    """Convert in this process (one worker) or in several, in the order in which they end.

    A motion that takes its whole process down costs that motion only.
    """
    if workers == 1 or len(jobs) == 1:
        retargeter = settings.retargeter()
        for job in jobs:
            yield job, convert(job, out, settings, retargeter)
        return
    left = {job.name: job for job in jobs}
    together = True
    while left:
        # After a crash nobody knows whose it was: the rest goes one by one.
        chosen = list(left.values()) if together else list(left.values())[:1]
        try:
            for job, entry in _in_processes(chosen, out, settings, min(workers, len(chosen))):
                del left[job.name]
                yield job, entry
        except BrokenProcessPool:
            if not together:
                job = left.pop(chosen[0].name)
                yield job, Entry(str(job.source), "failed", reason="the process died on it")
            together = False


def _in_processes(
    jobs: Sequence[Job], out: Path, settings: Settings, workers: int
) -> Iterator[tuple[Job, Entry]]:
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start_worker, (settings,))
    try:
        futures = {pool.submit(_work, job, out, settings): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_worker_retargeter: list[Retargeter] = []


def _start_worker(settings: Settings) -> None:
    _worker_retargeter.append(settings.retargeter())


def _work(job: Job, out: Path, settings: Settings) -> Entry:
    return convert(job, out, settings, _worker_retargeter[0])
