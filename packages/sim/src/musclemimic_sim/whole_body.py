"""Whole-body coordination: muscles and ground forces that make the body accelerate as wanted.

The coordination layer of `coordinator.py` shares joint torques among muscles and leaves it to
chance what the ground does; a body on its feet then falls within half a second. Here the ground
reaction is part of the problem. With activations a within reach, and forces f ≥ 0 along the edges
of the friction pyramids at the points of the feet that are on the ground, the body accelerates by
    u̇ = (M + τ B)⁻¹ (A a + C f − h),
and the wanted acceleration u̇* is approached in the metric of Gauss's principle of least
constraint (M + τ B, plus a weight W on the root):
    minimise ½ ‖u̇ − u̇*‖²_(M + τB + W) + ½ λ ‖a‖² + ½ ε ‖f‖²,   lo ≤ a ≤ hi,  f ≥ 0.
That is the bounded least-squares problem of the coordination layer with ground forces as further
"muscles". Acceleration-level tracking with ground forces in friction pyramids: da Silva, Abe and
Popović 2008, Comput Graph Forum 27:371.

B is how joint torques fall with joint speeds because active muscles pull less the faster they
shorten (the slope of their force-velocity curve). Against the small inertia of a foot or a shank
that damping is so strong that most of an acceleration is gone before the control step τ is over;
counted as the implicit Euler method does, what is asked for is what comes about over the step.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float
from musclemimic_models import MusculoModel

from musclemimic_sim.body import BodyState
from musclemimic_sim.box_least_squares import solve_in_box
from musclemimic_sim.dynamics import Reduction, reduction
from musclemimic_sim.following import Following, Legs, Reference
from musclemimic_sim.foot_points import FootPoints, foot_points
from musclemimic_sim.gauss import gauss_rows
from musclemimic_sim.muscle import (
    MuscleParameters,
    bias,
    excitation_for,
    gain,
    gain_slope,
    muscle_parameters,
    reach,
)
from musclemimic_sim.types import Dynamics
from musclemimic_sim.whole_body_config import WholeBodyConfig
from musclemimic_sim.whole_body_gains import WholeBodyGains, column

# The largest force along one edge of a friction pyramid, N.
_STRONGEST = 3000.0


class WholeBody(NamedTuple):
    """The layer for one model with a free root.

    Attributes:
        muscles: force and activation parameters.
        reduction: to the independent velocities.
        points: where the feet may touch the ground.
        following: wants an acceleration.
    """

    muscles: MuscleParameters
    reduction: Reduction
    points: FootPoints
    following: Following

    def excite(
        self,
        gains: WholeBodyGains,
        *,
        state: BodyState,
        dynamics: Dynamics,
        moments: Float[jax.Array, "N nu nv"],
        reference: Reference,
        joint_offset: Float[jax.Array, "N J"],
        config: WholeBodyConfig,
        timestep: float,
        substeps: int,
    ) -> Float[jax.Array, "N nu"]:
        """Excitations whose forces, with the ground's, bring the wanted acceleration nearest.

        Args:
            gains: see there.
            state: of the bodies.
            dynamics: of the bodies, see `Simulator`.
            moments: dL/dq, see `Simulator`.
            reference: to follow.
            joint_offset: added to the reference's independent joints, rad.
            config: regularisation and ground.
            timestep: of the physics, s.
            substeps: of a control step.
        """
        qpos, root = state.qpos, len(self.reduction.root)
        wanted = self.following.acceleration(gains, state, reference, joint_offset)
        arms = self.reduction.forces(moments, qpos)  # (N, nu, F)
        pull = gain(self.muscles, state.length, state.velocity)[..., None] * arms
        load, bound = self.ground(dynamics, qpos, reference.swing, config)
        scale = math.sqrt(config.regularisation / config.ground_regularisation)
        mass = self.inertia(state, dynamics, arms, horizon=timestep * substeps)
        matrix, target = gauss_rows(
            mass,
            jnp.zeros(mass.shape[-1]).at[:root].set(1.0) * column(gains.root_weight),
            jnp.concatenate([jnp.swapaxes(pull, 1, 2), load * scale], axis=2),
            wanted,
            self.held(state, dynamics, arms),
        )
        low, high = reach(self.muscles, state.act, timestep=timestep, substeps=substeps)
        solution = solve_in_box(
            matrix,
            target,
            low=jnp.concatenate([low, jnp.zeros_like(bound)], axis=1),
            high=jnp.concatenate([high, bound / scale], axis=1),
            regularisation=config.regularisation,
        )
        activation = solution[:, : state.act.shape[1]]
        excitation = excitation_for(activation, act=state.act, low=low, high=high)
        return jnp.nan_to_num(excitation)

    def inertia(
        self,
        state: BodyState,
        dynamics: Dynamics,
        arms: Float[jax.Array, "N nu F"],
        *,
        horizon: float,
    ) -> Float[jax.Array, "N F F"]:
        """M + τ B: what resists a change of velocity that is to be reached after τ = `horizon` s.

        Args:
            state: gives the activation that B is taken at.
            dynamics: gives M.
            arms: dL/du of the muscles.
            horizon: τ.
        """
        slope = gain_slope(self.muscles, state.length, state.velocity) * state.act
        damping = -jnp.einsum("nmf,nm,nmg->nfg", arms, slope, arms)
        return self.reduction.mass_matrix(dynamics, state.qpos) + horizon * damping

    def held(
        self, state: BodyState, dynamics: Dynamics, arms: Float[jax.Array, "N nu F"]
    ) -> Float[jax.Array, "N F"]:
        """h: generalised forces that muscles and ground have to overcome, N and N m."""
        passive = jnp.einsum("nmf,nm->nf", arms, bias(self.muscles, state.length))
        held = jnp.asarray(dynamics.bias_force) - jnp.asarray(dynamics.passive_force)
        return self.reduction.forces(held, state.qpos) - passive

    def ground(
        self,
        dynamics: Dynamics,
        qpos: Float[jax.Array, "N nq"],
        swing: Float[jax.Array, "N 2"],
        config: WholeBodyConfig,
    ) -> tuple[Float[jax.Array, "N F E"], Float[jax.Array, "N E"]]:
        """Force on the independent coordinates of 1 N along each pyramid edge, and its bound, N.

        A foot that should swing carries nothing: otherwise its toes would go on pushing, and drag.
        """
        points = self.points.lowest(dynamics.body_pos, dynamics.body_mat)
        jacobian = self.reduction.forces(self.points.jacobian(dynamics, points), qpos)
        mu = config.friction
        edges = jnp.array([[mu, 0, 1], [-mu, 0, 1], [0, mu, 1], [0, -mu, 1]])
        load = jnp.einsum("npxf,ex->nfpe", jacobian, edges)
        touching: Bool[jax.Array, "N P"] = points[..., 2] < config.contact_height_m
        standing = swing[:, self.points.side] < config.swing_release
        bound = jnp.where(touching & standing, _STRONGEST, 0.0)
        bound = jnp.repeat(bound, edges.shape[0], axis=1)
        return load.reshape(*load.shape[:2], -1), bound


def build_whole_body(model: MusculoModel) -> WholeBody:
    """The layer of a model."""
    m = model.mj_model
    names = {int(m.jnt_qposadr[m.joint(name).id]): name for name in model.joint_names}
    order = [names[address] for address in model.couplings.scalar_qpos.tolist()]
    legs = Legs(
        *(jnp.array([order.index(f"{stem}_{side}") for side in "lr"]) for stem in Legs._fields)
    )
    reduced = reduction(model)
    return WholeBody(
        muscle_parameters(model), reduced, foot_points(model), Following(reduced, legs)
    )
