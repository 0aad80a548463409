"""The progress bar of a stage, on standard error."""

from collections.abc import Sequence
from types import TracebackType

import numpy as np
from jaxtyping import Bool
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from musclemimic_rl.recipe.episodes import OnStep

# Control steps per second, for the share of an episode that is done.
_RATE_HZ = 100.0


class StageBar:
    """One line: what is going on, share done, who is still on their feet."""

    def __init__(self, title: str, *, visible: bool) -> None:
        self._bar = Progress(
            TextColumn(title),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            disable=not visible,
        )
        self._task = self._bar.add_task("compiling", total=1.0)
        self._visible = visible

    def __enter__(self) -> "StageBar":
        """Start drawing."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the line as it stands."""
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self._visible:
            self._bar.console.print(text, highlight=False)

    def on_step(self, horizon_s: float, *, of: int = 1, done: Sequence[object] = ()) -> OnStep:
        """Draw the state after a control step of one of `of` rounds, `done` of them finished."""

        def draw(step: int, alive: Bool[np.ndarray, " N"]) -> None:
            share = (step + 1) / (horizon_s * _RATE_HZ)
            self._bar.update(
                self._task,
                completed=(len(done) + share) / of,
                description=f"{(step + 1) / _RATE_HZ:.1f} s: {alive.sum()} of {len(alive)} on",
            )

        return draw
