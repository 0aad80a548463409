"""`MotionClip`: a retargeted motion a muscle body can perform, and its .npz file."""

import dataclasses
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from musclemimic_models.errors import InputError
from musclemimic_models.files import read_npz, write_npz
from musclemimic_models.musculo import MusculoModel

SCHEMA_VERSION = 1
FREE_ROOT_QPOS, FREE_ROOT_QVEL = 7, 6


class FrameStatus(enum.IntEnum):
    """How each frame came out of retargeting."""

    OK = 0
    NOT_CONVERGED = 1
    GAP_FILLED = 2


@runtime_checkable
class Identified(Protocol):
    """A model as a clip knows it."""

    @property
    def label(self) -> str:
        """Name, for messages."""
        ...

    @property
    def content_sha256(self) -> str:
        """Equal for equal models."""
        ...


@dataclass(frozen=True)
class ClipProvenance:
    """Where a clip comes from.

    Attributes:
        source: file name (without its folder) or generator of the human motion.
        dataset, subject, licence: of the human motion; "unknown" where the file does not say.
        method: the retargeter.
        version: version of the package that wrote the clip.
        human_to_model_scale: factor from human to model lengths (model leg / human leg); divide
            translations by it to get back to the human's walking speed.
    """

    source: str
    dataset: str = "unknown"
    subject: str = "unknown"
    licence: str = "unknown"
    method: str = "unknown"
    version: str = "unknown"
    human_to_model_scale: float = 1.0


@dataclass(frozen=True)
class MotionClip:
    """A motion of one model on a uniform time grid. Arrays are read-only.

    Attributes:
        qpos: (T, nq) MuJoCo positions, m and rad, root quaternion wxyz.
        qvel: (T, nv) velocities, root linear in world and angular in body frame.
        dt: seconds between frames.
        joint_names: the model's joints in order.
        site_names: (S) mimic sites, the reference site first.
        site_pos: (T, S, 3) m, world. site_quat: (T, S, 4) wxyz, world.
        site_linvel, site_angvel: (T, S, 3) m/s and rad/s, world frame.
        foot_contact: (T, 2) left, right.
        frame_status: (T,) `FrameStatus` values.
        model_name: the model's label, for messages.
        model_sha256: content hash of the model the clip was made for.
        provenance: where it comes from.
    """

    qpos: Float[np.ndarray, "T nq"]
    qvel: Float[np.ndarray, "T nv"]
    dt: float
    joint_names: tuple[str, ...]
    site_names: tuple[str, ...]
    site_pos: Float[np.ndarray, "T S 3"]
    site_quat: Float[np.ndarray, "T S 4"]
    site_linvel: Float[np.ndarray, "T S 3"]
    site_angvel: Float[np.ndarray, "T S 3"]
    foot_contact: Bool[np.ndarray, "T 2"]
    frame_status: Int[np.ndarray, " T"]
    model_name: str
    model_sha256: str
    provenance: ClipProvenance

    def __post_init__(self) -> None:
        """Validate, convert to the types on disk and make arrays read-only.

        Raises:
            InputError: a wrong shape, a value that is not finite, a quaternion that is not unit.
        """
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise InputError("MotionClip", "dt", found=self.dt, expected="seconds > 0")
        arrays: dict[str, np.ndarray] = {name: getattr(self, name) for name in _ARRAY_FIELDS}
        counts = {"joints": len(self.joint_names), "sites": len(self.site_names)}
        _check_arrays("MotionClip", arrays, **counts)
        kinds = {"foot_contact": np.bool_, "frame_status": np.int8}
        for name, value in arrays.items():
            object.__setattr__(self, name, _frozen(value, kinds.get(name, np.float64)))

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.qpos)

    @property
    def duration(self) -> float:
        """Seconds from the first to the last frame."""
        return (len(self) - 1) * self.dt

    def save(self, path: Path | str) -> None:
        """Write the clip as .npz, atomically."""
        arrays: dict[str, np.ndarray] = {name: getattr(self, name) for name in _ARRAY_FIELDS}
        header = {
            "schema_version": SCHEMA_VERSION,
            "dt": self.dt,
            "joint_names": self.joint_names,
            "site_names": self.site_names,
            "model_name": self.model_name,
            "model_sha256": self.model_sha256,
            "provenance": dataclasses.asdict(self.provenance),
        }
        write_npz(Path(path), {"header": np.array(json.dumps(header)), **arrays})

    @classmethod
    def load(cls, path: Path | str) -> "MotionClip":
        """Read and validate a clip.

        Raises:
            InputError: the file is missing, truncated, of another kind or schema, or invalid.
        """
        arrays = read_npz(Path(path))
        header = _read_header(path, arrays)
        missing = [name for name in _ARRAY_FIELDS if name not in arrays]
        if missing:
            raise InputError(path, missing[0], found="nothing", expected="an array of the clip")
        try:
            joints, sites = _names(header["joint_names"]), _names(header["site_names"])
            _check_arrays(path, arrays, joints=len(joints), sites=len(sites))
            return cls(
                dt=float(str(header["dt"])),
                joint_names=joints,
                site_names=sites,
                model_name=str(header["model_name"]),
                model_sha256=str(header["model_sha256"]),
                provenance=ClipProvenance(**header["provenance"]),  # pyright: ignore[reportCallIssue]
                **{name: arrays[name] for name in _ARRAY_FIELDS},  # pyright: ignore[reportArgumentType]
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                path, "header", found=f"{error!r}", expected="the fields of a clip header"
            ) from error

    def require_model(self, model: Identified, source: object = "clip") -> None:
        """Raise InputError, naming both models, unless the clip was made for `model`."""
        if self.model_sha256 != model.content_sha256:
            raise InputError(
                source,
                "model_sha256",
                found=f"{self.model_name} ({self.model_sha256[:12]})",
                expected=f"{model.label} ({model.content_sha256[:12]})",
            )

    def for_model(self, model: MusculoModel) -> "MotionClip":
        """The clip on a model with fewer joints (for instance without fingers), by joint name.

        Raises:
            InputError: the clip lacks a joint or a mimic site of the model.
        """
        for have, need, kind in (
            (self.joint_names, model.joint_names, "joint"),
            (self.site_names, tuple(model.mimic_sites), "site"),
        ):
            missing = [name for name in need if name not in have]
            if missing:
                raise InputError(
                    f"clip of {self.model_name}",
                    kind,
                    found=f"no {missing[0]!r}",
                    expected=f"every {kind} of {model.label}",
                )
        joints = [self.joint_names.index(name) for name in model.joint_names]
        sites = [self.site_names.index(name) for name in model.mimic_sites]
        root = self.qpos.shape[1] - len(self.joint_names)
        columns_q = _columns(joints, FREE_ROOT_QPOS if root else 1)
        columns_v = _columns(joints, FREE_ROOT_QVEL if root else 1)
        return dataclasses.replace(
            self,
            qpos=self.qpos[:, columns_q],
            qvel=self.qvel[:, columns_v],
            joint_names=model.joint_names,
            site_names=tuple(model.mimic_sites),
            site_pos=self.site_pos[:, sites],
            site_quat=self.site_quat[:, sites],
            site_linvel=self.site_linvel[:, sites],
            site_angvel=self.site_angvel[:, sites],
            model_name=model.label,
            model_sha256=model.content_sha256,
        )


