"""The browser view: a local server that shows a stage to any number of browser windows."""

import contextlib
import io
import time
from collections.abc import Callable

import viser
from rich.console import Console

from musclemimic_models.errors import InputError
from musclemimic_models.view.desk import Desk
from musclemimic_models.view.drawing import StageDrawing
from musclemimic_models.view.muscle_tab import MuscleTab
from musclemimic_models.view.stage import Mode, Stage
from musclemimic_models.view.tabs import DisplayTab, MotionTab, PoseTab

_FRAME_S = 1 / 30
_SHOW_EVERY_S = 0.2


class BrowserView:
    """A running server. `tick` makes it live; `close` ends it.

    Attributes:
        url: where browsers find it.
        stage, drawing: what it shows. desk: the lock around them.
        pose, muscles, motion: its tabs; motion is None without one.
    """

    def __init__(self, stage: Stage, *, host: str, port: int) -> None:
        """Start serving.

        Raises:
            InputError: the port is in use.
        """
        with _without_banner():
            self._server = viser.ViserServer(host, port, label=stage.body.label, verbose=False)
        if port not in (0, self._server.get_port()):
            self.close()  # viser had gone on to the next free port
            raise InputError(
                "models view", "port", found=f"{port}, taken meanwhile", expected="a free port"
            )
        self.stage = stage
        self.url = f"http://{_reachable(host)}:{self._server.get_port()}"
        self._server.gui.configure_theme(show_logo=False, show_share_button=False)
        self.drawing = StageDrawing(self._server, stage, follow=stage.clip is not None)
        self.desk = Desk(self._server, stage, self.drawing)
        self._shown_at, self._report_due = 0.0, False
        tabs = self._server.gui.add_tab_group()
        with tabs.add_tab("Pose"):
            self.pose = PoseTab(self.desk)
        with tabs.add_tab("Muscles"):
            self.muscles = MuscleTab(self.desk)
        self.motion: MotionTab | None = None
        if stage.clip is not None:
            with tabs.add_tab("Motion"):
                self.motion = MotionTab(self.desk)
        with tabs.add_tab("Display"):
            DisplayTab(self.desk)
        self.drawing.on_muscle_click(self.desk.lock, self.muscles.choose)

    def tick(self, elapsed: float) -> None:
        """Let `elapsed` seconds pass and send what changed."""
        with self.desk.lock:
            self.stage.advance(elapsed)
            if self.stage.changed:
                self.drawing.draw()
                self.stage.changed = False
                self.desk.stale = self.desk.stale or self.stage.mode is not Mode.POSED
                self._report_due = True
            if time.monotonic() - self._shown_at > _SHOW_EVERY_S:
                self._show()

    def _show(self) -> None:
        self._shown_at = time.monotonic()
        if self.desk.stale:
            self.desk.stale = False
            self.pose.show()
            self.muscles.show()
            if self.motion is not None:
                self.motion.show()
        if self._report_due:
            self._report_due = False
            self.muscles.show_report()

    def close(self) -> None:
        """Stop serving."""
        with _without_banner():
            self._server.stop()


def show_in_browser(stage: Stage, console: Console, *, host: str, port: int) -> None:
    """Serve a stage until interrupted.

    Raises:
        InputError: the port is in use.
        KeyboardInterrupt: the user pressed Ctrl-C; the server is stopped by then.
    """
    with console.status("preparing the picture"):
        shown = BrowserView(stage, host=host, port=port)
    try:
        console.print(f"{stage.body.label}: open [bold]{shown.url}[/] in a browser; Ctrl-C ends")
        run_at(_FRAME_S, shown.tick)
    finally:
        shown.close()


def run_at(frame: float, tick: Callable[[float], None]) -> None:
    """Call `tick` with the time since the last call, s, every `frame` seconds, forever."""
    before = time.monotonic()
    while True:
        now = time.monotonic()
        tick(now - before)
        before = now
        time.sleep(max(frame - (time.monotonic() - now), 0.001))


def _reachable(host: str) -> str:
    return "localhost" if host in ("", "0.0.0.0", "127.0.0.1") else host


def _without_banner() -> contextlib.AbstractContextManager[object]:
    """Keep off standard output, which is not ours to use: viser announces itself there."""
    return contextlib.redirect_stdout(io.StringIO())
