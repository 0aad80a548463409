"""The state a viewer shows: pose, activations, played motion, running physics. No graphics."""

import enum
import time
from types import MappingProxyType

import mujoco
import numpy as np
from jaxtyping import Bool, Float

from musclemimic_models.clip import MotionClip
from musclemimic_models.musculo import MusculoModel, load_model
from musclemimic_models.validation import mirror_pose
from musclemimic_models.view.posing import JointSlider, joint_sliders, move_joint

# A frame never simulates more than the first, nor works on it longer than the second, s: on a
# slow machine time slows down instead of the picture.
_LONGEST_STEP_S, _LONGEST_WORK_S = 1 / 30, 0.025
WRAPPING_GROUP = 3  # of myo-sim's geometries: the surfaces muscles wrap around
_SURFACE_RGBA = (0.1, 0.6, 0.6, 0.35)
_HIDDEN_GROUP = 5  # not drawn unless asked for, by MuJoCo and mjviser alike
SPEEDS = MappingProxyType({"1/10": 0.1, "1/4": 0.25, "1/2": 0.5, "1": 1.0, "2": 2.0})


class Mode(enum.Enum):
    """What moves the body."""

    POSED = "posed by hand"
    PLAYING = "playing the motion"
    PHYSICS = "moved by its muscles"


class Stage:
    """A body on show. Not thread-safe: callers hold a lock of their own.

    Attributes:
        body: the model's tables.
        model, data: the variant with meshes and its state.
        clip: the motion, fitted to the body; None without.
        sliders: of the independent joints.
        excitation: (nu,) what the user asks of each muscle, 0 to 1. By hand and in a motion it is
            shown as the activation; in physics the activation follows it with its dynamics.
        mode: what moves the body.
        speed: of motion and physics; 1 is real time.
        time: in the motion, s.
        changed: whether something to draw has changed since it was last set to False.
    """

    def __init__(self, body: MusculoModel, clip: MotionClip | None = None) -> None:
        self.body = body
        self.model = load_model(body.name, fingers=body.fingers, visual=True)
        self.data = mujoco.MjData(self.model)
        self.clip = clip
        self.sliders: tuple[JointSlider, ...] = joint_sliders(body)
        self.excitation: Float[np.ndarray, " nu"] = np.zeros(self.model.nu)
        self.mode = Mode.POSED
        self.speed = 1.0
        self.time = 0.0
        self.changed = True
        self.reset()

    @property
    def duration(self) -> float:
        """Time of the motion's last frame, s; 0 without a motion."""
        return 0.0 if self.clip is None else (len(self.clip.qpos) - 1) * self.clip.dt

    def keep_only_body(self) -> None:
        """Take out of sight what is neither body nor floor: 2000 sites, and the arms' room.

        The surfaces muscles wrap around get one colour, for when they are asked for.
        """
        self.model.site_group[:] = _HIDDEN_GROUP
        self.model.site_type[:] = int(mujoco.mjtGeom.mjGEOM_BOX)  # the cheapest to prepare
        self.model.geom_rgba[self.scenery, 3] = 0.0
        surfaces = self.model.geom_group == WRAPPING_GROUP
        self.model.geom_rgba[surfaces] = _SURFACE_RGBA
        self.model.geom_matid[self.scenery | surfaces] = -1

    @property
    def scenery(self) -> Bool[np.ndarray, " geoms"]:
        """Which geometries belong to the world and are no floor."""
        plane = self.model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)
        return (self.model.geom_bodyid == 0) & ~plane

    def reset(self) -> None:
        """The model's reference pose, or the motion's first frame; everything at rest."""
        mujoco.mj_resetData(self.model, self.data)
        self.mode, self.time = Mode.POSED, 0.0
        self.excitation[:] = 0.0
        if self.clip is None:
            self.pose(self.body.couplings.apply(self.model.qpos0))
        else:
            self.seek(0.0)

    def pose(self, qpos: Float[np.ndarray, " nq"]) -> None:
        """Show a pose, at rest."""
        self.data.qpos[:] = qpos
        self.data.qvel[:] = 0.0
        self._show()

    def move(self, slider: JointSlider, value: float) -> None:
        """Put one joint at `value` (in the slider's unit); stops what was moving the body."""
        self.mode = Mode.POSED
        self.pose(move_joint(self.body, self.data.qpos, slider, value))

    def mirror(self) -> None:
        """Swap left and right, in joints and muscles; stops what was moving the body."""
        self.mode = Mode.POSED
        self.excitation[:] = self.excitation[self.body.mirror_muscle]
        mirrored = mirror_pose(self.body, self.data.qpos.copy())
        self.pose(self.body.couplings.apply(mirrored))

    def excite(self, muscles: Bool[np.ndarray, " nu"], value: float) -> None:
        """Ask `value` (0 to 1) of the chosen muscles."""
        self.excitation[muscles] = value
        if self.mode is not Mode.PHYSICS:
            self._show()

    def seek(self, time: float) -> None:
        """Show the motion's frame nearest to `time`, s. Nothing without a motion."""
        if self.clip is None:
            return
        self.time = min(max(time, 0.0), self.duration)
        frame = min(round(self.time / self.clip.dt), len(self.clip.qpos) - 1)
        self.pose(self.clip.qpos[frame])

    def set_mode(self, mode: Mode) -> None:
        """Let something else move the body from here on."""
        if self.mode is Mode.PHYSICS and mode is Mode.POSED:
            self.pose(self.body.couplings.apply(self.data.qpos))
        if mode is Mode.PLAYING and self.time >= self.duration:
            self.time = 0.0
        self.mode = mode

    def advance(self, elapsed: float) -> None:
        """Let `elapsed` seconds of wall clock pass."""
        match self.mode:
            case Mode.POSED:
                return
            case Mode.PLAYING:
                following = self.time + elapsed * self.speed
                self.seek(following if following <= self.duration else 0.0)
            case Mode.PHYSICS:
                span = min(elapsed, _LONGEST_STEP_S) * self.speed
                self.data.ctrl[:] = self.excitation
                self._simulate(max(1, round(span / self.model.opt.timestep)))

    def _simulate(self, steps: int) -> None:
        deadline = time.perf_counter() + _LONGEST_WORK_S
        for _ in range(steps):
            mujoco.mj_step(self.model, self.data)
            if time.perf_counter() > deadline:
                break
        self.changed = True

    def _show(self) -> None:
        self.data.act[:] = self.excitation
        self.data.ctrl[:] = self.excitation
        mujoco.mj_forward(self.model, self.data)
        self.changed = True
