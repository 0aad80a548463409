"""The one place of this package that reads and retargets through musclemimic_retarget."""

from musclemimic_models import InputError

try:
    from musclemimic_retarget.gmr_fit import GMRFit, GMRFitConfig
    from musclemimic_retarget.markers.c3d import read_c3d
    from musclemimic_retarget.markers.c3d_file import C3DFile
    from musclemimic_retarget.markers.landmarks import (
        Landmarks,
        gather_landmarks,
        upright_facing_x,
    )
    from musclemimic_retarget.markers.marker_sets import choose_marker_set, load_marker_sets
    from musclemimic_retarget.markers.skeleton import build_motion
    from musclemimic_retarget.markers.trajectories import MarkerTrajectories, unique_labels
    from musclemimic_retarget.markers.trc import read_trc_markers
    from musclemimic_retarget.motion import CoordinateMotion, HumanMotion, SkeletonMotion
    from musclemimic_retarget.opensim import Table, read_table
    from musclemimic_retarget.osim import (
        CoordinateTable,
        OsimModel,
        place,
        read_coordinates,
        read_osim,
    )
    from musclemimic_retarget.osim.frames import Frame
    from musclemimic_retarget.readers import READERS, read_motion
except ModuleNotFoundError as error:
    if error.name is None or not error.name.startswith("musclemimic_retarget"):
        raise
    raise InputError(
        "musclemimic_eval.human",
        "package",
        found="no musclemimic_retarget",
        expected="the readers: pip install 'musclemimic-eval[human]'",
    ) from error

__all__ = [
    "READERS",
    "C3DFile",
    "CoordinateMotion",
    "CoordinateTable",
    "Frame",
    "GMRFit",
    "GMRFitConfig",
    "HumanMotion",
    "Landmarks",
    "MarkerTrajectories",
    "OsimModel",
    "SkeletonMotion",
    "Table",
    "build_motion",
    "choose_marker_set",
    "gather_landmarks",
    "load_marker_sets",
    "place",
    "read_c3d",
    "read_coordinates",
    "read_motion",
    "read_osim",
    "read_table",
    "read_trc_markers",
    "unique_labels",
    "upright_facing_x",
]
