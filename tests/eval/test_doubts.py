"""Spoilt recordings: what is wrong is named, not averaged away."""

import re
from collections.abc import Callable
from pathlib import Path

import ezc3d
import numpy as np
import pytest
from musclemimic_eval.gait.analysis import clock_notes, find_strides
from musclemimic_eval.human.analysis import MotionAnalysis, analyse
from musclemimic_eval.human.files import read_table
from musclemimic_eval.human.force_doubts import axes_notes
from musclemimic_eval.human.recording import read_recording
from musclemimic_eval.inverse.analysis import analyse_muscles
from musclemimic_eval.inverse.static import StaticConfig
from musclemimic_eval.inverse.trial import load_trial
from musclemimic_models import InputError, MusculoModel
from trials import GAIT_TRIALS, analysis

Change = Callable[[list[str], np.ndarray], None]


def spoilt(source: Path, target: Path, change: Change) -> Path:
    """A copy of an OpenSim table with columns or labels changed; of long ones every fifth row."""
    table = read_table(source)
    thinned = 5 if len(table.values) > 2000 else 1
    labels, values = list(table.labels), table.values[::thinned].copy()
    change(labels, values)
    rows = ["\t".join(f"{value:.9g}" for value in row) for row in values]
    head = f"{target.stem}\ninDegrees={table.header.get('indegrees', 'no')}\nendheader\n"
    target.write_text(head + "\t".join(labels) + "\n" + "\n".join(rows) + "\n")
    return target


def scaled(pattern: str, factor: float) -> Change:
    def change(labels: list[str], values: np.ndarray) -> None:
        columns = [index for index, label in enumerate(labels) if re.search(pattern, label)]
        assert columns
        values[:, columns] *= factor

    return change


def renamed(one: str, other: str) -> Change:
    def change(labels: list[str], values: np.ndarray) -> None:
        labels[:] = [re.sub(f"{one}|{other}", lambda m: other if m[0] == one else one, label)
                     for label in labels]  # fmt: skip

    return change


def later(seconds: float) -> Change:
    def change(labels: list[str], values: np.ndarray) -> None:
        values[:, 0] += seconds

    return change


def with_forces(data: Path, folder: Path, model: MusculoModel, change: Change) -> MotionAnalysis:
    walk = data / "opensim_walk3d"
    forces = spoilt(walk / "grf_walk.mot", folder / "grf.mot", change)
    return analyse(read_recording(walk / "markers_walk.trc", model, grf=forces), model)


DOUBTS = (
    "reversed|exchanged|slide|no foot stands|up and down|across the other|frame rate|"
    "body mass index|disagree|were not seen|its clock|from the middle of the foot|hardly move|"
    "beyond its weight|newtons"
)


