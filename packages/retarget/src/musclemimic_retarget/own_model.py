"""A user's own MJCF as a model to retarget to."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import mujoco
import numpy as np
from musclemimic_models import Couplings, InputError
from musclemimic_models.build import MIMIC_PREFIX
from musclemimic_models.couplings import find_couplings
from musclemimic_models.errors import unknown_name
from musclemimic_models.files import require_file

from musclemimic_retarget.calibration import SIDES

_LIMBS = ("shoulder", "elbow", "hand", "hip", "knee", "ankle", "toes")
FULL_BODY_SITES = (
    *("pelvis", "upper_body", "head"),
    *(f"{side}_{limb}" for side in SIDES for limb in _LIMBS),
)


@dataclass(frozen=True)
class OwnModel:
    """A jointed body from a user's file; satisfies `Articulated`.

    Attributes:
        label: name of the model.
        mj_model: compiled, with a site `mimic_<name>` per mimic site.
        joint_names: in MuJoCo's order.
        mimic_sites: site name to body name.
        couplings: its joint equalities.
        content_sha256: of the compiled model.
    """

    label: str
    mj_model: mujoco.MjModel
    joint_names: tuple[str, ...]
    mimic_sites: Mapping[str, str]
    couplings: Couplings
    content_sha256: str

    @property
    def has_free_root(self) -> bool:
        """Whether the body floats."""
        return bool(self.mj_model.jnt_type[0] == int(mujoco.mjtJoint.mjJNT_FREE))


def read_own_model(mjcf: Path | str, mapping: Path | str) -> OwnModel:
    """Read a humanoid and say which of its bodies imitate which human parts.

    Args:
        mjcf: MuJoCo XML. In its initial pose (qpos0) the figure stands upright, faces +x and has
            a floor plane at z = 0; its first joint is free.
        mapping: TOML with one table a site: `[pelvis]`, `body = "…"`, `offset = [x, y, z]` (m,
            in the body's frame; optional). All of `FULL_BODY_SITES` are needed.

    Raises:
        InputError: unreadable files, a missing or unknown site, a body that is not there, or a
            model without free root or floor, or with ball joints.
    """
    mjcf, mapping = Path(mjcf), Path(mapping)
    table = _read_mapping(mapping)
    require_file(mjcf)
    try:
        spec = mujoco.MjSpec.from_file(str(mjcf))
        bodies = {body.name: body for body in spec.bodies}
        for site, (body, offset) in table.items():
            if body not in bodies:
                raise unknown_name(mapping, f"{site}.body", body, sorted(bodies))
            bodies[body].add_site(name=MIMIC_PREFIX + site, pos=list(offset))
        model = spec.compile()
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).splitlines()[0]
        raise InputError(mjcf, "XML", found=reason, expected="a MuJoCo model") from error
    if not model.njnt or model.jnt_type[0] != int(mujoco.mjtJoint.mjJNT_FREE):
        raise InputError(mjcf, "first joint", found="not a free joint", expected="a free joint")
    turning = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
    for joint in np.flatnonzero(~np.isin(model.jnt_type[1:], turning)) + 1:
        field = f"joint {model.joint(int(joint)).name or int(joint)}"
        expected = "a hinge or slide (three hinges do what a ball does)"
        raise InputError(mjcf, field, found="a ball or free joint", expected=expected)
    if not (model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)).any():
        raise InputError(mjcf, "floor", found="no plane geom", expected="a floor plane")
    names = tuple(model.joint(i).name for i in range(model.njnt))
    sites = {site: body for site, (body, _) in table.items()}
    return OwnModel(
        label=spec.modelname or mjcf.stem,
        mj_model=model,
        joint_names=names,
        mimic_sites=MappingProxyType(sites),
        couplings=find_couplings(model),
        content_sha256=_sha256(model, names, sites),
    )


def _read_mapping(path: Path) -> dict[str, tuple[str, tuple[float, float, float]]]:
    """Site name to (body, offset), in the order of `FULL_BODY_SITES`."""
    require_file(path)
    try:
        document: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(path, "TOML", found=str(error), expected="one table a site") from error
    for name in document:
        if name not in FULL_BODY_SITES:
            raise unknown_name(path, "site", name, list(FULL_BODY_SITES))
    missing = [name for name in FULL_BODY_SITES if name not in document]
    if missing:
        raise InputError(path, "sites", found=f"no {', '.join(missing)}", expected="all sites")
    return {name: _read_site(path, name, document[name]) for name in FULL_BODY_SITES}


def _read_site(path: Path, name: str, entry: object) -> tuple[str, tuple[float, float, float]]:
    expected = 'body = "…" and, if wanted, offset = [x, y, z] in m'
    if not isinstance(entry, dict):
        raise InputError(path, name, found=entry, expected=expected)
    fields: dict[str, object] = entry  # pyright: ignore[reportUnknownVariableType]
    body, offset = fields.get("body"), fields.get("offset", [0.0, 0.0, 0.0])
    if not isinstance(body, str) or set(fields) > {"body", "offset"}:
        raise InputError(path, name, found=fields, expected=expected)
    values: list[object] = list(offset) if isinstance(offset, list) else []  # pyright: ignore[reportUnknownArgumentType]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(values) != 3 or len(numbers) != 3:
        raise InputError(path, f"{name}.offset", found=str(fields), expected="[x, y, z] in m")
    return body, (numbers[0], numbers[1], numbers[2])


def _sha256(model: mujoco.MjModel, names: tuple[str, ...], sites: Mapping[str, str]) -> str:
    """Of names, kinematics and sites, to 6 digits, so that another compiler gives the same."""
    digest = hashlib.sha256("\n".join((*names, *sites, *sites.values())).encode())
    for field in ("qpos0", "body_parentid", "body_pos", "body_quat", "jnt_type", "jnt_pos"):
        values = np.asarray(getattr(model, field), dtype=np.float64).ravel()
        digest.update(" ".join(f"{value:.6g}" for value in values + 0.0).encode())
    for field in ("jnt_axis", "jnt_range", "site_pos", "eq_data"):
        values = np.asarray(getattr(model, field), dtype=np.float64).ravel()
        digest.update(" ".join(f"{value:.6g}" for value in values + 0.0).encode())
    return digest.hexdigest()
