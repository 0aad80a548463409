"""Real motions from the data folder, retargeted to BimanualMuscle: what one policy has to follow.

The folder is `MUSCLEMIMIC_TEST_DATA`, or ../shared/data beside the repository; its README names
sources and licences. Nothing of it is kept in the results but names and errors.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from musclemimic_models import InputError, MotionClip

from benchmarks.two_arms import two_arm_task

# Ten motions in which the arms do different things: bow, walks, run, waving, squat, dance.
TRAINED = (
    "bvh/bandai1_bow_normal_001.bvh",
    "bvh/bandai1_walk-back_normal_001.bvh",
    "bvh/bandai2_raise-up-both-hands_normal_001.bvh",
    "bvh/bandai2_run_normal_001.bvh",
    "bvh/bandai2_walk_normal_001.bvh",
    "bvh/bandai2_wave-right-hand_normal_001.bvh",
    "bvh/cmu_131_01_start_walk_stop.bvh",
    "smpl/asap_squat_level1.npz",
    "smpl/asap_walk_level2.npz",
    "smpl/hbp_amass_sample.npz",
)
HELD_OUT = ("bvh/bandai2_walk-turn-left_normal_001.bvh", "smpl/asap_shoot_level1.npz")
BUILT_IN = "built-in reach, raise and wave"


def data_folder() -> Path:
    """Where the motions are.

    Raises:
        InputError: there is no such folder.
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MUSCLEMIMIC_TEST_DATA", beside))
    if not folder.is_dir():
        raise InputError(
            folder, "MUSCLEMIMIC_TEST_DATA", found="nothing there", expected="a folder"
        )
    return folder


def arm_clips(files: Iterable[str], cache: Path) -> Mapping[str, MotionClip]:
    """The named motions as clips of BimanualMuscle, by the file's stem.

    Args:
        files: relative to the data folder.
        cache: where the retargeted clips are kept; nothing is solved twice.
    """
    from musclemimic_retarget import GMRFit, read_motion

    model, _ = two_arm_task()
    clips: dict[str, MotionClip] = {}
    for file in files:
        kept = cache / f"{Path(file).stem}.npz"
        if not kept.exists():
            GMRFit(model).solve(read_motion(data_folder() / file)).clip.save(kept)
        clips[kept.stem] = MotionClip.load(kept)
    return clips
