"""`musclemimic models view`."""

import importlib.util
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from musclemimic_models.clip import MotionClip
from musclemimic_models.errors import InputError
from musclemimic_models.musculo import MusculoModel, get_musculo_model
from musclemimic_models.quiet import quiet_mujoco
from musclemimic_models.view.stage import Stage


@dataclass(frozen=True)
class ViewArguments:
    """Look at a model: pose its joints, colour its muscles, play a motion. Ctrl-C ends it.

    Attributes:
        model: model name or alias.
        fingers: with finger joints and muscles.
        browser: show it in a browser even if there is a display.
        native: show it in MuJoCo's own window even if no display is found.
        host: address the browser view listens on; 0.0.0.0 lets other machines in.
        port: port of the browser view; 0 takes a free one.
        motion: a motion clip (.npz) to play.
    """

    model: Annotated[str, tyro.conf.Positional]
    fingers: bool = False
    browser: tyro.conf.FlagCreatePairsOff[bool] = False
    native: tyro.conf.FlagCreatePairsOff[bool] = False
    host: str = "127.0.0.1"
    port: int = 8080
    motion: Path | None = None


def view(arguments: ViewArguments) -> int:
    """Show a model until the user closes the window or presses Ctrl-C; returns 0.

    Raises:
        InputError: unknown model, a motion of another model, a port in use, both --browser and
            --native, or the extra `viewer` is not installed.
    """
    if arguments.browser and arguments.native:
        raise InputError(
            "models view", "options", found="--browser and --native", expected="one of them"
        )
    native = arguments.native or (not arguments.browser and has_display())
    if not native:
        require_viewer()
        require_free_port(arguments.host, arguments.port)
    console = Console(stderr=True)
    try:
        with console.status(f"loading {arguments.model}"), quiet_mujoco():
            body = get_musculo_model(arguments.model, fingers=arguments.fingers)
            stage = Stage(body, load_motion(arguments.motion, body))
        with quiet_mujoco():
            _show(stage, console, arguments, native=native)
    except KeyboardInterrupt:
        console.print("closed")
    return 0


def _show(stage: Stage, console: Console, arguments: ViewArguments, *, native: bool) -> None:
    if native:
        from musclemimic_models.view.native import show_native

        show_native(stage, console)
    else:
        from musclemimic_models.view.browser import show_in_browser

        show_in_browser(stage, console, host=arguments.host, port=arguments.port)


def has_display() -> bool:
    """Whether MuJoCo's window can be opened from this process."""
    if sys.platform == "darwin":
        return False  # launch_passive works there only under mjpython: ask for it with --native
    if sys.platform == "win32":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def require_viewer() -> None:
    """Raise InputError unless the extra `viewer` is installed."""
    if importlib.util.find_spec("mjviser") is None:
        raise InputError(
            "models view",
            "browser view",
            found="no package mjviser",
            expected="pip install 'musclemimic_models[viewer]'",
        )


def require_free_port(host: str, port: int) -> None:
    """Raise InputError unless one can listen there; early, before a model is loaded."""
    expected = "a free port (--port 0 takes one)"
    if not 0 <= port <= 65535:
        raise InputError("models view", "port", found=port, expected="0 to 65535")
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # without Python's addition
        found = f"{host}:{port}, {reason}"
        raise InputError("models view", "port", found=found, expected=expected) from error


def load_motion(path: Path | None, body: MusculoModel) -> MotionClip | None:
    """Read a clip and fit it to the body by joint names; None without a path.

    Raises:
        InputError: not a clip, or it lacks a joint of the body.
    """
    if path is None:
        return None
    clip = MotionClip.load(path)
    return clip if clip.model_sha256 == body.content_sha256 else clip.for_model(body)
