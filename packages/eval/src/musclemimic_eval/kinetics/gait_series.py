"""Joint angles, moments, powers and ground forces of both legs over time, clinical signs."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from musclemimic_models import MusculoModel
from scipy.spatial.transform import Rotation

from musclemimic_eval.gait.feet import FootMotion, backwards
from musclemimic_eval.kinetics.conventions import QUANTITIES
from musclemimic_eval.kinetics.differentiate import DifferentiatedMotion
from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_eval.kinetics.inverse_dynamics import InverseDynamics

# World (x forward, y left, z up) from OpenSim's ground (x forward, y up, z right).
_WORLD_FROM_OPENSIM = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
_ANGLES = {
    "hip_flexion": "hip_flexion",
    "hip_adduction": "hip_adduction",
    "hip_rotation": "hip_rotation",
    "knee_flexion": "knee_angle",
    "ankle_dorsiflexion": "ankle_angle",
}
_MOMENTS = {
    "hip_ext_moment": "hip_flexion",
    "hip_abd_moment": "hip_adduction",
    "knee_ext_moment": "knee_angle",
    "ankle_pf_moment": "ankle_angle",
}
_POWERS = {
    "hip_power": ("hip_flexion", "hip_adduction", "hip_rotation"),
    "knee_power": ("knee_angle",),
    "ankle_power": ("ankle_angle", "subtalar_angle"),
}

_SOME_WAY = 0.3  # m

Curves = Mapping[str, Float[np.ndarray, "T 2"]]


@dataclass(frozen=True)
class GaitSeries:
    """Curves over time.

    Attributes:
        time: (T,) s.
        curves: quantity (see `QUANTITIES`) to (T, 2) values of the left and the right side, in
            its unit and clinical sign.
    """

    time: Float[np.ndarray, " T"]
    curves: Curves


def joint_angles(
    model: MusculoModel,
    *,
    qpos: Float[np.ndarray, "T nq"],
    pelvis: Float[np.ndarray, "T 4"],
    time: Float[np.ndarray, " T"],
) -> GaitSeries:
    """Pelvis, hip, knee and ankle angles of a motion.

    Hip, knee and ankle are the model's own coordinates, which are OpenSim's (Rajagopal et al.
    2016). The pelvis is resolved in OpenSim's order tilt, list, rotation; its rotation is
    counted from +x.

    Args:
        model: of the motion.
        qpos: (T, nq) m and rad.
        pelvis: (T, 4) orientation of the pelvis site, wxyz; z up, facing +x on average.
        time: (T,) s.
    """
    curves: dict[str, Float[np.ndarray, "T 2"]] = {}
    turned = _WORLD_FROM_OPENSIM.T @ Rotation.from_quat(pelvis, scalar_first=True).as_matrix()
    angles = Rotation.from_matrix(turned).as_euler("ZXY", degrees=True)
    tilt, up, turn = np.unwrap(angles, axis=0, period=360.0).T
    for name, value in (
        ("pelvis_tilt", tilt),
        ("pelvis_obliquity", up),
        ("pelvis_rotation", turn),
    ):
        curves[name] = _both_signs(name, np.stack([value, value], axis=1))
    for name, joint in _ANGLES.items():
        columns = [int(model.mj_model.joint(f"{joint}_{side}").qposadr[0]) for side in ("l", "r")]
        curves[name] = np.rad2deg(qpos[:, columns])
    return GaitSeries(time, MappingProxyType(curves))


def joint_moments(
    model: MusculoModel,
    result: InverseDynamics,
    motion: DifferentiatedMotion,
    time: Float[np.ndarray, " T"],
) -> GaitSeries:
    """Internal moments and joint powers over the body's mass.

    Power is moment times angular velocity summed over a joint's coordinates (ankle: with the
    subtalar joint), so it does not depend on signs.

    Args:
        model: of the motion.
        result: inverse dynamics of the motion.
        motion: with velocities.
        time: (T,) s, of its frames.
    """
    curves: dict[str, Float[np.ndarray, "T 2"]] = {}
    for name, joint in _MOMENTS.items():
        both = [result.joint(f"{joint}_{side}") / result.mass for side in ("l", "r")]
        curves[name] = _both_signs(name, np.stack(both, axis=1))
    for name, joints in _POWERS.items():
        total = np.zeros((len(time), 2))
        for foot, side in enumerate("lr"):
            for joint in joints:
                dof = int(model.mj_model.joint(f"{joint}_{side}").dofadr[0])
                total[:, foot] += result.joint(f"{joint}_{side}") * motion.qvel[:, dof]
        curves[name] = total / result.mass
    return GaitSeries(time, MappingProxyType(curves))


def foot_progression(feet: FootMotion) -> GaitSeries:
    """Angle between each foot (heel to toe) and the direction of travel, deg, toes in positive.

    The direction is that from the pelvis' first to its last place; standing on the spot, +x.
    """
    way = (feet.pelvis[-1] - feet.pelvis[0])[:2]
    going = float(np.arctan2(way[1], way[0])) if np.linalg.norm(way) > _SOME_WAY else 0.0
    foot = feet.toe - feet.heel
    level = np.linalg.norm(foot[..., :2], axis=2)
    flat = level > 0.5 * np.linalg.norm(foot, axis=2)
    angle = np.unwrap(np.arctan2(foot[..., 1], foot[..., 0]), axis=0) - going
    if backwards(feet):
        angle = angle - np.pi
    # Nearest to straight ahead, whatever turn the unwrapping began in.
    angle -= 2 * np.pi * np.round(np.median(angle, axis=0) / (2 * np.pi))
    # A foot that points down points nowhere: such frames are bridged.
    for side in (0, 1):
        known = flat[:, side]
        if known.any():
            angle[:, side] = np.interp(feet.time, feet.time[known], angle[known, side])
    curves = {"foot_progression": np.rad2deg(angle) * np.array([-1.0, 1.0])}
    return GaitSeries(feet.time, MappingProxyType(curves))


def ground_forces(ground: GroundReaction, mass: float) -> GaitSeries:
    """Vertical and fore-aft ground force in body weights of `mass` kg; x is forward."""
    weights = ground.in_body_weights(mass)
    curves = {"grf_vertical": weights[..., 2], "grf_anterior": weights[..., 0]}
    return GaitSeries(ground.time, MappingProxyType(curves))


def _both_signs(name: str, values: Float[np.ndarray, "T 2"]) -> Float[np.ndarray, "T 2"]:
    """OpenSim's values of left and right as clinical ones."""
    quantity = QUANTITIES[name]
    return values * np.array([quantity.factor_left, quantity.factor])
