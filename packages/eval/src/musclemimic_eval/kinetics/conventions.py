"""Names, units and signs of gait curves, in the clinic's and in OpenSim's convention."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Convention = Literal["clinical", "opensim"]
Kind = Literal["angle", "moment", "power", "force"]


@dataclass(frozen=True)
class Quantity:
    """A curve over the gait cycle.

    Attributes:
        name: clinical, as in the reference tables.
        kind: what it is. unit: of it.
        label: for people.
        positive: what a positive value means, clinically.
        opensim: OpenSim's name; "{}" stands for the side, r or l.
        opensim_positive: what a positive value means there.
        factor: OpenSim's value times this is the clinical one on the right side.
        factor_left: the same on the left.
    """

    name: str
    kind: Kind
    unit: str
    label: str
    positive: str
    opensim: str
    opensim_positive: str
    factor: float
    factor_left: float


# OpenSim's pelvis: tilt about z (right), list about x (forward), rotation about y (up), so that
# tilt + is backward, list + lifts the left side, rotation + turns to the left. Clinical moments
# are internal and count the extensor side, OpenSim's run along the coordinate.
_TABLE = """
pelvis_tilt        | angle  | deg    | Pelvic tilt           | anterior          | pelvis_tilt            | posterior          | -1 | -1
pelvis_obliquity   | angle  | deg    | Pelvic obliquity      | this side up      | pelvis_list            | left side up       | -1 | +1
pelvis_rotation    | angle  | deg    | Pelvic rotation       | this side forward | pelvis_rotation        | right side forward | +1 | -1
hip_flexion        | angle  | deg    | Hip flexion           | flexion           | hip_flexion_{}         | flexion            | +1 | +1
hip_adduction      | angle  | deg    | Hip adduction         | adduction         | hip_adduction_{}       | adduction          | +1 | +1
hip_rotation       | angle  | deg    | Hip rotation          | internal          | hip_rotation_{}        | internal           | +1 | +1
knee_flexion       | angle  | deg    | Knee flexion          | flexion           | knee_angle_{}          | flexion            | +1 | +1
ankle_dorsiflexion | angle  | deg    | Ankle dorsiflexion    | dorsiflexion      | ankle_angle_{}         | dorsiflexion       | +1 | +1
foot_progression   | angle  | deg    | Foot progression      | toes in           | foot_progression_{}    | toes in            | +1 | +1
hip_ext_moment     | moment | N m/kg | Hip moment            | extensor          | hip_flexion_{}_moment  | flexor             | -1 | -1
hip_abd_moment     | moment | N m/kg | Hip moment, frontal   | abductor          | hip_adduction_{}_moment | adductor           | -1 | -1
knee_ext_moment    | moment | N m/kg | Knee moment           | extensor          | knee_angle_{}_moment   | flexor             | -1 | -1
ankle_pf_moment    | moment | N m/kg | Ankle moment          | plantarflexor     | ankle_angle_{}_moment  | dorsiflexor        | -1 | -1
hip_power          | power  | W/kg   | Hip power             | generation        | hip_{}_power           | generation         | +1 | +1
knee_power         | power  | W/kg   | Knee power            | generation        | knee_{}_power          | generation         | +1 | +1
ankle_power        | power  | W/kg   | Ankle power           | generation        | ankle_{}_power         | generation         | +1 | +1
grf_vertical       | force  | BW     | Vertical ground force | up                | ground_force_{}_vy     | up                 | +1 | +1
grf_anterior       | force  | BW     | Fore-aft ground force | forward           | ground_force_{}_vx     | forward            | +1 | +1
"""  # noqa: E501
_KINDS: Mapping[str, Kind] = {kind: kind for kind in ("angle", "moment", "power", "force")}


def _quantity(line: str) -> Quantity:
    name, kind, unit, label, positive, opensim, there, right, left = (
        cell.strip() for cell in line.split("|")
    )
    return Quantity(
        name, _KINDS[kind], unit, label, positive, opensim, there, float(right), float(left)
    )


QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {quantity.name: quantity for quantity in map(_quantity, _TABLE.strip().splitlines())}
)


def factor(quantity: Quantity, foot: int, convention: Convention) -> float:
    """What a clinical value is multiplied by for a convention; `foot` is 0 left, 1 right."""
    if convention == "clinical":
        return 1.0
    return quantity.factor_left if foot == 0 else quantity.factor


def column_name(quantity: Quantity, foot: int, convention: Convention) -> str:
    """Name of a side's curve in a convention."""
    if convention == "clinical":
        return f"{('left', 'right')[foot]}_{quantity.name}"
    return quantity.opensim.format("lr"[foot])
