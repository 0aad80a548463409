"""The tabs of the control panel that pose, play and show or hide."""

import viser

from musclemimic_models.view.desk import Desk
from musclemimic_models.view.posing import SLIDER_STEP, JointSlider
from musclemimic_models.view.stage import SPEEDS, Mode

_TIME_STEP_S = 0.01


class PoseTab:
    """Buttons, physics and one slider for every independent joint.

    Attributes:
        joints: joint name to its slider.
        physics: the switch that lets the muscles move the body.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._add_buttons()
        self.physics = desk.gui.add_checkbox(
            "Run physics", False, hint="simulate, muscles excited as set under Muscles"
        )
        self.physics.on_update(desk.callback(self._switch_physics))
        self.joints: dict[str, viser.GuiSliderHandle[float]] = {}
        for folder in dict.fromkeys(slider.folder for slider in desk.stage.sliders):
            with desk.gui.add_folder(folder.capitalize(), expand_by_default="fing" not in folder):
                for slider in desk.stage.sliders:
                    if slider.folder == folder:
                        self._add_joint(slider)

    def show(self) -> None:
        """Move the controls to where the stage is."""
        stage = self._desk.stage
        self._desk.tick_box(self.physics, stage.mode is Mode.PHYSICS)
        for slider in stage.sliders:
            self._desk.place(self.joints[slider.joint], slider.shown(stage.data.qpos))

    def _add_buttons(self) -> None:
        desk = self._desk
        buttons = desk.gui.add_button_group("Pose", ("Reset", "Mirror"))

        def press() -> None:
            if buttons.value == "Reset":
                desk.stage.reset()
            else:
                desk.stage.mirror()
            desk.stale = True

        buttons.on_click(desk.callback(press))
        speed = desk.gui.add_dropdown(
            "Speed", tuple(SPEEDS), initial_value="1", hint="of physics and motion"
        )

        def set_speed() -> None:
            desk.stage.speed = SPEEDS[speed.value]

        speed.on_update(desk.callback(set_speed))

    def _switch_physics(self) -> None:
        self._desk.stage.set_mode(Mode.PHYSICS if self.physics.value else Mode.POSED)
        self._desk.stale = True

    def _add_joint(self, slider: JointSlider) -> None:
        desk = self._desk
        label = slider.joint.removesuffix("_l").removesuffix("_r").replace("_", " ")
        handle = desk.gui.add_slider(
            f"{label} ({slider.unit})",
            min=slider.low,
            max=slider.high,
            step=SLIDER_STEP,
            initial_value=slider.shown(desk.stage.data.qpos),
            hint=slider.joint,
        )
        self.joints[slider.joint] = handle

        def move() -> None:
            desk.stale = desk.stale or desk.stage.mode is not Mode.POSED
            desk.stage.move(slider, handle.value)

        handle.on_update(desk.callback(move))


class MotionTab:
    """Play a motion.

    Attributes:
        play: the switch that lets the motion move the body.
        time: the slider for the time in it.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.play = desk.gui.add_checkbox("Play", False)
        self.time = desk.gui.add_slider(
            "time (s)",
            min=0.0,
            max=round(desk.stage.duration, 2) + _TIME_STEP_S,
            step=_TIME_STEP_S,
            initial_value=0.0,
        )
        self.play.on_update(desk.callback(self._switch))
        self.time.on_update(desk.callback(self._seek))

    def show(self) -> None:
        """Move the controls to where the stage is."""
        self._desk.tick_box(self.play, self._desk.stage.mode is Mode.PLAYING)
        self._desk.place(self.time, round(self._desk.stage.time, 2))

    def _switch(self) -> None:
        self._desk.stage.set_mode(Mode.PLAYING if self.play.value else Mode.POSED)
        self._desk.stale = True

    def _seek(self) -> None:
        if self._desk.stage.mode is Mode.PHYSICS:
            self._desk.stage.set_mode(Mode.POSED)
        self._desk.stage.seek(self.time.value)
        self._desk.stale = True


class DisplayTab:
    """What is drawn, and how."""

    def __init__(self, desk: Desk) -> None:
        gui, drawing = desk.gui, desk.drawing
        bones = gui.add_checkbox("Bones and floor", True)
        muscles = gui.add_checkbox("Muscles", True)
        surfaces = gui.add_checkbox("Wrapping surfaces", False)
        thickness = gui.add_slider(
            "Muscle thickness", min=0.2, max=3.0, step=0.1, initial_value=1.0
        )

        def set_thickness() -> None:
            drawing.thickness = thickness.value

        def set_muscles() -> None:
            drawing.muscles.visible = muscles.value

        bones.on_update(desk.callback(lambda: drawing.show_bones(bones.value)))
        surfaces.on_update(desk.callback(lambda: drawing.show_surfaces(surfaces.value)))
        muscles.on_update(desk.callback(set_muscles))
        thickness.on_update(desk.callback(set_thickness))
        if desk.stage.body.has_free_root:
            follow = gui.add_checkbox("Follow the body", drawing.follow)

            def set_follow() -> None:
                drawing.follow = follow.value

            follow.on_update(desk.callback(set_follow))
