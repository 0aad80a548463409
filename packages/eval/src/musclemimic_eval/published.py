"""Published figures that the report sets beside ours."""

from collections.abc import Mapping
from types import MappingProxyType

SOURCE = (
    "MuscleMimic (full body, MyoFullBody), KINESIS motion set, train / test split, as published "
    "by its authors"
)
# Key of METRICS to the published value on the train and on the test split.
FULL_BODY_VALIDATION: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "early_termination_rate": (0.108, 0.129),
        "joint_position_rad": (0.129, 0.130),
        "joint_velocity_rad_per_s": (0.542, 0.545),
        "root_position_m": (0.079, 0.138),
        "root_yaw_rad": (0.048, 0.047),
        "relative_site_m": (0.027, 0.027),
        "absolute_site_m": (0.144, 0.146),
        "episode_length_steps": (534.1, 528.1),
        "episode_return": (575.9, 569.1),
    }
)
# Retargeting metric to the published value of GMR-Fit and of Mocap-Body.
RETARGETING: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "joint_limit_violation_percent": (0.27, 12.26),
        "ground_penetration_percent": (0.24, 0.55),
        "max_penetration_m": (0.001, 0.002),
        "tendon_jump": (3.20, 30.14),
        "rmse_m": (0.025, 0.039),
        "total_s_per_30hz_frame": (0.251, 0.076),
    }
)
RETARGETING_NOTE = (
    "Published: MuscleMimic, means over its motion set on its authors' machine; one clip cannot "
    "be held against them line by line."
)
