"""Where a pose may be: ranges of the independent joints, couplings of the others."""

import mujoco
import numpy as np
from jaxtyping import Float, Int

from musclemimic_retarget.kinematics import KinematicBody


def clip_to_feasible(
    body: KinematicBody, qpos: Float[np.ndarray, "*batch nq"]
) -> Float[np.ndarray, "*batch nq"]:
    """Independent joints clipped to their feasible box, dependent ones recomputed."""
    couplings = body.musculo.couplings
    scalars, (low, high) = couplings.scalar_qpos, couplings.box.T
    result = qpos.copy()
    result[..., scalars] = np.minimum(np.maximum(result[..., scalars], low), high)
    return couplings.apply(result)


def bounds(
    body: KinematicBody, dofs: Int[np.ndarray, " F"]
) -> tuple[Float[np.ndarray, " F"], Float[np.ndarray, " F"], Int[np.ndarray, " F"]]:
    """Range of each unknown and its qpos address; infinite and −1 for the free root."""
    model, couplings = body.model, body.musculo.couplings
    box = dict(zip(couplings.scalar_qpos.tolist(), couplings.box, strict=True))
    lower, upper = np.full(len(dofs), -np.inf), np.full(len(dofs), np.inf)
    address = np.full(len(dofs), -1)
    for row, dof in enumerate(dofs):
        joint = model.dof_jntid[dof]
        if model.jnt_type[joint] != int(mujoco.mjtJoint.mjJNT_FREE):
            address[row] = model.jnt_qposadr[joint]
            lower[row], upper[row] = box[int(address[row])]
    return lower, upper, address