def test_sound_trials_raise_no_doubt(real_data: Path) -> None:
    """Video's sliding feet aside, none of 16 trials of five laboratories."""
    for name in GAIT_TRIALS:
        doubts = [note for note in analysis(real_data, name).notes if re.search(DOUBTS, note)]
        assert not doubts, (name, doubts)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (scaled("_vx$", -1), "the fore-aft force is reversed, it seems"),
        (scaled("_vz$", -1), "the sideways force is reversed, it seems"),
        (scaled("_vy$", -1), "both horizontal forces are reversed, it seems"),
        (scaled("_r_vx$", -1), "the fore-aft force is reversed under the right foot"),
        (renamed("vx", "vz"), "fore-aft and sideways force are exchanged"),
        (scaled("_v.$", 0.2248), "a body mass index of 6: forces may not be in newtons"),
        (scaled("_r_v", 0.5), "85 kg by the left foot, 42 kg by the right foot"),
        (later(0.04), r"both later in the force, by 3\d ms: its clock may be another"),
        (scaled("_p.$", 1000), "ground_force_r_p in mm, converted to m"),
        (renamed("_r_", "_l_"), "the file says the other foot, but the feet say right"),
    ],
    ids=[
        *("vx", "vz", "vy", "right vx", "vx and vz", "pounds", "gain", "clock", "mm", "sides"),
    ],
)
def test_spoilt_forces_are_named(
    real_data: Path, tmp_path: Path, body: MusculoModel, change: Change, note: str
) -> None:
    notes = with_forces(real_data, tmp_path, body, change).notes
    assert any(re.search(note, said) for said in notes), "\n".join(notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (scaled("_v.$", 1e-3), "body weights or kN have to be converted"),
        (scaled("_v.$", 1 / 9.81), "forces: found at most 96.1, expected steps of 100 N"),
        (scaled("_v.$", 10.0), r"weight on the plates: found 84\d\.\d kg"),
        (scaled("_p.$", 100.0), "m from the nearest foot"),
        (scaled("time", 2.0), "m from the nearest foot"),
        (scaled("_[vp]x$", -1.0), "m from the nearest foot"),
    ],
    ids=["kN", "kg-force", "ten times", "cm", "half the rate", "walks the other way"],
)
def test_impossible_forces_are_refused(
    real_data: Path, tmp_path: Path, body: MusculoModel, change: Change, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        with_forces(real_data, tmp_path, body, change)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (renamed("_r/", "_l/"), r"each foot lands \d\d cm across the other: left and right"),
        (
            scaled("pelvis_tx", -1),
            r"standing feet slide at 2\.\d+ m/s while the body moves at 1\.25",
        ),
        (scaled("hip_flexion", -1), r"no foot stands for \d\d % of the time"),
        (scaled("ankle_angle", -1), "the lower foot goes up and down by 8 cm: knee or ankle"),
        (scaled("knee_angle_r", -1), "knee_angle_r alone is negative in flexion, turned round"),
    ],
    ids=["sides", "way", "hips", "ankles", "one knee"],
)
def test_spoilt_joint_angles_are_named(
    real_data: Path, tmp_path: Path, body: MusculoModel, change: Change, note: str
) -> None:
    source = real_data / "opensim_walk3d" / "coordinates.sto"
    path = spoilt(source, tmp_path / "coordinates.sto", change)
    notes = analyse(read_recording(path, body), body).notes
    assert any(re.search(note, said) for said in notes), "\n".join(notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (scaled("pelvis_t[xyz]", 1000.0), "units: found legs of 843 m, hip to ankle"),
        (renamed("pelvis_ty", "pelvis_tz"), "lengths may be in mm or cm, or the vertical axis"),
    ],
    ids=["mm", "y and z"],
)
def test_joint_angles_of_no_human_size_are_refused(
    real_data: Path, tmp_path: Path, body: MusculoModel, change: Change, message: str
) -> None:
    source = real_data / "opensim_walk3d" / "coordinates.sto"
    path = spoilt(source, tmp_path / "coordinates.sto", change)
    with pytest.raises(InputError, match=message):
        read_recording(path, body)


def test_muscles_are_doubted_in_the_same_way(
    real_data: Path, tmp_path: Path, body: MusculoModel
) -> None:
    walk = real_data / "opensim_walk3d"
    forces = spoilt(walk / "grf_walk.mot", tmp_path / "grf.mot", scaled("_v[xz]$", -1.0))
    trial = load_trial(walk / "coordinates.sto", body, subject_mass=85.3, grf=forces)
    found = analyse_muscles(trial, config=StaticConfig(contact=False))
    assert any("both horizontal forces are reversed" in note for note in found.trial.notes)
    pounds = spoilt(walk / "grf_walk.mot", tmp_path / "lb.mot", scaled("_v.$", 0.2248))
    trial = load_trial(walk / "coordinates.sto", body, subject_mass=85.3, grf=pounds)
    assert any("a body mass index of 6" in note for note in trial.notes)


def test_a_frame_rate_that_nobody_walks_at_is_said(
    real_data: Path, tmp_path: Path, body: MusculoModel
) -> None:
    """Header and time column agree, both wrong by a factor of two."""
    lines = (real_data / "opensim_walk3d" / "markers_walk.trc").read_text().split("\n")
    lines[2] = lines[2].replace("100.0", "200.0", 1)
    for row, line in enumerate(lines[6:], start=6):
        cells = line.split("\t")
        if len(cells) > 2:
            cells[1] = f"{float(cells[1]) / 2:.5f}"
        lines[row] = "\t".join(cells)
    path = tmp_path / "fast.trc"
    path.write_text("\n".join(lines))
    notes = analyse(read_recording(path, body), body).notes
    assert any("steps of 0.71 m at 210 a minute" in note for note in notes), notes


