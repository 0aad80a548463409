"""Ground reaction of simulated episodes."""

import numpy as np

from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_eval.rollout import Rollout

# Contacts of a simulation come and go within a step; motion and ground reaction are low-passed
# alike before accelerations are taken, Hz.
SIMULATED_CUTOFF_HZ = 15.0


def simulated_ground_reaction(rollout: Rollout) -> GroundReaction:
    """The ground reaction that a rollout felt, in the frame "model".

    Rollouts record force and centre of pressure but no free moment: it is zero here, so what the
    floor twists a foot by shows in the residual moment about the vertical.

    Raises:
        InputError: fewer than two samples.
    """
    loaded = np.isfinite(rollout.centre_of_pressure[..., 0])
    return GroundReaction(
        time=rollout.time,
        force=np.where(loaded[..., None], rollout.ground_reaction, 0.0),
        centre_of_pressure=rollout.centre_of_pressure,
        free_moment=np.zeros_like(rollout.ground_reaction),
        frame="model",
    )
