"""The built-in two-arm motion on BimanualMuscle, which several benchmarks train on."""

import tempfile
from functools import cache
from pathlib import Path

from musclemimic_models import MotionClip, MusculoModel, get_musculo_model


@cache
def two_arm_task() -> tuple[MusculoModel, MotionClip]:
    """The body, and reach, raise and wave retargeted to it (some seconds, once a process)."""
    from musclemimic_retarget import GMRFit, read_motion, write_synthetic_smpl

    model = get_musculo_model("BimanualMuscle", fingers=False)
    with tempfile.TemporaryDirectory() as folder:
        motion = read_motion(write_synthetic_smpl(Path(folder) / "arms.npz"))
    return model, GMRFit(model).solve(motion).clip
