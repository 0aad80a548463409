"""From files to recordings: markers, joint angles, skeletons, force plates of C3D."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip, MusculoModel

from musclemimic_eval.gait.analysis import GaitTrial
from musclemimic_eval.gait.feet import FootMotion
from musclemimic_eval.gait.model_feet import heels_and_toes
from musclemimic_eval.human.coordinates import pelvis_path
from musclemimic_eval.human.files import (
    C3DFile,
    CoordinateMotion,
    GMRFit,
    GMRFitConfig,
    HumanMotion,
    Landmarks,
    MarkerTrajectories,
    SkeletonMotion,
    build_motion,
    read_motion,
    unique_labels,
)
from musclemimic_eval.human.own_skeleton import OwnSkeleton, own_skeleton
from musclemimic_eval.human.plates import Plate, Step
from musclemimic_eval.kinetics.placing import horizontal_shift
from musclemimic_eval.signals import interpolated

# From an SMPL ankle back and down to the heel, in the foot's frame, m: calcaneus of an adult.
_HEEL_FROM_ANKLE = np.array([-0.05, 0.0, -0.06])
_WITHOUT_MODEL = (
    "joint angles alone: heels, toes and leg length are the muscle model's, which moves events and "
    "a treadmill's speed; --osim with the OpenSim model of these angles gives the person's own"
)
# Laboratories record at 100 Hz, and their own inverse kinematics is smooth already.
RETARGETING = GMRFitConfig(solve_hz=100.0, smoothing_hz=15.0)


@dataclass(frozen=True)
class Recording(GaitTrial):
    """What a laboratory recorded of one trial. z up, the person faces +x on average.

    On a treadmill the belt's way is added to everything, as if walked overground.

    Attributes:
        source: file name.
        feet: heels, toes and pelvis on the laboratory's clock.
        motion: the human motion (joint centres or coordinates).
        start: the laboratory's time of the motion's first frame, s.
        pelvis: (T, 3) m at the motion's frames: what the motion's pelvis goes by.
        ground: force plates in the same frame ("laboratory"); None without.
        steps: what the plates saw, one a stretch of load.
        belt: (3,) m/s, velocity of the treadmill's belt that was taken out; zero overground.
        leg_length: hip to ankle, m; NaN if unknown.
        clip: the motion on the model, made on the way for coordinates whose OpenSim model is
            unknown, so that they have no positions of their own; None for others.
        ankles: (T, 2, 3) m at the motion's frames, of coordinates whose OpenSim model is known;
            None for others.
        notes: what a reader of the results has to know.
    """

    motion: HumanMotion
    start: float
    pelvis: Float[np.ndarray, "T 3"]
    steps: tuple[Step, ...]
    belt: Float[np.ndarray, " 3"]
    clip: MotionClip | None = None
    ankles: Float[np.ndarray, "T 2 3"] | None = None
    notes: tuple[str, ...] = ()


def trajectories_of(file: C3DFile) -> MarkerTrajectories:
    """The markers of a C3D file."""
    return MarkerTrajectories(file.source, file.rate, unique_labels(file.labels), file.points)


def plates_of(
    file: C3DFile, turn: Float[np.ndarray, "3 3"]
) -> tuple[Float[np.ndarray, " A"], tuple[Plate, ...]]:
    """The plates' records, offsets taken out, in the person's axes."""
    plates: list[Plate] = []
    for number, measured in enumerate(file.plates, start=1):
        plate = measured.zeroed()
        force, free = plate.force @ turn.T, plate.free_moment @ turn.T
        # Without load there is no centre; what is left of the force is below the threshold.
        centre = np.nan_to_num(plate.centre_of_pressure) @ turn.T
        known = np.asarray(np.isfinite(plate.centre_of_pressure).all(axis=1))
        force[~known] = 0.0
        if force[:, 2].sum() < 0:
            raise InputError(
                file.source,
                f"force plate {number}",
                found="a force that pulls people down",
                expected="upward: the file's plate type or corners are wrong",
            )
        plates.append(Plate(f"plate {number}", None, force, centre, np.nan_to_num(free)))
    samples = len(file.plates[0].force) if file.plates else 0
    return np.arange(samples) / file.analog_rate, tuple(plates)


def from_markers(path: Path, landmarks: Landmarks) -> Recording:
    """A recording of landmarks in the person's axes, without forces."""
    motion = build_motion(landmarks)
    time = landmarks.start + np.arange(len(landmarks)) / landmarks.fps
    heel, toe = (
        np.stack([landmarks[f"{side}_{part}"] for side in ("left", "right")], axis=1)
        for part in ("heel", "toe")
    )
    pelvis = motion.positions[:, motion.index("pelvis")]
    return Recording(
        source=path.name,
        feet=FootMotion(time, heel, toe, pelvis),
        motion=motion,
        start=landmarks.start,
        pelvis=pelvis,
        ground=None,
        steps=(),
        belt=np.zeros(3),
        leg_length=_leg_length(motion),
    )