def test_contacts_of_another_trial_are_said(
    real_data: Path, tmp_path: Path, body: MusculoModel
) -> None:
    """Forces of a treadmill at half the rate: under the feet, but never when they land."""
    folder = real_data / "running_hamner"

    def slower(labels: list[str], values: np.ndarray) -> None:
        values[:, 0] = 0.1 + values[:, 0] / 2

    path = spoilt(folder / "run200_grf.mot", tmp_path / "grf.mot", slower)
    recording = read_recording(folder / "run200.trc", body, grf=path)
    notes = clock_notes(find_strides(recording))
    assert any("were not seen in the motion" in note for note in notes), notes


def test_video_in_mm_and_with_another_vertical_is_named(
    real_data: Path, tmp_path: Path, body: MusculoModel
) -> None:
    with np.load(real_data / "smpl" / "asap_walk_level2.npz") as file:
        content = dict(file)
    path = tmp_path / "walk.npz"
    np.savez(path, **(content | {"trans": 1000 * content["trans"]}))
    with pytest.raises(InputError, match="a pelvis that moves at 579 m/s"):
        read_recording(path, body)
    y_up = content["trans"][:, [0, 2, 1]] * [1, 1, -1]
    np.savez(path, **(content | {"trans": y_up}))
    notes = analyse(read_recording(path, body), body).notes
    assert any("the lower foot goes up and down" in note for note in notes), notes


def c3d(data: Path, path: Path, change: Callable[[dict], None]) -> Path:
    """A copy of the slow walk on two plates with its content changed."""
    content = ezc3d.c3d(str(data / "c3d_forceplate" / "rehazenter_2014001_C1_01.c3d"))
    change(content)
    content.write(str(path))
    return path


def plates(rows: range, factor: float) -> Callable[[dict], None]:
    """Channels Fx, Fy, Fz, Mx, My, Mz of both plates scaled."""

    def change(content: dict) -> None:
        columns = content["parameters"]["FORCE_PLATFORM"]["CHANNEL"]["value"][
            rows.start : rows.stop
        ]
        for column in columns.ravel().astype(int):
            content["data"]["analogs"][0, column - 1] *= factor

    return change


def faster(content: dict) -> None:
    for group, kind, rate in (("POINT", "points", 200.0), ("ANALOG", "analogs", 3000.0)):
        content["parameters"][group]["RATE"]["value"] = [rate]
        content["header"][kind]["frame_rate"] = rate


def turned_plates(content: dict) -> None:
    corners = content["parameters"]["FORCE_PLATFORM"]["CORNERS"]
    corners["value"] = np.roll(corners["value"], 2, axis=1)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (plates(range(3, 6), 1e-3), "centres of pressure that hardly move: the left foot's at"),
        (plates(range(6), 0.1), "felt at most 6[0-9]: are forces in newtons"),
        (plates(range(1, 2), -1.0), "the fore-aft force is reversed, it seems"),
        (turned_plates, "both horizontal forces are reversed, it seems"),
        (faster, r"takes 3\.\d times the force beyond its weight"),
    ],
    ids=["moments in N m", "forces in daN", "one channel", "corners", "frame rate"],
)
def test_spoilt_c3d_files_are_named(
    real_data: Path,
    tmp_path: Path,
    body: MusculoModel,
    change: Callable[[dict], None],
    note: str,
) -> None:
    path = c3d(real_data, tmp_path / "walk.c3d", change)
    notes = analyse(read_recording(path, body), body).notes
    assert any(re.search(note, said) for said in notes), "\n".join(notes)


def test_axes_are_told_by_the_acceleration_they_explain() -> None:
    phase = np.linspace(0, 6, 200)
    force = np.stack([100 * np.sin(phase), 40 * np.cos(1.7 * phase), 0 * phase + 700], axis=1)
    noise = np.random.default_rng(0).normal(scale=5, size=force.shape)
    assert axes_notes(force + noise, force) == []
    (note,) = axes_notes(force + noise, force * [1, -1, 1], where=" there")
    assert note.startswith("the sideways force is reversed there")
    assert axes_notes(force + 300 * noise, -force) == []
    assert axes_notes(force[:5], -force[:5]) == []
