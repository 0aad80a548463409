"""`Recording`: a file's motion and forces in one frame, on one clock."""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip, MusculoModel
from musclemimic_models.errors import unknown_name

from musclemimic_eval.gait.feet import FootMotion, belt_velocity
from musclemimic_eval.human.coordinates import pelvis_path
from musclemimic_eval.human.files import (
    READERS,
    C3DFile,
    CoordinateMotion,
    GMRFit,
    GMRFitConfig,
    HumanMotion,
    Landmarks,
    MarkerTrajectories,
    SkeletonMotion,
    build_motion,
    choose_marker_set,
    gather_landmarks,
    read_c3d,
    read_motion,
    read_trc_markers,
    unique_labels,
    upright_facing_x,
)
from musclemimic_eval.human.force_files import FROM_OPENSIM, read_ground_reaction
from musclemimic_eval.human.plates import FootTrack, Plate, Step, combine_plates
from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_eval.kinetics.placing import horizontal_shift
from musclemimic_eval.signals import interpolated

logger = logging.getLogger(__name__)

# From an SMPL ankle back and down to the heel, in the foot's frame, m: calcaneus of an adult.
_HEEL_FROM_ANKLE = np.array([-0.05, 0.0, -0.06])
# Laboratories record at 100 Hz, and their own inverse kinematics is smooth already.
_RETARGETING = GMRFitConfig(solve_hz=100.0, smoothing_hz=15.0)


@dataclass(frozen=True)
class Recording:
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
        clip: the motion on the model, made on the way for coordinates, which have no positions
            of their own; None for other files.
        notes: what a reader of the results has to know.
    """

    source: str
    feet: FootMotion
    motion: HumanMotion
    start: float
    pelvis: Float[np.ndarray, "T 3"]
    ground: GroundReaction | None
    steps: tuple[Step, ...]
    belt: Float[np.ndarray, " 3"]
    leg_length: float
    clip: MotionClip | None = None
    notes: tuple[str, ...] = ()


def read_recording(
    path: Path, model: MusculoModel, *, grf: Path | None = None, loads: Path | None = None
) -> Recording:
    """Read a trial from C3D, TRC, OpenSim coordinates, BVH or SMPL parameters.

    Args:
        path: the motion. A C3D file brings its own force plates.
        model: that coordinates are put on to find the feet.
        grf: OpenSim force file of the same trial and clock.
        loads: ExternalLoads file that explains `grf`.

    Raises:
        InputError: an unknown suffix, or whatever is wrong with a file, in one line.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise unknown_name(path, "suffix", suffix, sorted(READERS))
    if suffix == ".c3d" and grf is not None:
        raise InputError(grf, "--grf", found="a force file", expected="none: C3D has its own")
    plates: tuple[Plate, ...] = ()
    plate_time = np.zeros(0)
    if suffix in (".trc", ".c3d"):
        if suffix == ".c3d":
            file = read_c3d(path)
            trajectories = _trajectories(file)
        else:
            file, trajectories = None, read_trc_markers(path)
        found = gather_landmarks(trajectories, choose_marker_set(trajectories))
        turn = upright_facing_x(found)
        landmarks = found.turned(turn)
        if file is not None:
            plate_time, plates = _plates(file, turn)
        recording = _from_markers(path, landmarks)
        lab_turn = turn @ FROM_OPENSIM.T
    else:
        recording = _from_motion(path, model)
        lab_turn = np.eye(3)
    _require_sides(recording)
    track = FootTrack(recording.feet.time, (recording.feet.heel + recording.feet.toe) / 2)
    if grf is not None:
        turned = FootTrack(track.time, track.position @ lab_turn)
        ground, steps = read_ground_reaction(grf, loads=loads, track=turned)
        ground = ground.moved(lab_turn, np.zeros(3))
        recording = dataclasses.replace(recording, ground=ground, steps=steps)
    elif plates:
        ground, steps = combine_plates(plate_time, plates, track, source=str(path))
        recording = dataclasses.replace(recording, ground=ground, steps=steps)
    return _overground(dataclasses.replace(recording, notes=_notes(recording)))


def retarget(recording: Recording, model: MusculoModel) -> MotionClip:
    """The recording on the model, solved at up to 100 Hz (GMR-Fit)."""
    if recording.clip is not None:
        return recording.clip
    return GMRFit(model, _RETARGETING).retarget(recording.motion)


def pelvis_at(recording: Recording, clip: MotionClip) -> Float[np.ndarray, "T 3"]:
    """The measured pelvis at a clip's frames, m."""
    own = np.arange(len(recording.pelvis)) / recording.motion.fps
    return interpolated(own, recording.pelvis, clip.dt * np.arange(len(clip)))


def _trajectories(file: C3DFile) -> MarkerTrajectories:
    return MarkerTrajectories(file.source, file.rate, unique_labels(file.labels), file.points)


def _plates(
    file: C3DFile, turn: Float[np.ndarray, "3 3"]
) -> tuple[Float[np.ndarray, " A"], tuple[Plate, ...]]:
    """The plates' records, offsets taken out, in the person's axes."""
    plates: list[Plate] = []
    for number, measured in enumerate(file.plates, start=1):
        plate = measured.zeroed()
        force, free = plate.force @ turn.T, plate.free_moment @ turn.T
        # Without load there is no centre; what is left of the force is below the threshold.
        centre = np.nan_to_num(plate.centre_of_pressure) @ turn.T
        known = np.isfinite(plate.centre_of_pressure).all(axis=1)
        force = np.where(known[:, None], force, 0.0)
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


