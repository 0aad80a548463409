"""MuJoCo and MuJoCo Warp must agree, or tendons are silently wrong."""

from importlib.metadata import version

from musclemimic_models import InputError


def require_same_minor() -> None:
    """Refuse a MuJoCo Warp made for another MuJoCo.

    MuJoCo 4.0 changed the meaning of wrap side sites: with Warp 4.0 beside MuJoCo 3.17 tendon
    lengths of the full body are off by up to 104 mm, without any message.

    Raises:
        InputError: major or minor version differ.
    """
    ours, theirs = version("mujoco"), version("mujoco-warp")
    if ours.split(".")[:2] != theirs.split(".")[:2]:
        raise InputError(
            "mujoco-warp",
            "version",
            found=theirs,
            expected=f"{'.'.join(ours.split('.')[:2])}.* as mujoco {ours}",
        )
