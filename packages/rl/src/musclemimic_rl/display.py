"""The progress bar of a run, on standard error."""

from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

from musclemimic_rl.progress import SITE_ERROR, Progress


class ProgressBar:
    """One line: share done, steps per second, remaining time, reward, error, failures."""

    def __init__(self, *, visible: bool) -> None:
        self._bar = RichProgress(
            TextColumn("training"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            disable=not visible,
        )
        self._task = self._bar.add_task("compiling", total=1.0)
        self._visible, self._validation = visible, ""
        self._bar.start()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self._visible:
            self._bar.console.print(text, highlight=False)

    def show(self, progress: Progress) -> None:
        """Draw the state after an update; the last validation stays in the line."""
        self._validation = describe_validation(progress.validation) or self._validation
        description = "  ".join(filter(None, (describe(progress), self._validation)))
        self._bar.update(self._task, completed=min(progress.fraction, 1.0), description=description)

    def close(self) -> None:
        """Leave the line as it stands."""
        self._bar.stop()


def describe(progress: Progress) -> str:
    """The numbers of the line, as text."""
    rollout = progress.rollout
    minutes, seconds = divmod(round(progress.remaining_s), 60)
    parts = [
        f"{minutes}:{seconds:02d} left",
        f"{progress.counters.env_steps:,} steps",
        f"{progress.steps_per_second:,.0f}/s",
        f"reward {rollout.reward:.3f}",
    ]
    if SITE_ERROR in rollout.terms:
        parts.append(f"site error {100.0 * rollout.terms[SITE_ERROR]:.1f} cm")
    if rollout.episodes:
        parts.append(f"early ends {100.0 * rollout.termination_rate:.0f} %")
    return "  ".join(parts)


def describe_validation(figures: Mapping[str, float]) -> str:
    """Error and failures on held-out motions, as text; nothing without figures."""
    if not figures:
        return ""
    failed = 100.0 * figures["validation/termination_rate"]
    site = figures.get(f"validation/{SITE_ERROR}")
    error = "" if site is None else f" {100.0 * site:.1f} cm,"
    return f"held out:{error} {failed:.0f} % early ends"
