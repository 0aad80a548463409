"""`Recording`: a file's motion and forces in one frame, on one clock."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError, MotionClip, MusculoModel
from musclemimic_models.errors import unknown_name

from musclemimic_eval.gait.feet import FootMotion, belt_velocity
from musclemimic_eval.human.doubts import require_human
from musclemimic_eval.human.files import (
    READERS,
    GMRFit,
    HumanMotion,
    SkeletonMotion,
    choose_marker_set,
    gather_landmarks,
    read_c3d,
    read_trc_markers,
    upright_facing_x,
)
from musclemimic_eval.human.force_files import FROM_OPENSIM, read_ground_reaction
from musclemimic_eval.human.heard import warnings_heard
from musclemimic_eval.human.plates import FootTrack, Plate, combine_plates
from musclemimic_eval.human.sources import (
    RETARGETING,
    Recording,
    from_markers,
    from_motion,
    plates_of,
    trajectories_of,
)
from musclemimic_eval.signals import interpolated

# A centre of pressure farther from the middle of a foot than this, m, is not under its sole: in
# the trials of docs/gait.md it is up to 0.13 m away (median over a step).
_FAR = 0.2
# Of files with joint angles.
COORDINATE_SUFFIXES = (".mot", ".sto")


def read_recording(
    path: Path,
    model: MusculoModel,
    *,
    grf: Path | None = None,
    loads: Path | None = None,
    osim: Path | None = None,
) -> Recording:
    """Read a trial from C3D, TRC, OpenSim coordinates, BVH or SMPL parameters.

    Args:
        path: the motion. A C3D file brings its own force plates.
        model: that coordinates are put on to find the feet, unless there is `osim`.
        grf: OpenSim force file of the same trial and clock.
        loads: ExternalLoads file that explains `grf`.
        osim: OpenSim model (.osim) that coordinates were computed with: feet, leg length and a
            treadmill's belt then come from the person's own skeleton.

    Raises:
        InputError: an unknown suffix, or whatever is wrong with a file, in one line.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise unknown_name(path, "suffix", suffix, sorted(READERS))
    if suffix == ".c3d" and grf is not None:
        raise InputError(grf, "--grf", found="a force file", expected="none: C3D has its own")
    if osim is not None and suffix not in COORDINATE_SUFFIXES:
        raise InputError(
            osim,
            "--osim",
            found=f"it with {path.name}",
            expected=f"joint angles ({' or '.join(COORDINATE_SUFFIXES)}) that it explains",
        )
    with warnings_heard() as heard:
        recording = _read(path, model, grf=grf, loads=loads, osim=osim)
    notes = (*heard, *recording.notes, *_notes(recording))
    return _overground(dataclasses.replace(recording, notes=notes))


def _read(
    path: Path, model: MusculoModel, *, grf: Path | None, loads: Path | None, osim: Path | None
) -> Recording:
    """Motion and forces, in the person's axes; a treadmill's belt still moves."""
    suffix = path.suffix.lower()
    plates: tuple[Plate, ...] = ()
    plate_time = np.zeros(0)
    if suffix in (".trc", ".c3d"):
        if suffix == ".c3d":
            file = read_c3d(path)
            trajectories = trajectories_of(file)
        else:
            file, trajectories = None, read_trc_markers(path)
        found = gather_landmarks(trajectories, choose_marker_set(trajectories))
        turn = upright_facing_x(found)
        landmarks = found.turned(turn)
        if file is not None:
            plate_time, plates = plates_of(file, turn)
        recording = from_markers(path, landmarks)
    else:
        turn = None
        recording = from_motion(path, model, osim=osim)
    require_human(recording.source, recording.leg_length, recording.feet)
    _require_sides(recording)
    track = FootTrack(recording.feet.time, (recording.feet.heel + recording.feet.toe) / 2)
    if grf is not None:
        ground, steps = read_ground_reaction(grf, loads=loads, track=track, turn=turn)
        recording = dataclasses.replace(recording, ground=ground, steps=steps)
    elif plates:
        ground, steps = combine_plates(plate_time, plates, track, source=str(path))
        recording = dataclasses.replace(recording, ground=ground, steps=steps)
    return recording


def retarget(recording: Recording, model: MusculoModel) -> MotionClip:
    """The recording on the model, solved at up to 100 Hz (GMR-Fit)."""
    if recording.clip is not None:
        return recording.clip
    return GMRFit(model, RETARGETING).retarget(recording.motion)


def pelvis_at(recording: Recording, clip: MotionClip) -> Float[np.ndarray, "T 3"]:
    """The measured pelvis at a clip's frames, m."""
    own = np.arange(len(recording.pelvis)) / recording.motion.fps
    return interpolated(own, recording.pelvis, clip.dt * np.arange(len(clip)))


def ankles_at(recording: Recording, clip: MotionClip) -> Float[np.ndarray, "T 2 3"] | None:
    """The measured ankle joints at a clip's frames, m; None for joint angles without a model."""
    motion, ankles = recording.motion, recording.ankles
    if isinstance(motion, SkeletonMotion):
        columns = [motion.index(f"{side}_ankle") for side in ("left", "right")]
        ankles = motion.positions[:, columns]
    if ankles is None:
        return None
    return interpolated(motion.times, ankles, clip.dt * np.arange(len(clip)))


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
    notes: list[str] = []
    for step in recording.steps:
        when = f"{step.plate}, {step.start:.2f} to {step.end:.2f} s"
        if step.contradicts:
            notes.append(
                f"{when}: the file says the other foot, but the feet say "
                f"{('left', 'right')[step.foot]}: given to that"
            )
        if step.distance > _FAR:
            notes.append(
                f"{when}: centre of pressure {100 * step.distance:.0f} cm from the middle of the "
                "foot: its axes, units or clock may differ"
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
        ankles=None if recording.ankles is None else recording.ankles + own[:, None],
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
