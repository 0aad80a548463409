"""Human motion capture to muscle-driven models: readers, inverse kinematics, quality metrics.

Names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musclemimic_retarget.bounds import ClipBounds as ClipBounds
    from musclemimic_retarget.bounds import clip_bounds as clip_bounds
    from musclemimic_retarget.cycle import CycleConfig as CycleConfig
    from musclemimic_retarget.cycle import CycleReport as CycleReport
    from musclemimic_retarget.cycle import repeat_stride as repeat_stride
    from musclemimic_retarget.gait_measures import peak_knee_flexion_deg as peak_knee_flexion_deg
    from musclemimic_retarget.gait_measures import stride_seconds as stride_seconds
    from musclemimic_retarget.gait_measures import walking_speed as walking_speed
    from musclemimic_retarget.gmr_fit import GMRFit as GMRFit
    from musclemimic_retarget.gmr_fit import GMRFitConfig as GMRFitConfig
    from musclemimic_retarget.markers.c3d import read_c3d as read_c3d
    from musclemimic_retarget.markers.c3d_file import C3DEvent as C3DEvent
    from musclemimic_retarget.markers.c3d_file import C3DFile as C3DFile
    from musclemimic_retarget.markers.c3d_file import ForcePlate as ForcePlate
    from musclemimic_retarget.methods import retarget as retarget
    from musclemimic_retarget.metrics import ClipMetrics as ClipMetrics
    from musclemimic_retarget.metrics import clip_metrics as clip_metrics
    from musclemimic_retarget.metrics import metrics_table as metrics_table
    from musclemimic_retarget.mocap_body import MocapBody as MocapBody
    from musclemimic_retarget.mocap_body import MocapBodyConfig as MocapBodyConfig
    from musclemimic_retarget.motion import CoordinateMotion as CoordinateMotion
    from musclemimic_retarget.motion import HumanMotion as HumanMotion
    from musclemimic_retarget.motion import MotionSource as MotionSource
    from musclemimic_retarget.motion import SkeletonMotion as SkeletonMotion
    from musclemimic_retarget.own_model import OwnModel as OwnModel
    from musclemimic_retarget.own_model import read_own_model as read_own_model
    from musclemimic_retarget.readers import read_motion as read_motion
    from musclemimic_retarget.retargeter import Retargeter as Retargeter
    from musclemimic_retarget.retargeter import RetargetResult as RetargetResult
    from musclemimic_retarget.synthetic import synthetic_arm_motion as synthetic_arm_motion
    from musclemimic_retarget.synthetic import write_synthetic_smpl as write_synthetic_smpl
    from musclemimic_retarget.targets import Targets as Targets

_HOMES = {
    "cycle": ("CycleConfig", "CycleReport", "repeat_stride"),
    "bounds": ("ClipBounds", "clip_bounds"),
    "gait_measures": ("peak_knee_flexion_deg", "stride_seconds", "walking_speed"),
    "gmr_fit": ("GMRFit", "GMRFitConfig"),
    "markers.c3d": ("read_c3d",),
    "markers.c3d_file": ("C3DEvent", "C3DFile", "ForcePlate"),
    "metrics": ("ClipMetrics", "clip_metrics", "metrics_table"),
    "methods": ("retarget",),
    "mocap_body": ("MocapBody", "MocapBodyConfig"),
    "motion": ("CoordinateMotion", "HumanMotion", "MotionSource", "SkeletonMotion"),
    "own_model": ("OwnModel", "read_own_model"),
    "readers": ("read_motion",),
    "retargeter": ("RetargetResult", "Retargeter"),
    "synthetic": ("synthetic_arm_motion", "write_synthetic_smpl"),
    "targets": ("Targets",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(_HOME_OF)