_ARRAY_FIELDS = (
    "qpos",
    "qvel",
    "site_pos",
    "site_quat",
    "site_linvel",
    "site_angvel",
    "foot_contact",
    "frame_status",
)


def _columns(joints: list[int], root_width: int) -> list[int]:
    """Columns of qpos (or qvel) of the given joints when joint 0 takes `root_width` columns."""
    columns: list[int] = []
    for joint in joints:
        columns += range(root_width) if joint == 0 else [joint + root_width - 1]
    return columns


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list of names")
    items: list[object] = value  # pyright: ignore[reportUnknownVariableType]
    return tuple(str(item) for item in items)


def _read_header(path: Path | str, arrays: dict[str, np.ndarray]) -> dict[str, object]:
    if "header" not in arrays:
        raise InputError(path, "header", found="nothing", expected="a MotionClip .npz")
    try:
        header: dict[str, object] = json.loads(str(arrays["header"]))
    except json.JSONDecodeError as error:
        raise InputError(
            path, "header", found=f"text that is not JSON ({error})", expected="JSON"
        ) from error
    if header.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            path,
            "schema_version",
            found=header.get("schema_version"),
            expected=f"{SCHEMA_VERSION} (written by another release?)",
        )
    return header


def _frozen(value: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    """A read-only copy; the array itself if it is one that nobody can write to already."""
    if value.dtype == dtype and not value.flags.writeable and value.base is None:
        return value
    copy = np.array(value, dtype=dtype)
    copy.flags.writeable = False
    return copy


def _check_arrays(
    source: object, arrays: Mapping[str, np.ndarray], *, joints: int, sites: int
) -> None:
    """Shapes, types and values of a clip's arrays; see MotionClip for the errors."""
    frames = len(arrays["qpos"])
    shapes: dict[str, tuple[int | None, ...]] = {
        "qpos": (frames, None),
        "qvel": (frames, None),
        "site_pos": (frames, sites, 3),
        "site_quat": (frames, sites, 4),
        "site_linvel": (frames, sites, 3),
        "site_angvel": (frames, sites, 3),
        "foot_contact": (frames, 2),
        "frame_status": (frames,),
    }
    if frames < 2:
        raise InputError(source, "qpos", found=f"{frames} frames", expected="at least 2")
    for name, shape in shapes.items():
        value = arrays[name]
        if value.ndim != len(shape) or any(
            want not in (None, have) for want, have in zip(shape, value.shape, strict=True)
        ):
            raise InputError(source, name, found=f"shape {value.shape}", expected=f"shape {shape}")
        if value.dtype.kind not in "biuf":
            raise InputError(source, name, found=f"type {value.dtype}", expected="numbers")
        bad = int((~np.isfinite(value)).sum())
        if bad:
            raise InputError(source, name, found=f"{bad} non-finite values", expected="numbers")
    columns = arrays["qpos"].shape[1]
    free_root = columns != joints
    if columns not in (joints, joints + FREE_ROOT_QPOS - 1):
        raise InputError(
            source, "qpos", found=f"{columns} columns", expected=f"those of {joints} joints"
        )
    if arrays["qvel"].shape[1] != columns - free_root:
        found = f"{arrays['qvel'].shape[1]} columns"
        raise InputError(source, "qvel", found=found, expected=f"{columns - free_root}")
    _check_unit(source, "site_quat", arrays["site_quat"].reshape(-1, 4))
    if free_root:
        _check_unit(source, "qpos", arrays["qpos"][:, 3:FREE_ROOT_QPOS])


def _check_unit(source: object, field: str, quaternions: Float[np.ndarray, "n 4"]) -> None:
    error = float(np.abs(np.linalg.norm(quaternions, axis=1) - 1).max())
    if error > 1e-6:
        found = f"a quaternion with norm off by {error:.2g}"
        raise InputError(source, field, found=found, expected="unit norm")