def _from_markers(path: Path, landmarks: Landmarks) -> Recording:
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


def _from_motion(path: Path, model: MusculoModel) -> Recording:
    motion = read_motion(path)
    if isinstance(motion, CoordinateMotion):
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


def _from_coordinates(path: Path, motion: CoordinateMotion, model: MusculoModel) -> Recording:
    """Feet by putting the angles on the model, scaled back to the human."""
    time, pelvis = pelvis_path(path)
    clip = GMRFit(model, _RETARGETING).retarget(motion)
    frames = clip.dt * np.arange(len(clip))
    shift, _ = horizontal_shift(clip, interpolated(time - time[0], pelvis, frames))
    points = {
        name: (place - np.array([*shift, 0.0])) / clip.provenance.human_to_model_scale
        for name, place in foot_points(model, clip).items()
    }
    legs = [
        np.linalg.norm(points[f"{side}_{top}"] - points[f"{side}_{bottom}"], axis=1).mean()
        for side in ("left", "right")
        for top, bottom in (("hip", "knee"), ("knee", "ankle"))
    ]
    heel, toe = (
        np.stack([points[f"{side}_{part}"] for side in ("left", "right")], axis=1)
        for part in ("heel", "toe")
    )
    return Recording(
        source=path.name,
        feet=FootMotion(time[0] + frames, heel, toe, points["pelvis"]),
        motion=motion,
        start=float(time[0]),
        pelvis=pelvis,
        ground=None,
        steps=(),
        belt=np.zeros(3),
        leg_length=float(np.sum(legs)) / 2,
        clip=clip,
    )


def foot_points(model: MusculoModel, clip: MotionClip) -> dict[str, Float[np.ndarray, "T 3"]]:
    """World positions, m, of a clip's joints by site name, and of heels and tips of the toes.

    The heel is the heel bone's origin (its rear end, as in OpenSim); the toes' tip lies 6 cm in
    front of their joint.
    """
    body, data = model.mj_model, mujoco.MjData(model.mj_model)
    points = {name: clip.site_pos[:, column] for column, name in enumerate(clip.site_names)}
    for side in ("left", "right"):
        for part, bone, offset in (
            ("heel", "calcn", np.zeros(3)),
            ("toe", "toes", np.array([0.06, 0.0, 0.0])),
        ):
            points[f"{side}_{part}"] = np.empty((len(clip), 3))
            index = body.body(f"{bone}_{side[0]}").id
            for frame in range(len(clip)):
                data.qpos[:] = clip.qpos[frame]
                mujoco.mj_kinematics(body, data)
                turn = data.xmat[index].reshape(3, 3)
                points[f"{side}_{part}"][frame] = data.xpos[index] + turn @ offset
    return points


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


def _require_sides(recording: Recording) -> None:
    """Raise InputError if the left foot walks to the right of the right one."""
    feet = recording.feet
    facing = (feet.toe - feet.heel).mean(axis=1)[:, :2]
    apart = (feet.heel[:, 0] - feet.heel[:, 1])[:, :2]
    across = facing[:, 0] * apart[:, 1] - facing[:, 1] * apart[:, 0]
    width = across / np.linalg.norm(facing, axis=1)
    if float(np.median(width)) < -0.02:
        raise InputError(
            recording.source,
            "sides",
            found=f"the left foot {-100 * float(np.median(width)):.0f} cm to the right of the "
            "right one",
            expected="legs labelled on their own side",
        )


def _notes(recording: Recording) -> tuple[str, ...]:
    notes: list[str] = list(recording.notes)
    for step in recording.steps:
        when = f"{step.plate}, {step.start:.2f} to {step.end:.2f} s"
        if step.contradicts:
            notes.append(
                f"{when}: the file says the other foot, but the feet say "
                f"{('left', 'right')[step.foot]}: given to that"
            )
        if step.shared:
            notes.append(f"{when}: both feet on the plate; its force belongs to neither")
    return tuple(notes)


def _overground(recording: Recording) -> Recording:
    """With the belt's way added to feet, motion and centres of pressure."""
    belt = belt_velocity(recording.feet)
    if not belt.any():
        return recording
    since = recording.start
    feet = recording.feet
    way = -np.outer(feet.time - since, belt)
    own = -np.outer(np.arange(len(recording.pelvis)) / recording.motion.fps, belt)
    note = f"treadmill: the belt's {np.linalg.norm(belt):.2f} m/s added, as if overground"
    return dataclasses.replace(
        recording,
        feet=FootMotion(
            feet.time, feet.heel + way[:, None], feet.toe + way[:, None], feet.pelvis + way
        ),
        motion=_carried(recording.motion, belt),
        pelvis=recording.pelvis + own,
        ground=recording.ground.carried(-belt, since=since) if recording.ground else None,
        belt=belt,
        clip=None,
        notes=(*recording.notes, note),
    )


def _carried(motion: HumanMotion, belt: Float[np.ndarray, " 3"]) -> HumanMotion:
    way = -np.outer(motion.times, belt)
    if isinstance(motion, SkeletonMotion):
        return dataclasses.replace(motion, positions=motion.positions + way[:, None])
    values = motion.values.copy()
    opensim = way @ FROM_OPENSIM
    for axis, column in zip("xyz", opensim.T, strict=True):
        values[:, motion.names.index(f"pelvis_t{axis}")] += column
    return dataclasses.replace(motion, values=values)
