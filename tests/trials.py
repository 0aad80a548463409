"""Real trials that several tests look at, read and retargeted once."""

import functools
from pathlib import Path

from musclemimic_eval.human.coordinates import place_under_coordinates
from musclemimic_eval.human.force_files import read_ground_reaction
from musclemimic_eval.kinetics.placing import Placement
from musclemimic_models import MotionClip, get_musculo_model
from musclemimic_retarget import GMRFit, read_motion

WALK3D_MASS = 85.27  # kg, data/README.md


@functools.cache
def walk3d(data: Path) -> tuple[MotionClip, Placement]:
    """The OpenSim subject's walk on MyoFullBody, with its ground reaction underneath."""
    folder = data / "opensim_walk3d"
    model = get_musculo_model("MyoFullBody", fingers=False)
    clip = GMRFit(model).retarget(read_motion(folder / "coordinates.sto"))
    ground, _ = read_ground_reaction(folder / "grf_walk.mot", loads=folder / "grf_walk.xml")
    placement = place_under_coordinates(
        model,
        clip,
        ground,
        coordinates=folder / "coordinates.sto",
        subject_mass=WALK3D_MASS,
    )
    return clip, placement
