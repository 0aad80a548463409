"""Settings of GMR-Fit."""

from dataclasses import dataclass, field

from musclemimic_retarget.floor_goals import GroundConfig
from musclemimic_retarget.ik import IKConfig
from musclemimic_retarget.stance import StanceConfig
from musclemimic_retarget.twist import TwistConfig


@dataclass(frozen=True)
class GMRFitConfig:
    """Everything that shapes a GMR-Fit result.

    Attributes:
        output_hz: frames per second of the clip.
        solve_hz: inverse kinematics runs at the source's rate, but at no more than this.
        smoothing_hz: half-gain frequency of the whole-clip smoothing (6 to 10 Hz is usual for
            human movement).
        passes: rounds of aligning twist, correcting the feet's targets and solving again.
        first_iterations: of the solve before them, which only they refine.
        strain_m: RMS distance from the targets before the last pass, m, above which the body's
            joints cannot follow the orientations, and positions come first;
        lost_m: the same, above which that would cost too many degrees for too few millimetres, and
            the balance stays.
        strained_orientation: the orientations' weight where positions come first, rad⁻².
        window_s: motions longer than one and a half windows are worked on a window at a time, s,
            so that memory does not grow with them.
        ik, ground, stance, twist: of the parts.
    """

    output_hz: float = 100.0
    solve_hz: float = 30.0
    smoothing_hz: float = 8.0
    passes: int = 3
    first_iterations: int = 2
    strain_m: float = 0.0137
    lost_m: float = 0.018
    strained_orientation: float = 0.004
    window_s: float = 60.0
    ik: IKConfig = field(default_factory=IKConfig)
    ground: GroundConfig = field(default_factory=GroundConfig)
    stance: StanceConfig = field(default_factory=StanceConfig)
    twist: TwistConfig = field(default_factory=TwistConfig)
