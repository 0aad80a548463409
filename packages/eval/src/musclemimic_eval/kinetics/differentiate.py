"""Velocities and accelerations of a motion."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MusculoModel
from scipy.interpolate import CubicSpline

from musclemimic_eval.signals import low_pass

# Pezzack, Norman & Winter 1977 (J Biomech 10:377): accelerations need displacements low-passed;
# 6 Hz is the usual cut-off for walking (Winter 2009, ch. 3.4.4).
CUTOFF_HZ = 6.0


@dataclass(frozen=True)
class DifferentiatedMotion:
    """A motion with its derivatives. Read-only arrays.

    Attributes:
        time: (T,) s.
        qpos: (T, nq) m and rad, root quaternion wxyz.
        qvel, qacc: (T, nv) in MuJoCo's convention: root linear in the world, angular in the body
            frame.
    """

    time: Float[np.ndarray, " T"]
    qpos: Float[np.ndarray, "T nq"]
    qvel: Float[np.ndarray, "T nv"]
    qacc: Float[np.ndarray, "T nv"]

    def __post_init__(self) -> None:
        """Validate and freeze.

        Raises:
            InputError: shapes that do not match, values that are not finite.
        """
        for name in ("time", "qpos", "qvel", "qacc"):
            value = np.array(getattr(self, name), dtype=np.float64)
            if len(value) != len(self.time) or not np.isfinite(value).all():
                raise InputError(
                    "motion",
                    name,
                    found=f"{len(value)} frames, {(~np.isfinite(value)).sum()} not finite",
                    expected=f"{len(self.time)} frames of numbers",
                )
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        if self.qvel.shape != self.qacc.shape:
            raise InputError(
                "motion", "qacc", found=f"shape {self.qacc.shape}", expected=f"{self.qvel.shape}"
            )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.time)


def differentiate(
    model: MusculoModel,
    qpos: Float[np.ndarray, "T nq"],
    *,
    dt: float,
    cutoff_hz: float | None = CUTOFF_HZ,
) -> DifferentiatedMotion:
    """Velocities and accelerations of poses on a uniform time grid.

    Poses are low-pass filtered (Butterworth, 4th order after running both ways, no lag), joint
    couplings are imposed again, and cubic splines through the result differentiated. The first
    and last two tenths of a second or so are less certain: filter and spline see only one side.

    Args:
        model: of the poses.
        qpos: m and rad, root quaternion wxyz.
        dt: s between frames.
        cutoff_hz: of the filter; None leaves the poses as they are (simulated, or filtered
            before).

    Raises:
        InputError: fewer than 4 frames, or values that are not finite.
    """
    if len(qpos) < 4 or not np.isfinite(qpos).all():
        raise InputError(
            "motion",
            "qpos",
            found=f"{len(qpos)} frames, {(~np.isfinite(qpos)).sum()} values not finite",
            expected="at least 4 frames of numbers",
        )
    time = dt * np.arange(len(qpos))
    smooth = qpos.copy()
    if model.has_free_root:
        smooth[:, 3:7] = continuous(smooth[:, 3:7])
    if cutoff_hz is not None:
        smooth = low_pass(smooth, rate=1.0 / dt, cutoff_hz=cutoff_hz)
        if model.has_free_root:
            smooth[:, 3:7] /= np.linalg.norm(smooth[:, 3:7], axis=1, keepdims=True)
        smooth = model.couplings.apply(smooth)
    spline = CubicSpline(time, smooth)
    first, second = np.asarray(spline(time, 1)), np.asarray(spline(time, 2))
    if not model.has_free_root:
        return DifferentiatedMotion(time, smooth, first, second)
    quaternion = smooth[:, 3:7]
    # ω = 2 Im(q* q̇) in the body frame; its derivative is 2 Im(q* q̈), as q̇* q̇ is real.
    turned = [2.0 * _body_frame(quaternion, rate[:, 3:7]) for rate in (first, second)]
    qvel, qacc = (
        np.concatenate([rate[:, :3], angular, rate[:, 7:]], axis=1)
        for rate, angular in zip((first, second), turned, strict=True)
    )
    return DifferentiatedMotion(time, smooth, qvel, qacc)


def continuous(quaternions: Float[np.ndarray, "T 4"]) -> Float[np.ndarray, "T 4"]:
    """The same rotations with signs chosen so that neighbours are close."""
    dots = np.sum(quaternions[1:] * quaternions[:-1], axis=1)
    signs = np.cumprod(np.where(dots < 0, -1.0, 1.0))
    return quaternions * np.concatenate([[1.0], signs])[:, None]


def _body_frame(
    quaternion: Float[np.ndarray, "T 4"], rate: Float[np.ndarray, "T 4"]
) -> Float[np.ndarray, "T 3"]:
    """Imaginary part of conj(quaternion) · rate."""
    w, v = quaternion[:, :1], quaternion[:, 1:]
    a, u = rate[:, :1], rate[:, 1:]
    return w * u - a * v - np.cross(v, u)
