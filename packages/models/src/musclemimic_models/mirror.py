"""Which joint and which muscle is the mirror image of which."""

import mujoco
import numpy as np
from jaxtyping import Float, Int

from musclemimic_models.errors import InputError


def opposite_name(name: str, names: set[str]) -> str:
    """The name of the same part on the other side; itself on the midline.

    Right-side names end in `_r` or, for some arm parts of myo-sim, in nothing.
    """
    if name.endswith("_l"):
        stem = name[:-2]
        return f"{stem}_r" if f"{stem}_r" in names else stem
    stem = name.removesuffix("_r")
    return f"{stem}_l" if f"{stem}_l" in names else name


def mirror_map(names: tuple[str, ...]) -> Int[np.ndarray, " n"]:
    """Index of each part's mirror image.

    Raises:
        InputError: a left part has no right counterpart, or the map is not its own inverse.
    """
    known = set(names)
    images = [opposite_name(name, known) for name in names]
    for name, image in zip(names, images, strict=True):
        if image not in known or opposite_name(image, known) != name:
            raise InputError("model", name, found="no counterpart", expected="one on each side")
    return np.array([names.index(image) for image in images])


def mirror_signs(model: mujoco.MjModel, images: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """+1 or −1 for each joint: q_mirrored[j] = sign[j] · q[images[j]].

    Reflection in the sagittal plane (body-frame z is the lateral axis in every segment here)
    keeps the lateral component of a rotation axis and flips the others; for a slide axis it is
    the other way round. The sign says whether the counterpart's axis is that reflection or its
    negative. The free joint gets 0: mirror it as a pose.

    Raises:
        ValueError: the two axes are not mirror images.
    """
    signs = np.zeros(model.njnt)
    for joint, image in enumerate(images):
        kind = model.jnt_type[joint]
        if kind < int(mujoco.mjtJoint.mjJNT_SLIDE):
            continue
        is_hinge = kind == int(mujoco.mjtJoint.mjJNT_HINGE)
        flip = np.array([-1.0, -1.0, 1.0]) if is_hinge else np.array([1.0, 1.0, -1.0])
        cosine = float(model.jnt_axis[image] @ (flip * model.jnt_axis[joint]))
        if abs(cosine) < 1 - 1e-6:
            raise ValueError(
                f"joints {model.joint(joint).name} and {model.joint(image).name}: "
                f"axes are not mirror images (cosine {cosine:.6f})"
            )
        signs[joint] = np.sign(cosine)
    return signs
