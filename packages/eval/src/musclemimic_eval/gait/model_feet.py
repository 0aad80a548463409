"""Heels and toes of a model's poses."""

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import MusculoModel

# The heel is the heel bone's origin (its rear end, as in OpenSim); the toes' tip lies in front of
# their joint, m.
_TOE_TIP = np.array([0.06, 0.0, 0.0])


def heels_and_toes(
    model: MusculoModel, qpos: Float[np.ndarray, "T nq"]
) -> tuple[Float[np.ndarray, "T 2 3"], Float[np.ndarray, "T 2 3"]]:
    """World positions, m, of the left and the right heel and tip of the toes, for `FootMotion`."""
    body, data = model.mj_model, mujoco.MjData(model.mj_model)
    heel, toe = np.empty((2, len(qpos), 2, 3))
    ids = [(body.body(f"calcn_{side}").id, body.body(f"toes_{side}").id) for side in "lr"]
    for frame in range(len(qpos)):
        data.qpos[:] = qpos[frame]
        mujoco.mj_kinematics(body, data)
        for foot, (calcaneus, toes) in enumerate(ids):
            heel[frame, foot] = data.xpos[calcaneus]
            toe[frame, foot] = data.xpos[toes] + data.xmat[toes].reshape(3, 3) @ _TOE_TIP
    return heel, toe
