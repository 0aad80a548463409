"""Checks a model must pass before anyone should trust it."""

from collections.abc import Callable

from musclemimic_models.musculo import MusculoModel
from musclemimic_models.validation.check import Check as Check
from musclemimic_models.validation.consistency import check_activation as check_activation
from musclemimic_models.validation.consistency import check_couplings as check_couplings
from musclemimic_models.validation.consistency import check_force_curves as check_force_curves
from musclemimic_models.validation.consistency import check_moment_arms as check_moment_arms
from musclemimic_models.validation.continuity import Jump as Jump
from musclemimic_models.validation.continuity import check_continuity as check_continuity
from musclemimic_models.validation.continuity import find_jumps as find_jumps
from musclemimic_models.validation.passive import check_passive_fall as check_passive_fall
from musclemimic_models.validation.poses import coordinate_geometry as coordinate_geometry
from musclemimic_models.validation.poses import mirror_pose as mirror_pose
from musclemimic_models.validation.poses import mirror_velocity as mirror_velocity
from musclemimic_models.validation.poses import muscle_geometry as muscle_geometry
from musclemimic_models.validation.poses import neutral_pose as neutral_pose
from musclemimic_models.validation.poses import random_poses as random_poses
from musclemimic_models.validation.published import check_published as check_published
from musclemimic_models.validation.symmetry import check_force_symmetry as check_force_symmetry
from musclemimic_models.validation.symmetry import check_length_symmetry as check_length_symmetry
from musclemimic_models.validation.symmetry import (
    check_moment_arm_symmetry as check_moment_arm_symmetry,
)


def validate_model(
    model: MusculoModel,
    *,
    poses: int = 20,
    postures: int = 3,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> list[Check]:
    """Run every check.

    Args:
        model: the body.
        poses: random feasible poses for symmetry, couplings and derivatives.
        postures: that hold the other joints while one is swept for continuity.
        seed: of both.
        progress: called with the check that runs and its share done, 0 to 1.
    """
    sample = random_poses(model, poses, seed)

    def sweeps(done: int, total: int) -> None:
        if progress:
            progress("continuity", done / total)

    checks: dict[str, Callable[[], Check]] = {
        "couplings": lambda: check_couplings(model, sample),
        "length symmetry": lambda: check_length_symmetry(model, sample),
        "moment arm symmetry": lambda: check_moment_arm_symmetry(model, sample),
        "force symmetry": lambda: check_force_symmetry(model, sample, seed=seed),
        "continuity": lambda: check_continuity(
            model, postures=postures, seed=seed, progress=sweeps
        ),
        "moment arms": lambda: check_moment_arms(model, sample),
        "force curves": lambda: check_force_curves(model),
        "activation": lambda: check_activation(model),
        "published moment arms": lambda: check_published(model),
        "passive fall": lambda: check_passive_fall(model),
    }
    results: list[Check] = []
    for name, check in checks.items():
        if progress:
            progress(name, 0.0)
        results.append(check())
        if progress:
            progress(name, 1.0)
    return results
