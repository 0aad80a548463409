"""`musclemimic eval motion`: what it prints, writes and refuses."""

import csv
import json
import re
from pathlib import Path

import pytest
from musclemimic_eval.cli import main
from musclemimic_eval.human.report import render_motion_page
from musclemimic_eval.reference.comparison import compare
from musclemimic_eval.reference.curves import load_reference
from musclemimic_models import InputError
from trials import analysis


def test_json_holds_the_numbers_and_nothing_else(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = real_data / "opensim_walk3d"
    arguments = [str(folder / "markers_walk.trc"), "--grf", str(folder / "grf_walk.mot")]
    code = main(["motion", *arguments, "--json", "--mass", "85.27", "--out", str(tmp_path)])
    assert code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == "walking"
    assert document["speed_m_per_s"] == pytest.approx(1.243, rel=0.02)
    assert document["mass_source"] == "given"
    assert document["parameters"]["both"]["stance"]["mean"] == pytest.approx(66, abs=1)
    assert max(abs(x) for row in document["event_disagreement_ms"] for x in row) < 20
    assert any("children" in warning for warning in document["comparison"]["warnings"])
    assert document["comparison"]["gait_profile_score_deg"]["missing"] == []
    written = json.loads((tmp_path / "motion.json").read_text())
    assert written["parameters"] == document["parameters"]
    for name, header in (
        ("parameters.csv", "parameter"),
        ("events.csv", "foot"),
        ("curves_clinical.csv", "variable"),
        ("curves_opensim.csv", "variable"),
    ):
        rows = list(csv.reader((tmp_path / name).read_text().splitlines()))
        assert rows[0][0] == header
        assert len(rows) > 2
    require_self_contained((tmp_path / "index.html").read_text(), pictures=4)


def require_self_contained(page: str, *, pictures: int) -> None:
    assert page.count('src="data:image/png;base64,') == pictures
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "<script" not in page
    assert "url(" not in page


def test_a_page_without_forces_or_with_little_to_say(real_data: Path) -> None:
    walk = analysis(real_data, "bvh_walk")
    table = load_reference("schwartz2008_children")
    comparison = compare(
        walk.curves, walk.spatiotemporal, table, leg_length=walk.recording.leg_length
    )
    page = render_motion_page(walk, comparison, command="musclemimic eval motion walk.bvh")
    require_self_contained(page, pictures=2)
    assert "SPM{t}" in page
    bow = render_motion_page(analysis(real_data, "bow"), None, command="…")
    require_self_contained(bow, pictures=2)
    assert "<h1>No whole stride: bandai1_bow" in bow
    assert "No whole stride was found" in bow
    assert 'id="time"' in bow


def test_a_lone_step_on_a_plate_has_curves_and_says_how(real_data: Path) -> None:
    """opencap_lab_walk: one whole stance, 1.43 s for a stride of 1.19 s."""
    trial = analysis(real_data, "opencap")
    (cycle,) = trial.cycles
    assert (cycle.foot, cycle.inferred, cycle.source) == (0, True, "force")
    assert cycle.duration == pytest.approx(1.185, abs=0.005)
    assert cycle.opposite_contact == pytest.approx(1.148, abs=0.01)
    assert cycle.opposite_off == pytest.approx(0.72, abs=0.01)
    # data/README.md: 676 N on the left; the hip extends and the ankle pushes off as in any walk.
    table = load_reference("schwartz2008_children")
    comparison = compare(
        trial.curves, trial.spatiotemporal, table, leg_length=trial.recording.leg_length
    )
    for name, least in (("knee_flexion", 0.95), ("hip_ext_moment", 0.9), ("ankle_pf_moment", 0.95)):
        assert comparison.agreement[name, 0].r > least, name
    assert trial.curves["grf_vertical"][0].max() * trial.mass * 9.81 == pytest.approx(676, rel=0.01)
    page = render_motion_page(trial, comparison, command="…")
    require_self_contained(page, pictures=4)
    assert "0 whole strides" in page
    assert "next contact not seen: a stride later" in page
    assert "no whole stride of the left foot: its curves are wrapped" in page


def test_a_page_points_to_nothing_that_is_not_there(real_data: Path) -> None:
    bow = analysis(real_data, "bow")
    table = load_reference("schwartz2008_children")
    comparison = compare(bow.curves, bow.spatiotemporal, table, leg_length=0.8)
    page = render_motion_page(bow, comparison, command="…")
    assert "not a fair one" not in page
    assert "Schwartz" not in page
    assert "Moments are those" not in page


def test_what_readers_warn_of_stands_in_the_report(
    real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """bmc_gait: 60 % of the frames lack markers."""
    assert main(["motion", str(real_data / "c3d_forceplate" / "bmc_gait.c3d"), "--json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert any("frames 134 to 327 of 487 kept" in note for note in notes)


def test_a_run_gets_no_profile_score_from_walkers(real_data: Path) -> None:
    table = load_reference("schwartz2008_children")
    for name, scored in (("run300", False), ("walk3d", True)):
        trial = analysis(real_data, name)
        found = compare(
            trial.curves,
            trial.spatiotemporal,
            table,
            leg_length=trial.recording.leg_length,
            with_spm=False,
        )
        assert (found.profile is not None) == scored
        if found.profile is not None:
            assert found.profile.overall == pytest.approx(7.8, abs=0.3)
            # Half of its square is tilt and hip flexion: another neutral pelvis than the clinic's.
            assert found.profile.variables["left", "pelvis_tilt"] > 10
        assert ("running compared with walking" in found.warnings) != scored


def test_forces_of_another_person_or_unit_are_named(
    real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = real_data / "opensim_walk3d"
    arguments = [str(folder / "markers_walk.trc"), "--grf", str(folder / "grf_walk.mot")]
    assert main(["motion", *arguments, "--mass", "60", "--reference", "none"]) == 0
    assert "60 kg were given, but the plates carry 84" in capsys.readouterr().out.replace("\n", " ")


def spoiled(source: Path, target: Path, *, factor: float = 1.0, mirror: bool = False) -> Path:
    """A force file with all forces scaled, or x and z reversed."""
    head, _, body = source.read_text().partition("endheader\n")
    labels, *rows = body.strip().split("\n")
    names = labels.split("\t")
    lines = [labels]
    for row in rows[::10]:
        cells = [float(cell) for cell in row.split("\t")]
        for index, name in enumerate(names):
            if "force" in name and "_v" in name:
                cells[index] *= factor
            if mirror and name.endswith(("x", "z")):
                cells[index] *= -1.0
        lines.append("\t".join(f"{cell:.8g}" for cell in cells))
    target.write_text(head + "endheader\n" + "\n".join(lines) + "\n")
    return target


def test_wrong_units_and_reversed_axes_of_forces_are_refused(
    real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "opensim_walk3d"
    motion = str(folder / "markers_walk.trc")
    in_weights = spoiled(folder / "grf_walk.mot", tmp_path / "bw.mot", factor=1 / 836.0)
    with pytest.raises(InputError, match="newtons"):
        main(["motion", motion, "--grf", str(in_weights)])
    # The same file with y and z exchanged stands in other axes than the markers.
    other = re.sub(
        r"(ground_\w+)([yz])\b",
        lambda match: match[1] + ("z" if match[2] == "y" else "y"),
        (folder / "grf_walk.mot").read_text(),
    )
    (tmp_path / "zup.mot").write_text(other)
    with pytest.raises(InputError, match="vertical axis: found another one than the markers'"):
        main(["motion", motion, "--grf", str(tmp_path / "zup.mot")])
    reversed_axes = spoiled(folder / "grf_walk.mot", tmp_path / "axes.mot", mirror=True)
    with pytest.raises(InputError, match="m from the nearest foot"):
        main(["motion", motion, "--grf", str(reversed_axes)])


def test_bad_options_are_named(real_data: Path, tmp_path: Path) -> None:
    motion = str(real_data / "bvh" / "bandai2_walk_normal_001.bvh")
    with pytest.raises(InputError, match="--loads: option: found no --grf"):
        main(["motion", motion, "--loads", "x.xml"])
    with pytest.raises(InputError, match="name: found 'winter'"):
        main(["motion", motion, "--reference", "winter"])
    with pytest.raises(InputError, match="group: found 'sprint', expected one of slow, free, fast"):
        main(["motion", motion, "--group", "sprint"])
    with pytest.raises(InputError, match=r"--mass: value: found 1\.0"):
        main(["motion", motion, "--mass", "1"])
    with pytest.raises(InputError, match=r"suffix: found '\.xyz'"):
        main(["motion", str(tmp_path / "a.xyz")])
    c3d = str(real_data / "c3d_forceplate" / "bmc_gait.c3d")
    with pytest.raises(InputError, match="C3D has its own"):
        main(["motion", c3d, "--grf", "x.mot"])
