"""The body as the task sees it: indices and scales, and its state as device arrays."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int
from musclemimic_models import MusculoModel

from musclemimic_sim.relative import SiteState
from musclemimic_sim.types import Array, SimOutput


class Body(NamedTuple):
    """What observation and reward need to know about a model.

    Attributes:
        joint_qpos, joint_qvel: (J,) addresses of the independent hinges and slides.
        length_range: (nu, 2) m. max_velocity: (nu,) m/s. strength: (nu,) N.
    """

    joint_qpos: Int[jax.Array, " J"]
    joint_qvel: Int[jax.Array, " J"]
    length_range: Float[jax.Array, "nu 2"]
    max_velocity: Float[jax.Array, " nu"]
    strength: Float[jax.Array, " nu"]


class BodyState(NamedTuple):
    """State of N bodies after physics; see `SimOutput` for units and frames."""

    qpos: Float[jax.Array, "N nq"]
    qvel: Float[jax.Array, "N nv"]
    act: Float[jax.Array, "N nu"]
    length: Float[jax.Array, "N nu"]
    velocity: Float[jax.Array, "N nu"]
    force: Float[jax.Array, "N nu"]
    sites: SiteState
    touch: Float[jax.Array, "N K"]
    healthy: Bool[jax.Array, " N"]


def describe_body(model: MusculoModel) -> Body:
    """Collect the indices and scales."""
    qpos_of_dof = {
        int(address): int(dof)
        for address, dof in zip(model.mj_model.jnt_qposadr, model.mj_model.jnt_dofadr, strict=True)
    }
    scalar = model.couplings.scalar_qpos
    muscles = model.muscles
    return Body(
        joint_qpos=jnp.asarray(scalar),
        joint_qvel=jnp.asarray([qpos_of_dof[int(address)] for address in scalar]),
        length_range=jnp.asarray(muscles.length_range, dtype=jnp.float32),
        max_velocity=jnp.asarray(muscles.max_velocity, dtype=jnp.float32),
        strength=jnp.asarray(muscles.max_isometric_force, dtype=jnp.float32),
    )


def body_state(output: SimOutput, bad: Bool[Array, " N"]) -> BodyState:
    """What the task needs of physics output, with diverged worlds zeroed.

    A diverged world must not poison its neighbours through reductions (normalisation, losses);
    its episode is terminated and restarted.
    """

    def clean(values: Float[Array, "N ..."]) -> Float[jax.Array, "N ..."]:
        keep = ~bad.reshape(-1, *([1] * (values.ndim - 1)))
        return jnp.where(keep, jnp.nan_to_num(values), jnp.float32(0))

    return BodyState(
        qpos=clean(output.qpos),
        qvel=clean(output.qvel),
        act=clean(output.act),
        length=clean(output.actuator_length),
        velocity=clean(output.actuator_velocity),
        force=clean(output.actuator_force),
        sites=SiteState(
            clean(output.site_pos),
            clean(output.site_mat),
            clean(output.site_linvel),
            clean(output.site_angvel),
        ),
        touch=clean(output.touch),
        healthy=jnp.asarray(~bad),
    )


def clean_state(fields: dict[str, Array], bad: Bool[Array, " N"]) -> BodyState:
    """`body_state` of the fields of a `SimOutput`, for compilation."""
    return body_state(SimOutput(**fields), bad)