def from_motion(path: Path, model: MusculoModel, *, osim: Path | None = None) -> Recording:
    """A recording of a file without markers: joint angles, BVH, SMPL; without forces.

    Args:
        path: the file.
        model: that angles without `osim` are put on to find the feet.
        osim: the OpenSim model of joint angles.
    """
    motion = read_motion(path)
    if isinstance(motion, CoordinateMotion):
        if osim is not None:
            return _from_skeleton(path, motion, own_skeleton(path, osim))
        return _from_coordinates(path, motion, model)
    pelvis = motion.positions[:, motion.index("pelvis")]
    heels: list[Float[np.ndarray, "T 3"]] = []
    toes: list[Float[np.ndarray, "T 3"]] = []
    for side in ("left", "right"):
        ankle = motion.index(f"{side}_ankle")
        heels.append(
            motion.positions[:, ankle] + _turned(motion.rotations[:, ankle], _HEEL_FROM_ANKLE)
        )
        toes.append(motion.positions[:, motion.index(f"{side}_foot")])
    return Recording(
        source=path.name,
        feet=FootMotion(motion.times, np.stack(heels, axis=1), np.stack(toes, axis=1), pelvis),
        motion=motion,
        start=0.0,
        pelvis=pelvis,
        ground=None,
        steps=(),
        belt=np.zeros(3),
        leg_length=_leg_length(motion),
    )


def _from_skeleton(path: Path, motion: CoordinateMotion, own: OwnSkeleton) -> Recording:
    """Feet by the person's own skeleton."""
    return Recording(
        source=path.name,
        feet=FootMotion(own.time, own.heel, own.toe, own.pelvis),
        motion=motion,
        start=float(own.time[0]),
        pelvis=own.pelvis,
        ground=None,
        steps=(),
        belt=np.zeros(3),
        leg_length=own.leg_length,
        ankles=own.ankles,
        notes=own.notes,
    )


def _from_coordinates(path: Path, motion: CoordinateMotion, model: MusculoModel) -> Recording:
    """Feet by putting the angles on the model, scaled back to the human."""
    time, pelvis = pelvis_path(path)
    clip = GMRFit(model, RETARGETING).retarget(motion)
    frames = clip.dt * np.arange(len(clip))
    shift, _ = horizontal_shift(clip, interpolated(time - time[0], pelvis, frames))
    scale, moved = clip.provenance.human_to_model_scale, np.array([*shift, 0.0])
    heel, toe = ((points - moved) / scale for points in heels_and_toes(model, clip.qpos))
    sites = {
        name: (clip.site_pos[:, column] - moved) / scale
        for column, name in enumerate(clip.site_names)
    }
    legs = [
        np.linalg.norm(sites[f"{side}_{top}"] - sites[f"{side}_{bottom}"], axis=1).mean()
        for side in ("left", "right")
        for top, bottom in (("hip", "knee"), ("knee", "ankle"))
    ]
    return Recording(
        source=path.name,
        feet=FootMotion(time[0] + frames, heel, toe, sites["pelvis"]),
        motion=motion,
        start=float(time[0]),
        pelvis=pelvis,
        ground=None,
        steps=(),
        belt=np.zeros(3),
        leg_length=float(np.sum(legs)) / 2,
        clip=clip,
        notes=(_WITHOUT_MODEL,),
    )


def _turned(
    quaternions: Float[np.ndarray, "T 4"], vector: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "T 3"]:
    w, v = quaternions[:, :1], quaternions[:, 1:]
    cross = np.cross(v, vector)
    return vector + 2 * (w * cross + np.cross(v, cross))


def _leg_length(motion: SkeletonMotion) -> float:
    """Hip to knee to ankle, mean of both sides, m."""
    rest = motion.rest_positions
    total = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = (rest[motion.index(f"{side}_{j}")] for j in ("hip", "knee", "ankle"))
        total += float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))
    return total / 2
