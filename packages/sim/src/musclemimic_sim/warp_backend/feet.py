"""Ground reaction of all worlds on the device."""

# Warp and MuJoCo Warp annotate their arrays with parameters that they leave open.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false
# pyright: reportArgumentType=false

import mujoco
import mujoco_warp as mjw
import numpy as np
import warp as wp

from musclemimic_sim.ground import feet_and_floor
from musclemimic_sim.warp_backend import kernels


class FootForces:
    """Sums contact forces by foot; made on the current device."""

    def __init__(self, model: mujoco.MjModel, *, worlds: int, contacts: int) -> None:
        """Find feet and floor, and allocate.

        Args:
            model: the body.
            worlds: N.
            contacts: allocated in all worlds together.
        """
        feet, is_floor = feet_and_floor(model)
        self._feet = wp.array(feet, dtype=wp.int32)
        self._is_floor = wp.array(is_floor, dtype=wp.bool)
        self._ids = wp.array(np.arange(contacts, dtype=np.int32))
        self._wrench = wp.zeros(contacts, dtype=wp.spatial_vector)
        self.force = wp.zeros((worlds, 2), dtype=wp.vec3)
        self.moment = wp.zeros((worlds, 2), dtype=wp.vec3)

    def measure(self, model: mjw.Model, data: mjw.Data) -> None:
        """Write `force`, N, and `moment`: contact points weighted by vertical force, N m.

        Contact forces must be those of the present state.
        """
        self.force.zero_()
        self.moment.zero_()
        mjw.contact_force(model, data, self._ids, True, self._wrench)
        contact = data.contact
        wp.launch(
            kernels.sum_by_foot,
            len(self._ids),
            inputs=[
                data.nacon,
                contact.worldid,
                contact.geom,
                contact.pos,
                self._wrench,
                self._feet,
                self._is_floor,
            ],
            outputs=[self.force, self.moment],
        )
