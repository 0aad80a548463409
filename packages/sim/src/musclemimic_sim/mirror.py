"""Left and right exchanged in observations and actions, for symmetric policies and their tests.

Reflection in the sagittal plane. In the reference site's frame z is the lateral axis, so vectors
turn z and axial vectors (rotations, angular velocities) turn x and y.
"""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import MusculoModel
from musclemimic_models.mirror import mirror_map

from musclemimic_sim.config import JOINT_MAPS
from musclemimic_sim.types import Array, EnvSpec

_POLAR = np.array([1.0, 1.0, -1.0], dtype=np.float32)
_AXIAL = -_POLAR


@dataclass(frozen=True)
class SignedPermutation:
    """mirrored[i] = sign[i] · values[index[i]]; its own inverse."""

    index: Int[np.ndarray, " n"]
    sign: Float[np.ndarray, " n"]

    def __call__(self, values: Float[Array, "*b n"]) -> Float[Array, "*b n"]:
        """The mirror image of observations or actions, NumPy or JAX."""
        return values[..., self.index] * self.sign


def mirror_action(model: MusculoModel, spec: EnvSpec) -> SignedPermutation:
    """Mirror image of actions: muscles, or joint targets."""
    return _joints(model) if spec.action_map in JOINT_MAPS else _muscles(model)


def mirror_observation(model: MusculoModel, spec: EnvSpec) -> SignedPermutation:
    """Mirror image of observations, block by block.

    The models' own left and right agree to 0.5 mm only (see musclemimic_models).
    """
    muscles, joints = _muscles(model), _joints(model)
    images = {
        "root_height": _same(1),
        "root_up": _vectors(_POLAR),
        "root_linear_velocity": _vectors(_POLAR),
        "root_angular_velocity": _vectors(_AXIAL),
        "joint_position": joints,
        "joint_velocity": joints,
        "muscle_length": muscles,
        "muscle_velocity": muscles,
        "muscle_force": muscles,
        "excitation": muscles,
        "activation": muscles,
        "touch": _touch(model),
        "previous_action": mirror_action(model, spec),
        "site_state": _sites(model),
        "goal_site_state": _sites(model),
        "goal_root": _vectors(_POLAR, _AXIAL, _POLAR, _AXIAL),
        "phase": _same(2),
    }
    blocks: list[SignedPermutation] = []
    for field in spec.obs_fields:
        frame = images[field.name]  # one goal frame; goals repeat it
        blocks += [frame] * (field.dim // len(frame.index))
    return _joined(blocks)


def _same(width: int) -> SignedPermutation:
    return SignedPermutation(np.arange(width), np.ones(width, np.float32))


def _vectors(*signs: Float[np.ndarray, "3"]) -> SignedPermutation:
    sign = np.concatenate(signs)
    return SignedPermutation(np.arange(len(sign)), sign)


def _muscles(model: MusculoModel) -> SignedPermutation:
    return SignedPermutation(model.mirror_muscle, np.ones(len(model.mirror_muscle), np.float32))


def _joints(model: MusculoModel) -> SignedPermutation:
    """The independent joints, in the order of `Couplings.scalar_qpos`."""
    address = model.mj_model.jnt_qposadr
    position = {int(a): i for i, a in enumerate(model.couplings.scalar_qpos)}
    joint_at = {int(a): joint for joint, a in enumerate(address)}
    joints = [joint_at[int(a)] for a in model.couplings.scalar_qpos]
    images = [position[int(address[model.mirror_joint[joint]])] for joint in joints]
    return SignedPermutation(np.array(images), model.mirror_joint_sign[joints].astype(np.float32))


def _touch(model: MusculoModel) -> SignedPermutation:
    m = model.mj_model
    sensors = np.flatnonzero(m.sensor_type == int(mujoco.mjtSensor.mjSENS_TOUCH))
    if not len(sensors):
        return _same(0)
    index = mirror_map(tuple(m.site(int(site)).name for site in m.sensor_objid[sensors]))
    return SignedPermutation(index, np.ones(len(index), np.float32))


def _sites(model: MusculoModel) -> SignedPermutation:
    """One `RelativeState.flat`: positions, rotations, velocities, angular velocities."""
    names = tuple(model.mimic_sites)[1:]
    opposite = {"left": "right", "right": "left"}
    images = [
        names.index("_".join(opposite.get(part, part) for part in name.split("_")))
        for name in names
    ]
    blocks = [
        SignedPermutation(
            (3 * np.array(images)[:, None] + np.arange(3)).ravel(), np.tile(sign, len(names))
        )
        for sign in (_POLAR, _AXIAL, _POLAR, _AXIAL)
    ]
    return _joined(blocks)


def _joined(blocks: list[SignedPermutation]) -> SignedPermutation:
    starts = np.cumsum([0, *(len(block.index) for block in blocks)])
    return SignedPermutation(
        np.concatenate([block.index + start for block, start in zip(blocks, starts, strict=False)]),
        np.concatenate([block.sign for block in blocks]),
    )
