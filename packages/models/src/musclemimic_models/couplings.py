"""Joint couplings in explicit form: dependent joints as polynomials of independent ones."""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Int

_GRID = 4001
# A pose this close to a range's end, rad or m, counts as inside (floating-point rounding).
RANGE_SLACK = 1e-9


@dataclass(frozen=True)
class Couplings:
    """The joint equalities of a model, solved for the dependent joints.

    MuJoCo keeps these constraints softly; imposing them exactly takes them out of inverse
    kinematics. For dependent joint k and its independent joint i(k):
    q_k = q0_k + sum_p c[k, p] (q_i − q0_i)^p, p = 0..4 (MuJoCo documentation, equality/joint).

    Attributes:
        dependent_qpos: (K,) qpos address of each dependent joint.
        independent_qpos: (K,) qpos address of the joint it follows; of itself if it is constant.
        dependent_dof, independent_dof: (K,) the same as qvel addresses.
        coefficients: (K, 5) polynomial coefficients c, zero beyond c[:, 0] for constants.
        qpos0: (nq,) reference positions, rad or m.
        free_dof: (F,) qvel addresses of everything that is not dependent.
        scalar_qpos: (J,) qpos address of each independent hinge or slide joint.
        box: (J, 2) their feasible range: nominal, narrowed so that the dependents stay in theirs.
    """

    dependent_qpos: Int[np.ndarray, " K"]
    independent_qpos: Int[np.ndarray, " K"]
    dependent_dof: Int[np.ndarray, " K"]
    independent_dof: Int[np.ndarray, " K"]
    coefficients: Float[np.ndarray, "K 5"]
    qpos0: Float[np.ndarray, " nq"]
    free_dof: Int[np.ndarray, " F"]
    scalar_qpos: Int[np.ndarray, " J"]
    box: Float[np.ndarray, "J 2"]

    def apply(self, qpos: Float[np.ndarray, "*batch nq"]) -> Float[np.ndarray, "*batch nq"]:
        """A copy of qpos with every dependent joint on its polynomial."""
        offset = qpos[..., self.independent_qpos] - self.qpos0[self.independent_qpos]
        result = qpos.copy()
        result[..., self.dependent_qpos] = self.qpos0[self.dependent_qpos] + _horner(
            self.coefficients, offset
        )
        return result

    def apply_velocity(
        self, qpos: Float[np.ndarray, "*batch nq"], qvel: Float[np.ndarray, "*batch nv"]
    ) -> Float[np.ndarray, "*batch nv"]:
        """A copy of qvel with every dependent joint's velocity on the coupling's tangent."""
        result = qvel.copy()
        result[..., self.dependent_dof] = self.slope(qpos) * qvel[..., self.independent_dof]
        return result

    def slope(self, qpos: Float[np.ndarray, "*batch nq"]) -> Float[np.ndarray, "*batch K"]:
        """d(dependent)/d(independent) of every coupling; 0 for constants."""
        offset = qpos[..., self.independent_qpos] - self.qpos0[self.independent_qpos]
        return _horner(self.coefficients[:, 1:] * np.arange(1, 5), offset)

    def jacobian(self, qpos: Float[np.ndarray, " nq"]) -> Float[np.ndarray, "nv F"]:
        """S with qvel = S · qvel[free_dof] for velocities that satisfy the couplings."""
        n_velocities = len(self.free_dof) + len(self.dependent_dof)
        column = np.full(n_velocities, -1)
        column[self.free_dof] = np.arange(len(self.free_dof))
        S = np.zeros((n_velocities, len(self.free_dof)))
        S[self.free_dof, np.arange(len(self.free_dof))] = 1.0
        moving = self.independent_dof != self.dependent_dof
        S[self.dependent_dof[moving], column[self.independent_dof[moving]]] = self.slope(qpos)[
            moving
        ]
        return S

    def residual(self, qpos: Float[np.ndarray, "*batch nq"]) -> Float[np.ndarray, "*batch K"]:
        """Distance of every dependent joint from its polynomial, rad or m."""
        return (qpos - self.apply(qpos))[..., self.dependent_qpos]


def _horner(
    coefficients: Float[np.ndarray, "K P"], x: Float[np.ndarray, "*batch K"]
) -> Float[np.ndarray, "*batch K"]:
    """sum_p coefficients[:, p] x^p."""
    result = np.zeros_like(x)
    for column in coefficients.T[::-1]:
        result = result * x + column
    return result


