"""Reader of SMPL, SMPL-H and SMPL-X parameters (.npz as in AMASS, or pickled)."""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.files import read_npz
from scipy.spatial.transform import Rotation

from musclemimic_retarget.motion import MotionSource, SkeletonMotion, frozen_array
from musclemimic_retarget.numpy_pickle import read_numpy_pickle
from musclemimic_retarget.rotations import quaternions
from musclemimic_retarget.smpl_body import GENDERS, find_body_model, rest_joints

logger = logging.getLogger(__name__)

# Width of `poses` to the model that writes it: three axis-angle numbers a joint, hands included.
POSE_WIDTHS = {72: "SMPL", 156: "SMPL-H", 165: "SMPL-X"}
FRAME_RATE_KEYS = ("mocap_framerate", "mocap_frame_rate", "fps")

# Rest joint centres of the mean SMPL shape (betas = 0), T-pose, m; x left, y up, z forward.
# Source: body offsets in ZhengyiLuo/PHC smpl_humanoid.xml.
_MEAN_SKELETON = (
    ("pelvis", -1, (-0.0018, -0.2233, 0.0282)),
    ("left_hip", 0, (0.0677, -0.3147, 0.0214)),
    ("right_hip", 0, (-0.0695, -0.3138, 0.0239)),
    ("spine1", 0, (-0.0043, -0.1143, 0.0015)),
    ("left_knee", 1, (0.1020, -0.6899, 0.0169)),
    ("right_knee", 2, (-0.1078, -0.6964, 0.0150)),
    ("spine2", 3, (0.0012, 0.0209, 0.0026)),
    ("left_ankle", 4, (0.0884, -1.0879, -0.0268)),
    ("right_ankle", 5, (-0.0920, -1.0948, -0.0273)),
    ("spine3", 6, (0.0027, 0.0738, 0.0280)),
    ("left_foot", 7, (0.1148, -1.1437, 0.0925)),
    ("right_foot", 8, (-0.1174, -1.1429, 0.0960)),
    ("neck", 9, (-0.0001, 0.2877, -0.0149)),
    ("left_collar", 9, (0.0815, 0.1955, -0.0061)),
    ("right_collar", 9, (-0.0791, 0.1926, -0.0106)),
    ("head", 12, (0.0051, 0.3527, 0.0364)),
    ("left_shoulder", 13, (0.1725, 0.2260, -0.0150)),
    ("right_shoulder", 14, (-0.1751, 0.2252, -0.0197)),
    ("left_elbow", 16, (0.4321, 0.2132, -0.0425)),
    ("right_elbow", 17, (-0.4288, 0.2119, -0.0411)),
    ("left_wrist", 18, (0.6813, 0.2222, -0.0437)),
    ("right_wrist", 19, (-0.6841, 0.2197, -0.0467)),
)
JOINT_NAMES = tuple(name for name, _, _ in _MEAN_SKELETON)
PARENTS = tuple(parent for _, parent, _ in _MEAN_SKELETON)
REST = np.array([position for _, _, position in _MEAN_SKELETON])
# SMPL rest axes (left, up, forward) to the canonical frame (forward, left, up).
CANONICAL_FROM_SMPL = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
# (shoulder height − ankle height) / stature: Winter 2009, Biomechanics and Motor Control of
# Human Movement, fig. 4.1 (0.818 − 0.039).
_SHOULDER_ABOVE_ANKLE = 0.779


