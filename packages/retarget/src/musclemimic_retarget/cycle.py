"""One steady stride out of a walking or running clip, repeated without a seam.

A controller that is to walk for half a minute needs a reference as long, and laboratories record a
few strides. The strides of one foot are put on a common time base, turned to a common heading and
averaged; what start and end differ by is spread over the stride, and a Fourier series without the
fast harmonics makes it periodic (time normalisation and ensemble average: Winter 2009,
Biomechanics and Motor Control of Human Movement, ch. 2).
"""

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from musclemimic_models import FrameStatus, InputError, MotionClip
from scipy import ndimage
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, Slerp

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.clips import make_clip
from musclemimic_retarget.feasible import clip_to_feasible
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.motion import MotionSource
from musclemimic_retarget.rotations import continuous, rotation, wxyz
from musclemimic_retarget.survey import survey

# A stance or a swing shorter than this is a flicker of the contact, s.
_SHORTEST_PHASE_S = 0.12
_SHORTEST_STRIDE_M = 0.2
FREE_ROOT = 7


@dataclass(frozen=True)
class CycleConfig:
    """Which strides count and how smooth their mean is.

    Attributes:
        seconds: length of the result (rounded up to whole strides).
        duration_spread: strides whose duration differs by more than this share from the median are
            left out.
        length_spread: the same of their length.
        most_turn_rad: strides in which the heading changes by more are left out.
        cutoff_hz: harmonics above are dropped.
    """

    seconds: float = 30.0
    duration_spread: float = 0.08
    length_spread: float = 0.12
    most_turn_rad: float = 0.2
    cutoff_hz: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what gives no cycle.

        Raises:
            InputError: naming the field.
        """
        for name, value in dataclasses.asdict(self).items():
            if not 0 < value < np.inf:
                raise InputError("CycleConfig", name, found=value, expected="> 0")


@dataclass(frozen=True)
class CycleReport:
    """What the repeated stride was made of.

    Attributes:
        strides, left_out: number averaged, and number of strides found but not steady.
        stride_s, stride_m: of the result; the length in the model's metres.
        spread_rad: standard deviation between the strides, RMS over time and joints.
        seam_rad: largest difference of a joint between start and end of the mean stride, before
            it was spread.
    """

    strides: int
    left_out: int
    stride_s: float
    stride_m: float
    spread_rad: float
    seam_rad: float


class _Stride(NamedTuple):
    """One stride, or a mean of strides, walking along +x from the origin; first frame = last.

    Attributes:
        joints: (n + 1, nq − 7). place: (n + 1, 3) of the root, m. turn: n + 1 rotations of it.
    """

    joints: Float[np.ndarray, "n J"]
    place: Float[np.ndarray, "n 3"]
    turn: Rotation


def repeat_stride(
    model: Articulated, clip: MotionClip, config: CycleConfig | None = None
) -> tuple[MotionClip, CycleReport]:
    """The mean of a clip's steady strides, repeated straight ahead along +x.

    Args:
        model: that the clip was made for, with a free root.
        clip: with at least one whole stride (two heel strikes of one foot).
        config: defaults to `CycleConfig()`.

    Raises:
        InputError: the clip is of another model, or has no steady stride.
    """
    config = config or CycleConfig()
    clip.require_model(model, clip.provenance.source)
    found = _strides(clip)
    steady = _steady(clip, found, config)
    frames = round(float(np.median([end - start for start, end in steady])))
    strides = [_normalised(clip, stride, frames) for stride in steady]
    cycle, stride_m, seam = _mean(strides, harmonics=int(config.cutoff_hz * frames * clip.dt))
    repeats = int(np.ceil(config.seconds / (frames * clip.dt)))
    report = CycleReport(
        strides=len(steady),
        left_out=len(found) - len(steady),
        stride_s=frames * clip.dt,
        stride_m=stride_m,
        spread_rad=float(np.sqrt(np.var([s.joints for s in strides], axis=0).mean())),
        seam_rad=seam,
    )
    qpos = np.tile(cycle, (repeats, 1))
    qpos[:, 0] += stride_m * np.arange(len(qpos)) / frames
    qpos[:, 3:7] = continuous(qpos[:, 3:7])
    contact = np.tile(_mean_contact(clip, steady, frames), (repeats, 1))
    return _on_the_floor(model, clip, qpos, contact, report), report


def _on_the_floor(
    model: Articulated,
    clip: MotionClip,
    qpos: Float[np.ndarray, "T nq"],
    contact: Bool[np.ndarray, "T 2"],
    report: CycleReport,
) -> MotionClip:
    """The clip of these poses, within the joints' ranges and nowhere below the floor."""
    body, told = KinematicBody.of(model), clip.provenance
    qpos = clip_to_feasible(body, qpos)
    lowest = survey(body, FloorGeoms.of(model), qpos).lowest.min()
    qpos[:, 2] += max(0.0, -float(lowest))
    name = f"{told.source}, mean of {report.strides} strides, repeated"
    return make_clip(
        body,
        qpos,
        rate=1.0 / clip.dt,
        foot_contact=contact,
        frame_status=np.full(len(qpos), FrameStatus.OK),
        source=MotionSource(name, told.dataset, told.subject, told.licence),
        method=told.method,
        human_to_model_scale=told.human_to_model_scale,
    )


