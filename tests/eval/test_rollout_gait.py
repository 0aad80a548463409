"""The gait of simulated episodes, on one that repeats a measured walk with its ground force."""

import csv
import dataclasses

import numpy as np
import pytest
from motions import clip_from_qpos
from musclemimic_eval import Rollout
from musclemimic_eval.emg.channels import map_channels
from musclemimic_eval.emg.cycle import cycle_agreement
from musclemimic_eval.gait.analysis import mean_curves
from musclemimic_eval.gait.cycles import Cycle
from musclemimic_eval.gait.rollouts import analyse_clip, analyse_rollout, while_upright
from musclemimic_eval.gait_page.rollouts import rollout_gait_report
from musclemimic_eval.kinetics.conventions import QUANTITIES
from musclemimic_eval.reference.choice import ReferenceChoice
from musclemimic_eval.reference.curves import load_reference
from musclemimic_models import InputError
from scipy.spatial.transform import Rotation
from trials import analysis, walking_rollout

CHOICE = ReferenceChoice()


@pytest.fixture(scope="module")
def walk(real_data) -> Rollout:
    return walking_rollout(real_data)


@pytest.fixture(scope="module")
def found(walk, body):
    return analyse_rollout(walk, body)


def turned(rollout: Rollout, degrees: float) -> Rollout:
    """The whole scene about the vertical."""
    turn = Rotation.from_euler("z", degrees, degrees=True)

    def orientations(quaternions: np.ndarray) -> np.ndarray:
        flat = Rotation.from_quat(quaternions.reshape(-1, 4).copy(), scalar_first=True)
        return (turn * flat).as_quat(scalar_first=True).reshape(quaternions.shape)

    matrix = turn.as_matrix()
    qpos = rollout.qpos.copy()
    qpos[:, :3] = qpos[:, :3] @ matrix.T
    qpos[:, 3:7] = orientations(qpos[:, 3:7])
    return dataclasses.replace(
        rollout,
        qpos=qpos,
        site_pos=rollout.site_pos @ matrix.T,
        site_quat=orientations(rollout.site_quat),
        ground_reaction=rollout.ground_reaction @ matrix.T,
        centre_of_pressure=rollout.centre_of_pressure @ matrix.T,
    )


def test_a_repeated_walk_has_the_gait_of_its_recording(found, real_data):
    """The same strides, angles, forces and moments as `eval motion` finds in the recording.

    The filters differ (15 Hz on both here; 6 Hz on poses and 20 Hz on forces there).
    """
    recorded = analysis(real_data, "walk3d")
    ours, theirs = found.spatiotemporal, recorded.spatiotemporal
    assert ours.kind == "walking"
    scale = recorded.clip.provenance.human_to_model_scale
    for name in ("stride time", "stride length", "step time", "step length", "stance"):
        expected = theirs.both[name].mean * (scale if name.endswith("length") else 1.0)
        assert ours.both[name].mean == pytest.approx(expected, rel=0.02), name
    for foot in (0, 1):
        mine, others = mean_curves(found, foot), mean_curves(recorded, foot)
        assert set(mine) == set(others)
        for name in set(mine) - {"foot_progression"}:  # the model's foot, not the shoe's markers
            least = {"power": 0.93, "moment": 0.95}.get(QUANTITIES[name].kind, 0.99)
            assert np.corrcoef(mine[name], others[name])[0, 1] > least, name
        assert np.abs(mine["ankle_pf_moment"] - others["ankle_pf_moment"]).max() < 0.2


def test_events_of_force_and_motion_are_compared(found):
    """Model's own feet: within 45 ms of the plates, half of the events within 20."""
    apart = np.abs(found.disagreement[np.isfinite(found.disagreement)])
    assert len(apart) == 8
    assert apart.max() < 0.045
    assert np.median(apart) < 0.020
    assert {cycle.source for cycle in found.cycles} == {"force"}
    assert "events from motion and from force differ" in found.notes[0]


def test_the_heading_changes_nothing(found, walk, body):
    other = analyse_rollout(turned(walk, 110.0), body)
    assert other.cycles == pytest.approx(found.cycles) or len(other.cycles) == len(found.cycles)
    for foot in (0, 1):
        mine, turned_round = mean_curves(found, foot), mean_curves(other, foot)
        for name, curve in mine.items():
            np.testing.assert_allclose(turned_round[name], curve, atol=1e-3, err_msg=name)


def test_the_report_sets_the_episode_beside_motion_and_humans(walk, body, real_data):
    clip = analysis(real_data, "walk3d").clip
    report = rollout_gait_report(walk, clip, body, CHOICE, CHOICE.load())
    anchors = [section.anchor for section in report.sections]
    assert anchors == ["gait", "parameters", "events", "curves", "agreement", "timing"]
    parameters = report.sections[1].grids[0]
    assert parameters.header[-1] == "reference motion, both"
    imitated = analyse_clip(clip, body).spatiotemporal
    (speed,) = [row for row in parameters.rows if row[0] == "Speed, m/s"]
    assert speed[-1] == f"{imitated.speed:.3f}"
    assert len(report.sections[3].pictures) == 3
    numbers = report.numbers
    assert numbers["kind"] == "walking"
    assert numbers["imitated"]["cadence_steps_per_min"] == pytest.approx(imitated.cadence)
    assert 0.05 < numbers["kinetics"]["residual_share"] < 0.2  # a posed motion, not a simulated one
    assert numbers["kinetics"]["model_mass_kg"] == pytest.approx(84.3, abs=0.1)
    assert {row["foot"] for row in numbers["emg"]} == {"left", "right"}
    rows = list(csv.DictReader(report.tables["gait_curves_clinical.csv"].splitlines()))
    assert {"left_knee_ext_moment", "right_grf_vertical"} <= {row["variable"] for row in rows}


