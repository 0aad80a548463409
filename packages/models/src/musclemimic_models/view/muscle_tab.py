"""The tab of the control panel that activates muscles and reports on one."""

import numpy as np
import viser

from musclemimic_models.view.colours import ACTIVE_RGB, REST_RGB
from musclemimic_models.view.desk import Desk
from musclemimic_models.view.posing import muscle_report, report_markdown, select_muscles

ALL = "all muscles"
_NO_MUSCLE = "none"
_SIDES = ("both", "left", "right", "centre")
_STEP = 0.01
_HELP = "Choose a muscle, or click on one in the picture."


class MuscleTab:
    """Activation of all muscles, of groups and of one; what that one does.

    Attributes:
        groups: muscle group (or "all muscles") to its slider.
        side: the side those sliders act on.
        muscle: the muscle to look at. activation: its slider. report: what it does.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._add_legend()
        self._add_muscle()
        self.groups: dict[str, viser.GuiSliderHandle[float]] = {}
        with desk.gui.add_folder("Activation by group"):
            self.side = desk.gui.add_dropdown("side", _SIDES, hint="what these sliders act on")
            self.side.on_update(desk.callback(self._choose_side))
            for group in ("", *dict.fromkeys(desk.stage.body.muscles.group)):
                self._add_group(group)

    def show(self) -> None:
        """Move each slider to the mean of what is asked of its muscles."""
        stage = self._desk.stage
        for name, handle in self.groups.items():
            group = "" if name == ALL else name
            chosen = select_muscles(stage.body, group=group, side=self.side.value)
            mean = float(stage.excitation[chosen].mean()) if chosen.any() else 0.0
            self._desk.place(handle, round(mean, 2))
        if self._desk.drawing.selected is not None:
            asked = float(stage.excitation[self._desk.drawing.selected])
            self._desk.place(self.activation, round(asked, 2))

    def show_report(self) -> None:
        """Write down what the chosen muscle does in the present pose."""
        stage, muscle = self._desk.stage, self._desk.drawing.selected
        text = _HELP
        if muscle is not None:
            text = report_markdown(muscle_report(stage.body, stage.data.qpos.copy(), muscle))
        if text != self.report.content:
            self.report.content = text

    def choose(self, muscle: int) -> None:
        """Look at a muscle, by its index."""
        self.muscle.value = self._desk.stage.body.muscle_names[muscle]

    def _add_legend(self) -> None:
        rest, active = (f"rgb{rgb}" for rgb in (REST_RGB, ACTIVE_RGB))
        self._desk.gui.add_html(
            '<div style="padding:0.6em 1em 0.2em;font-size:0.8em">'
            '<div style="height:0.8em;border-radius:3px;'
            f'background:linear-gradient(to right,{rest},{active})"></div>'
            '<div style="display:flex;justify-content:space-between">'
            "<span>0 at rest</span><span>activation</span><span>1 fully active</span></div></div>"
        )

    def _add_muscle(self) -> None:
        gui, names = self._desk.gui, self._desk.stage.body.muscle_names
        with gui.add_folder("One muscle"):
            self.muscle = gui.add_dropdown(
                "muscle", (_NO_MUSCLE, *sorted(names, key=str.lower)), hint="type to search"
            )
            self.activation = gui.add_slider(
                "activation", min=0.0, max=1.0, step=_STEP, initial_value=0.0, disabled=True
            )
            self.report = gui.add_markdown(_HELP)
        self.muscle.on_update(self._desk.callback(self._choose))
        self.activation.on_update(self._desk.callback(self._excite_one))

    def _choose(self) -> None:
        name = self.muscle.value
        index = None if name == _NO_MUSCLE else self._desk.stage.body.muscle_names.index(name)
        self._desk.drawing.selected = index
        self.activation.disabled = index is None
        self._desk.stale = True

    def _excite_one(self) -> None:
        stage = self._desk.stage
        stage.excite(
            np.arange(stage.model.nu) == self._desk.drawing.selected, self.activation.value
        )
        self._desk.stale = True

    def _choose_side(self) -> None:
        self._desk.stale = True

    def _add_group(self, group: str) -> None:
        desk = self._desk
        handle = desk.gui.add_slider(group or ALL, min=0.0, max=1.0, step=_STEP, initial_value=0.0)
        self.groups[group or ALL] = handle

        def excite() -> None:
            chosen = select_muscles(desk.stage.body, group=group, side=self.side.value)
            desk.stage.excite(chosen, handle.value)
            desk.stale = True

        handle.on_update(desk.callback(excite))
