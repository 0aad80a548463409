"""Clips from files, checked against one model before any work starts."""

from collections.abc import Sequence
from pathlib import Path

from musclemimic_models import InputError, MotionClip, MusculoModel, get_musculo_model, list_models

from musclemimic_sim.progress import watched


def load_clips(
    paths: Sequence[Path | str], model_name: str | None = None, *, fingers: bool = False
) -> tuple[MusculoModel, tuple[MotionClip, ...]]:
    """Load clips and the model they belong to.

    Args:
        paths: clip files.
        model_name: the model; None to find the one the first clip was made for.
        fingers: of the named model.

    Raises:
        InputError: an unreadable file, or a clip made for another model; names both models.
    """
    if not paths:
        raise InputError("clips", "files", found="none", expected="at least one clip file")
    clips = tuple(MotionClip.load(path) for path in watched(paths, "reading clips"))
    model = (
        _model_of(clips[0], paths[0])
        if model_name is None
        else get_musculo_model(model_name, fingers=fingers)
    )
    for clip, path in zip(clips, paths, strict=True):
        clip.require_model(model, path)
    return model, clips


def _model_of(clip: MotionClip, path: Path | str) -> MusculoModel:
    for name in list_models():
        for fingers in (False, True):
            # Compare labels first: building a model takes a second or two.
            if clip.model_name == f"{name} {'with' if fingers else 'without'} fingers":
                model = get_musculo_model(name, fingers=fingers)
                clip.require_model(model, path)
                return model
    raise InputError(path, "model_name", found=clip.model_name, expected=" or ".join(list_models()))
