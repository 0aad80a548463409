"""Moving stick figures of a clip and of the human it came from, in one time and one place."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import InputError, MotionClip

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.direct import direct_targets
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.motion import CoordinateMotion, HumanMotion

# Site to the site it hangs on, for drawing; sides are put in front.
_TRUNK_BONES = {"upper_body": "pelvis", "head": "upper_body"}
_LIMB_BONES = {"elbow": "shoulder", "hand": "elbow", "knee": "hip", "ankle": "knee"} | {
    "toes": "ankle"
}
_ROOTS = {"shoulder": "upper_body", "hip": "pelvis"}
# A clip and its source may differ in length by a frame of either, and by what was cut off, s.
_SAME_LENGTH = 0.5


@dataclass(frozen=True)
class Track:
    """A stick figure over time.

    Attributes:
        label: what it shows.
        rate: frames per second.
        points: (T, J, 3) m, world, z up.
        bones: (B, 2) pairs of points.
    """

    label: str
    rate: float
    points: Float[np.ndarray, "T J 3"]
    bones: Int[np.ndarray, "B 2"]

    @property
    def duration(self) -> float:
        """Time of the last frame, s."""
        return (len(self.points) - 1) / self.rate

    def at(self, time: float) -> Float[np.ndarray, "J 3"]:
        """The figure at a time, s, between its frames on straight lines."""
        frame = float(np.clip(time * self.rate, 0.0, len(self.points) - 1))
        before = min(int(frame), len(self.points) - 2)
        share = frame - before
        return (1.0 - share) * self.points[before] + share * self.points[before + 1]


def clip_track(clip: MotionClip) -> Track:
    """The clip's mimic sites."""
    return Track(
        f"{clip.model_name} ({clip.provenance.method})",
        1.0 / clip.dt,
        np.asarray(clip.site_pos),
        site_bones(clip.site_names),
    )


def source_track(model: Articulated, clip: MotionClip, motion: HumanMotion) -> Track:
    """The human in the clip's size, from the clip's starting place.

    Skeletons show all their joints; OpenSim coordinates, which have none, the model's sites at the
    same joint angles.

    Args:
        model: the clip's.
        clip: made from the motion.
        motion: what `read_motion` gives, at any rate.

    Raises:
        InputError: a motion of another length.
    """
    if abs(motion.times[-1] - clip.duration) > _SAME_LENGTH:
        raise InputError(
            motion.source.name,
            "duration",
            found=f"{motion.times[-1]:.2f} s",
            expected=f"{clip.duration:.2f} s, the clip's",
        )
    scale = clip.provenance.human_to_model_scale
    if isinstance(motion, CoordinateMotion):
        body = KinematicBody.of(model)
        targets = direct_targets(body, FloorGeoms.of(model), motion)
        points, bones = targets.human_pos, site_bones(body.site_names)
    else:
        points = scale * motion.positions
        pairs = [(child, up) for child, up in enumerate(motion.parents) if up >= 0]
        bones = np.array(pairs)
    start = clip.site_pos[0, 0, :2] - points[0, 0, :2]
    level = float(np.min(clip.site_pos[..., 2]) - np.min(points[..., 2]))
    moved = points + np.array([*start, level])
    return Track(f"{motion.source.name} (scaled by {scale:.2f})", motion.fps, moved, bones)


def site_bones(names: tuple[str, ...]) -> Int[np.ndarray, "B 2"]:
    """Pairs of mimic sites that a line connects."""
    pairs = list(_TRUNK_BONES.items())
    for side in ("left", "right"):
        pairs += [(f"{side}_{a}", f"{side}_{b}") for a, b in _LIMB_BONES.items()]
        pairs += [(f"{side}_{a}", b) for a, b in _ROOTS.items()]
    known = [(names.index(a), names.index(b)) for a, b in pairs if a in names and b in names]
    return np.array(known)
