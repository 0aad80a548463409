"""Marker files to joint centres and segment orientations."""

from pathlib import Path

import numpy as np
from musclemimic_models import InputError

from musclemimic_retarget.markers.c3d import read_c3d_markers
from musclemimic_retarget.markers.landmarks import gather_landmarks
from musclemimic_retarget.markers.marker_sets import choose_marker_set
from musclemimic_retarget.markers.skeleton import build_motion
from musclemimic_retarget.markers.trajectories import MarkerTrajectories
from musclemimic_retarget.markers.trc import read_trc_markers
from musclemimic_retarget.motion import SkeletonMotion


def read_trc_motion(
    path: Path, *, marker_sets: Path | None = None, belt_speed: float = 0.0
) -> SkeletonMotion:
    """Read the markers of a .trc file as a motion of the SMPL skeleton.

    The laboratory's axes do not matter: the result is z up, and the person faces +x on average.
    Frames in which needed markers are missing for long are cut off; that, and what is filled in
    for missing arms or trunk, is logged.

    Args:
        path: the file.
        marker_sets: a file of your own sets, tried before the packaged ones (same format as
            `data/marker_sets.toml`).
        belt_speed: of a treadmill, m/s; adds its way, as if walked overground.

    Raises:
        InputError: whatever is wrong with the file, its markers or the marker sets, in one line.
    """
    return motion_of_markers(read_trc_markers(path), marker_sets=marker_sets, belt_speed=belt_speed)


def read_c3d_motion(
    path: Path, *, marker_sets: Path | None = None, belt_speed: float = 0.0
) -> SkeletonMotion:
    """Read the markers of a .c3d file as a motion of the SMPL skeleton; see `read_trc_motion`.

    Raises:
        InputError: whatever is wrong with the file, its markers or the marker sets, in one line.
    """
    return motion_of_markers(read_c3d_markers(path), marker_sets=marker_sets, belt_speed=belt_speed)


def motion_of_markers(
    trajectories: MarkerTrajectories, *, marker_sets: Path | None = None, belt_speed: float = 0.0
) -> SkeletonMotion:
    """Marker trajectories as a motion of the SMPL skeleton; see `read_trc_motion`.

    Raises:
        InputError: no set fits, too many gaps, implausible body, a belt speed that is no number.
    """
    if not np.isfinite(belt_speed):
        raise InputError("belt_speed", "value", found=belt_speed, expected="m/s")
    marker_set = choose_marker_set(trajectories, marker_sets)
    return build_motion(gather_landmarks(trajectories, marker_set), belt_speed=belt_speed)
