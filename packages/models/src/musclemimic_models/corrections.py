"""Named repairs of myo-sim 0.2.4: what was wrong, how it shows, what is done about it.

Each was found by `validation`, and tests show the defect without and the repair with it. A repair
changes nothing in poses that the defect does not reach.
"""

import re
from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

from musclemimic_models.couplings import polynomial_images

# Overshoot of a coupling polynomial, rad or m, up to which it counts as rounding.
ROUNDING = 1e-3
_SIDE = re.compile(r"_[lr]$")
_COPIED = (
    *("actfrclimited", "actfrcrange", "armature", "damping", "frictionloss", "group", "limited"),
    *("margin", "material", "range", "rgba", "solimp_friction", "solimp_limit", "solref_friction"),
    *("solref_limit", "springlength", "stiffness", "userdata", "width"),
)


@dataclass(frozen=True)
class WrapRepair:
    """What becomes of one wrapping surface on one muscle's path, on both sides of the body.

    Attributes:
        muscle: name without side.
        surface: name of the wrapping geom without side.
        action: "shortest path": the surface stays, without its side site; "removed": it goes.
        reason: the defect.
    """

    muscle: str
    surface: str
    action: Literal["shortest path", "removed"]
    reason: str


# A side site makes MuJoCo lead a path round the far side of a surface it does not even touch, as
# soon as the straight path passes the surface on the other side than the site: length and moment
# arm jump. Without it the path is the shortest, and continuous in length.
_FORCED_ROUND = "led round the far side of a sphere the straight path does not touch"
# A path that ends inside a surface is not wrapped (MuJoCo, Tendon wrapping): when an attachment
# enters the surface, the path snaps from over it to through it.
_ATTACHMENT_ENTERS = "an attachment enters the surface, the path snaps through it"
# A thin surface across the path can be passed on either side; where both are equally long the path
# flips over, and with it a moment arm of up to twice the radius.
_FLIPS = "the path flips from one side of the humerus to the other"
WRAP_REPAIRS = (
    WrapRepair("BIClong", "BIClong_ellipsoid_BIClong", "shortest path", _FORCED_ROUND),
    WrapRepair("SUPSP", "SUPSP_ellipsoid_SUPSP", "shortest path", _FORCED_ROUND),
    WrapRepair("SUBSC", "SUBSCAP_ellipsoid_SUBSC", "shortest path", _FORCED_ROUND),
    WrapRepair("TMAJ", "LAT_TMAJ2hh_sphere", "shortest path", _FORCED_ROUND),
    WrapRepair("DELT1", "DELT1hh_ellipsoid_DELT1", "removed", _ATTACHMENT_ENTERS),
    WrapRepair("CORB", "TMAJ_LAT_PEC_CORBhh_sphere", "removed", _ATTACHMENT_ENTERS),
    WrapRepair("rect_abd", "Cylinder_abdomen", "removed", _ATTACHMENT_ENTERS),
    WrapRepair("IL_L2", "back_cylinder_l", "removed", _ATTACHMENT_ENTERS),
    # With it this interosseus would extend the straight finger, unlike its three neighbours.
    WrapRepair("RI2", "2ndmcp_ellipsoid_wrap", "removed", _FORCED_ROUND),
    WrapRepair("LAT1", "delt2hum_cylinder", "removed", _FLIPS),
    WrapRepair("LAT2", "delt2hum_cylinder", "removed", _FLIPS),
    WrapRepair("LAT3", "delt2hum_cylinder", "removed", _FLIPS),
)
# Moment of inertia of the shoulder's helper bodies ("phantoms", 1 g each), kg m². A whole arm has
# some 0.3 about the shoulder; this much still steadies the plane of elevation of a hanging arm.
PHANTOM_INERTIA = 0.01
_PHANTOM = re.compile(r"phant1?_[lr]$")
# Trunk muscle whose left path is a copy of the right one instead of its mirror image.
_UNMIRRORED = re.compile(r"^LTpT_T12_.*_l$")


def widen_coupled_ranges(spec: mujoco.MjSpec, model: mujoco.MjModel) -> None:
    """Let coupled joints reach what their own polynomials ask of them.

    The published knee polynomials leave the published ranges of the coupled joints by up to
    2.5e-4 rad in mid-flexion (rounded coefficients), so that joint limit and coupling would push
    against each other. Larger conflicts (shoulder, lumbar) are real limits of the independent
    joint and are left to `Couplings.box`.

    Args:
        spec: changed in place.
        model: the same, compiled.
    """
    for joint, (low, high) in polynomial_images(model).items():
        nominal_low, nominal_high = model.joint(joint).range
        if max(nominal_low - low, high - nominal_high) <= ROUNDING:
            spec.joint(joint).range = [min(low, nominal_low), max(high, nominal_high)]


