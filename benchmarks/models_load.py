"""Time to get a model: composed from myo-sim, and read from the cache."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.table import BenchmarkTable, interleaved

MODELS = ("BimanualMuscle", "MyoFullBody")
ROUNDS = 5
IMPORT_ROUNDS = 7


def run() -> BenchmarkTable:
    """Seconds of a first and a second `load`, of `get_musculo_model`, and of the import."""
    from musclemimic_models import load

    rows: list[tuple[str | float, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            for visual in (False, True):

                def first(name: str = name, visual: bool = visual) -> None:
                    os.environ["MUSCLEMIMIC_CACHE"] = "off"
                    load(name, fingers=False, visual=visual)

                def second(name: str = name, visual: bool = visual) -> None:
                    os.environ["MUSCLEMIMIC_CACHE"] = folder
                    load(name, fingers=False, visual=visual)

                seconds = interleaved({"first": first, "second": second}, rounds=ROUNDS)
                medians = [statistics.median(seconds[key]) for key in ("first", "second")]
                label = f"{name}{', with meshes' if visual else ''}"
                rows.append((label, *medians, medians[0] / medians[1]))
    os.environ.pop("MUSCLEMIMIC_CACHE")
    rows.append(("import musclemimic_models", import_seconds(), "", ""))
    return BenchmarkTable(
        "models_load",
        ("what", "first, s", "from the cache, s", "first / cached"),
        tuple(rows),
        "medians; the import is in a fresh process, without Python's own start",
    )


def import_seconds() -> float:
    """Median time a fresh process spends in `import musclemimic_models`."""
    code = "import time; t = time.perf_counter(); import musclemimic_models; print("
    code += "time.perf_counter() - t)"
    times: list[float] = []
    for _ in range(IMPORT_ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        times.append(float(done.stdout))
    return statistics.median(times)


if __name__ == "__main__":
    start = time.perf_counter()
    print(run(), time.perf_counter() - start)
