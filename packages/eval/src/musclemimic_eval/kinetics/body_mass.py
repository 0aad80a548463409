"""A person's mass from the ground reaction of steady gait."""

import numpy as np

from musclemimic_eval.gait.contacts import Contact
from musclemimic_eval.kinetics.ground_reaction import GRAVITY, GroundReaction


def estimated_mass(
    ground: GroundReaction, contacts: tuple[Contact, ...], stride_time: float
) -> float:
    """Mass, kg, whose weight a stride's impulse carries; NaN if no contact was measured whole.

    Over a stride of steady gait the vertical momentum does not change, so both feet's impulses
    make m g T. A foot without a whole contact on a plate is taken to push as the other does.

    Args:
        ground: N.
        contacts: of the same clock, from force or confirmed by it.
        stride_time: s.
    """
    impulses: list[list[float]] = [[], []]
    for contact in contacts:
        if contact.complete and contact.source == "force":
            inside = (ground.time >= contact.start) & (ground.time <= contact.end)
            load = ground.force[inside, contact.foot, 2]
            impulses[contact.foot].append(float(np.trapezoid(load, ground.time[inside])))
    means = [float(np.mean(values)) for values in impulses if values]
    if not means or not np.isfinite(stride_time):
        return np.nan
    return 2 * float(np.mean(means)) / (GRAVITY * stride_time)