def test_a_choice_that_cannot_serve_is_refused_before_any_work():
    with pytest.raises(InputError, match="group: found 'sprint', expected one of slow, free, fast"):
        ReferenceChoice(group="sprint").load()
    with pytest.raises(InputError, match="group self-selected: foot_off: found unknown"):
        ReferenceChoice("falisse2019_adult", split_phases=True).load()
    assert ReferenceChoice("none", group="sprint").load() is None


def test_split_phases_put_foot_off_where_the_reference_has_it(walk, body, real_data):
    """Ground force ends at foot off: then at 59 % of the cycle, the reference's, not at 65 %."""
    choice = ReferenceChoice(group="free", split_phases=True)
    clip = analysis(real_data, "walk3d").clip
    ends = []
    for one in (CHOICE, choice):
        report = rollout_gait_report(walk, clip, body, one, one.load())
        force = np.array(report.numbers["curves"]["grf_vertical"]["right"]["mean"])
        ends.append(int(np.flatnonzero(force > 0.05).max()))
    share = choice.load().groups["free"].foot_off
    assert ends[0] - ends[1] == pytest.approx(65.8 - share, abs=1.5)


def test_a_reference_made_cyclic_has_strides_without_spread(walk, body, real_data):
    """What imitates it is compared all the same: SPM is left out where nothing varies."""
    clip = analysis(real_data, "walk3d").clip
    cycle = clip.qpos[: round(1.145 / clip.dt)]
    qpos = np.concatenate([cycle] * 5)
    shift = cycle[-1, :3] - cycle[0, :3]
    qpos[:, :2] += np.repeat(np.arange(5), len(cycle))[:, None] * shift[:2]
    repeated = clip_from_qpos(body, qpos, clip.dt)
    choice = ReferenceChoice(group="free", split_phases=True)
    report = rollout_gait_report(walk, repeated, body, choice, choice.load())
    assert report.numbers["imitated"]["parameters"]["both"]["stride time"]["n"] >= 5


def test_an_end_before_the_first_stride_is_told_plainly(walk, body, real_data):
    clip = analysis(real_data, "walk3d").clip
    short = dataclasses.replace(walk.first(80), terminated=True)
    report = rollout_gait_report(short, clip, body, CHOICE, CHOICE.load())
    (section,) = report.sections
    assert "was lost after 0.80 s. There is no whole stride in it" in section.text[0]
    assert "contacts 1 of the left foot and 1 of the right foot" in section.text[0]
    assert "1.1 body weights" in section.text[0]
    assert "walking at 1.20 m/s with 1.1" in section.text[1]
    assert len(section.pictures) == 1
    assert report.numbers["kind"] == "no gait"
    assert report.tables is None


def test_what_feet_do_in_a_fall_is_no_gait(walk, body, real_data):
    """The pelvis sinks by 0.99 m/s from 1.5 s on: 10 cm are gone just after 1.6 s."""
    clip = analysis(real_data, "walk3d").clip
    site_pos = walk.site_pos.copy()
    site_pos[..., 2] -= 0.99 * np.maximum(walk.time - 1.5, 0.0)[:, None]
    falling = dataclasses.replace(walk, site_pos=site_pos, terminated=True)
    assert while_upright(walk, clip) is walk
    upright = while_upright(falling, clip)
    assert upright.time[-1] == pytest.approx(1.6)
    report = rollout_gait_report(falling, clip, body, CHOICE, CHOICE.load())
    assert "From 1.60 s on its pelvis was more than 10 cm below" in report.sections[0].text[0]
    # The left stride from 0.84 to 2.00 s ends in the fall; the right one from 0.27 to 1.41 s stays.
    assert [(cycle["foot"]) for cycle in report.numbers["cycles"]] == ["right"]


def test_what_is_too_short_or_has_no_feet(walk, body, arms, arms_clip, replay, real_data):
    clip = analysis(real_data, "walk3d").clip
    for samples, words in ((0, "diverged in its first step"), (5, "too short for gait")):
        (section,) = rollout_gait_report(walk.first(samples), clip, body, CHOICE, None).sections
        assert words in section.text[0]
    nothing = rollout_gait_report(replay(arms_clip), arms_clip, arms, CHOICE, None)
    assert nothing.sections == ()
    assert nothing.numbers is None


def test_muscle_timing_of_a_reference_five_percent_late(body):
    """Activations that are the envelopes themselves, 5 % of the cycle later."""
    group = next(iter(load_reference("falisse2019_adult").groups.values()))
    names = [name for name in group.curves if name.startswith("emg_")]
    assert len(names) == 14
    time = np.linspace(0.0, 3.0, 601)
    activation = np.zeros((len(time), len(body.muscle_names)))
    late = np.interp((100 * time - 5.0) % 100.0, np.arange(101.0), np.arange(101.0))
    for name in names:
        (channel,) = map_channels((name[4:],), body.muscles, default_side="right").channels
        envelope = np.interp(late, np.arange(101.0), group.curves[name].mean)
        activation[:, channel.muscles] = 0.4 * envelope[:, None]
    cycles = tuple(
        Cycle(1, at, at + 1.0, at + 0.6, at + 0.1, at + 0.5, "force") for at in (0.0, 1.0)
    )
    rows = cycle_agreement(time, activation, cycles, body.muscles, group)
    # Only the right leg has cycles.
    assert {row.foot for row in rows} == {1}
    assert len(rows) == 14
    for row in rows:
        assert row.lag == 5.0, row.site
        assert row.best_r > 0.999
        assert row.r < row.best_r
        assert row.peak == pytest.approx(0.4 * group.curves[f"emg_{row.site}"].mean.max(), rel=1e-3)
        assert row.overlap < 1.0
