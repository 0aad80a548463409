"""Settings of GMR-Fit."""

from dataclasses import dataclass, field

from musclemimic_retarget.floor_goals import GroundConfig
from musclemimic_retarget.pose_cost import IKConfig
from musclemimic_retarget.stance import StanceConfig
from musclemimic_retarget.twist import TwistConfig


@dataclass(frozen=True)
class GMRFitConfig:
    """Everything that shapes a GMR-Fit result.

    Attributes:
        output_hz: frames per second of the clip.
        solve_hz: inverse kinematics runs at the source's rate, but at no more than this.
        smoothing_hz: half-gain frequency of the whole-clip smoothing; gait is usually smoothed at 6
            to 10 Hz, and a run has turns of up to 10 Hz.
        tendon_hz: the same, where tendons would jump otherwise (`ClipMetrics.tendon_jump`) and do
            not then; as much as `smoothing_hz` to have it off.
        passes: rounds of aligning twist, correcting the feet's targets and solving again.
        first_iterations: of the solve before them, which only they refine.
        angle: weight of the sum of angles to the targets, beside that of squared distances, rad⁻¹.
        rounding: angles much smaller than this count by their squares, rad.
        least_angle: that weight goes down to this where one pass has shown poses further than
            `aim_m` from the targets; the next pass tells how much of the change `aim_m` allows.
        most_angle: the same upwards, where poses are nearer but turned by more than `turned_deg`.
        aim_m: RMS distance from the targets, m.
        turned_deg: mean angle to the targets, degrees.
        lost_m: RMS distance above which positions first would cost too many degrees for too few
            millimetres, and the balance stays, m.
        window_s: motions longer than one and a half windows are worked on a window at a time, s,
            so that memory does not grow with them.
        ik, ground, stance, twist: of the parts.
    """

    output_hz: float = 100.0
    solve_hz: float = 30.0
    smoothing_hz: float = 11.0
    tendon_hz: float = 7.0
    passes: int = 3
    first_iterations: int = 1
    angle: float = 0.006
    rounding: float = 0.03
    least_angle: float = 0.0012
    most_angle: float = 0.016
    aim_m: float = 0.0141
    turned_deg: float = 2.7
    lost_m: float = 0.0175
    window_s: float = 60.0
    ik: IKConfig = field(default_factory=IKConfig)
    ground: GroundConfig = field(default_factory=GroundConfig)
    stance: StanceConfig = field(default_factory=StanceConfig)
    twist: TwistConfig = field(default_factory=TwistConfig)
