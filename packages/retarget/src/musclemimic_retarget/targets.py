"""Site targets over a whole motion, on a uniform time grid."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.motion import MotionSource
from musclemimic_retarget.pose_cost import SiteTargets
from musclemimic_retarget.rotations import continuous, matrices
from musclemimic_retarget.smoothing import resample, resample_rotations


@dataclass(frozen=True)
class Targets:
    """Where the mimic sites should be, on a uniform time grid. Arrays are read-only.

    Attributes:
        source: of the human motion.
        rate: frames per second.
        site_names: (S) the model's mimic sites.
        pos: (T, S, 3) m, world, fitted: the human's orientations on the model's bone lengths.
        quat: (T, S, 4) wxyz, world.
        human_pos: (T, S, 3) m, world: the human's own joint centres, uniformly scaled.
        pos_weight, rot_weight: (S,) relative weights in inverse kinematics.
        human_to_model_scale: factor from human to model lengths.
    """

    source: MotionSource
    rate: float
    site_names: tuple[str, ...]
    pos: Float[np.ndarray, "T S 3"]
    quat: Float[np.ndarray, "T S 4"]
    human_pos: Float[np.ndarray, "T S 3"]
    pos_weight: Float[np.ndarray, " S"]
    rot_weight: Float[np.ndarray, " S"]
    human_to_model_scale: float

    def __post_init__(self) -> None:
        """Make the arrays read-only and the quaternions sign-continuous."""
        object.__setattr__(self, "quat", continuous(self.quat))
        for name in ("pos", "quat", "human_pos", "pos_weight", "rot_weight"):
            array: np.ndarray = getattr(self, name)
            if array.flags.writeable or array.dtype != np.float64:
                # What nobody can write to any more need not be copied.
                array = np.array(array, dtype=np.float64)
                array.flags.writeable = False
                object.__setattr__(self, name, array)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.pos)

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Time of each frame from the first, s."""
        return np.arange(len(self)) / self.rate

    @property
    def goals(self) -> SiteTargets:
        """The same for inverse kinematics."""
        return SiteTargets(self.pos, matrices(self.quat), self.pos_weight, self.rot_weight)

    def __getitem__(self, frames: slice) -> "Targets":
        """The targets of some frames."""
        return dataclasses.replace(
            self, pos=self.pos[frames], quat=self.quat[frames], human_pos=self.human_pos[frames]
        )

    def shifted(self, offset: Float[np.ndarray, " 3"]) -> "Targets":
        """The targets moved by a constant, m."""
        return dataclasses.replace(self, pos=self.pos + offset, human_pos=self.human_pos + offset)

    def lowered(self, height: Float[np.ndarray, "T S"]) -> "Targets":
        """The targets moved down, each site in each frame by its own height, m."""
        down = np.zeros(self.pos.shape)
        down[..., 2] = -height
        return dataclasses.replace(self, pos=self.pos + down, human_pos=self.human_pos + down)

    def at(self, times: Float[np.ndarray, " N"], rate: float) -> "Targets":
        """The targets resampled to other times, s, of a uniform grid."""
        return dataclasses.replace(
            self,
            rate=rate,
            pos=resample(self.pos, self.times, times),
            quat=resample_rotations(self.quat, self.times, times),
            human_pos=resample(self.human_pos, self.times, times),
        )
