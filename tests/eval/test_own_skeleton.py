"""Joint angles with the OpenSim model they were made with: feet, ankles and legs of the person."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from musclemimic_eval.cli import main
from musclemimic_eval.gait.contacts import contacts_from_force, disagreement
from musclemimic_eval.gait.feet import FootMotion, belt_velocity
from musclemimic_eval.gait.kinematic_events import contacts_from_motion
from musclemimic_eval.human.files import read_table, read_trc_markers
from musclemimic_eval.human.force_files import FROM_OPENSIM
from musclemimic_eval.human.own_skeleton import OwnSkeleton, own_skeleton
from musclemimic_eval.kinetics.gait_series import joint_moments
from musclemimic_models import InputError, get_musculo_model
from osim_files import coordinate, joint4, model4, table, transform
from trials import GAIT_TRIALS, OSIM, WALK3D_MASS, analysis, recording

WALK, MODEL = "opensim_walk3d/coordinates.sto", "opensim_walk3d/subject_walk_scaled.osim"
ROOT = tuple(f"pelvis_t{axis}" for axis in "xyz")
HEELS = {"l": "LHEE", "r": "RHEE"}
TOES = {"l": "LTOE", "r": "RTOE"}


def straight_body(*, markers: bool) -> str:
    """A pelvis on two legs: thigh 40 cm, shank 42 cm, and a foot of 18 cm before the toes."""
    pelvis = joint4(
        "root",
        "CustomJoint",
        "ground",
        "pelvis",
        "".join(coordinate(name) for name in ROOT),
        transform(
            dict(zip(("translation1", "translation2", "translation3"), ROOT, strict=True)),
            {},
            wrapped=False,
        ),
    )
    joints, bodies, places = [pelvis], ["pelvis"], []
    for side, outward in (("l", -0.1), ("r", 0.1)):
        chain = (
            ("pelvis", f"femur_{side}", (0.0, -0.05, outward), f"hip_flexion_{side}"),
            (f"femur_{side}", f"tibia_{side}", (0.0, -0.4, 0.0), f"knee_angle_{side}"),
            (f"tibia_{side}", f"talus_{side}", (0.0, -0.42, 0.0), f"ankle_angle_{side}"),
            (f"talus_{side}", f"calcn_{side}", (-0.05, -0.04, 0.0), f"subtalar_angle_{side}"),
            (f"calcn_{side}", f"toes_{side}", (0.18, 0.0, 0.0), f"mtp_angle_{side}"),
        )
        for parent, child, at, name in chain:
            joints.append(
                joint4(f"{child}_joint", "PinJoint", parent, child, coordinate(name), at=at)
            )
            bodies.append(child)
        if markers:
            places.append((HEELS[side], f"calcn_{side}", (-0.01, 0.02, 0.0)))
            places.append((TOES[side], f"toes_{side}", (0.03, 0.01, 0.0)))
    return model4(tuple(bodies), joints, markers=places)


def skeleton(folder: Path, *, markers: bool = True, drop: tuple[str, ...] = ()) -> OwnSkeleton:
    """Standing upright, the left hip flexed by 90° in the last frames."""
    angles = [f"{name}_{s}" for name in ("hip_flexion", "knee_angle", "ankle_angle") for s in "lr"]
    columns = {name: np.zeros(4) for name in (*ROOT, *angles)}
    columns["pelvis_ty"] = np.full(4, 0.91)
    columns["hip_flexion_l"] = np.array([0.0, 0.0, np.pi / 2, np.pi / 2])
    columns |= {
        f"{name}_angle_{side}": np.zeros(4) for name in ("subtalar", "mtp") for side in "lr"
    }
    (folder / "m.osim").write_text(straight_body(markers=markers))
    (folder / "m.mot").write_text(table({k: v for k, v in columns.items() if k not in drop}))
    return own_skeleton(folder / "m.mot", folder / "m.osim")


def test_points_worked_by_hand(tmp_path: Path) -> None:
    """z up and y to the left: OpenSim's (x, y, z) becomes (x, −z, y)."""
    own = skeleton(tmp_path)
    assert own.leg_length == pytest.approx(0.82)
    assert own.notes == ()
    np.testing.assert_allclose(own.pelvis, [[0.0, 0.0, 0.91]] * 4, atol=1e-12)
    # Hip 0.86 m high; ankle 0.82 m below it, or ahead of it.
    left, right = own.ankles[:, 0], own.ankles[:, 1]
    np.testing.assert_allclose(right, [[0.0, -0.1, 0.04]] * 4, atol=1e-12)
    np.testing.assert_allclose(left[[0, 3]], [[0.0, 0.1, 0.04], [0.82, 0.1, 0.86]], atol=1e-12)
    np.testing.assert_allclose(own.heel[0], [[-0.06, 0.1, 0.02], [-0.06, -0.1, 0.02]], atol=1e-12)
    np.testing.assert_allclose(own.toe[0], [[0.16, 0.1, 0.01], [0.16, -0.1, 0.01]], atol=1e-12)


