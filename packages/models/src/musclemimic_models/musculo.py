"""`MusculoModel`: a compiled body with the tables every other package reads."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType

import mujoco
import numpy as np
from jaxtyping import Float, Int

from musclemimic_models.build import compile_spec, load_spec
from musclemimic_models.cache import cached
from musclemimic_models.couplings import Couplings, find_couplings
from musclemimic_models.mirror import mirror_map, mirror_signs
from musclemimic_models.muscles import MuscleTable, muscle_table
from musclemimic_models.pins import require_supported_physics
from musclemimic_models.registry import find_embodiment


@dataclass(frozen=True)
class MusculoModel:
    """A body, ready for inverse kinematics, simulation and analysis. Shared: do not modify.

    Attributes:
        name: "MyoFullBody" or "BimanualMuscle".
        fingers: whether finger joints and muscles are there.
        mj_model: the compiled simulation variant (no visual geometry; same physics).
        joint_names: in MuJoCo's joint order, the free root (if any) first.
        muscle_names: in actuator order.
        mimic_sites: site name to body name; the first is the reference (pelvis or upper body).
        mirror_muscle: (nu,) index of the opposite muscle.
        mirror_joint, mirror_joint_sign: (njnt,) index and sign of the opposite joint.
        couplings: the joint equalities in explicit form.
        muscles: strength, lengths and time constants.
        content_sha256: of everything that shapes motion; equal for equal physics.
        provenance: packages, versions and publications.
    """

    name: str
    fingers: bool
    mj_model: mujoco.MjModel
    joint_names: tuple[str, ...]
    muscle_names: tuple[str, ...]
    mimic_sites: Mapping[str, str]
    mirror_muscle: Int[np.ndarray, " nu"]
    mirror_joint: Int[np.ndarray, " njnt"]
    mirror_joint_sign: Float[np.ndarray, " njnt"]
    couplings: Couplings
    muscles: MuscleTable
    content_sha256: str
    provenance: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name with the fingers switch spelt out, for messages."""
        return f"{self.name} {'with' if self.fingers else 'without'} fingers"

    @property
    def has_free_root(self) -> bool:
        """Whether the body floats (qpos begins with position and quaternion)."""
        return bool(self.mj_model.jnt_type[0] == int(mujoco.mjtJoint.mjJNT_FREE))


def load_model(name: str, *, fingers: bool = True, visual: bool = True) -> mujoco.MjModel:
    """A compiled model by name, from the cache if it is there: the caller's own, free to change.

    See `load_spec` for the arguments and errors, `cache` for where compiled models are kept.
    """
    entry = find_embodiment(name)
    require_supported_physics()
    return cached(
        variant_label(entry.name, fingers=fingers, visual=visual),
        lambda: compile_spec(load_spec(name, fingers=fingers, visual=visual)),
    )


def variant_label(name: str, *, fingers: bool, visual: bool) -> str:
    """File name stem of a variant of a model."""
    return name + ("-fingers" if fingers else "") + ("-visual" if visual else "")


def load(
    name: str, *, fingers: bool = True, visual: bool = True
) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """A compiled model and its data. See `load_spec` for the arguments and errors."""
    model = load_model(name, fingers=fingers, visual=visual)
    return model, mujoco.MjData(model)


def get_musculo_model(name: str, *, fingers: bool = True) -> MusculoModel:
    """The model with its tables; built once per process.

    Raises:
        InputError: no such model; the message lists the valid names.
    """
    return _build(find_embodiment(name).name, fingers)


@functools.cache
def _build(name: str, fingers: bool) -> MusculoModel:
    entry = find_embodiment(name)
    model = load_model(name, fingers=fingers, visual=False)
    joint_names = tuple(model.joint(i).name for i in range(model.njnt))
    muscle_names = tuple(model.actuator(i).name for i in range(model.nu))
    mirror_joint = mirror_map(joint_names)
    return MusculoModel(
        name=entry.name,
        fingers=fingers,
        mj_model=model,
        joint_names=joint_names,
        muscle_names=muscle_names,
        mimic_sites=MappingProxyType({k: site.body for k, site in entry.mimic_sites.items()}),
        mirror_muscle=mirror_map(muscle_names),
        mirror_joint=mirror_joint,
        mirror_joint_sign=mirror_signs(model, mirror_joint),
        couplings=find_couplings(model),
        muscles=muscle_table(model),
        content_sha256=content_hash(model),
        provenance=(
            f"myo-sim {version('myo-sim')}",
            f"mujoco {mujoco.__version__}",
            *entry.sources,
        ),
    )


_HASHED_FIELDS = (
    *("qpos0", "body_parentid", "body_pos", "body_quat", "body_mass", "body_inertia"),
    *("body_ipos", "body_iquat", "jnt_type", "jnt_bodyid", "jnt_pos", "jnt_axis", "jnt_range"),
    *("jnt_stiffness", "dof_damping", "dof_armature", "eq_type", "eq_obj1id", "eq_obj2id"),
    *("eq_data", "actuator_gainprm", "actuator_biasprm", "actuator_dynprm", "actuator_trnid"),
    *("actuator_lengthrange", "tendon_num", "wrap_type"),
)


def content_hash(model: mujoco.MjModel) -> str:
    """sha256 over names, kinematics, inertias and muscle parameters, to 6 significant digits.

    Rounding makes the hash independent of the machine that compiled the model.
    """
    digest = hashlib.sha256()
    for count, accessor in ((model.njnt, model.joint), (model.nu, model.actuator)):
        digest.update("\n".join(accessor(i).name for i in range(count)).encode())
    digest.update("\n".join(model.body(i).name for i in range(model.nbody)).encode())
    for field in _HASHED_FIELDS:
        values = np.asarray(getattr(model, field), dtype=np.float64).ravel()
        digest.update(" ".join(f"{value:.6g}" for value in values + 0.0).encode())
    digest.update(" ".join(f"{value:.6g}" for value in _path_points(model) + 0.0).encode())
    return digest.hexdigest()


def _path_points(model: mujoco.MjModel) -> Float[np.ndarray, " n"]:
    """What muscle paths go through: positions of sites, positions and radii of surfaces, m.

    By content, since the simulation variant numbers its sites and geoms differently.
    """
    values: list[np.ndarray] = []
    sites = int(mujoco.mjtWrap.mjWRAP_SITE)
    surfaces = (int(mujoco.mjtWrap.mjWRAP_SPHERE), int(mujoco.mjtWrap.mjWRAP_CYLINDER))
    steps = zip(model.wrap_type, model.wrap_objid, model.wrap_prm, strict=True)
    for kind, index, side in steps:
        if kind == sites:
            values.append(model.site_pos[index])
        elif kind in surfaces:
            values += [model.geom_pos[index], model.geom_size[index, :1]]
            values.append(model.site_pos[int(side)] if side >= 0 else np.zeros(0))
    return np.concatenate(values)
