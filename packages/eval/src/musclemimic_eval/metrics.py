"""The nine quantities of the validation table, each of one episode against its reference.

Every tracking error is a mean over the episode's samples; an episode without samples (physics
diverged in its first step) has NaN errors, length 0 and return 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from musclemimic_models import MotionClip
from scipy.spatial.transform import Rotation

from musclemimic_eval.rollout import Rollout

ROOT_QPOS, ROOT_QVEL = 7, 6


def early_termination(rollout: Rollout, clip: MotionClip) -> float:
    """1 if the episode was terminated before the clip's end, else 0.

    Terminated: the mean relative site deviation or the root deviation passed the evaluation's
    limit, or physics diverged.
    """
    del clip
    return float(rollout.terminated)


def joint_position_error(rollout: Rollout, clip: MotionClip) -> float:
    """Root mean square over joints of q − q_ref, averaged over samples, rad.

    All scalar joints, the coupled ones included, the free root excluded. (The full body has ten
    small coupled sliding joints at knees and abdomen; their metres count as radians, as in the
    published table.)
    """
    difference = rollout.qpos - clip.qpos[rollout.reference_frame]
    return _mean_rms(difference[:, ROOT_QPOS if rollout.has_free_root else 0 :])


def joint_velocity_error(rollout: Rollout, clip: MotionClip) -> float:
    """The same for joint velocities, rad/s."""
    difference = rollout.qvel - clip.qvel[rollout.reference_frame]
    return _mean_rms(difference[:, ROOT_QVEL if rollout.has_free_root else 0 :])


def root_position_error(rollout: Rollout, clip: MotionClip) -> float:
    """Distance of the free root from the reference's, world frame, averaged over samples, m.

    NaN for a model with a fixed trunk.
    """
    if not rollout.has_free_root:
        return np.nan
    reference = clip.qpos[rollout.reference_frame, :3] + rollout.reference_offset
    return _mean(np.linalg.norm(rollout.qpos[:, :3] - reference, axis=1))


def root_yaw_error(rollout: Rollout, clip: MotionClip) -> float:
    """Heading error of the free root, averaged over samples, rad in [0, π].

    The twist about the world's vertical of the rotation that takes the reference orientation to
    the simulated one (swing–twist decomposition), so it depends on no choice of body axes. NaN
    for a model with a fixed trunk.
    """
    if not rollout.has_free_root:
        return np.nan
    if len(rollout) == 0:
        return np.nan
    actual = _rotations(rollout.qpos[:, 3:7])
    reference = _rotations(clip.qpos[rollout.reference_frame, 3:7])
    turn = (actual * reference.inv()).as_quat(scalar_first=True)
    return _mean(2 * np.arctan2(np.abs(turn[:, 3]), np.abs(turn[:, 0])))


def relative_site_error(rollout: Rollout, clip: MotionClip) -> float:
    """Distance of the mimic sites from their references as seen from the reference site, m.

    r_i = R0ᵀ(p_i − p_0) with p_0, R0 position and orientation of the first site (pelvis; upper
    body of the arms); the norm of r_i − r_i_ref, averaged over the other sites and samples. A
    rigid motion of the whole body changes nothing.
    """
    return _mean(relative_site_distance(rollout, clip))


def absolute_site_error(rollout: Rollout, clip: MotionClip) -> float:
    """Distance of the mimic sites from their references in the world, m.

    Averaged over all sites and samples.
    """
    return _mean(absolute_site_distance(rollout, clip))


def episode_length(rollout: Rollout, clip: MotionClip) -> float:
    """Control steps until the episode ended."""
    del clip
    return float(len(rollout))


def episode_return(rollout: Rollout, clip: MotionClip) -> float:
    """Sum of the rewards, undiscounted."""
    del clip
    return float(rollout.reward.sum())


def relative_site_distance(rollout: Rollout, clip: MotionClip) -> Float[np.ndarray, "T others"]:
    """Per sample and site (but the first): ‖r_i − r_i_ref‖ of `relative_site_error`, m."""
    frames = rollout.reference_frame
    actual = _relative(rollout.site_pos, rollout.site_quat)
    return np.linalg.norm(actual - _relative(clip.site_pos[frames], clip.site_quat[frames]), axis=2)


def absolute_site_distance(rollout: Rollout, clip: MotionClip) -> Float[np.ndarray, "T S"]:
    """Per sample and site: distance from the reference in the world, m."""
    reference = clip.site_pos[rollout.reference_frame] + rollout.reference_offset
    return np.linalg.norm(rollout.site_pos - reference, axis=2)


def _relative(
    position: Float[np.ndarray, "T S 3"], quaternion: Float[np.ndarray, "T S 4"]
) -> Float[np.ndarray, "T others 3"]:
    """R0ᵀ(p_i − p_0) for i > 0."""
    offset = position[:, 1:] - position[:, :1]
    if len(offset) == 0:
        return offset
    R0 = _rotations(quaternion[:, 0]).as_matrix()
    return offset @ R0  # (T, S−1, 3) (T, 3, 3): rows, so R0ᵀ from the left


def _rotations(quaternion: Float[np.ndarray, "T 4"]) -> Rotation:
    # SciPy's constructor refuses read-only memory.
    return Rotation.from_quat(quaternion.copy(), scalar_first=True)


def _mean_rms(values: Float[np.ndarray, "T n"]) -> float:
    return _mean(np.sqrt(np.mean(values**2, axis=1)))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


@dataclass(frozen=True)
class Metric:
    """A row of the validation table.

    Attributes:
        label: how tables call it. unit: of the value, "" for a pure number.
        measure: value of one episode.
    """

    label: str
    unit: str
    measure: Callable[[Rollout, MotionClip], float]

    @property
    def title(self) -> str:
        """Label with the unit in brackets."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def definition(self) -> str:
        """The measure's docstring as one paragraph."""
        return " ".join((self.measure.__doc__ or "").split())


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "early_termination_rate": Metric("Early-termination rate", "", early_termination),
        "joint_position_rad": Metric("Joint position error", "rad", joint_position_error),
        "joint_velocity_rad_per_s": Metric("Joint velocity error", "rad/s", joint_velocity_error),
        "root_position_m": Metric("Root position error", "m", root_position_error),
        "root_yaw_rad": Metric("Root yaw error", "rad", root_yaw_error),
        "relative_site_m": Metric("Relative site position error", "m", relative_site_error),
        "absolute_site_m": Metric("Absolute site position error", "m", absolute_site_error),
        "episode_length_steps": Metric("Mean episode length", "steps", episode_length),
        "episode_return": Metric("Mean return", "", episode_return),
    }
)
