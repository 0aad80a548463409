"""Marker files: TRC and C3D to joint centres and segment orientations."""

from musclemimic_retarget.markers.c3d import read_c3d, read_c3d_markers
from musclemimic_retarget.markers.c3d_file import C3DEvent, C3DFile, ForcePlate
from musclemimic_retarget.markers.marker_sets import MarkerSet, load_marker_sets
from musclemimic_retarget.markers.readers import motion_of_markers, read_c3d_motion, read_trc_motion
from musclemimic_retarget.markers.trajectories import MarkerTrajectories
from musclemimic_retarget.markers.trc import read_trc_markers

__all__ = [
    "C3DEvent",
    "C3DFile",
    "ForcePlate",
    "MarkerSet",
    "MarkerTrajectories",
    "load_marker_sets",
    "motion_of_markers",
    "read_c3d",
    "read_c3d_markers",
    "read_c3d_motion",
    "read_trc_markers",
    "read_trc_motion",
]
