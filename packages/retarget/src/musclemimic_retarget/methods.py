"""How files are read and motions retargeted, by the names the command line uses."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from musclemimic_models import InputError, MotionClip

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.bvh import read_bvh
from musclemimic_retarget.gmr_fit import GMRFit, GMRFitConfig
from musclemimic_retarget.markers import read_c3d_motion, read_trc_motion
from musclemimic_retarget.mocap_body import MocapBody, MocapBodyConfig
from musclemimic_retarget.motion import CoordinateMotion, HumanMotion
from musclemimic_retarget.readers import read_motion
from musclemimic_retarget.retargeter import Retargeter
from musclemimic_retarget.smpl import read_smpl

MethodConfig = GMRFitConfig | MocapBodyConfig


def make_retargeter(model: Articulated, config: MethodConfig) -> Retargeter:
    """The method a configuration belongs to, on a model."""
    match config:
        case GMRFitConfig():
            return GMRFit(model, config)
        case MocapBodyConfig():
            return MocapBody(model, config)


def retarget(
    model: Articulated, motion: HumanMotion, config: MethodConfig | None = None
) -> MotionClip:
    """The motion as a clip of the model: nothing is read, written or kept.

    Args:
        model: from `musclemimic_models.get_musculo_model`, or your own by `read_own_model`.
        motion: from `read_motion`.
        config: of GMR-Fit or of Mocap-Body, which chooses the method; GMR-Fit's defaults if None.

    Raises:
        InputError: the motion lacks a joint or coordinate the model needs.
    """
    return make_retargeter(model, config or GMRFitConfig()).retarget(motion)


@dataclass(frozen=True)
class ReaderOptions:
    """What a file does not say of itself.

    Attributes:
        unit: of .bvh files: m, cm, mm, inch, cmu, or metres as a number.
        up: vertical axis of .bvh files, where it cannot be told from the figure.
        skeleton_map: your own .bvh skeletons (TOML, as the packaged bvh/skeletons.toml).
        marker_sets: your own .trc and .c3d marker sets (TOML, as markers/data/marker_sets.toml).
        body_models: folder of SMPL body-model files, for the person's own shape (.npz, .pkl; needs
            the extra `smpl`); the mean skeleton without.
        belt_speed: of a treadmill, m/s (.trc, .c3d, .mot, .sto): the person gets its way added.
    """

    unit: str | None = None
    up: Literal["y", "z"] | None = None
    skeleton_map: Path | None = None
    marker_sets: Path | None = None
    body_models: Path | None = None
    belt_speed: float = 0.0


_APPLIES = {
    "unit": (".bvh",),
    "up": (".bvh",),
    "skeleton_map": (".bvh",),
    "marker_sets": (".trc", ".c3d"),
    "body_models": (".npz", ".pkl"),
    "belt_speed": (".trc", ".c3d", ".mot", ".sto"),
}


def require_use(options: ReaderOptions, suffixes: set[str]) -> None:
    """Raise InputError if an option was given that none of the files can use."""
    for name, kinds in _APPLIES.items():
        given = getattr(options, name) not in (None, 0.0)
        if given and not suffixes & set(kinds):
            option = "--" + name.replace("_", "-")
            raise InputError(
                "command line", option, found="no such file", expected=" or ".join(kinds)
            )


def read_with(path: Path, options: ReaderOptions) -> HumanMotion:
    """`read_motion` with the options that apply to the file.

    Raises:
        InputError: whatever is wrong with the file or the options, in one line.
    """
    match path.suffix.lower():
        case ".bvh":
            return read_bvh(path, unit=options.unit, up=options.up, skeletons=options.skeleton_map)
        case ".trc":
            return read_trc_motion(
                path, marker_sets=options.marker_sets, belt_speed=options.belt_speed
            )
        case ".c3d":
            return read_c3d_motion(
                path, marker_sets=options.marker_sets, belt_speed=options.belt_speed
            )
        case ".npz" | ".pkl":
            return read_smpl(path, body_models=options.body_models)
        case _:
            motion = read_motion(path)
    if isinstance(motion, CoordinateMotion) and options.belt_speed:
        return _overground(motion, options.belt_speed)
    return motion


def _overground(motion: CoordinateMotion, belt_speed: float) -> CoordinateMotion:
    """Treadmill coordinates with the belt's way, m, added forwards."""
    if not np.isfinite(belt_speed):
        raise InputError("command line", "--belt-speed", found=belt_speed, expected="m/s")
    values = motion.values.copy()
    motion.column("pelvis_tx")
    values[:, motion.names.index("pelvis_tx")] += belt_speed * motion.times
    return dataclasses.replace(motion, values=values)