def find_couplings(model: mujoco.MjModel) -> Couplings:
    """Read the joint equalities of a compiled model.

    Raises:
        ValueError: a coupling is inactive or follows a joint that is itself dependent.
    """
    rows = np.flatnonzero(model.eq_type == int(mujoco.mjtEq.mjEQ_JOINT))
    if not model.eq_active0[rows].all():
        raise ValueError("the model has inactive joint equalities; only active ones are supported")
    dependent = model.eq_obj1id[rows]
    independent = np.where(model.eq_obj2id[rows] < 0, dependent, model.eq_obj2id[rows])
    constant = model.eq_obj2id[rows] < 0
    if np.isin(independent[~constant], dependent).any():
        raise ValueError("a joint coupling follows a joint that is itself dependent")
    coefficients = model.eq_data[rows, :5].copy()
    coefficients[constant, 1:] = 0.0
    scalar = np.flatnonzero(model.jnt_type >= int(mujoco.mjtJoint.mjJNT_SLIDE))
    scalar = scalar[~np.isin(scalar, dependent)]
    partial = Couplings(
        dependent_qpos=model.jnt_qposadr[dependent],
        independent_qpos=model.jnt_qposadr[independent],
        dependent_dof=model.jnt_dofadr[dependent],
        independent_dof=model.jnt_dofadr[independent],
        coefficients=coefficients,
        qpos0=model.qpos0.copy(),
        free_dof=np.setdiff1d(np.arange(model.nv), model.jnt_dofadr[dependent]),
        scalar_qpos=model.jnt_qposadr[scalar],
        box=np.zeros((len(scalar), 2)),
    )
    box = np.array(
        [_feasible(model, partial, int(joint), dependent, independent) for joint in scalar]
    )
    return Couplings(**{**partial.__dict__, "box": box.reshape(-1, 2)})


def _feasible(
    model: mujoco.MjModel,
    couplings: Couplings,
    joint: int,
    dependent: Int[np.ndarray, " K"],
    independent: Int[np.ndarray, " K"],
) -> Float[np.ndarray, "2"]:
    """The stretch of a joint's range, around its middle, on which its dependents are in range."""
    followers = np.flatnonzero((independent == joint) & (dependent != joint))
    if not model.jnt_limited[joint]:
        return np.array([-np.inf, np.inf])
    low, high = (float(value) for value in model.jnt_range[joint])
    if not len(followers):
        return np.array([low, high])
    grid = np.linspace(low, high, _GRID)
    offset = np.repeat((grid - model.qpos0[model.jnt_qposadr[joint]])[:, None], len(followers), 1)
    values = couplings.qpos0[couplings.dependent_qpos[followers]] + _horner(
        couplings.coefficients[followers], offset
    )
    limits = model.jnt_range[dependent[followers]]
    limited = model.jnt_limited[dependent[followers]].astype(bool)
    inside = (values >= limits[:, 0] - RANGE_SLACK) & (values <= limits[:, 1] + RANGE_SLACK)
    return grid[_stretch_around(np.all(inside | ~limited, axis=1), _GRID // 2)]


def polynomial_images(model: mujoco.MjModel) -> dict[str, tuple[float, float]]:
    """Smallest and largest value each coupled joint takes over its independent joint's range."""
    images: dict[str, tuple[float, float]] = {}
    for row in np.flatnonzero(model.eq_type == int(mujoco.mjtEq.mjEQ_JOINT)):
        dependent, independent = model.eq_obj1id[row], model.eq_obj2id[row]
        if independent < 0:
            continue
        low, high = (float(value) for value in model.jnt_range[independent])
        grid = np.linspace(low, high, _GRID)
        offset = grid - model.qpos0[model.jnt_qposadr[independent]]
        values = np.polynomial.polynomial.polyval(offset, model.eq_data[row, :5])
        values += model.qpos0[model.jnt_qposadr[dependent]]
        images[model.joint(dependent).name] = (float(values.min()), float(values.max()))
    return images


def _stretch_around(inside: Bool[np.ndarray, " G"], middle: int) -> Int[np.ndarray, "2"]:
    """First and last index of the run of True nearest to `middle`."""
    hits = np.flatnonzero(inside)
    if not len(hits):
        raise ValueError("a joint's couplings leave it no feasible value")
    start = hits[np.argmin(np.abs(hits - middle))]
    outside = np.flatnonzero(~inside)
    below, above = outside[outside < start], outside[outside > start]
    first = below[-1] + 1 if len(below) else 0
    last = above[0] - 1 if len(above) else len(inside) - 1
    return np.array([first, last])
