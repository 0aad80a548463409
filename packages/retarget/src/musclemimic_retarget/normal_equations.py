"""Gradient and Gauss–Newton Hessian of weighted site errors, without their Jacobian.

Like a composite-rigid-body algorithm (Featherstone 2008, Rigid Body Dynamics Algorithms, ch. 6),
with the weights of a site's six errors for its inertia: sites are summed up the tree once, and each
pair of unknowns then costs one product of motion and force.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array

from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.linkage import Linkage, cross, dofs_above

# Of a symmetric 6×6 stiffness (turn x, y, z, shift x, y, z) the entries that can differ from zero.
_ENTRIES = (
    *((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)),
    *((0, 4), (0, 5), (1, 3), (1, 5), (2, 3), (2, 4)),
    *((3, 3), (4, 4), (5, 5)),
)


@dataclass(frozen=True)
class Leverage:
    """How unknowns move sites at T poses.

    Attributes:
        arms: (S, 3, T) from the first site to every site, m.
        motion: (K, 6, T) of every column, as `Linkage.motion`, for a unit of its unknown.
    """

    arms: Float[np.ndarray, "S 3 T"]
    motion: Float[np.ndarray, "K 6 T"]

    def __getitem__(self, poses: Int[np.ndarray, " N"]) -> "Leverage":
        """Of some poses; itself if it has no others."""
        if len(poses) == self.arms.shape[2]:
            return self
        return Leverage(self.arms[..., poses], self.motion[..., poses])


class NormalEquations:
    """JᵀWe and JᵀWJ, J = d(sites; world) / d(unknowns), couplings included.

    The unknowns are the dofs of `couplings.free_dof` that move a site, directly or through a
    coupling: the free root's six and independent joints. A column is what one of them does to one
    set of sites; an unknown whose dofs carry different sites has several.

    Attributes:
        dofs: (F,) the unknowns.
    """

    def __init__(self, body: KinematicBody) -> None:
        """Find which dof moves which sites on behalf of which unknown."""
        self._couplings = body.musculo.couplings
        above = dofs_above(body)
        self.dofs = moving_dofs(body)
        dof, unknown = _followers(body, above, self.dofs)
        below, group = np.unique(above[:, dof], axis=1, return_inverse=True)
        columns, column = np.unique(np.stack([unknown, group]), axis=1, return_inverse=True)
        ones = np.ones(len(dof))
        self._sum = csr_array((ones, (column, dof)), shape=(columns.shape[1], body.model.nv))
        self._unknown, self._group = columns
        # (G, S) which sites each group carries.
        self._below = below.T.astype(np.float64)
        self._share = _shares(below[:, self._group])
        self._collect = np.equal.outer(np.arange(len(self.dofs)), self._unknown).astype(np.float64)
        self._single = len(self._unknown) == len(self.dofs)

    def leverage(self, qpos: Float[np.ndarray, "T nq"], links: Linkage) -> Leverage:
        """At poses, with the couplings satisfied, whose linkage is known."""
        couplings, motion = self._couplings, links.motion.copy()
        motion[couplings.dependent_dof] *= couplings.slope(qpos).T[:, None]
        summed = self._sum @ motion.reshape(len(motion), -1)
        return Leverage(links.arms, summed.reshape(-1, 6, len(qpos)))

    def gradient(
        self, leverage: Leverage, pull: Float[np.ndarray, "S 6 T"]
    ) -> Float[np.ndarray, "T F"]:
        """Jᵀ · pull: what a torque and a force on each site do.

        Args:
            leverage: of the poses.
            pull: torque x, y, z and force x, y, z on every site, world axes.
        """
        wrench = pull.copy()
        wrench[:, :3] += cross(leverage.arms, pull[:, 3:])
        carried = (self._below @ wrench.reshape(len(wrench), -1)).reshape(-1, *pull.shape[1:])
        work = np.einsum("kit,kit->kt", leverage.motion, carried[self._group])
        return work.T.copy() if self._single else (self._collect @ work).T

    def hessian(
        self, leverage: Leverage, weight: Float[np.ndarray, "S 6 #T"]
    ) -> Float[np.ndarray, "T F F"]:
        """JᵀWJ.

        Args:
            leverage: of the poses.
            weight: of each site's squared errors, turn x, y, z and shift x, y, z.
        """
        motion = leverage.motion
        stiff = _stiffness(leverage.arms, weight)
        carried = (self._below @ stiff.reshape(len(stiff), -1)).reshape(-1, *stiff.shape[1:])
        carried = carried[self._group]  # (K, 15, T)
        force = np.zeros(motion.shape)
        for entry, (row, column) in enumerate(_ENTRIES):
            force[:, row] += carried[:, entry] * motion[:, column]
            if row != column:
                force[:, column] += carried[:, entry] * motion[:, row]
        moved, pushed = (np.ascontiguousarray(a.transpose(2, 0, 1)) for a in (motion, force))
        product = moved @ pushed.swapaxes(1, 2)  # (T, K, K) = (T, K, 6) (T, 6, K)
        product *= self._share
        hessian = product + product.swapaxes(1, 2)
        return hessian if self._single else self._collect @ hessian @ self._collect.T


def moving_dofs(body: KinematicBody) -> Int[np.ndarray, " F"]:
    """The free dofs that move a mimic site, directly or through a coupling."""
    couplings = body.musculo.couplings
    above: Bool[np.ndarray, " nv"] = np.any(dofs_above(body), axis=0)
    above[couplings.independent_dof[above[couplings.dependent_dof]]] = True
    return couplings.free_dof[above[couplings.free_dof]]


def _followers(
    body: KinematicBody, above: Bool[np.ndarray, "S nv"], dofs: Int[np.ndarray, " F"]
) -> tuple[Int[np.ndarray, " D"], Int[np.ndarray, " D"]]:
    """Every dof that moves a site, and the number of the unknown it follows or is."""
    couplings = body.musculo.couplings
    leader = np.arange(body.model.nv)
    leader[couplings.dependent_dof] = couplings.independent_dof
    unknown = np.full(body.model.nv, -1)
    unknown[dofs] = np.arange(len(dofs))
    constant = couplings.dependent_dof[couplings.dependent_dof == couplings.independent_dof]
    follows = unknown[leader]
    follows[constant] = -1
    dof = np.flatnonzero(above.any(axis=0) & (follows >= 0))
    return dof, follows[dof]


def _shares(below: Bool[np.ndarray, "S K"]) -> Float[np.ndarray, "K K"]:
    """What of motion k · (force of all that l carries) goes to entries (k, l) and (l, k).

    All of it if k carries all that l does and more, half if they carry the same.
    """
    carries = below.astype(int)
    within = carries.T @ carries == carries.sum(axis=0)
    return within - 0.5 * (within & within.T)


def _stiffness(
    arms: Float[np.ndarray, "S 3 T"], weight: Float[np.ndarray, "S 6 #T"]
) -> Float[np.ndarray, "S 15 T"]:
    """Entries of XᵀWX of every site, X = ((1, 0), (−[arm]×, 1)), in the order of `_ENTRIES`."""
    x, y, z = arms.swapaxes(0, 1)
    a, b, c = weight[:, 3:].swapaxes(0, 1)
    ay, az, bx, bz, cx, cy = a * y, a * z, b * x, b * z, c * x, c * y
    stiff = np.empty((len(arms), len(_ENTRIES), arms.shape[2]))
    stiff[:, 0], stiff[:, 1], stiff[:, 2] = bz * z + cy * y, az * z + cx * x, ay * y + bx * x
    stiff[:, :3] += weight[:, :3]
    stiff[:, 3], stiff[:, 4], stiff[:, 5] = -cx * y, -bx * z, -ay * z
    stiff[:, 6], stiff[:, 7], stiff[:, 8] = -bz, cy, az
    stiff[:, 9], stiff[:, 10], stiff[:, 11] = -cx, -ay, bx
    stiff[:, 12:] = weight[:, 3:]
    return stiff
