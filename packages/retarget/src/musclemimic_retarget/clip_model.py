"""The model that a clip was made for."""

from musclemimic_models import REGISTRY, InputError, MotionClip, MusculoModel, get_musculo_model


def model_of(name: str, clip: MotionClip) -> MusculoModel:
    """Find it among this installation's models.

    Args:
        name: of the clip, for the error.
        clip: the motion.

    Raises:
        InputError: no model here has the clip's content hash.
    """
    for model_name in REGISTRY:
        for fingers in (False, True):
            if clip.model_name.startswith(model_name):
                model = get_musculo_model(model_name, fingers=fingers)
                if model.content_sha256 == clip.model_sha256:
                    return model
    raise InputError(
        name, "model_sha256", found=clip.model_name, expected="a model of this installation"
    )
