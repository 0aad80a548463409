"""From myo-sim's composed model to ours: facing, fingers, mimic sites, simulation variant."""

import mujoco
import myo_sim
import numpy as np

from musclemimic_models.corrections import (
    lighten_phantoms,
    mirror_left_trunk_muscle,
    repair_wraps,
    unify_muscle_parameters,
    widen_coupled_ranges,
)
from musclemimic_models.errors import InputError
from musclemimic_models.pins import require_supported_physics
from musclemimic_models.quiet import quiet_mujoco
from musclemimic_models.registry import (
    FINGER_JOINTS,
    FINGER_MUSCLES,
    Embodiment,
    MimicSite,
    find_embodiment,
)

MIMIC_PREFIX = "mimic_"
SITE_SENSORS = {
    "pos": mujoco.mjtSensor.mjSENS_FRAMEPOS,
    "quat": mujoco.mjtSensor.mjSENS_FRAMEQUAT,
    "linvel": mujoco.mjtSensor.mjSENS_FRAMELINVEL,
    "angvel": mujoco.mjtSensor.mjSENS_FRAMEANGVEL,
}
# myo-sim's bodies face -y; motions here walk along +x (design convention), so turn the root.
_FACING_X = (np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))
_ROOT_BODY = "Full Body"
_WRAP_GEOMS = (mujoco.mjtWrap.mjWRAP_SPHERE, mujoco.mjtWrap.mjWRAP_CYLINDER)


def load_spec(
    name: str, *, fingers: bool = True, visual: bool = True, repaired: bool = True
) -> mujoco.MjSpec:
    """The uncompiled specification of a model, free to edit before compiling.

    Args:
        name: a model name or alias, in any case.
        fingers: keep the finger joints and the muscles that only move fingers.
        visual: keep meshes for drawing. Without them (the simulation variant) forces and
            motion are the same and a step is cheaper: visual geoms and sites that nothing
            refers to are gone, and the bodies' inertias stand explicitly.
        repaired: with the repairs of `corrections`; False gives myo-sim's own, for study.

    Returns:
        The spec, with one site `mimic_<name>` per mimic site and the sensors
        `mimic_<name>_{pos,quat,linvel,angvel}` in the world frame.

    Raises:
        InputError: unknown name, an unsupported MuJoCo, or a myo-sim release that lacks a part
            this builds on.
    """
    entry = find_embodiment(name)
    require_supported_physics()
    with quiet_mujoco():
        spec = myo_sim.load_spec(entry.myo_sim_name)
        spec.body(_ROOT_BODY).quat = _FACING_X
        if not fingers:
            _remove_fingers(spec)
        if repaired:
            mirror_left_trunk_muscle(spec)
            repair_wraps(spec)
            unify_muscle_parameters(spec)
            lighten_phantoms(spec)
        model = compile_spec(spec)
        widen_coupled_ranges(spec, model)
        _add_mimic_sites(spec, model, entry)
        if not visual:
            _freeze_inertias(spec, model)
            _remove_visuals(spec)
    return spec


def compile_spec(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compile without the harmless warnings about attached fragments."""
    with quiet_mujoco():
        return spec.compile()


def _remove_fingers(spec: mujoco.MjSpec) -> None:
    for joint in list(spec.joints):
        if FINGER_JOINTS.match(joint.name):
            spec.delete(joint)
    for actuator in list(spec.actuators):
        if FINGER_MUSCLES.match(actuator.name):
            tendon = spec.tendon(actuator.target)
            spec.delete(actuator)
            spec.delete(tendon)


def _freeze_inertias(spec: mujoco.MjSpec, model: mujoco.MjModel) -> None:
    """Write the compiled inertias into the bodies, so that meshes can go without a trace."""
    for body in spec.bodies:
        if body.name == "world":
            continue
        compiled = model.body(body.name)
        body.explicitinertial = True
        body.mass = float(compiled.mass[0])
        body.ipos = compiled.ipos
        body.iquat = compiled.iquat
        body.inertia = compiled.inertia
        body.fullinertia = [np.nan] * 6


def _site_position(model: mujoco.MjModel, site: MimicSite) -> list[float]:
    """Position of a mimic site in its body frame at qpos0, m."""
    if site.joint_centre_of is None:
        return list(site.offset)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    body, centre = (model.body(part).id for part in (site.body, site.joint_centre_of))
    to_centre = data.xpos[centre] - data.xpos[body]
    position: np.ndarray = data.xmat[body].reshape(3, 3).T @ to_centre + site.offset
    return position.tolist()


def _add_mimic_sites(spec: mujoco.MjSpec, model: mujoco.MjModel, entry: Embodiment) -> None:
    bodies = {body.name: body for body in spec.bodies}
    for name, site in entry.mimic_sites.items():
        if site.body not in bodies:
            raise InputError(
                f"myo-sim {entry.myo_sim_name}",
                "body",
                found=f"no {site.body!r}",
                expected="the body that carries a mimic site",
            )
        bodies[site.body].add_site(
            name=MIMIC_PREFIX + name, pos=_site_position(model, site), size=[0.01] * 3
        )
        for suffix, kind in SITE_SENSORS.items():
            spec.add_sensor(
                name=f"{MIMIC_PREFIX}{name}_{suffix}",
                type=kind,
                objtype=mujoco.mjtObj.mjOBJ_SITE,
                objname=MIMIC_PREFIX + name,
            )
    spec.add_sensor(
        name="com",
        type=mujoco.mjtSensor.mjSENS_SUBTREECOM,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        objname=_ROOT_BODY,
    )


def _remove_visuals(spec: mujoco.MjSpec) -> None:
    """Drop what neither collides nor carries a tendon, and the sensors of single bodies."""
    for sensor in list(spec.sensors):
        ours = sensor.name.startswith(MIMIC_PREFIX) or sensor.name == "com"
        if not ours and sensor.type != mujoco.mjtSensor.mjSENS_TOUCH:
            spec.delete(sensor)
    steps = [step for tendon in spec.tendons for step in tendon.path]
    kept_sites = {
        *(step.target.name for step in steps if step.type == mujoco.mjtWrap.mjWRAP_SITE),
        # The bindings return None for a step without a side site, which their types leave out.
        *(step.sidesite.name for step in steps if step.sidesite is not None),  # pyright: ignore[reportUnnecessaryComparison]
        *(sensor.objname for sensor in spec.sensors if sensor.objtype == mujoco.mjtObj.mjOBJ_SITE),
    }
    wrapping = {step.target.name for step in steps if step.type in _WRAP_GEOMS}
    paired = {name for pair in spec.pairs for name in (pair.geomname1, pair.geomname2)}
    for site in list(spec.sites):
        if site.name not in kept_sites:
            spec.delete(site)
    for geom in list(spec.geoms):
        collides = bool(geom.contype or geom.conaffinity) or geom.name in paired
        if not collides and geom.name not in wrapping:
            spec.delete(geom)
        else:
            geom.material = ""
    for site in spec.sites:
        site.material = ""
    for tendon in spec.tendons:
        tendon.material = ""
    for kind in (spec.meshes, spec.textures, spec.materials):
        for asset in list(kind):
            spec.delete(asset)
