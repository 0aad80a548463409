"""What every retargeting method offers."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from musclemimic_models import MotionClip

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.metrics import ClipMetrics
from musclemimic_retarget.motion import HumanMotion
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
