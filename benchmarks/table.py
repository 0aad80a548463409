"""What a benchmark returns, and how it is measured."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class BenchmarkTable:
    """Rows of one benchmark.

    Attributes:
        name: of the benchmark. columns: headings with units. rows: text and numbers.
        notes: what was compared with what.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]
    notes: str = ""


def interleaved(
    candidates: dict[str, Callable[[], object]], *, rounds: int
) -> dict[str, list[float]]:
    """CPU-independent comparison: run the candidates in turn, and return wall seconds of each.

    In turn, so that a change of the machine's load meets all of them; compare medians of one run.
    """
    for run in candidates.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def median_ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float:
    """Median of the ratios of paired rounds."""
    pairs = zip(numerator, denominator, strict=True)
    return statistics.median(a / b for a, b in pairs)
