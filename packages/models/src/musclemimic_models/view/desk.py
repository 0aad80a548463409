"""What the tabs of the control panel share: the lock, the stage and how to show its state."""

import threading
import time
from collections.abc import Callable

import viser

from musclemimic_models.view.drawing import StageDrawing
from musclemimic_models.view.stage import Stage

# A control touched this recently is left to the user's hand, s.
_IN_HAND_S = 0.3


class Desk:
    """Lets viser's callback threads act on the stage one at a time.

    Attributes:
        gui: where controls are added.
        stage, drawing: what they act on.
        lock: held while either is read or changed.
        stale: whether controls have to be moved to where the stage is.
    """

    def __init__(self, server: viser.ViserServer, stage: Stage, drawing: StageDrawing) -> None:
        self.gui, self.stage, self.drawing = server.gui, stage, drawing
        self.lock = threading.RLock()
        self.stale = False
        self._showing = False

    def callback(self, action: Callable[[], None]) -> Callable[[object], None]:
        """A viser callback for a user's action; setting a control from `place` does not act."""

        def run(_: object) -> None:
            with self.lock:
                if not self._showing:
                    action()
                    self.stage.changed = True

        return run

    def place(self, slider: viser.GuiSliderHandle[float], value: float) -> None:
        """Put a slider at `value` without acting on it; later, if the user may be dragging it."""
        if abs(slider.value - value) < slider.step / 2:
            return
        if time.time() - slider.update_timestamp < _IN_HAND_S:
            self.stale = True
            return
        self._showing = True
        slider.value = value
        self._showing = False

    def tick_box(self, box: viser.GuiCheckboxHandle, value: bool) -> None:
        """Tick or clear a box without acting on it."""
        self._showing = True
        box.value = value
        self._showing = False
