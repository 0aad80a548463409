"""The browser page of a shown environment: body, ghost, controls and live rewards."""

import contextlib
import io
import threading
import time

import numpy as np
import viser
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.view.browser import run_at
from musclemimic_models.view.drawing import StageDrawing
from musclemimic_models.view.stage import SPEEDS
from rich.console import Console
from viser import uplot

from musclemimic_sim.play.ghost import Ghost
from musclemimic_sim.play.session import PlaySession

_FRAME_S = 1 / 30
_REPORT_EVERY_S = 0.2


class PlayView:
    """A running server. `tick` makes it live; `close` ends it.

    Attributes:
        url: where browsers find it.
        session: what it shows.
        drawing, ghost: body and reference.
        agent, pause, speed, lost, frame, show_ghost, aside, report, plot: the controls.
    """

    def __init__(self, session: PlaySession, *, host: str, port: int) -> None:
        """Start serving.

        Raises:
            InputError: the port is in use.
        """
        self.session = session
        with _without_banner():
            self._server = viser.ViserServer(
                host, port, label=session.stage.body.label, verbose=False
            )
        if port not in (0, self._server.get_port()):
            self.close()  # viser had gone on to the next free port
            raise InputError(
                "sim play", "port", found=f"{port}, taken meanwhile", expected="a free port"
            )
        shown = "localhost" if host in ("", "0.0.0.0", "127.0.0.1") else host
        self.url = f"http://{shown}:{self._server.get_port()}"
        self._server.gui.configure_theme(show_logo=False, show_share_button=False)
        self.drawing = StageDrawing(self._server, session.stage, follow=True)
        self.ghost = Ghost(self._server, session.stage)
        self._lock, self._restart_asked = threading.Lock(), False
        self._reported_at = 0.0
        self._add_controls()
        self._draw()
        self._report()

    def tick(self, elapsed: float) -> None:
        """Let `elapsed` seconds pass and send what changed."""
        self._read_controls()
        self.session.advance(elapsed)
        if self.session.stage.changed:
            self._draw()
        if time.monotonic() - self._reported_at > _REPORT_EVERY_S:
            self._report()

    def close(self) -> None:
        """Stop serving."""
        with _without_banner():
            self._server.stop()

    def _add_controls(self) -> None:
        gui, session = self._server.gui, self.session
        self.agent = gui.add_dropdown("Agent", tuple(session.agents), initial_value=session.agent)
        self.pause = gui.add_checkbox("Pause", False)
        self.speed = gui.add_dropdown("Speed", tuple(SPEEDS), initial_value="1")
        self.lost = gui.add_checkbox("Restart when the reference is lost", True)
        frames = int(session.env.task.bank.length[0])
        self.frame = gui.add_slider(
            "First frame", min=0, max=frames - 2, step=1, initial_value=0, hint="of the first clip"
        )
        restart = gui.add_button("Start there")
        restart.on_click(lambda _: self._ask_restart())
        self.show_ghost = gui.add_checkbox("Reference as a ghost", True)
        self.aside = gui.add_slider(
            "Ghost to the side (m)", min=0.0, max=2.0, step=0.1, initial_value=0.0
        )
        self.report = gui.add_markdown("")
        self.plot = gui.add_uplot(
            (np.zeros(2), np.zeros(2)),
            (uplot.Series(label="step"), uplot.Series(label="reward", stroke="#2060c0", width=2)),
            title="reward of the last steps",
            aspect=2.0,
        )

    def _ask_restart(self) -> None:
        """Called from a thread of viser's: `tick` does it."""
        with self._lock:
            self._restart_asked = True

    def _read_controls(self) -> None:
        session = self.session
        session.agent, session.paused = self.agent.value, self.pause.value
        session.speed, session.restart_when_lost = SPEEDS[self.speed.value], self.lost.value
        with self._lock:
            asked, self._restart_asked = self._restart_asked, False
        if asked:
            session.restart(clip=0, frame=int(self.frame.value))
        if self.show_ghost.value != self.ghost.visible:
            self.ghost.show(self.show_ghost.value)

    def _draw(self) -> None:
        session = self.session
        self.drawing.draw()
        offset = np.array([0.0, float(self.aside.value), 0.0])
        if session.stage.body.has_free_root:
            offset[:2] -= session.stage.data.qpos[:2]  # the drawing follows the body
        self.ghost.draw(session.ghost, offset)
        session.stage.changed = False

    def _report(self) -> None:
        self._reported_at = time.monotonic()
        self.report.content = report_markdown(self.session)
        rewards = np.array(self.session.rewards)
        if len(rewards) > 1:
            self.plot.data = (np.arange(len(rewards), dtype=np.float64), rewards)


def report_markdown(session: PlaySession) -> str:
    """Time, reward, its terms and the raw errors of the last step."""
    lines = [
        f"**{session.time:.2f} s** of {session.duration:.2f} s · episode {session.episodes}"
        + (f" · the last one {session.ended}" if session.ended else ""),
        "",
        "| | |",
        "|---|---:|",
        f"| **reward** | **{_number(session.step.reward)}** |",
    ]
    for name, value in session.step.terms.items():
        lines.append(f"| {name.replace('_', ' ').replace('/', ': ')} | {_number(value)} |")
    return "\n".join(lines)


def _number(values: Float[object, " N"]) -> str:
    return f"{float(np.asarray(values)[0]):.3f}"


def show_in_browser(session: PlaySession, console: Console, *, host: str, port: int) -> None:
    """Serve a session until interrupted.

    Raises:
        InputError: the port is in use.
        KeyboardInterrupt: the user pressed Ctrl-C; the server is stopped by then.
    """
    with console.status("preparing the picture"):
        shown = PlayView(session, host=host, port=port)
    try:
        console.print(
            f"{session.stage.body.label}: open [bold]{shown.url}[/] in a browser; Ctrl-C ends"
        )
        run_at(_FRAME_S, shown.tick)
    finally:
        shown.close()


def _without_banner() -> contextlib.AbstractContextManager[object]:
    """Keep off standard output, which is not ours to use: viser announces itself there."""
    return contextlib.redirect_stdout(io.StringIO())
