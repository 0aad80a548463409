"""A progress bar on standard error where somebody is looking and there is something to wait for."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")
# Fewer items than this are done before a bar could be read.
_WORTH_A_BAR = 100


def watched(items: Sequence[T], description: str) -> Iterable[T]:
    """The items one by one, with a bar that vanishes at the end."""
    console = Console(stderr=True)
    silent = len(items) < _WORTH_A_BAR or not console.is_terminal
    return track(items, description, console=console, transient=True, disable=silent)
