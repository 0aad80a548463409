"""Reference tables, agreement, profile score, suitability and SPM: hand-worked numbers."""

import dataclasses
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from musclemimic_eval.gait.spatiotemporal import Measure, SpatioTemporal
from musclemimic_eval.reference.agreement import agreement
from musclemimic_eval.reference.curves import (
    PACKAGED,
    ReferenceCurve,
    ReferenceGroup,
    load_reference,
    parse_reference,
)
from musclemimic_eval.reference.profile_score import LEG, PELVIS, profile_score
from musclemimic_eval.reference.spm import spm_against_reference, spm_between, varies
from musclemimic_eval.reference.suitability import nearest_group, warnings_for
from musclemimic_models import InputError

NAN = float("nan")
PERCENT = np.linspace(0, 100, 101)
WAVE = 10 * np.sin(2 * np.pi * PERCENT / 100)
CURVE = ReferenceCurve("knee_flexion", "deg", "+ flexion", WAVE, np.full(101, 2.0))
HEADER = "variable,speed,gait_pct,mean,sd,unit,sign\n"


def group(**curves: np.ndarray) -> ReferenceGroup:
    entries = {
        name: ReferenceCurve(name, "deg", "", mean, np.full(101, 1.0))
        for name, mean in curves.items()
    }
    return ReferenceGroup("free", NAN, 0.43, 59.0, 82, entries)


def trial(speed: float, dimensionless: float, kind: str = "walking") -> SpatioTemporal:
    return SpatioTemporal(kind, False, speed, 110.0, 0.0, dimensionless, {}, {}, {})


def test_a_curve_agrees_with_itself() -> None:
    same = agreement(WAVE, CURVE)
    assert same.r == pytest.approx(1.0)
    assert (same.rmse, same.r2, same.inside_1sd, same.peak, same.peak_timing) == (0, 1, 1, 0, 0)


def test_an_offset_shows_in_rmse_but_not_in_shape() -> None:
    result = agreement(WAVE + 3.0, CURVE)
    assert result.r == pytest.approx(1.0)
    assert result.rmse == pytest.approx(3.0)
    assert result.rmse_shape == pytest.approx(0.0, abs=1e-12)
    # Σ 3² over Σ (10 sin)², which is 50 a point over the 100 points of the circle.
    assert result.r2 == pytest.approx(1 - 101 * 9 / (100 * 50))
    assert (result.inside_1sd, result.inside_2sd) == (0.0, 1.0)
    assert (result.peak, result.trough) == (pytest.approx(3.0), pytest.approx(3.0))


def test_a_delay_shows_in_the_timing_the_short_way_round() -> None:
    assert agreement(np.roll(WAVE[:-1], 7)[np.arange(101) % 100], CURVE).peak_timing == 7
    # The peak at 25 % delayed by 60 % is at 85 %: nearer to the one before, 40 % early.
    assert agreement(np.roll(WAVE[:-1], 60)[np.arange(101) % 100], CURVE).peak_timing == -40


def test_without_sd_there_are_no_bands() -> None:
    bare = ReferenceCurve("knee_flexion", "deg", "", WAVE, np.full(101, NAN))
    assert np.isnan(agreement(WAVE, bare).inside_1sd)


def test_profile_score_is_the_rms_of_rms_differences() -> None:
    """Baker et al. 2009: GVS_i = RMS over the cycle, GPS = √mean GVS²."""
    names = (*PELVIS, *LEG)
    reference = group(**dict.fromkeys(names, WAVE))
    left = dict.fromkeys(names, WAVE + 3.0)
    right = {name: WAVE + (4.0 if name in LEG else 3.0) for name in names}
    score = profile_score(left, right, reference)
    assert score.left == pytest.approx(3.0)
    # Three of 3° and six of 4°.
    assert score.right == pytest.approx(np.sqrt((3 * 9 + 6 * 16) / 9))
    # The pelvis counts once: 3 + 6 of 3°, 6 of 4°.
    assert score.overall == pytest.approx(np.sqrt((9 * 9 + 6 * 16) / 15))
    assert score.missing == ()
    del left["foot_progression"]
    assert profile_score(left, right, reference).missing == ("foot_progression",)


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_tables_name_source_population_and_signs(name: str) -> None:
    table = load_reference(name)
    assert len(table.citation) > 60
    assert table.population != "unknown"
    assert table.adults is not None
    for known in table.groups.values():
        assert known.n > 0
        for curve in known.curves.values():
            assert curve.unit
            assert curve.sign.startswith("+")
            assert np.isfinite(curve.sd).all()