def _strides(clip: MotionClip) -> list[tuple[int, int]]:
    """First and last frames between successive heel strikes, or toe-offs, of one foot.

    Of the four kinds of event, the one that bounds the most strides.
    """
    shortest = round(_SHORTEST_PHASE_S / clip.dt)
    kinds: list[list[tuple[int, int]]] = []
    for contact in clip.foot_contact.T:
        change = np.diff(_without_flicker(contact, shortest).astype(int))
        kinds += [list(pairwise((np.flatnonzero(change == way) + 1).tolist())) for way in (1, -1)]
    return max(kinds, key=len)


def _without_flicker(contact: Bool[np.ndarray, " T"], shortest: int) -> Bool[np.ndarray, " T"]:
    """Phases shorter than `shortest` frames take on what surrounds them."""
    window = np.ones(2 * shortest + 1, dtype=bool)
    closed = ndimage.binary_closing(np.pad(contact, len(window), mode="edge"), window)
    opened = ndimage.binary_opening(closed, window)
    return opened[len(window) : -len(window)]


def _steady(
    clip: MotionClip, found: list[tuple[int, int]], config: CycleConfig
) -> list[tuple[int, int]]:
    """The strides that are about as long, in time and space, as most, and straight."""
    expected = "a walk or run of at least one whole stride, straight ahead"
    if clip.qpos.shape[1] < FREE_ROOT or not found:
        raise InputError(clip.provenance.source, "strides", found="none", expected=expected)
    starts, ends = np.array(found).T
    duration = ends - starts
    away = clip.qpos[ends, :2] - clip.qpos[starts, :2]
    length = np.linalg.norm(away, axis=1)
    turn = rotation(clip.qpos[starts, 3:7]).inv() * rotation(clip.qpos[ends, 3:7])
    keep = np.abs(duration / np.median(duration) - 1) <= config.duration_spread
    keep &= np.abs(length / np.median(length) - 1) <= config.length_spread
    angle = np.asarray(turn.magnitude())
    keep &= angle <= config.most_turn_rad
    keep &= length > _SHORTEST_STRIDE_M
    if not keep.any():
        listed = ", ".join(
            f"{t * clip.dt:.2f} s {s:.2f} m turned {np.degrees(a):.0f} deg"
            for t, s, a in np.stack([duration, length, angle], axis=1).tolist()
        )
        raise InputError(clip.provenance.source, "strides", found=listed, expected=expected)
    return [stride for stride, kept in zip(found, keep, strict=True) if kept]


def _normalised(clip: MotionClip, stride: tuple[int, int], frames: int) -> _Stride:
    """A stride at `frames` + 1 even moments, from the origin along +x."""
    start, end = stride
    moments, at = np.arange(start, end + 1), np.linspace(start, end, frames + 1)
    qpos = CubicSpline(moments, clip.qpos[start : end + 1])(at)
    away = clip.qpos[end, :2] - clip.qpos[start, :2]
    straighten = Rotation.from_euler("z", -np.arctan2(away[1], away[0]))
    origin = clip.qpos[start, :3] * np.array([1.0, 1.0, 0.0])
    turn = Slerp(moments, rotation(clip.qpos[start : end + 1, 3:7]))(at)
    return _Stride(qpos[:, FREE_ROOT:], straighten.apply(qpos[:, :3] - origin), straighten * turn)


def _mean(
    strides: list[_Stride], *, harmonics: int
) -> tuple[Float[np.ndarray, "n nq"], float, float]:
    """The periodic mean stride, less its advance; the advance, m; and the joints' seam, rad."""
    joints = np.mean([stride.joints for stride in strides], axis=0)
    place = np.mean([stride.place for stride in strides], axis=0)
    advance = float(place[-1, 0])
    place[:, 0] -= np.linspace(0.0, advance, len(place))
    turns = [
        Rotation.concatenate(list(moment)).mean()
        for moment in zip(*(s.turn for s in strides), strict=True)
    ]
    turn = Rotation.concatenate(turns)
    middle = turn.mean()
    tilt = _periodic((middle.inv() * turn).as_rotvec(), harmonics)
    quaternion = wxyz(middle * Rotation.from_rotvec(tilt))
    rows = [_periodic(place, harmonics), quaternion, _periodic(joints, harmonics)]
    return np.concatenate(rows, axis=1), advance, float(np.abs(joints[-1] - joints[0]).max())


def _periodic(curve: Float[np.ndarray, "n1 d"], harmonics: int) -> Float[np.ndarray, "n d"]:
    """One period of n frames: the gap between the ends spread, fast harmonics dropped."""
    gap = curve[-1] - curve[0]
    closed = (curve - np.linspace(-0.5, 0.5, len(curve))[:, None] * gap)[:-1]
    spectrum = np.fft.rfft(closed, axis=0)
    spectrum[harmonics + 1 :] = 0.0
    return np.fft.irfft(spectrum, n=len(closed), axis=0)


def _mean_contact(
    clip: MotionClip, strides: list[tuple[int, int]], frames: int
) -> Bool[np.ndarray, "n 2"]:
    """Contact that holds in at least half of the strides."""
    rows = [
        np.round(np.linspace(start, end, frames + 1)[:-1]).astype(int) for start, end in strides
    ]
    return np.mean([clip.foot_contact[row] for row in rows], axis=0) >= 0.5
