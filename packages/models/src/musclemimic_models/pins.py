"""Refuse versions of the physics that would be silently wrong."""

from importlib.metadata import PackageNotFoundError, version

from musclemimic_models.errors import InputError

MUJOCO = "3.17"


def require_supported_physics() -> None:
    """Check the installed MuJoCo, and that MuJoCo Warp (if there) has the same minor version.

    MuJoCo 4.0 changed the meaning of wrap side sites: 18 muscles of the full body shift by up to
    149 mm. A MuJoCo Warp of another minor than MuJoCo imports and computes other tendon lengths.

    Raises:
        InputError: naming the package, the version found and the one expected.
    """
    for package in ("mujoco", "mujoco-warp"):
        try:
            found = version(package)
        except PackageNotFoundError:
            continue
        if found.split(".")[:2] != MUJOCO.split("."):
            raise InputError("installed packages", package, found=found, expected=f"{MUJOCO}.*")
