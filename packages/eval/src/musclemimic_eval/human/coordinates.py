"""OpenSim coordinate files as a laboratory's record: their clock and pelvis."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_eval.human.files import read_table
from musclemimic_eval.human.force_files import FROM_OPENSIM
from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_eval.kinetics.placing import Placement, place_under
from musclemimic_eval.signals import interpolated


def place_under_coordinates(
    model: MusculoModel,
    clip: MotionClip,
    ground: GroundReaction,
    *,
    coordinates: Path,
    subject_mass: float,
) -> Placement:
    """`place_under` for a clip that was retargeted from OpenSim coordinates.

    Args:
        model: of the clip.
        clip: retargeted from `coordinates`.
        ground: of the same trial, from `read_ground_reaction`.
        coordinates: the .sto or .mot file with pelvis_tx, pelvis_ty, pelvis_tz.
        subject_mass: kg.

    Raises:
        InputError: as `place_under`; no pelvis in the file; a clip that lasts longer.
    """
    time, pelvis = pelvis_path(coordinates)
    frames = time[0] + clip.dt * np.arange(len(clip))
    if frames[-1] > time[-1] + clip.dt:
        raise InputError(
            coordinates,
            "time",
            found=f"{time[-1] - time[0]:.2f} s",
            expected=f"at least the clip's {clip.duration:.2f} s",
        )
    return place_under(
        model,
        clip,
        ground,
        subject_mass=subject_mass,
        pelvis=interpolated(time, pelvis, frames),
        start=float(time[0]),
    )


def pelvis_path(path: Path) -> tuple[Float[np.ndarray, " T"], Float[np.ndarray, "T 3"]]:
    """Time, s, and the pelvis' origin, m, turned z up (x forward).

    Raises:
        InputError: no pelvis translation among the columns, or a damaged table.
    """
    table = read_table(path)
    columns: list[int] = []
    for axis in "xyz":
        name = f"pelvis_t{axis}"
        places = [
            index
            for index, label in enumerate(table.labels)
            if label == name or label.endswith(f"/{name}/value")
        ]
        if not places:
            raise InputError(
                path, "columns", found=f"no {name}", expected="the pelvis' three translations"
            )
        columns.append(places[0])
    return table.values[:, 0], table.values[:, columns] @ FROM_OPENSIM.T
