"""Keep MuJoCo's own log off the terminal and out of the working directory."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager

import mujoco


@contextmanager
def quiet_mujoco() -> Generator[None, None, None]:
    """Silence MuJoCo's console log and MUJOCO_LOG.TXT inside the block.

    Used where its messages are known and handled: attaching myo-sim's fragments (harmless), and
    diverging worlds (the simulator reports them itself, per world).
    """
    before, silent = mujoco.MjLogConfig.get(), mujoco.MjLogConfig.get()
    silent.logto_console = False
    silent.logto_file = False
    silent.set()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Attaching a spec with an empty prefix")
            yield
    finally:
        before.set()
