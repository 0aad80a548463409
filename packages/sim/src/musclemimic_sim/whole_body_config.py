"""Settings of the whole-body coordination (`action_map="whole_body"`)."""

import dataclasses
from dataclasses import dataclass

from musclemimic_models import InputError


@dataclass(frozen=True)
class WholeBodyConfig:
    """How the body follows its reference on its feet; see `whole_body.py` for the problem solved.

    The gains are rounded from an evolution on MyoFullBody's muscles (`musclemimic train --recipe
    walk` does the same): first on a recorded walk at 1.1 m/s, then on its mean stride repeated. Two
    were set by hand after that: the lift, best of four values, and side_position, best of six. With
    more of it (0.42 was found) steps answer a drift twice, by the place and by the velocity that
    comes with it, and the body sways from side to side, further at every stride. A motion of
    another kind deserves a search of its own.

    Attributes:
        scale_rad: joint target offset at action 1.
        root_horizontal, root_vertical, root_rotation, joint: stiffness, 1/s².
        root_damping, joint_damping: damping ratios.
        root_weight: extra weight of the root's acceleration, kg and kg m².
        step_velocity, step_position: how the swinging leg reaches out when the pelvis is faster
            than or ahead of the reference, rad per m/s and per m.
        side_velocity, side_position: the same sideways.
        step_pitch, step_yaw, step_roll: the swinging hip's answer to a turned pelvis, rad/rad.
        lift: further flexion of the swinging knee (half of it at hip and ankle), rad.
        apart: further abduction of both hips, rad.
        regularisation: λ on squared activation.
        ground_regularisation: ε on squared ground force, 1/N².
        friction: coefficient that the ground is trusted with.
        swing_release: a foot whose swing (0 to 1) is beyond this is not to carry load.
        contact_height_m: a point of the foot lower than this is on the ground.
    """

    scale_rad: float = 0.3
    root_horizontal: float = 40.0
    root_vertical: float = 55.0
    root_rotation: float = 247.0
    joint: float = 215.0
    root_damping: float = 1.02
    joint_damping: float = 1.56
    root_weight: float = 0.32
    step_velocity: float = 0.34
    step_position: float = 0.26
    side_velocity: float = 0.71
    side_position: float = 0.2
    step_pitch: float = -0.14
    step_yaw: float = -0.6
    step_roll: float = 0.78
    lift: float = 0.3
    apart: float = 0.02
    regularisation: float = 100.0
    ground_regularisation: float = 1e-3
    friction: float = 0.7
    swing_release: float = 0.5
    contact_height_m: float = 0.003

    def __post_init__(self) -> None:
        """Refuse what makes the problem ill-posed.

        Raises:
            InputError: naming the field.
        """
        signed = {"step_pitch", "step_yaw", "step_roll", "apart"}
        positive = {"swing_release", "regularisation", "ground_regularisation", "friction"}
        for name, value in dataclasses.asdict(self).items():
            if name in positive:
                fits, expected = 0 < value < float("inf"), "> 0"
            elif name in signed:
                fits, expected = abs(value) < float("inf"), "a finite number"
            else:
                fits, expected = 0 <= value < float("inf"), ">= 0"
            if not fits:
                raise InputError("whole_body", name, found=value, expected=expected)
