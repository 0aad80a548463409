"""Gap filling, trimming, and the choice of a marker set."""

import logging

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget.markers import MarkerTrajectories, load_marker_sets
from musclemimic_retarget.markers.gaps import fill_gaps, fill_short, longest_run, runs
from musclemimic_retarget.markers.landmarks import gather_landmarks
from musclemimic_retarget.markers.marker_sets import choose_marker_set
from musclemimic_retarget.markers.rigid import fill_from_body, mean_shape, rigid_poses
from scipy.spatial.transform import Rotation

SHAPE = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.15]])


def moving_body(frames=60):
    times = np.arange(frames) / 50.0
    turns = Rotation.from_euler(
        "xyz", np.stack([times, 0.5 * np.sin(3 * times), times**2], axis=1)
    ).as_matrix()
    shift = np.stack([times, np.cos(times), 0.3 * times], axis=1)
    return turns, shift, SHAPE @ np.swapaxes(turns, 1, 2) + shift[:, None]


def test_short_gaps_follow_a_cubic_exactly():
    times = np.arange(40.0)
    cubic = np.stack([times**3, 2 - times, times**2], axis=1)[:, None]
    gappy = cubic.copy()
    gappy[10:15] = np.nan
    gappy[20:26] = np.nan
    filled = fill_short(gappy, 5)
    np.testing.assert_allclose(filled[:20], cubic[:20], rtol=1e-9)
    assert np.isnan(filled[20:26]).all()


def test_gaps_at_the_ends_stay():
    gappy = np.random.default_rng(0).normal(size=(30, 1, 3))
    gappy[:2] = gappy[-1:] = np.nan
    assert np.isnan(fill_short(gappy, 5)).any(axis=(1, 2)).sum() == 3


def test_the_limit_is_a_tenth_of_a_second():
    curve = np.random.default_rng(0).normal(size=(60, 1, 3)).cumsum(axis=0)
    curve[10:20] = np.nan
    curve[30:41] = np.nan
    filled = fill_gaps(MarkerTrajectories("x", 100.0, ("a",), curve), [])
    assert filled.seen[10:20].all()
    assert not filled.seen[30:41].any()


def test_a_rigid_body_fills_long_gaps_exactly():
    _, _, points = moving_body()
    gappy = points.copy()
    gappy[5:50, 3] = np.nan
    np.testing.assert_allclose(fill_from_body(gappy), points, atol=1e-9)


def test_a_filled_gap_joins_a_soft_body_without_a_jump():
    _, _, points = moving_body()
    soft = points.copy()
    soft[:, 3] += 0.01 * np.sin(np.arange(60) / 10.0)[:, None]
    gappy = soft.copy()
    gappy[20:45, 3] = np.nan
    filled = fill_from_body(gappy)
    steps = np.linalg.norm(np.diff(filled[:, 3] - points[:, 3], axis=0), axis=1)
    assert steps.max() < 0.003
    np.testing.assert_array_equal(filled[:20], soft[:20])


def test_two_or_collinear_markers_fill_nothing():
    _, _, points = moving_body()
    gappy = points[:, :3].copy()
    gappy[5:50, 2] = np.nan
    assert np.isnan(fill_from_body(gappy)[5:50, 2]).all()
    line = np.stack([points[:, 0], points[:, 1], 2 * points[:, 1] - points[:, 0], points[:, 3]], 1)
    line[5:50, 3] = np.nan
    assert np.isnan(fill_from_body(line)[5:50, 3]).all()


def test_rigid_poses_and_mean_shape_by_hand():
    turns, shift, points = moving_body()
    found, origin = rigid_poses(SHAPE, points)
    np.testing.assert_allclose(found, turns, atol=1e-9)
    np.testing.assert_allclose(origin, shift, atol=1e-9)
    shape = mean_shape(points)
    np.testing.assert_allclose(
        np.linalg.norm(shape[:, None] - shape, axis=2),
        np.linalg.norm(SHAPE[:, None] - SHAPE, axis=2),
        atol=1e-9,
    )


def test_runs_and_the_longest():
    mask = np.array([1, 1, 0, 1, 1, 1, 0, 1], dtype=bool)
    assert runs(mask) == [(0, 2), (3, 6), (7, 8)]
    assert longest_run(mask) == (3, 6)
    assert longest_run(np.zeros(4, dtype=bool)) == (0, 0)


def packaged(name):
    return next(known for known in load_marker_sets() if known.name == name)


def recording(name, frames=300, without=()):
    """Random smooth trajectories under every label of a packaged set."""
    labels = [
        label
        for labels in packaged(name).landmarks.values()
        for label in labels
        if label not in without
    ]
    start = np.random.default_rng(1).normal(size=(1, len(labels), 3))
    drift = np.linspace(0.0, 1.0, frames)[:, None, None]
    return MarkerTrajectories("lab.c3d", 100.0, tuple(labels), start + drift)


def with_gaps(trajectories, gaps):
    positions = trajectories.positions.copy()
    for label, first, end in gaps:
        positions[first:end, trajectories.names.index(label)] = np.nan
    return MarkerTrajectories(trajectories.source, 100.0, trajectories.names, positions)


