"""Where sites and soles are over a whole motion, whatever its length."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.kinematics import KinematicBody, blocks


@dataclass(frozen=True)
class Survey:
    """What judging a motion takes.

    Attributes:
        site_pos: (T, S, 3) m. site_mat: (T, S, 3, 3).
        soles: (T, 2) clearance of the left and the right sole over the floor, m.
        lowest: (T,) clearance of the body's lowest point, m.

    A model without feet, or without anything that can touch the floor, is infinitely clear of it.
    """

    site_pos: Float[np.ndarray, "T S 3"]
    site_mat: Float[np.ndarray, "T S 3 3"]
    soles: Float[np.ndarray, "T 2"]
    lowest: Float[np.ndarray, " T"]

    def raised(self, height: Float[np.ndarray, " T"]) -> "Survey":
        """The same with the whole body moved up, m."""
        up = np.array([0.0, 0.0, 1.0]) * height[:, None, None]
        return dataclasses.replace(
            self,
            site_pos=self.site_pos + up,
            soles=self.soles + height[:, None],
            lowest=self.lowest + height,
        )


def survey(body: KinematicBody, floor: FloorGeoms, qpos: Float[np.ndarray, "T nq"]) -> Survey:
    """Look at every pose."""
    frames, sites = len(qpos), len(body.site_names)
    pos, mat = np.empty((frames, sites, 3)), np.empty((frames, sites, 3, 3))
    soles, lowest = np.empty((frames, 2)), np.empty(frames)
    for rows in blocks(frames):
        poses = body.poses(qpos[rows])
        clearance = floor.clearance(poses)
        pos[rows], mat[rows] = poses.site_pos, poses.site_mat
        soles[rows], lowest[rows] = floor.feet(clearance), clearance.min(axis=1, initial=np.inf)
    return Survey(pos, mat, soles, lowest)
