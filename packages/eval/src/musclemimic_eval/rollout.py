"""`Rollout`: one simulated episode and its .npz file."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import InputError, MotionClip
from musclemimic_models.files import read_npz, write_npz

SCHEMA_VERSION = 1
KIND = "musclemimic rollout"
UNIT_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Rollout:
    """What one episode did, one sample after every control step. Arrays are read-only float64.

    Sample t is the state after step t, the excitation and reward of that step, and the frame of
    the reference clip it is compared with. The start itself (which is the reference) is not a
    sample. An episode whose physics diverged ends before the first non-finite state, so T may
    be 0.

    Attributes:
        time: (T,) s since the episode's start.
        qpos: (T, nq) m and rad, root quaternion wxyz. qvel: (T, nv).
        excitation, activation: (T, nu) in [0, 1].
        muscle_force: (T, nu) N, negative for pulling (MuJoCo's sign).
        muscle_length: (T, nu) muscle-tendon length, m.
        ground_reaction: (T, 2, 3) force on the left and right foot, N, world frame.
        centre_of_pressure: (T, 2, 3) m, world frame; NaN without contact.
        site_pos: (T, S, 3) mimic sites, m, world. site_quat: (T, S, 4) wxyz, world.
        reward: (T,).
        reference_frame: (T,) frame of the clip that each sample is compared with.
        start_frame: the clip's frame the episode started from.
        reference_offset: (3,) m, what was added to the clip's positions to place it in the
            rollout's world (episodes start above the origin).
        terminated: whether it ended because the body lost the reference (or diverged).
        reference_clip: name of the clip.
        site_names: (S) the reference site first.
        model_name, model_sha256: the body.
    """

    time: Float[np.ndarray, " T"]
    qpos: Float[np.ndarray, "T nq"]
    qvel: Float[np.ndarray, "T nv"]
    excitation: Float[np.ndarray, "T nu"]
    activation: Float[np.ndarray, "T nu"]
    muscle_force: Float[np.ndarray, "T nu"]
    muscle_length: Float[np.ndarray, "T nu"]
    ground_reaction: Float[np.ndarray, "T 2 3"]
    centre_of_pressure: Float[np.ndarray, "T 2 3"]
    site_pos: Float[np.ndarray, "T S 3"]
    site_quat: Float[np.ndarray, "T S 4"]
    reward: Float[np.ndarray, " T"]
    reference_frame: Int[np.ndarray, " T"]
    reference_offset: Float[np.ndarray, "3"]
    start_frame: int
    terminated: bool
    reference_clip: str
    site_names: tuple[str, ...]
    model_name: str
    model_sha256: str

    def __post_init__(self) -> None:
        """Validate, convert to the types on disk and make arrays read-only.

        Raises:
            InputError: a wrong shape or value; NaN anywhere but in the centre of pressure.
        """
        source = f"Rollout of {self.reference_clip}"
        for name, shape in _shapes(self).items():
            object.__setattr__(self, name, _checked(source, name, getattr(self, name), shape))
        _check_values(self, source)

    def __len__(self) -> int:
        """Number of samples (control steps)."""
        return len(self.time)

    @property
    def has_free_root(self) -> bool:
        """Whether the body floats: its root then takes 7 columns of qpos and 6 of qvel."""
        return self.qpos.shape[1] != self.qvel.shape[1]

    def first(self, samples: int) -> "Rollout":
        """The episode as if it had been stopped after some samples."""
        over_time = {name for name in _ARRAY_FIELDS if name != "reference_offset"}
        return replace(self, **{name: getattr(self, name)[:samples] for name in over_time})

    def save(self, path: Path | str) -> None:
        """Write the rollout as .npz, atomically."""
        header = {"kind": KIND, "schema_version": SCHEMA_VERSION}
        header |= {name: getattr(self, name) for name in _HEADER_FIELDS}
        arrays: dict[str, np.ndarray] = {name: getattr(self, name) for name in _ARRAY_FIELDS}
        write_npz(Path(path), {"header": np.array(json.dumps(header)), **arrays})

    @classmethod
    def load(cls, path: Path | str) -> "Rollout":
        """Read and validate a rollout.

        Raises:
            InputError: the file is missing, truncated, of another kind or schema, or invalid.
        """
        arrays = read_npz(Path(path))
        header = _read_header(path, arrays)
        missing = [name for name in _ARRAY_FIELDS if name not in arrays]
        if missing:
            raise InputError(path, missing[0], found="nothing", expected="an array of the rollout")
        try:
            return cls(
                **{name: arrays[name] for name in _ARRAY_FIELDS},  # pyright: ignore[reportArgumentType]
                **header,  # pyright: ignore[reportArgumentType]
            )
        except InputError as error:
            raise InputError(
                path, error.field, found=error.found, expected=error.expected
            ) from error

    def require_clip(self, clip: MotionClip) -> None:
        """Check that `clip` can be this rollout's reference.

        Raises:
            InputError: it was made for another model, or is too short for the frames named here.
        """
        source = f"clip {self.reference_clip}"
        if clip.model_sha256 != self.model_sha256:
            raise InputError(
                source,
                "model_sha256",
                found=f"{clip.model_name} ({clip.model_sha256[:12]})",
                expected=f"{self.model_name} ({self.model_sha256[:12]})",
            )
        last = int(self.reference_frame.max(initial=self.start_frame))
        if last >= len(clip):
            raise InputError(
                source, "frames", found=len(clip), expected=f"more than {last} (the rollout's last)"
            )


_ARRAY_FIELDS = (
    "time",
    "qpos",
    "qvel",
    "excitation",
    "activation",
    "muscle_force",
    "muscle_length",
    "ground_reaction",
    "centre_of_pressure",
    "site_pos",
    "site_quat",
    "reward",
    "reference_frame",
    "reference_offset",
)
# Name and type of what the header holds.
_HEADER_FIELDS: dict[str, type] = {
    "start_frame": int,
    "terminated": bool,
    "reference_clip": str,
    "site_names": list,
    "model_name": str,
    "model_sha256": str,
}


def _shapes(rollout: Rollout) -> dict[str, tuple[int | None, ...]]:
    samples, sites = np.shape(rollout.time)[:1], len(rollout.site_names)
    muscles = np.shape(rollout.excitation)[1:2]
    shapes: dict[str, tuple[int | None, ...]] = {
        "time": (None,),
        "qpos": (*samples, None),
        "qvel": (*samples, None),
        "excitation": (*samples, None),
        "ground_reaction": (*samples, 2, 3),
        "centre_of_pressure": (*samples, 2, 3),
        "site_pos": (*samples, sites, 3),
        "site_quat": (*samples, sites, 4),
        "reward": samples,
        "reference_frame": samples,
        "reference_offset": (3,),
    }
    per_muscle = ("activation", "muscle_force", "muscle_length")
    return shapes | dict.fromkeys(per_muscle, (*samples, *muscles))


def _checked(source: str, name: str, value: object, shape: tuple[int | None, ...]) -> np.ndarray:
    """The value as a read-only array of the wanted shape, finite unless it may be NaN."""
    array = np.asarray(value)
    if array.ndim != len(shape) or any(
        want not in (None, have) for want, have in zip(shape, array.shape, strict=True)
    ):
        raise InputError(source, name, found=f"shape {array.shape}", expected=f"shape {shape}")
    if array.dtype.kind not in "fiu":
        raise InputError(source, name, found=f"type {array.dtype}", expected="numbers")
    good = ~np.isinf(array) if name == "centre_of_pressure" else np.isfinite(array)
    if not good.all():
        raise InputError(source, name, found=f"{(~good).sum()} non-finite", expected="numbers")
    if name == "reference_frame" and array.dtype.kind == "f" and (array != array.round()).any():
        raise InputError(source, name, found="fractions", expected="whole frames")
    array = np.array(array, dtype=np.int64 if name == "reference_frame" else np.float64, order="C")
    array.flags.writeable = False
    return array


def _check_values(rollout: Rollout, source: str) -> None:
    if (np.diff(rollout.time) <= 0).any():
        raise InputError(source, "time", found="a step back", expected="increasing seconds")
    if rollout.qpos.shape[1] - rollout.qvel.shape[1] not in (0, 1):
        raise InputError(
            source,
            "qvel",
            found=f"{rollout.qvel.shape[1]} columns",
            expected=f"as many as qpos ({rollout.qpos.shape[1]}) or one less (free root)",
        )
    if rollout.start_frame < 0 or (rollout.reference_frame < 0).any():
        raise InputError(source, "reference_frame", found="negative", expected="frames from 0")
    quaternions = [rollout.site_quat.reshape(-1, 4)]
    if rollout.has_free_root:
        quaternions.append(rollout.qpos[:, 3:7])
    error = max(float(np.abs(np.linalg.norm(q, axis=1) - 1).max(initial=0)) for q in quaternions)
    if error > UNIT_TOLERANCE:
        raise InputError(
            source, "quaternion", found=f"norm off by {error:.2g}", expected="unit norm"
        )


def _read_header(path: Path | str, arrays: dict[str, np.ndarray]) -> dict[str, object]:
    """The fields of the header, each of the right type."""
    try:
        header = json.loads(str(arrays["header"]))
        kind = header["kind"]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError(path, "header", found="none", expected="a Rollout .npz") from error
    if kind != KIND:
        raise InputError(path, "kind", found=repr(kind), expected=repr(KIND))
    version = header.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(
            path,
            "schema_version",
            found=version,
            expected=f"{SCHEMA_VERSION} (written by another release?)",
        )
    for name, kind in _HEADER_FIELDS.items():
        if type(header.get(name)) is not kind:
            raise InputError(path, name, found=repr(header.get(name)), expected=kind.__name__)
    fields: dict[str, object] = {name: header[name] for name in _HEADER_FIELDS}
    return fields | {"site_names": tuple(str(site) for site in header["site_names"])}