def test_frames_without_needed_markers_are_cut_off_and_reported(caplog):
    markers = with_gaps(
        recording("rehazenter"),
        [
            ("L_IAS", 0, 50),
            ("R_IAS", 0, 50),
            ("R_FCC", 280, 300),
            ("R_FM2", 280, 300),
            ("L_HLE", 0, 55),
        ],
    )
    landmarks = gather_landmarks(markers, packaged("rehazenter"))
    assert len(landmarks) == 225
    assert landmarks.has("left_elbow_lateral")
    assert "frames 56 to 280 of 300 kept (from 0.55 s)" in caplog.text


def test_an_optional_marker_with_many_gaps_is_left_out(caplog):
    markers = with_gaps(recording("rehazenter"), [("L_HLE", 100, 200)])
    landmarks = gather_landmarks(markers, packaged("rehazenter"))
    assert len(landmarks) == 300
    assert not landmarks.has("left_elbow_lateral")
    assert "too many gaps, not used: L_HLE" in caplog.text


def test_needed_markers_never_together():
    markers = with_gaps(recording("rehazenter"), [("L_IAS", 0, 150), ("R_IAS", 150, 300)])
    with pytest.raises(InputError, match=r"gaps: found 0 frames .* L_IAS \(50 %\)"):
        gather_landmarks(markers, packaged("rehazenter"))


def test_all_gaps():
    markers = recording("rehazenter")
    gone = MarkerTrajectories("lab.c3d", 100.0, markers.names, np.zeros_like(markers.positions))
    with pytest.raises(InputError, match="markers: found none seen"):
        choose_marker_set(gone)


@pytest.mark.parametrize("known", load_marker_sets(), ids=lambda known: known.name)
def test_every_packaged_set_is_chosen_by_its_own_labels(known):
    assert choose_marker_set(recording(known.name)).name == known.name
    assert all(
        "left_" + name.removeprefix("right_") in known.landmarks
        for name in known.landmarks
        if name.startswith("right_")
    )


def test_missing_labels_are_listed_per_set():
    with pytest.raises(InputError) as caught:
        choose_marker_set(recording("rehazenter", without=("L_IAS", "R_FCC")))
    assert "rehazenter: L_IAS, R_FCC;" in str(caught.value)
    assert "for hamner: LASI, LCAL, LTOE" in str(caught.value)


SIDE = (
    'asis = "{0}1"\npsis = "{0}2"\nknee_lateral = "{0}3"\nankle_lateral = "{0}4"\n'
    'heel = "{0}5"\ntoe = "{0}6"\n'
)


def own_set(name):
    return f"[{name}.left]\n{SIDE.format('l')}\n[{name}.right]\n{SIDE.format('r')}\n"


def own_labels():
    labels = tuple(f"{side}{number}" for side in "lr" for number in range(1, 7))
    return MarkerTrajectories("lab.c3d", 100.0, labels, np.ones((5, 12, 3)))


def test_a_users_set_extends_the_packaged_ones(tmp_path):
    path = tmp_path / "sets.toml"
    path.write_text(own_set("mine"))
    assert choose_marker_set(own_labels(), path).name == "mine"
    assert choose_marker_set(recording("hamner"), path).name == "hamner"


def test_two_sets_alike_are_ambiguous(tmp_path):
    path = tmp_path / "sets.toml"
    path.write_text(own_set("mine") + own_set("yours"))
    with pytest.raises(InputError, match="labels of mine and yours alike"):
        choose_marker_set(own_labels(), path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing", "tables: found none"),
        ("mine", "TOML: found"),
        ("mine = 3", "mine: found 3, expected a table"),
        ("[mine]\nleft = 3", "mine.left: found 3"),
        ("[mine]\nmiddle = 'C7'", "mine.middle: found an entry"),
        ("[mine]\nhip_offset = [0.1, 0.2]", "mine.hip_offset: found .*forward, outward, up"),
        ("[mine]\nhip_offset = [-78, 76, -149]", "mine.hip_offset: found .*below 0.5"),
        ("[mine]\nhip_offset = ['a', 0, 0]", "mine.hip_offset: found"),
        ("[mine.left]\nnose = 'N'", "mine.left.nose: found no landmark of this name"),
        ("[mine.left]\nasis = 3", "mine.left.asis: found 3, expected labels"),
        ("[mine.left]\nasis = []", "mine.left.asis: found none, expected labels"),
        ("[mine.left]\nasis = 'A'", "mine: found no left_heel, left_toe"),
    ],
)
def test_a_bad_file_of_sets_is_named(tmp_path, text, message):
    path = tmp_path / "sets.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_marker_sets(path)
    assert "sets.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_filled_frames_are_logged(caplog):
    with caplog.at_level(logging.INFO):
        gather_landmarks(
            with_gaps(recording("rehazenter"), [("L_IAS", 100, 105)]), packaged("rehazenter")
        )
    assert "5 gap frames filled in L_IAS" in caplog.text