def test_bones_where_no_marker_is_known(tmp_path: Path) -> None:
    """The heel bone's origin, and a third of its length beyond the toes' joint."""
    own = skeleton(tmp_path, markers=False)
    np.testing.assert_allclose(own.heel[0], [[-0.05, 0.1, 0.0], [-0.05, -0.1, 0.0]], atol=1e-12)
    np.testing.assert_allclose(own.toe[0], [[0.19, 0.1, 0.0], [0.19, -0.1, 0.0]], atol=1e-12)


def test_welded_feet_are_said_and_missing_legs_refused(tmp_path: Path) -> None:
    whole = skeleton(tmp_path)
    own = skeleton(tmp_path, drop=("mtp_angle_l", "subtalar_angle_l"))
    np.testing.assert_array_equal(own.toe, whole.toe)
    (note,) = own.notes
    assert "subtalar_angle_l, mtp_angle_l of m.osim are not in the file" in note
    with pytest.raises(InputError, match="columns: found no knee_angle_r"):
        skeleton(tmp_path, drop=("knee_angle_r",))


def test_feet_are_where_the_markers_were(real_data: Path) -> None:
    """The run's heels and toes against the recorded ones: 6 mm RMS, as inverse kinematics left."""
    folder = real_data / "running_hamner"
    own = own_skeleton(folder / "run200_ik.mot", folder / "final.osim")
    seen = read_trc_markers(folder / "run200.trc")
    for points, labels in ((own.heel, ("LCAL", "RCAL")), (own.toe, ("LTOE", "RTOE"))):
        recorded = seen.positions[:, seen.columns(labels)] @ FROM_OPENSIM.T
        apart = np.linalg.norm(points - recorded, axis=2)
        assert np.sqrt(np.nanmean(apart**2)) < 0.008
    assert own.leg_length == pytest.approx(0.912, abs=0.001)


@pytest.mark.parametrize(
    ("name", "worst", "belt"),
    [
        ("walk3d_osim", 0.025, 0.0),
        ("opencap_osim", 0.025, 0.0),
        ("run200_osim", 0.034, 1.995),
        ("run300_osim", 0.016, 3.004),
    ],
)
def test_bones_alone_are_nearly_as_good(
    real_data: Path, tmp_path: Path, name: str, worst: float, belt: float
) -> None:
    """The same models without their markers."""
    coordinates = real_data / GAIT_TRIALS[name][0]
    text = (coordinates.parent / OSIM[coordinates.parent.name]).read_text()
    bare = tmp_path / "bare.osim"
    bare.write_text(re.sub(r"<MarkerSet.*?</MarkerSet>", "", text, flags=re.DOTALL))
    own = own_skeleton(coordinates, bare)
    feet = FootMotion(own.time, own.heel, own.toe, own.pelvis)
    ground = recording(real_data, name).ground
    assert ground is not None
    apart = disagreement(contacts_from_motion(feet), contacts_from_force(ground))
    assert np.nanmax(np.abs(apart)) <= worst
    assert np.linalg.norm(belt_velocity(feet)) == pytest.approx(belt, rel=0.02)


