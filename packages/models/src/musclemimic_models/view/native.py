"""MuJoCo's own window on a stage."""

import queue
import sys
import time

import glfw
import mujoco
import mujoco.viewer
import numpy as np
from rich.console import Console

from musclemimic_models.errors import InputError
from musclemimic_models.view.colours import activation_rgba, muscle_radii
from musclemimic_models.view.stage import Mode, Stage

_FRAME_S = 1 / 60
_SPACE = 32


def show_native(stage: Stage, console: Console) -> None:
    """Show a stage in MuJoCo's window until the user closes it.

    MuJoCo's own joint and control sliders pose the body and activate its muscles.

    Raises:
        InputError: no window can be opened here.
        KeyboardInterrupt: the user pressed Ctrl-C.
    """
    # launch_passive would wait forever for a window that cannot open.
    if sys.platform != "darwin" and not glfw.init():
        raise _no_window("no display that GLFW can open")
    prepare_model(stage)
    # Keys arrive in the window's thread and are acted on in ours.
    keys: queue.SimpleQueue[int] = queue.SimpleQueue()
    try:
        window = mujoco.viewer.launch_passive(
            stage.model, stage.data, key_callback=keys.put, show_left_ui=False
        )
    except RuntimeError as error:  # macOS, not run by mjpython
        raise _no_window(str(error)) from error
    space = "runs physics" if stage.clip is None else "plays the motion"
    console.print(f"{stage.body.label}: the space bar {space}; Ctrl-C or closing the window ends")
    before = time.monotonic()
    with window:
        while window.is_running():
            now = time.monotonic()
            with window.lock():
                frame(stage, now - before, keys)
            window.sync()
            before = now
            time.sleep(_FRAME_S)


def _no_window(reason: str) -> InputError:
    return InputError(
        "models view", "native window", found=reason, expected="a display, or --browser"
    )


def prepare_model(stage: Stage) -> None:
    """Set what MuJoCo draws muscles with, and put its sites out of sight."""
    model = stage.model
    stage.keep_only_body()
    tendons = model.actuator_trnid[:, 0]
    model.tendon_matid[tendons] = -1
    model.tendon_width[tendons] = muscle_radii(stage.body.muscles.max_isometric_force)


def frame(stage: Stage, elapsed: float, keys: "queue.SimpleQueue[int]") -> None:
    """Take over what the window's sliders did to qpos and ctrl, let time pass, colour muscles.

    Every space bar in `keys` starts or stops the motion, or physics where there is none.
    """
    moving = Mode.PHYSICS if stage.clip is None else Mode.PLAYING
    while not keys.empty():
        if keys.get() == _SPACE:
            stage.set_mode(Mode.POSED if stage.mode is moving else moving)
    data = stage.data
    stage.excitation[:] = np.clip(data.ctrl, 0.0, 1.0)
    if stage.mode is Mode.POSED:
        stage.pose(stage.body.couplings.apply(data.qpos))
    stage.advance(elapsed)
    stage.model.tendon_rgba[stage.model.actuator_trnid[:, 0]] = activation_rgba(data.act)
