"""What every retargeting method offers."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from musclemimic_models import MotionClip

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.calibration import SITE_JOINTS
from musclemimic_retarget.direct import require_coordinates
from musclemimic_retarget.metrics import ClipMetrics, clip_metrics
from musclemimic_retarget.motion import CoordinateMotion, HumanMotion
from musclemimic_retarget.targets import Targets


@dataclass(frozen=True)
class RetargetResult:
    """A clip with what it was made from.

    Attributes:
        clip: the retargeted motion.
        targets: the sites' targets on the clip's time grid, grounded by one constant shift.
        metrics: of the clip against the targets.
        solve_seconds: spent in inverse kinematics. total_seconds: from motion to clip.
    """

    clip: MotionClip
    targets: Targets
    metrics: ClipMetrics
    solve_seconds: float
    total_seconds: float


@dataclass
class Stopwatch:
    """Adds up the seconds spent inside its `with` blocks."""

    seconds: float = 0.0
    _began: float = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began


def measured(
    model: Articulated, run: Callable[[], tuple[MotionClip, Targets, float]]
) -> RetargetResult:
    """Run a method, time it and measure what it made.

    Args:
        model: the clip's.
        run: returns clip, targets on its time grid, and the seconds spent solving.
    """
    began = time.perf_counter()
    clip, targets, solve_seconds = run()
    total_seconds = time.perf_counter() - began
    frames_at_30 = max(clip.duration * 30.0, 1.0)
    metrics = dataclasses.replace(
        clip_metrics(model, clip, targets),
        solve_s_per_30hz_frame=solve_seconds / frames_at_30,
        total_s_per_30hz_frame=total_seconds / frames_at_30,
    )
    return RetargetResult(clip, targets, metrics, solve_seconds, total_seconds)


def require_joints(model: Articulated, motion: HumanMotion) -> None:
    """Raise InputError if the motion lacks a joint or coordinate that the model's sites need."""
    if isinstance(motion, CoordinateMotion):
        require_coordinates(model, motion)
        return
    for site in model.mimic_sites:
        motion.index(SITE_JOINTS[site])


@runtime_checkable
class Retargeter(Protocol):
    """Human motion in, clip of one model out.

    Attributes:
        model: the model. method: its name, as on the command line and in a clip's provenance.
    """

    model: Articulated
    method: str

    def check(self, motion: HumanMotion) -> None:
        """Raise InputError if the motion lacks a joint or coordinate the model needs."""
        ...

    def retarget(self, motion: HumanMotion) -> MotionClip:
        """The motion as a clip of the model at 100 Hz.

        Raises:
            InputError: the motion lacks a joint or coordinate the model needs.
        """
        ...

    def solve(self, motion: HumanMotion) -> RetargetResult:
        """`retarget`, with targets, metrics and timing.

        Raises:
            InputError: as `retarget`.
        """
        ...