def mirror_left_trunk_muscle(spec: mujoco.MjSpec) -> None:
    """Put the left LTpT_T12 on the left: its points lie on the right side in myo-sim 0.2.4.

    Without it, lengths differ by up to 39 mm and moment arms by up to 54 mm between mirrored
    poses. Points already on the left (z < 0, body frame) stay, so that a repaired myo-sim is
    left alone.
    """
    for site in spec.sites:
        if _UNMIRRORED.match(site.name) and site.pos[2] > 0:
            site.pos = site.pos * np.array([1.0, 1.0, -1.0])


def lighten_phantoms(spec: mujoco.MjSpec) -> list[str]:
    """Take the inertia of four arms off each shoulder; returns the bodies concerned.

    The shoulder's joints lie in a chain of helper bodies. In myo-sim 0.2.4 each of the eight weighs
    1 g and has a moment of inertia of 1 kg m², three times a whole arm's. Swinging the arms as in
    walking then takes up to 86 N m about the shoulder and 113 N m about the lumbar spine, 1 and 7
    N m without (inverse dynamics of a recorded walk, docs/muscles.md): no muscle does it, and the
    trunk is thrown round. Lighter bodies are left as they are.

    Args:
        spec: changed in place.
    """
    lightened: list[str] = []
    for body in spec.bodies:
        if _PHANTOM.search(body.name) and max(body.inertia) > PHANTOM_INERTIA:
            body.inertia = np.full(3, PHANTOM_INERTIA)
            lightened.append(body.name)
    return lightened


def unify_muscle_parameters(spec: mujoco.MjSpec) -> None:
    """Give each muscle's passive force the fibre and strength of its active force.

    In myo-sim 0.2.4 the passive curve of SUPSP still has an older strength (497 against 339 N)
    and fibre range than its active curve; all other muscles have one set of parameters.
    """
    for actuator in spec.actuators:
        actuator.biasprm = actuator.gainprm


def repair_wraps(spec: mujoco.MjSpec) -> list[WrapRepair]:
    """Apply every entry of `WRAP_REPAIRS` that the model has, and return those.

    MuJoCo cannot edit a path in place, so the tendons concerned are written anew, and come last
    in the tendon order; the order of muscles does not change.
    """
    applied: list[WrapRepair] = []
    for repair in WRAP_REPAIRS:
        for actuator in list(spec.actuators):
            tendon = spec.tendon(actuator.target)
            if _SIDE.sub("", actuator.name) == repair.muscle and _passes(tendon, repair.surface):
                _rewrite(spec, tendon, repair)
                applied.append(repair)
    return applied


def _passes(tendon: mujoco.MjsTendon, surface: str) -> bool:
    return any(_is_surface(step, surface) for step in tendon.path)


def _is_surface(step: mujoco.MjsWrap, surface: str) -> bool:
    site = int(step.type) == int(mujoco.mjtWrap.mjWRAP_SITE)
    # `back_cylinder_l` is a name of its own, not the left one of a pair.
    return not site and surface in (step.target.name, _SIDE.sub("", step.target.name))


def _rewrite(spec: mujoco.MjSpec, tendon: mujoco.MjsTendon, repair: WrapRepair) -> None:
    """Replace a tendon by one that differs only in the repaired surface."""
    steps: list[tuple[str, str, str]] = []
    for step in tendon.path:
        if int(step.type) == int(mujoco.mjtWrap.mjWRAP_SITE):
            steps.append(("site", step.target.name, ""))
            continue
        # The bindings return None for a step without a side site, which their types leave out.
        side = "" if step.sidesite is None else step.sidesite.name  # pyright: ignore[reportUnnecessaryComparison]
        if not _is_surface(step, repair.surface):
            steps.append(("geom", step.target.name, side))
        elif repair.action == "shortest path":
            steps.append(("geom", step.target.name, ""))
    name = tendon.name
    properties = {field: getattr(tendon, field) for field in _COPIED}
    spec.delete(tendon)
    fresh = spec.add_tendon(name=name, **properties)
    for kind, target, side in steps:
        if kind == "site":
            fresh.wrap_site(target)
        else:
            fresh.wrap_geom(target, side)