def test_packaged_figures_are_the_published_ones() -> None:
    """Peaks that Schwartz et al. 2008 show for free speed, to the table's 4 % grid."""
    free = load_reference("schwartz2008_children").groups["free"]
    assert free.dimensionless_speed == pytest.approx(0.43, abs=0.005)
    assert free.curves["knee_flexion"].mean.max() == pytest.approx(59, abs=1.5)
    assert free.curves["ankle_pf_moment"].mean.max() == pytest.approx(1.23, abs=0.03)
    assert free.curves["grf_vertical"].mean.max() == pytest.approx(1.10, abs=0.03)
    assert free.curves["knee_ext_moment"].mean.max() == pytest.approx(0.37, abs=0.02)
    assert free.curves["pelvis_tilt"].mean.mean() == pytest.approx(12, abs=1.5)


def once(path: Path) -> str:
    """Each row's first appearance: the full table has two curves named knee_ext_moment."""
    seen: set[tuple[str, ...]] = set()
    kept: list[str] = []
    for line in path.read_text().splitlines():
        key = tuple(line.split(",")[:3])
        if key not in seen:
            kept.append(line)
        seen.add(key)
    return "\n".join(kept)


# Sites of electrodes as this project calls them, and as the data set does.
SITES = {
    "emg_lateral_hamstrings": "emg_hamstrings_lateralis",
    "emg_medial_hamstrings": "emg_hamstrings_medialis",
    "emg_gluteus_medius": "emg_gluteus_medialis",
}


def test_packaged_tables_are_the_full_ones_on_a_coarser_grid(real_data: Path) -> None:
    for name, full, pairs in (
        ("schwartz2008_children", "schwartz2008_children.csv", {"free": "free", "fast": "fast"}),
        (
            "falisse2019_adult",
            "falisse2019_adult_subject1.csv",
            {"self-selected": "self-selected 1.32 m/s"},
        ),
    ):
        ours = load_reference(name)
        theirs = parse_reference(once(real_data / "reference" / full), full)
        for mine, other in pairs.items():
            for variable, curve in ours.groups[mine].curves.items():
                source = theirs.groups[other].curves[SITES.get(variable, variable)]
                width = max(np.ptp(source.mean), 1e-6)
                assert np.abs(curve.mean[::4] - source.mean[::4]).max() < 0.02 * width + 0.06


def test_all_reference_files_of_the_data_set_can_be_read(real_data: Path) -> None:
    for name in ("pinzone2014_children", "cgm23_spontaneous"):
        table = load_reference(real_data / "reference" / f"{name}.csv")
        assert table.citation == "unknown"
        for known in table.groups.values():
            assert "knee_flexion" in known.curves


def test_the_nearest_speed_is_chosen_and_an_unfair_comparison_named() -> None:
    table = load_reference("schwartz2008_children")
    assert nearest_group(table, trial(1.1, 0.30)).name == "slow"
    assert nearest_group(table, trial(1.6, 0.60)).name == "fast"
    free = table.groups["free"]
    assert warnings_for(table, free, trial(1.28, 0.43), leg_length=0.66, stance=59.0) == ()
    found = warnings_for(table, free, trial(2.0, 0.66, "running"), leg_length=0.9, stance=43.0)
    text = "\n".join(found)
    assert "running compared with walking" in text
    assert "v/√(gL) 0.66 compared with 0.43 (free)" in text
    assert "an adult's legs (0.90 m) compared with children's" in text
    assert "stance 43 % compared with 59 %" in text
    back = dataclasses.replace(trial(1.28, 0.43), backward=True)
    found = warnings_for(table, free, back, leg_length=0.66, stance=59.0)
    assert found == ("backward gait compared with forward gait",)


def test_one_persons_band_is_no_populations() -> None:
    table = load_reference("falisse2019_adult")
    (group,) = table.groups.values()
    fair = trial(group.speed, group.dimensionless_speed)
    found = warnings_for(table, group, fair, leg_length=0.85, stance=group.foot_off)
    assert found == ("the band is of 1 person, not of a population",)
    child = warnings_for(table, group, fair, leg_length=0.6, stance=group.foot_off)
    assert "a child's legs (0.60 m) compared with adults'" in child


def test_a_limp_is_named_before_it_is_averaged() -> None:
    table = load_reference("schwartz2008_children")
    sides = [{"step length": Measure(length, NAN, 1)} for length in (0.60, 0.68)]
    limp = dataclasses.replace(trial(1.28, 0.43), left=sides[0], right=sides[1])
    found = warnings_for(table, table.groups["free"], limp, leg_length=0.66, stance=59.0)
    assert found == (
        "asymmetric gait, step length 0.6 m left and 0.68 m right: judge each side by itself",
    )


