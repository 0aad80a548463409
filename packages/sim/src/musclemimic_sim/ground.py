"""Ground reaction: what the floor does to each foot."""

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int

FEET = (("calcn_l", "toes_l"), ("calcn_r", "toes_r"))


def feet_and_floor(
    model: mujoco.MjModel,
) -> tuple[Int[np.ndarray, " ngeom"], Bool[np.ndarray, " ngeom"]]:
    """Foot of each geom (0 left, 1 right, -1 neither), and whether it belongs to the ground."""
    foot_of_geom: Int[np.ndarray, " ngeom"] = np.full(model.ngeom, -1)
    names = {model.body(index).name for index in range(model.nbody)}
    for foot, bodies in enumerate(FEET):
        ids = [model.body(name).id for name in bodies if name in names]
        foot_of_geom[np.isin(model.geom_bodyid, ids)] = foot
    return foot_of_geom, model.geom_bodyid == 0


class GroundContacts:
    """Measures ground force and centre of pressure of the left and right foot."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Find the floor's and the feet's geoms."""
        self._foot_of_geom, self._is_floor = feet_and_floor(model)

    def measure(
        self, model: mujoco.MjModel, data: mujoco.MjData
    ) -> tuple[Float[np.ndarray, "2 3"], Float[np.ndarray, "2 3"]]:
        """Force on each foot, N, and its centre of pressure, m (NaN when unloaded); world frame.

        The centre is the mean of the contact points weighted by their vertical force.
        """
        force, moment, load = np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2)
        wrench = np.zeros(6)
        for index in range(data.ncon):
            contact = data.contact[index]
            first, second = contact.geom1, contact.geom2
            if self._is_floor[first] == self._is_floor[second]:
                continue
            foot = self._foot_of_geom[second if self._is_floor[first] else first]
            if foot < 0:
                continue
            mujoco.mj_contactForce(model, data, index, wrench)
            # Contact frame rows are world axes; the force acts on geom2 along the normal.
            on_second = contact.frame.reshape(3, 3).T @ wrench[:3]
            on_foot = on_second if self._is_floor[first] else -on_second
            force[foot] += on_foot
            moment[foot] += on_foot[2] * contact.pos
            load[foot] += on_foot[2]
        centre = np.full((2, 3), np.nan)
        loaded = load > 1e-6
        centre[loaded] = moment[loaded] / load[loaded, None]
        return force, centre
