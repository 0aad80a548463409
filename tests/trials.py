"""Real trials that several tests look at, read and retargeted once."""

import functools
from pathlib import Path

import numpy as np
from musclemimic_eval import Rollout
from musclemimic_eval.human.analysis import MotionAnalysis, analyse
from musclemimic_eval.human.coordinates import place_under_coordinates
from musclemimic_eval.human.force_files import read_ground_reaction
from musclemimic_eval.human.recording import read_recording
from musclemimic_eval.human.sources import Recording
from musclemimic_eval.kinetics.placing import Placement
from musclemimic_models import MotionClip, get_musculo_model
from musclemimic_retarget import GMRFit, read_motion
from scipy.signal import butter, filtfilt

WALK3D_MASS, WALK3D_STRIDE = 85.27, 1.145  # kg, s: data/README.md


@functools.cache
def walk3d(data: Path) -> tuple[MotionClip, Placement]:
    """The OpenSim subject's walk on MyoFullBody, with its ground reaction underneath."""
    folder = data / "opensim_walk3d"
    model = get_musculo_model("MyoFullBody", fingers=False)
    clip = GMRFit(model).retarget(read_motion(folder / "coordinates.sto"))
    ground, _ = read_ground_reaction(folder / "grf_walk.mot", loads=folder / "grf_walk.xml")
    placement = place_under_coordinates(
        model,
        clip,
        ground,
        coordinates=folder / "coordinates.sto",
        subject_mass=WALK3D_MASS,
    )
    return clip, placement


# Motion and force file of every gait trial of the data set.
GAIT_TRIALS = {
    "walk3d": ("opensim_walk3d/markers_walk.trc", "opensim_walk3d/grf_walk.mot"),
    "walk3d_ik": ("opensim_walk3d/coordinates.sto", "opensim_walk3d/grf_walk.mot"),
    "opencap_ik": ("opencap_lab_walk/walking1.mot", "opencap_lab_walk/walking1_forces.mot"),
    "run200_ik": ("running_hamner/run200_ik.mot", "running_hamner/run200_grf.mot"),
    "run300_ik": ("running_hamner/run300_ik.mot", "running_hamner/run300_grf.mot"),
    "walk3d_osim": ("opensim_walk3d/coordinates.sto", "opensim_walk3d/grf_walk.mot"),
    "opencap_osim": ("opencap_lab_walk/walking1.mot", "opencap_lab_walk/walking1_forces.mot"),
    "run200_osim": ("running_hamner/run200_ik.mot", "running_hamner/run200_grf.mot"),
    "run300_osim": ("running_hamner/run300_ik.mot", "running_hamner/run300_grf.mot"),
    "opencap": ("opencap_lab_walk/walking1.trc", "opencap_lab_walk/walking1_forces.mot"),
    "run200": ("running_hamner/run200.trc", "running_hamner/run200_grf.mot"),
    "run300": ("running_hamner/run300.trc", "running_hamner/run300_grf.mot"),
    "bmc": ("c3d_forceplate/bmc_gait.c3d", None),
    "rehazenter": ("c3d_forceplate/rehazenter_2014001_C1_01.c3d", None),
    "asap_walk": ("smpl/asap_walk_level2.npz", None),
    "bvh_walk": ("bvh/bandai2_walk_normal_001.bvh", None),
    "bvh_run": ("bvh/bandai2_run_normal_001.bvh", None),
    "bvh_turn": ("bvh/bandai2_walk-turn-left_normal_001.bvh", None),
    "bvh_back": ("bvh/bandai1_walk-back_normal_001.bvh", None),
    "bow": ("bvh/bandai1_bow_normal_001.bvh", None),
}
# The OpenSim models that joint angles were computed with, by folder.
OSIM = {
    "opensim_walk3d": "subject_walk_scaled.osim",
    "opencap_lab_walk": "LaiArnoldModified2017_poly_withArms_weldHand_scaled.osim",
    "running_hamner": "final.osim",
}


@functools.cache
def recording(data: Path, name: str) -> Recording:
    """A trial with its forces; `_osim`: with the person's own skeleton."""
    motion, force = GAIT_TRIALS[name]
    model = get_musculo_model("MyoFullBody", fingers=False)
    folder = (data / motion).parent
    return read_recording(
        data / motion,
        model,
        grf=data / force if force else None,
        osim=folder / OSIM[folder.name] if name.endswith("_osim") else None,
    )


@functools.cache
def analysis(data: Path, name: str) -> MotionAnalysis:
    """A trial, analysed with the weight on the plates."""
    return analyse(recording(data, name), get_musculo_model("MyoFullBody", fingers=False))


@functools.cache
def walking_rollout(data: Path) -> Rollout:
    """An episode that repeats the OpenSim subject's walk on the subject's own ground force.

    Two left steps were beside the plates: they get the force of the one on them, a stride earlier
    and later. Poses are low-passed at 8 Hz: a simulated body moves no faster than its muscles,
    while a clip follows its markers. Activations say nothing: each is a sine of its own.
    """
    trial = analysis(data, "walk3d")
    assert trial.kinetics is not None
    numerator, denominator = butter(2, 8.0, fs=1.0 / trial.clip.dt)
    smooth = filtfilt(numerator, denominator, trial.clip.qpos, axis=0)
    smooth[:, 3:7] /= np.linalg.norm(smooth[:, 3:7], axis=1, keepdims=True)
    clip, ground = trial.clip, trial.kinetics.placement.ground.filtered(20.0)
    time = clip.dt * np.arange(len(clip))
    frames = np.flatnonzero(time <= ground.time[-1])[1:]
    felt = ground.resampled(time[frames])
    force, centre = felt.force.copy(), felt.centre_of_pressure.copy()
    way = WALK3D_STRIDE * (clip.site_pos[-1, 0] - clip.site_pos[0, 0]) / time[-1]
    way[2] = 0.0
    for sign in (1, -1):
        shifted = time[frames] + sign * WALK3D_STRIDE
        there = (shifted > 0.7) & (shifted < 1.7)
        other = ground.resampled(shifted[there])
        force[there, 0] += other.force[:, 0]
        centre[there, 0] = other.centre_of_pressure[:, 0] - sign * way
    model = get_musculo_model("MyoFullBody", fingers=False)
    phase = np.arange(len(model.muscle_names))
    activation = 0.5 + 0.4 * np.sin(5.0 * time[frames][:, None] + phase)
    return Rollout(
        time=time[frames],
        qpos=smooth[frames],
        qvel=clip.qvel[frames],
        excitation=activation,
        activation=activation,
        muscle_force=-100 * activation,
        muscle_length=np.full_like(activation, 0.2),
        ground_reaction=force,
        centre_of_pressure=centre,
        site_pos=clip.site_pos[frames],
        site_quat=clip.site_quat[frames],
        reward=np.ones(len(frames)),
        reference_frame=frames,
        reference_offset=np.zeros(3),
        start_frame=0,
        terminated=False,
        reference_clip="walk3d",
        site_names=clip.site_names,
        model_name=clip.model_name,
        model_sha256=clip.model_sha256,
    )
