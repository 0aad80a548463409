"""What every muscle is: strength, operating lengths, speed of activation, side and group."""

import re
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float

# (group, pattern on the name without its side), each muscle must match exactly one.
_GROUPS = (
    ("shoulder", r"DELT\d|SUPSP|INFSP|SUBSC|TMIN|TMAJ|PECM\d|LAT\d|CORB"),
    ("elbow", r"TRI(long|lat|med)|ANC|BIC(long|short)|BRA|BRD"),
    ("forearm rotation", r"SUP|PT|PQ"),
    ("wrist", r"ECR[LB]|ECU|FCR|FCU|PL"),
    ("fingers", r"FD[SP]\d|ED[CM]\d?|EIP|EP[LB]|FPL|APL|OP|RI\d|LU_RB\d|UI_UB\d"),
    ("abdomen", r"rect_abd|[EI]O\d"),
    ("back", r"(MF|LTpT|LTpL|QL|IL|Ps)_.*"),
    (
        "hip",
        r"add(brev|long|mag(Dist|Isch|Mid|Prox))|gl(max|med|min)\d|iliacus|psoas|piri|tfl|sart|grac",
    ),
    ("knee", r"bf[ls]h|semimem|semiten|recfem|vas(int|lat|med)"),
    ("ankle and toes", r"gas(lat|med)|soleus|tib(ant|post)|per(brev|long)|[ef][dh]l"),
)
_SOURCES = {
    "shoulder": "Saul 2015",
    "elbow": "Saul 2015",
    "forearm rotation": "Saul 2015",
    "wrist": "Saul 2015",
    "fingers": "McFarland 2023",
    "abdomen": "Bruno 2015",
    "back": "Bruno 2015",
    "hip": "Rajagopal 2016",
    "knee": "Rajagopal 2016",
    "ankle and toes": "Rajagopal 2016",
}


@dataclass(frozen=True)
class MuscleTable:
    """One row a muscle, in actuator order.

    Attributes:
        names: muscle names.
        max_isometric_force: (M,) N.
        length_range: (M, 2) shortest and longest muscle-tendon length, m.
        optimal_length: (M,) MuJoCo's L0, m: the fibre length of largest active force.
        max_velocity: (M,) shortening speed at which active force vanishes, m/s.
        activation_time, deactivation_time: (M,) time constants, s.
        normalised_range: (M, 2) fibre length at the ends of `length_range`, optimal lengths.
        active_bounds: (M, 2) fibre lengths between which there is active force, optimal lengths.
        passive_force: (M,) passive force at the longer active bound, isometric strengths.
        eccentric_force: (M,) largest force of the stretched active muscle, isometric strengths.
        side: "left", "right" or "centre".
        group: functional group.
        source: publication the muscle comes from.
    """

    names: tuple[str, ...]
    max_isometric_force: Float[np.ndarray, " M"]
    length_range: Float[np.ndarray, "M 2"]
    optimal_length: Float[np.ndarray, " M"]
    max_velocity: Float[np.ndarray, " M"]
    activation_time: Float[np.ndarray, " M"]
    deactivation_time: Float[np.ndarray, " M"]
    normalised_range: Float[np.ndarray, "M 2"]
    active_bounds: Float[np.ndarray, "M 2"]
    passive_force: Float[np.ndarray, " M"]
    eccentric_force: Float[np.ndarray, " M"]
    side: tuple[str, ...]
    group: tuple[str, ...]
    source: tuple[str, ...]


def muscle_group(name: str) -> str:
    """The functional group of a muscle.

    Raises:
        ValueError: no pattern, or more than one, matches the name.
    """
    stem = re.sub(r"_[lr]$", "", name)
    found = [group for group, pattern in _GROUPS if re.fullmatch(pattern, stem)]
    if len(found) != 1:
        raise ValueError(f"muscle {name!r} matches {found or 'no group'}, expected exactly one")
    return found[0]


def muscle_table(model: mujoco.MjModel) -> MuscleTable:
    """Read the table from a compiled model (MuJoCo documentation, actuator/muscle).

    Raises:
        ValueError: an actuator is not a muscle.
    """
    gain, dynamics = model.actuator_gainprm, model.actuator_dynprm
    if (model.actuator_gaintype != int(mujoco.mjtGain.mjGAIN_MUSCLE)).any():
        raise ValueError("the model has actuators that are not muscles")
    names = tuple(model.actuator(i).name for i in range(model.nu))
    groups = tuple(muscle_group(name) for name in names)
    # The arms' right side carries no suffix in myo-sim.
    mirrored = {f"{name}_l" for name in names} | {
        f"{name[:-2]}_r" for name in names if name.endswith("_l")
    }
    length_range = model.actuator_lengthrange.copy()
    optimal = np.diff(length_range)[:, 0] / (gain[:, 1] - gain[:, 0])
    strength = np.where(gain[:, 2] < 0, gain[:, 3] / model.actuator_acc0, gain[:, 2])
    return MuscleTable(
        names=names,
        max_isometric_force=strength,
        length_range=length_range,
        optimal_length=optimal,
        max_velocity=optimal * gain[:, 6],
        activation_time=dynamics[:, 0].copy(),
        deactivation_time=dynamics[:, 1].copy(),
        normalised_range=gain[:, 0:2].copy(),
        active_bounds=gain[:, 4:6].copy(),
        passive_force=gain[:, 7].copy(),
        eccentric_force=gain[:, 8].copy(),
        side=tuple(_side(name, mirrored) for name in names),
        group=groups,
        source=tuple(_SOURCES[group] for group in groups),
    )


def _side(name: str, mirrored: set[str]) -> str:
    if name.endswith("_l"):
        return "left"
    return "right" if name.endswith("_r") or f"{name}_l" in mirrored else "centre"
