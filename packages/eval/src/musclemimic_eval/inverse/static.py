"""Static optimisation: the muscle activations behind a motion and its ground reaction.

At every frame, with the net joint moments τ of inverse dynamics,

    minimise Σ aᵢᵖ + Σ (r_j / τ_r)²   subject to   Σᵢ (active moments) a + r = τ − τ_passive,
                                                    lo ≤ a ≤ hi,

p = 2 (Kaufman et al. 1991; the usual choice) or 3 (after Crowninshield & Brand 1981, J Biomech
14:793), r the reserve torques, which the muscles could not supply. It is the problem of sim's
coordination layer, and its solver solves it: weights 1/τ_r, regularisation 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip, MusculoModel
from musclemimic_sim.box_least_squares import solve_in_box
from musclemimic_sim.compiled import jit
from musclemimic_sim.coordination import JointMap, joint_map
from musclemimic_sim.muscle import (
    MuscleParameters,
    advance,
    bias,
    excitation_for,
    gain,
    muscle_parameters,
)

from musclemimic_eval.inverse.contact import JointContact, joint_contact
from musclemimic_eval.inverse.geometry import muscle_geometry
from musclemimic_eval.inverse.metabolics import MetabolicPower, metabolic_power
from musclemimic_eval.kinetics.differentiate import (
    CUTOFF_HZ,
    DifferentiatedMotion,
    differentiate,
)
from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_eval.kinetics.inverse_dynamics import InverseDynamics, inverse_dynamics
from musclemimic_eval.kinetics.phantoms import without_phantom_inertia

_CHUNK = 256  # frames solved together
_GAP = 1e-12
# Reweighting for the cubic criterion: weights below this count as it; rounds at most; change of
# activation at which it has settled.
_LEAST_WEIGHT, _ROUNDS, _SETTLED = 1e-3, 80, 1e-8
# Activation dynamics are integrated in steps no longer than this, s.
_STEP = 1e-3
# Joints of the foot whose moment force plates cannot tell; see `StaticConfig.locked`.
FOOT_JOINTS = tuple(f"{name}_{side}" for name in ("subtalar_angle", "mtp_angle") for side in "rl")


@dataclass(frozen=True)
class StaticConfig:
    """Choices of the static optimisation.

    Attributes:
        exponent: p of the criterion.
        reserve: τ_r, N m (N): a reserve of this size costs as much as one fully active muscle.
        dynamics: activations must be within reach of the activation dynamics, frame to frame.
        locked: joints whose moment is not asked of the muscles. By default those within the foot:
            the whole ground reaction acts on the heel bone, so the toes' moment is unknown, and
            the subtalar moment hangs on millimetres of the centre of pressure.
        cutoff_hz: low-pass of the poses before differentiation; None for simulated ones.
        contact: estimate joint contact forces too.
    """

    exponent: Literal[2, 3] = 2
    reserve: float = 1.0
    dynamics: bool = False
    locked: tuple[str, ...] = FOOT_JOINTS
    cutoff_hz: float | None = CUTOFF_HZ
    contact: bool = True


@dataclass(frozen=True)
class MuscleSolution:
    """Muscles behind a motion.

    Attributes:
        time: (T,) s from the clip's start.
        muscle_names: (nu).
        activation, excitation: (T, nu) in [0, 1]; excitations differ from activations only with
            activation dynamics.
        force: (T, nu) N, negative for pulling (MuJoCo's sign), passive part included.
        passive_force: (T, nu) the part that needs no activation, same sign.
        length, velocity: (T, nu) of muscle and tendon, m and m/s.
        joint_names: (J) the joints whose moments are shared out.
        joint_moment: (T, J) net, along the coordinate, N m.
        reserve: (T, J) what muscles could not supply, N m.
        dynamics: the inverse dynamics, with the root's residuals.
        contact: forces in the joints; None if not asked for.
        metabolic: power.
    """

    time: Float[np.ndarray, " T"]
    muscle_names: tuple[str, ...]
    activation: Float[np.ndarray, "T nu"]
    excitation: Float[np.ndarray, "T nu"]
    force: Float[np.ndarray, "T nu"]
    passive_force: Float[np.ndarray, "T nu"]
    length: Float[np.ndarray, "T nu"]
    velocity: Float[np.ndarray, "T nu"]
    joint_names: tuple[str, ...]
    joint_moment: Float[np.ndarray, "T J"]
    reserve: Float[np.ndarray, "T J"]
    dynamics: InverseDynamics
    contact: JointContact | None
    metabolic: MetabolicPower


def static_optimization(
    model: MusculoModel,
    clip: MotionClip,
    grf: GroundReaction | None,
    *,
    config: StaticConfig | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> MuscleSolution:
    """Activations, forces, joint contact and metabolic power of a clip with ground reaction.

    Computed in float64. Forces follow the model's own force–length–velocity relation and passive
    force. Joint damping, friction and limits are left out, as in the inverse dynamics.

    Args:
        model: of the clip.
        clip: the motion.
        grf: in the frame "model" (`place_under`), covering the clip; None for a body that touches
            nothing.
        config: None for the defaults.
        on_progress: called with frames solved and frames in all.

    Raises:
        InputError: a clip of another model, an unknown locked joint, a reserve that is not
            positive, or whatever `inverse_dynamics` refuses.
    """
    config = config or StaticConfig()
    clip.require_model(model)
    _check(config, model)
    motion = differentiate(model, clip.qpos, dt=clip.dt, cutoff_hz=config.cutoff_hz)
    return optimise_motion(model, motion, grf, config=config, on_progress=on_progress)


def optimise_motion(
    model: MusculoModel,
    motion: DifferentiatedMotion,
    grf: GroundReaction | None,
    *,
    config: StaticConfig | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> MuscleSolution:
    """`static_optimization` of a motion with its derivatives, on an even time grid."""
    config = config or StaticConfig()
    skeleton = without_phantom_inertia(model)
    dynamics = inverse_dynamics(skeleton, motion, grf)
    root = 6 if model.has_free_root else 0
    names = dynamics.names[root:]
    asked = [index for index, name in enumerate(names) if name not in config.locked]
    wanted = dynamics.force[:, root:][:, asked]
    dt = float(motion.time[1] - motion.time[0])
    with jax.enable_x64(True):
        solver = _Solver(model, config, dt, tuple(asked))
        parts: list[dict[str, Float[np.ndarray, "n k"]]] = []
        for start in range(0, len(motion), _CHUNK):
            frames = range(start, min(start + _CHUNK, len(motion)))
            parts.append(solver.solve(motion, frames, wanted[start : frames.stop]))
            if on_progress is not None:
                on_progress(frames.stop, len(motion))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return MuscleSolution(
        time=motion.time,
        muscle_names=model.muscle_names,
        joint_names=tuple(names[index] for index in asked),
        joint_moment=wanted,
        dynamics=dynamics,
        contact=joint_contact(skeleton, motion, joined["force"], grf) if config.contact else None,
        metabolic=metabolic_power(
            model.muscles,
            excitation=joined["excitation"],
            activation=joined["activation"],
            length=joined["length"],
            velocity=joined["velocity"],
            active_force=joined["passive_force"] - joined["force"],
            body_mass=dynamics.mass,
        ),
        **joined,
    )


def _check(config: StaticConfig, model: MusculoModel) -> None:
    if not config.reserve > 0:
        raise InputError("static optimisation", "reserve", found=config.reserve, expected="> 0 N m")
    strangers = set(config.locked) - set(model.joint_names) - set(FOOT_JOINTS)
    if strangers:
        raise InputError(
            "static optimisation",
            "locked",
            found=sorted(strangers)[0],
            expected="one of " + ", ".join(model.joint_names[1:]),
        )


# A, b, low, high to activations.
_Solve = Callable[[jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]


class _Solver:
    """Solves chunk after chunk; with dynamics the last activation carries over."""

    def __init__(
        self, model: MusculoModel, config: StaticConfig, dt: float, asked: tuple[int, ...]
    ) -> None:
        self._model, self._config, self._dt = model, config, dt
        self._asked = jnp.array(asked)
        self._muscles: MuscleParameters = muscle_parameters(model)
        self._joints: JointMap = joint_map(model)
        self._last: Float[jax.Array, "1 nu"] | None = None

    def solve(
        self, motion: DifferentiatedMotion, frames: range, wanted: Float[np.ndarray, "n J"]
    ) -> dict[str, Float[np.ndarray, "n k"]]:
        """Arrays of `MuscleSolution` for some frames."""
        geometry = muscle_geometry(self._model, motion, frames)
        length, velocity = jnp.array(geometry.length), jnp.array(geometry.velocity)
        qpos = jnp.array(motion.qpos[frames.start : frames.stop])
        arms = self._joints.reduce(jnp.array(geometry.moments), qpos)[..., self._asked]
        per_activation = gain(self._muscles, length, velocity)
        passive = bias(self._muscles, length)
        A = jnp.swapaxes(per_activation[..., None] * arms, 1, 2)  # (n, J, nu)
        b = jnp.array(wanted) - jnp.einsum("nmj,nm->nj", arms, passive)
        activation, excitation = self._activate(A / self._config.reserve, b / self._config.reserve)
        values = {
            "activation": activation,
            "excitation": excitation,
            "force": per_activation * activation + passive,
            "passive_force": passive,
            "length": length,
            "velocity": velocity,
            "reserve": b - jnp.einsum("njm,nm->nj", A, activation),
        }
        return {name: np.array(value) for name, value in values.items()}

    def _activate(
        self, A: Float[jax.Array, "n J nu"], b: Float[jax.Array, "n J"]
    ) -> tuple[Float[jax.Array, "n nu"], Float[jax.Array, "n nu"]]:
        solve: _Solve = _quadratic if self._config.exponent == 2 else _cubic
        low, high = jnp.zeros((len(b), A.shape[2])), jnp.ones((len(b), A.shape[2]))
        if not self._config.dynamics:
            activation = jit(solve)(A, b, low, high)
            return activation, activation
        first = solve(A[:1], b[:1], low[:1], high[:1]) if self._last is None else self._last
        substeps = max(1, round(self._dt / _STEP))

        def step(
            previous: Float[jax.Array, "1 nu"],
            problem: tuple[Float[jax.Array, "J nu"], Float[jax.Array, " J"]],
        ) -> tuple[Float[jax.Array, "1 nu"], tuple[jax.Array, jax.Array]]:
            reach = [
                advance(
                    self._muscles,
                    previous,
                    jnp.full_like(previous, excitation),
                    timestep=self._dt / substeps,
                    substeps=substeps,
                )
                for excitation in (0.0, 1.0)
            ]
            activation = solve(problem[0][None], problem[1][None], *reach)
            excitation = excitation_for(activation, act=previous, low=reach[0], high=reach[1])
            return activation, (activation[0], excitation[0])

        self._last, (activation, excitation) = jax.lax.scan(step, first, (A, b))
        return activation, excitation


def _in_box(
    A: Float[jax.Array, "n J nu"],
    b: Float[jax.Array, "n J"],
    low: Float[jax.Array, "n nu"],
    high: Float[jax.Array, "n nu"],
) -> Float[jax.Array, "n nu"]:
    """The solver that sim's coordination layer uses, to a tolerance for float64."""
    return solve_in_box(A, b, low=low, high=high, regularisation=1.0, gap=_GAP)


def _quadratic(
    A: Float[jax.Array, "n J nu"],
    b: Float[jax.Array, "n J"],
    low: Float[jax.Array, "n nu"],
    high: Float[jax.Array, "n nu"],
) -> Float[jax.Array, "n nu"]:
    """Least Σ a² + Σ (A a − b)²."""
    return _in_box(A, b, low, high)


def _cubic(
    A: Float[jax.Array, "n J nu"],
    b: Float[jax.Array, "n J"],
    low: Float[jax.Array, "n nu"],
    high: Float[jax.Array, "n nu"],
) -> Float[jax.Array, "n nu"]:
    """Least Σ a³ + Σ (A a − b)², by reweighted squares: a³ = w a² with w = a.

    Stationarity of ½ Σ a³ is 3/2 a² = (3/2 w) a. The next weight is the geometric mean of the last
    two activations; a itself would swing between two values for ever.
    """

    def again(
        state: tuple[jax.Array, jax.Array, jax.Array],
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        weight, before, rounds = state
        scale = jnp.sqrt(1.5 * weight)
        activation = _in_box(A / scale[:, None, :], b, low * scale, high * scale) / scale
        mean = jnp.sqrt(weight * jnp.maximum(activation, _LEAST_WEIGHT))
        change = jnp.abs(activation - before).max()
        return mean, activation, jnp.where(change < _SETTLED, _ROUNDS, rounds + 1)

    start = (jnp.full(low.shape, 0.3), jnp.full(low.shape, jnp.inf), jnp.zeros((), jnp.int32))
    return jax.lax.while_loop(lambda state: state[2] < _ROUNDS, again, start)[1]
