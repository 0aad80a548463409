"""When each foot of a reference swings, read off its own heels and toes.

A clip's `foot_contact` marks feet that rest flat and still. A foot carries load from its heel's
strike to its toes' leaving, a tenth of a stride more at either end; a controller that waits for the
foot to lie flat walks without double support, and comes late with every step.
"""

import mujoco
import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import MotionClip, MusculoModel

from musclemimic_sim.foot_points import foot_points

# A point of the foot that is lower, m, and slower, m/s, than this is on the ground. On a recorded
# walk at 1.1 m/s swinging toes pass at 1 cm and 3 to 4 m/s; the heel strikes at 1 to 1.5 m/s and is
# at rest 0.1 s later.
GROUND_HEIGHT_M = 0.015
GROUND_SPEED = 1.0
# Standard deviation of the smoothing that turns stance into a swing, s.
SWING_S = 0.05
_FRAMES_AT_ONCE = 2000


def swing(model: MusculoModel, clip: MotionClip) -> Float[np.ndarray, "T 2"]:
    """How far the left and right foot are off the ground, 0 to 1, smoothed over time.

    Beyond its ends a clip goes on as it began or ended.
    """
    reach = max(1, round(3 * SWING_S / clip.dt))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * clip.dt / SWING_S) ** 2)
    off = np.pad(1.0 - stance(model, clip), ((reach, reach), (0, 0)), mode="edge")
    smooth = [np.convolve(foot, kernel / kernel.sum(), mode="valid") for foot in off.T]
    return np.stack(smooth, axis=1).astype(np.float32)


def stance(model: MusculoModel, clip: MotionClip) -> Bool[np.ndarray, "T 2"]:
    """Whether some point of the left and right foot is on the ground; never without feet."""
    points = foot_points(model)
    if not len(points.body) or len(clip) < 2:
        return np.zeros((len(clip), 2), dtype=bool)
    lowest = lowest_points(model, clip)
    speed = np.linalg.norm(np.gradient(lowest, clip.dt, axis=0), axis=-1)
    down = (lowest[..., 2] < GROUND_HEIGHT_M) & (speed < GROUND_SPEED)
    side = np.asarray(points.side)
    return np.stack([down[:, side == foot].any(axis=1) for foot in (0, 1)], axis=1)


def lowest_points(model: MusculoModel, clip: MotionClip) -> Float[np.ndarray, "T P 3"]:
    """The feet's lowest points in every frame, world frame, m."""
    m = model.mj_model
    data, points = mujoco.MjData(m), foot_points(model)
    blocks: list[Float[np.ndarray, "t P 3"]] = []
    for start in range(0, len(clip), _FRAMES_AT_ONCE):
        poses = clip.qpos[start : start + _FRAMES_AT_ONCE]
        pos, mat = np.empty((len(poses), m.nbody, 3)), np.empty((len(poses), m.nbody, 9))
        for frame, qpos in enumerate(poses):
            data.qpos[:] = qpos
            mujoco.mj_kinematics(m, data)
            pos[frame], mat[frame] = data.xpos, data.xmat
        blocks.append(np.asarray(points.lowest(pos, mat.reshape(*pos.shape, 3))))
    return np.concatenate(blocks)