def test_an_own_table_says_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    rows = "".join(f"knee_flexion,all,{p},{p / 10},,deg,+\n" for p in range(0, 101, 10))
    path.write_text(HEADER + rows)
    table = load_reference(path)
    found = warnings_for(table, table.groups["all"], trial(1.2, 0.4), leg_length=NAN, stance=NAN)
    assert "the reference's speed is unknown" in found
    assert "the reference's population is unknown" in found
    assert table.groups["all"].curves["knee_flexion"].mean[55] == pytest.approx(5.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header: found nothing"),
        ("variable,mean\n", "header: found variable, mean"),
        (HEADER, "rows: found none"),
        (HEADER + "a,x,0,1,1,deg,\na,x,50,1,1,deg,\n", "2 percentages, 0 to 50 %"),
        (HEADER + "a,x,0,1,1,deg,\n" * 2 + "a,x,100,1,1,deg,\n", "3 rows, 2 percentages"),
        (HEADER + "a,x,0,one,1,deg,\na,x,100,1,1,deg,\n", "a: mean: found 'one'"),
        (HEADER + "a,x,0,,1,deg,\na,x,100,1,1,deg,\n", "a: mean: found ''"),
        (HEADER + "a,x,0,1,-1,deg,\na,x,100,1,1,deg,\n", "a gap or SD < 0"),
        ("# group x: speed=fast\n" + HEADER + "a,x,0,1,1,deg,\n", "group x: found speed=fast"),
    ],
)
def test_damaged_tables_are_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_reference(text, "own.csv")


def test_unknown_tables_list_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of schwartz2008_children, falisse2019_adult"):
        load_reference("winter1991")
    with pytest.raises(InputError, match="nothing there"):
        load_reference(tmp_path / "none.csv")
    assert (files("musclemimic_eval.reference") / "tables").is_dir()


def cycles(shift: float, seed: int = 1) -> np.ndarray:
    """Ten smooth random curves around a bump of `shift` at 50 %."""
    rng = np.random.default_rng(seed)
    waves = np.stack([np.cos(k * np.pi * PERCENT / 100) for k in range(4)])
    bump = shift * np.exp(-(((PERCENT - 50) / 8) ** 2))
    return rng.normal(size=(10, 4)) @ waves + bump


def test_spm_t_is_students_t_at_every_point() -> None:
    sample = cycles(3.0)
    result = spm_against_reference(sample, np.zeros(101))
    expected = sample.mean(axis=0) / (sample.std(axis=0, ddof=1) / np.sqrt(10))
    np.testing.assert_allclose(result.t, expected, rtol=1e-6)
    assert result.degrees_of_freedom == 9


def test_spm_finds_where_curves_differ_and_only_there() -> None:
    different = spm_against_reference(cycles(8.0), np.zeros(101))
    assert any(cluster.start < 50 < cluster.end for cluster in different.clusters)
    assert all(cluster.p < 0.05 for cluster in different.clusters)
    # Two-tailed: below the reference counts as well.
    below = spm_against_reference(-cycles(8.0), np.zeros(101))
    assert any(cluster.start < 50 < cluster.end for cluster in below.clusters)
    same = spm_between(cycles(0.0, seed=2), cycles(0.0, seed=3))
    assert same.clusters == ()
    # The threshold allows for looking at a whole curve: above the two-sided 5 % of one t test.
    assert same.threshold > 2.1
    # Welch's test: samples of unequal spread have fewer degrees of freedom than 18.
    assert spm_between(cycles(0.0, seed=2), 5 * cycles(0.0, seed=3)).degrees_of_freedom < 15
    apart = spm_between(cycles(0.0, seed=2), cycles(8.0, seed=3))
    assert any(cluster.start < 50 < cluster.end for cluster in apart.clusters)


def test_spm_refuses_samples_it_can_say_nothing_about() -> None:
    with pytest.raises(InputError, match="at least 3"):
        spm_against_reference(cycles(0.0)[:2], np.zeros(101))
    with pytest.raises(InputError, match="without variance"):
        spm_against_reference(np.ones((5, 101)), np.zeros(101))
    # The strides of a cyclic clip differ by rounding alone.
    rounding = 1e-13 * np.random.default_rng(0).normal(size=(5, 101))
    with pytest.raises(InputError, match="a point without variance"):
        spm_against_reference(20.0 + rounding, np.zeros(101))
    assert not varies(20.0 + rounding)
    assert varies(cycles(0.0))