def moments_rmse(data: Path, name: str, quantity: str, coordinate_name: str) -> list[float]:
    """Of both sides against id_walk.sto, N m/kg."""
    trial = analysis(data, name)
    assert trial.kinetics is not None
    kinetics = trial.kinetics
    model = get_musculo_model("MyoFullBody", fingers=False)
    curves = joint_moments(model, kinetics.result, kinetics.motion, kinetics.time).curves
    theirs = read_table(data / "opensim_walk3d" / "id_walk.sto")
    found = []
    for foot, side in enumerate("lr"):
        column = theirs.labels.index(f"{coordinate_name}_{side}_moment")
        other = -np.interp(kinetics.time, theirs.values[:, 0], theirs.values[:, column])
        found.append(
            float(np.sqrt(np.mean((curves[quantity][:, foot] - other / WALK3D_MASS) ** 2)))
        )
    return found


def test_own_ankles_put_the_force_under_the_foot(real_data: Path) -> None:
    """Moments against OpenSim's: ankle 0.03 instead of 0.08 N m/kg, knee 0.06 instead of 0.09."""
    for quantity, name, with_model, without in (
        ("ankle_pf_moment", "ankle_angle", 0.035, 0.07),
        ("knee_ext_moment", "knee_angle", 0.06, 0.08),
    ):
        assert max(moments_rmse(real_data, "walk3d_osim", quantity, name)) <= with_model
        assert min(moments_rmse(real_data, "walk3d_ik", quantity, name)) >= without


def test_ankles_go_with_the_feet_on_a_treadmill(real_data: Path) -> None:
    """Heel and ankle joint are two points of a foot whose joint between is locked."""
    trial = recording(real_data, "run200_osim")
    assert trial.ankles is not None
    assert trial.belt[0] == pytest.approx(-1.99, abs=0.02)
    apart = np.linalg.norm(trial.ankles - trial.feet.heel, axis=2)
    assert np.ptp(apart, axis=0).max() < 1e-6
    assert 0.04 < apart.mean() < 0.12


def test_the_command_takes_the_model_and_says_when_it_would_help(
    real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["motion", str(real_data / WALK), "--reference", "none", "--json"]
    assert main([*arguments, "--osim", str(real_data / MODEL)]) == 0
    own = json.loads(capsys.readouterr().out)
    assert main(arguments) == 0
    alone = json.loads(capsys.readouterr().out)
    assert own["leg_length_m"] == pytest.approx(0.866, abs=0.001)
    assert alone["leg_length_m"] != pytest.approx(0.866, abs=0.01)
    assert any("--osim" in note for note in alone["notes"])
    assert not any("--osim" in note for note in own["notes"])
    assert any("mtp_angle_r" in note for note in own["notes"])
    assert own["speed_m_per_s"] == pytest.approx(1.243, rel=0.005)


def test_a_model_without_angles_or_of_something_else_is_refused(
    real_data: Path, tmp_path: Path
) -> None:
    model = str(real_data / MODEL)
    markers = str(real_data / "opensim_walk3d" / "markers_walk.trc")
    with pytest.raises(InputError, match=r"--osim: found it with markers_walk.trc, expected joint"):
        main(["motion", markers, "--osim", model])
    with pytest.raises(InputError, match="XML: found <OpenSimDocument> of ExternalLoads"):
        loads = str(real_data / "opensim_walk3d" / "grf_walk.xml")
        main(["motion", str(real_data / WALK), "--osim", loads])
    other = str(real_data / "running_hamner" / "final.osim")
    opencap = str(real_data / "opencap_lab_walk" / "walking1.mot")
    with pytest.raises(
        InputError,
        match=r"knee_angle_l: found 3 to 73°, expected -160 to 10°, the knee of final\.osim",
    ):
        main(["motion", opencap, "--osim", other])
    headless = tmp_path / "headless.osim"
    headless.write_text((real_data / MODEL).read_text().replace("talus_r", "astragalus_r"))
    with pytest.raises(InputError, match="body: found 'talus_r', expected one of pelvis"):
        main(["motion", str(real_data / WALK), "--osim", str(headless)])
