"""Turning SIGTERM and Ctrl-C into a wish that the training loop reads between updates."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody asked the run to stop."""

    def __init__(self) -> None:
        self.requested = False

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Note the wish; a second Ctrl-C means now.

        Raises:
            KeyboardInterrupt: asked twice by Ctrl-C.
        """
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def stop_on_signal() -> Generator[StopRequest]:
    """Catch the signals inside the block, and put the old handlers back after it.

    Python lets only the main thread set handlers; elsewhere the request just stays False.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {number: signal.signal(number, request.handle) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