def read_smpl(path: Path, *, body_models: Path | None = None) -> SkeletonMotion:
    """Read SMPL-family parameters.

    Without body-model files the mean skeleton moves, and the shape (betas) is left out: joint
    rotations, and with them the motion of a model of fixed proportions, do not depend on it. With
    them the person's own joint centres are used, by smplx.

    Args:
        path: .npz or .pkl with `poses` (T, 72 | 156 | 165) axis-angle rad, `trans` (T, 3) m in a
            z-up world, the frame rate under one of `FRAME_RATE_KEYS`, and for body models `betas`
            and `gender`.
        body_models: folder of body-model files, or one; see `smpl_body.find_body_model`.

    Raises:
        InputError: missing or broken file, wrong or missing array, value that is not finite, no
            body model for this motion.
    """
    arrays = read_numpy_pickle(path) if path.suffix.lower() == ".pkl" else read_npz(path)
    poses, translation = _required(path, arrays, "poses"), _required(path, arrays, "trans")
    if poses.ndim != 2 or poses.shape[1] not in POSE_WIDTHS:
        widths = " or ".join(f"{width} ({name})" for width, name in POSE_WIDTHS.items())
        raise InputError(
            path, "poses", found=f"shape {poses.shape}", expected=f"(frames, {widths})"
        )
    if len(poses) < 2:
        raise InputError(path, "poses", found=f"{len(poses)} frames", expected="at least 2")
    fps = _frame_rate(path, arrays)
    translation = frozen_array(translation, (len(poses), 3), str(path), "trans")
    poses = frozen_array(poses, poses.shape, str(path), "poses")
    rest = REST
    if body_models is not None:
        rest = _own_rest(path, arrays, POSE_WIDTHS[poses.shape[1]], body_models)
    elif "betas" in arrays and np.any(arrays["betas"]):
        logger.info("%s: body shape (betas) ignored, using the mean skeleton", path.name)
    locals_ = poses[:, : 3 * len(JOINT_NAMES)].reshape(len(poses), -1, 3)
    positions, rotations = forward_kinematics(locals_, translation, rest)
    return SkeletonMotion(
        source=MotionSource(path.name, dataset=_text(arrays, "dataset")),
        fps=fps,
        joint_names=JOINT_NAMES,
        parents=PARENTS,
        rest_positions=rest @ CANONICAL_FROM_SMPL.T,
        positions=positions,
        rotations=rotations,
        stature=float(np.mean(rest[[16, 17], 1] - rest[[7, 8], 1])) / _SHOULDER_ABOVE_ANKLE,
    )


def _own_rest(
    path: Path, arrays: dict[str, np.ndarray], family: str, body_models: Path
) -> Float[np.ndarray, "J 3"]:
    """The person's joint centres in the rest pose, m, SMPL axes."""
    gender = _text(arrays, "gender").lower()
    if gender not in GENDERS:
        raise InputError(path, "gender", found=gender, expected=" or ".join(GENDERS))
    betas = np.atleast_1d(_required(path, arrays, "betas")).astype(np.float64)
    # One row a frame, or one for the motion.
    betas = betas if betas.ndim == 1 else betas.reshape(-1, betas.shape[-1]).mean(axis=0)
    if not np.isfinite(betas).all():
        raise InputError(path, "betas", found="values that are not finite", expected="numbers")
    model = find_body_model(body_models, family, gender)
    return rest_joints(model, family, gender, betas)[: len(JOINT_NAMES)]


def forward_kinematics(
    axis_angles: Float[np.ndarray, "T J 3"],
    translation: Float[np.ndarray, "T 3"],
    rest: Float[np.ndarray, "J 3"] = REST,
) -> tuple[Float[np.ndarray, "T J 3"], Float[np.ndarray, "T J 4"]]:
    """World joint centres, m, and rotations relative to the T-pose, wxyz.

    R_j = R_parent · exp(axis-angle_j); the root turns about the pelvis joint, which lies at
    translation + its rest position, unrotated.
    """
    frames, joints = axis_angles.shape[:2]
    local = Rotation.from_rotvec(axis_angles.reshape(-1, 3)).as_matrix()
    local = local.reshape(frames, joints, 3, 3)
    turned, centres = np.empty_like(local), np.empty((frames, joints, 3))
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            turned[:, joint] = local[:, joint]
            centres[:, joint] = translation + rest[joint]
        else:
            turned[:, joint] = turned[:, parent] @ local[:, joint]
            centres[:, joint] = centres[:, parent] + turned[:, parent] @ (
                rest[joint] - rest[parent]
            )
    return centres, quaternions(turned @ CANONICAL_FROM_SMPL.T)


def _required(path: Path, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays:
        found = ", ".join(sorted(arrays)) or "no arrays"
        raise InputError(path, name, found=found, expected=f"an array {name!r}")
    if arrays[name].dtype.kind not in "fiu":
        raise InputError(path, name, found=f"type {arrays[name].dtype}", expected="numbers")
    return arrays[name]


def _frame_rate(path: Path, arrays: dict[str, np.ndarray]) -> float:
    for key in FRAME_RATE_KEYS:
        if key in arrays:
            value = _required(path, arrays, key)
            if value.size != 1 or not np.isfinite(value).all() or value.item() <= 0:
                raise InputError(path, key, found=value, expected="one number of frames/s > 0")
            return float(value.item())
    raise InputError(
        path, "frame rate", found="nothing", expected=f"one of {', '.join(FRAME_RATE_KEYS)}"
    )


def _text(arrays: dict[str, np.ndarray], name: str) -> str:
    """An optional text field, stored as str or bytes."""
    if name not in arrays or arrays[name].dtype.kind not in "US" or arrays[name].size != 1:
        return "unknown"
    value = arrays[name].item()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
