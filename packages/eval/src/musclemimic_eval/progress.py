"""Progress bars on standard error."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def counting(title: str, *, visible: bool = True) -> Generator[Callable[[int, int], None]]:
    """A bar with count and remaining time; yields the function to call with (done, total)."""
    bar = Progress(
        TextColumn(title),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        disable=not visible,
    )
    with bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield show


@contextmanager
def waiting(title: str, *, visible: bool = True) -> Generator[None]:
    """A spinner with the elapsed time, for work whose length is not known."""
    bar = Progress(
        SpinnerColumn(finished_text=" "),
        TextColumn(title),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not visible,
    )
    with bar:
        bar.add_task(title, total=None)
        yield
