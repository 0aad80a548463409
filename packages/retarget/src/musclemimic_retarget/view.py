"""`musclemimic retarget view`: a clip beside the human it was made from, in the browser."""

import contextlib
import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tyro
import viser
from jaxtyping import Float
from musclemimic_models import MotionClip
from musclemimic_models.view.browser import run_at
from musclemimic_models.view.command import require_free_port
from rich.console import Console

from musclemimic_retarget.clip_model import model_of
from musclemimic_retarget.methods import ReaderOptions, read_with
from musclemimic_retarget.tracks import Track, clip_track, source_track

_FRAME_S = 1 / 30
_TIME_STEP_S = 0.01
_COLOURS = ((40, 90, 200), (220, 120, 20))
_BONE_M, _JOINT_M = 0.012, 0.035


@dataclass(frozen=True)
class ViewCommand:
    """Look at a clip beside the human it was made from. Ctrl-C ends it.

    Examples:
        musclemimic retarget view clips/walk.npz --source walk.npz
        musclemimic retarget view clips/run.npz --source run.trc --belt-speed 3
    """

    clip: tyro.conf.Positional[Path]
    """A clip (.npz) that `musclemimic retarget` made."""
    source: Path | None = None
    """The motion it was made from; the clip stands alone without."""
    apart: float = 1.0
    """Distance between the two figures, m; 0 lays one over the other."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 lets other machines in."""
    port: int = 8080
    """Port; 0 takes a free one."""
    reading: tyro.conf.OmitArgPrefixes[ReaderOptions] = field(default_factory=ReaderOptions)
    """What the source does not say of itself."""


def view(command: ViewCommand) -> int:
    """Serve until interrupted; returns 0.

    Raises:
        InputError: not a clip, another source, or a port in use.
    """
    require_free_port(command.host, command.port)
    console = Console(stderr=True)
    try:
        with console.status("reading"):
            tracks = load_tracks(command)
        shown = SideBySide(tracks, apart=command.apart, host=command.host, port=command.port)
        try:
            console.print(
                f"{command.clip.name}: open [bold]{shown.url}[/] in a browser; Ctrl-C ends"
            )
            run_at(_FRAME_S, shown.tick)
        finally:
            shown.close()
    except KeyboardInterrupt:
        console.print("closed")
    return 0


def load_tracks(command: ViewCommand) -> tuple[Track, ...]:
    """The clip's figure, and its source's if one is named.

    Raises:
        InputError: not a clip of a model of this installation, or a source that does not fit.
    """
    clip = MotionClip.load(command.clip)
    model = model_of(str(command.clip), clip)
    if command.source is None:
        return (clip_track(clip),)
    motion = read_with(command.source, command.reading)
    return clip_track(clip), source_track(model, clip, motion)


class SideBySide:
    """A running server. `tick` plays on; `close` ends it.

    Attributes:
        url: where browsers find it.
        play, time, speed: its controls.
        lines, joints: what is drawn of each track.
    """

    def __init__(self, tracks: Sequence[Track], *, apart: float, host: str, port: int) -> None:
        """Start serving, at the first frame."""
        with contextlib.redirect_stdout(io.StringIO()):  # viser announces itself there
            self._server = viser.ViserServer(host, port, label="retargeting", verbose=False)
        self.url = f"http://{host.replace('127.0.0.1', 'localhost')}:{self._server.get_port()}"
        self._tracks, self._lock = tuple(tracks), threading.Lock()
        self._aside = [np.array([0.0, -apart * row, 0.0]) for row in range(len(tracks))]
        scene, gui = self._server.scene, self._server.gui
        gui.configure_theme(show_logo=False, show_share_button=False)
        scene.set_up_direction("+z")
        scene.add_grid("/floor", infinite_grid=True)
        self.lines: list[viser.LineSegmentsHandle] = []
        self.joints: list[viser.PointCloudHandle] = []
        for row, track in enumerate(tracks):
            points, colour = self.points(row, 0.0), _COLOURS[row]
            self.lines.append(
                scene.add_line_segments(
                    f"/{row}/bones", points[track.bones], colour, thickness=_BONE_M
                )
            )
            self.joints.append(
                scene.add_point_cloud(
                    f"/{row}/joints",
                    points,
                    colour,
                    point_size=_JOINT_M,
                    point_shape="circle",
                    precision="float32",
                )
            )
            gui.add_markdown(f"<span style='color:rgb{colour}'>■</span> {track.label}")
        self.duration = max(track.duration for track in tracks)
        self.play = gui.add_checkbox("Play", True)
        self.time = gui.add_slider(
            "time (s)",
            min=0.0,
            max=round(self.duration, 2) + _TIME_STEP_S,
            step=_TIME_STEP_S,
            initial_value=0.0,
        )
        self.speed = gui.add_slider("speed", min=0.1, max=2.0, step=0.1, initial_value=1.0)
        self._now = 0.0
        self.time.on_update(lambda _: self._seek())

    def points(self, row: int, time: float) -> Float[np.ndarray, "J 3"]:
        """A track's points as drawn, m."""
        return self._tracks[row].at(time) + self._aside[row]

    def tick(self, elapsed: float) -> None:
        """Let `elapsed` seconds pass; from the end it starts anew."""
        with self._lock:
            if not self.play.value:
                return
            self._now += elapsed * self.speed.value
            if self._now > self.duration:
                self._now = 0.0
            self._draw(self._now)
            self.time.value = round(self._now, 2)

    def _seek(self) -> None:
        # The slider also moves when the motion plays; only a hand's move seeks.
        if not self.play.value:
            with self._lock:
                self._now = self.time.value
                self._draw(self._now)

    def _draw(self, time: float) -> None:
        for row, track in enumerate(self._tracks):
            points = self.points(row, time).astype(np.float32)
            self.lines[row].points = points[track.bones]
            self.joints[row].points = points

    def close(self) -> None:
        """Stop serving."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._server.stop()
