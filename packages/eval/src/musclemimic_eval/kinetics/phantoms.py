"""The body without the inertia that only steadies simulations."""

import copy
import dataclasses
import logging

from musclemimic_models import MusculoModel

logger = logging.getLogger(__name__)

# Radius of gyration, m, that no segment has: bodies beyond it are numerical helpers.
_LARGEST_GYRATION = 1.0


def without_phantom_inertia(model: MusculoModel) -> MusculoModel:
    """A copy whose massless helper bodies have no inertia.

    The shoulders of myo-sim hang on four bodies a side of 1 g each, between joints that share one
    rotation; their moments of inertia steady the simulation. With myo-sim's 1 kg m² walking would
    ask for up to 86 N m about the shoulder and 113 N m about the lumbar spine, where 1 and 7 N m
    are left without them; musclemimic_models keeps 0.01 kg m² of it.

    For inverse dynamics only: the kinematics are the same, a simulation would not be.
    """
    body = copy.copy(model.mj_model)
    radius = (body.body_inertia.max(axis=1) / body.body_mass.clip(1e-12)) ** 0.5
    helpers = radius > _LARGEST_GYRATION
    body.body_inertia[helpers] = 0.0
    logger.info("inertia left out of %d helper bodies", int(helpers.sum()))
    return dataclasses.replace(model, mj_model=body)
