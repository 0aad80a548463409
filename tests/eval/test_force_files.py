"""Reading force files: styles of columns, units, axes, signs, sides, and damaged files."""

from pathlib import Path

import numpy as np
import pytest
from musclemimic_eval.human.force_files import read_ground_reaction
from musclemimic_eval.human.plates import FootTrack
from musclemimic_eval.kinetics.ground_reaction import LEFT, RIGHT, GroundReaction
from musclemimic_models import InputError

TIME = np.arange(300) / 100.0
FEET = np.zeros((300, 2, 3))
FEET[:, LEFT, :2], FEET[:, RIGHT, :2] = (0.55, 0.1), (1.25, -0.1)
TRACK = FootTrack(TIME, FEET)
# y up: the left foot stands in the first second, the right in the second; 20 cm apart.
STEPS = {"l": (0.2, 0.9, 0.5, -0.1), "r": (1.1, 1.8, 1.2, 0.1)}
STYLES = {
    "opensim": ("ground_force_{}_v", "ground_force_{}_p", "ground_torque_{}_"),
    "opencap": ("{}_ground_force_v", "{}_ground_force_p", "{}_ground_torque_"),
    "addbiomechanics": ("ground_force_{}_v", "ground_force_{}_p", "ground_force_{}_m"),
    "moment": ("ground_force_{}_v", "ground_force_{}_p", "ground_moment_{}_m"),
    "gait2354": ("{}_ground_force_v", "{}_ground_force_p", "{}_ground_torque_"),
}


def columns(side: str) -> np.ndarray:
    start, end, x, z = STEPS[side]
    on = (start <= TIME) & (end >= TIME)
    values = np.zeros((300, 9))
    values[on, :3] = (50.0, 700.0, -20.0)
    values[on, 3:6] = np.stack([x + 0.1 * (TIME[on] - start), 0 * TIME[on], z + 0 * TIME[on]], 1)
    values[on, 7] = 4.0
    return values


def write(
    path: Path,
    *,
    style: str = "opensim",
    names: tuple[str, str] = ("r", "l"),
    factor: tuple[float, float, float] = (1.0, 1.0, 1.0),
    axes: tuple[int, int, int] = (0, 1, 2),
) -> Path:
    labels, blocks = ["time"], [TIME[:, None]]
    for name, side in zip(names, "rl", strict=True):
        labels += [prefix.format(name) + axis for prefix in STYLES[style] for axis in "xyz"]
        values = columns(side).reshape(-1, 3, 3)[:, :, list(axes)]
        blocks.append((values * np.array(factor)[:, None]).reshape(-1, 9))
    rows = ["\t".join(f"{value:.6f}" for value in row) for row in np.hstack(blocks)]
    path.write_text("grf\nendheader\n" + "\t".join(labels) + "\n" + "\n".join(rows) + "\n")
    return path


def require_truth(ground: GroundReaction) -> None:
    """Left in the first second, right in the second; z up, the left foot's centre at +y."""
    first, second = TIME < 1.0, TIME >= 1.0
    assert ground.loaded[first, LEFT].sum() == ground.loaded[second, RIGHT].sum() == 71
    assert not ground.loaded[second, LEFT].any()
    assert not ground.loaded[first, RIGHT].any()
    inside = ground.loaded[:, LEFT]
    np.testing.assert_allclose(ground.force[inside, LEFT], [[50.0, 20.0, 700.0]] * 71, atol=1e-3)
    np.testing.assert_allclose(ground.centre_of_pressure[inside, LEFT, 1], 0.1, atol=1e-6)
    np.testing.assert_allclose(ground.free_moment[inside, LEFT, 2], 4.0, atol=1e-3)
    assert ground.frame == "laboratory"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("names", [("r", "l"), ("R", "L"), ("right", "left")])
def test_every_style_that_names_sides(tmp_path: Path, style: str, names: tuple[str, str]) -> None:
    ground, steps = read_ground_reaction(write(tmp_path / "f.mot", style=style, names=names))
    require_truth(ground)
    assert [step.foot for step in steps] == [LEFT, RIGHT]


@pytest.mark.parametrize("style", STYLES)
def test_numbered_plates_go_to_the_foot_above_them(tmp_path: Path, style: str) -> None:
    file = write(tmp_path / "f.mot", style=style, names=("1", "2"))
    ground, steps = read_ground_reaction(file, track=TRACK)
    require_truth(ground)
    assert max(step.distance for step in steps) < 0.1
    with pytest.raises(InputError, match="found load of an unnamed foot"):
        read_ground_reaction(file)


@pytest.mark.parametrize(
    "changes",
    [
        {"factor": (1.0, 1000.0, 1.0)},
        {"factor": (1.0, 1.0, 1000.0)},
        {"factor": (-1.0, 1.0, -1.0)},
    ],
    ids=["centre in mm", "torque in N mm", "force on the ground"],
)
def test_units_and_signs_are_recognised_and_logged(
    tmp_path: Path, changes: dict[str, tuple[float, float, float]], caplog: pytest.LogCaptureFixture
) -> None:
    ground, _ = read_ground_reaction(write(tmp_path / "f.mot", **changes))
    require_truth(ground)
    assert caplog.messages


def test_z_up_files_are_read_as_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # (x, −z, y) would be the rotation; columns can only be permuted here, so y comes mirrored.
    ground, _ = read_ground_reaction(write(tmp_path / "f.mot", axes=(0, 2, 1)))
    assert ground.force[..., 2].max() == pytest.approx(700.0)
    assert "z is vertical" in caplog.text


def test_swapped_sides_are_seen_by_the_markers(tmp_path: Path) -> None:
    file = write(tmp_path / "f.mot", names=("l", "r"))
    ground, steps = read_ground_reaction(file, track=TRACK)
    require_truth(ground)
    assert all(step.contradicts for step in steps)
    _, honest = read_ground_reaction(write(tmp_path / "g.mot"), track=TRACK)
    assert not any(step.contradicts for step in honest)


def test_a_plate_under_both_feet_is_flagged(tmp_path: Path) -> None:
    near = FEET.copy()
    # Left foot leaves the plate half way, right foot arrives on it.
    near[TIME > 0.55, LEFT, 0], near[TIME > 0.55, RIGHT, 0] = 0.85, 0.6
    near[TIME > 1.0, RIGHT, 0] = 1.25
    _, steps = read_ground_reaction(write(tmp_path / "f.mot"), track=FootTrack(TIME, near))
    assert [step.shared for step in steps] == [True, False]


def test_forces_away_from_any_foot_are_refused(tmp_path: Path) -> None:
    far = FootTrack(TIME, FEET + np.array([1.0, 0.0, 0.0]))
    with pytest.raises(InputError, match="m from the nearest foot"):
        read_ground_reaction(write(tmp_path / "f.mot"), track=far)


def test_external_loads_name_columns_and_sides(tmp_path: Path) -> None:
    file = write(tmp_path / "f.mot", names=("1", "2"))
    loads = tmp_path / "loads.xml"
    entries = "".join(
        f'<ExternalForce name="{side}"><applied_to_body>/bodyset/calcn_{side}</applied_to_body>'
        f"<force_identifier>ground_force_{number}_v</force_identifier>"
        f"<point_identifier>ground_force_{number}_p</point_identifier>"
        f"<torque_identifier>ground_torque_{number}_</torque_identifier></ExternalForce>"
        for side, number in (("r", 1), ("l", 2))
    )
    loads.write_text(f"<OpenSimDocument>{entries}</OpenSimDocument>")
    require_truth(read_ground_reaction(file, loads=loads)[0])
    loads.write_text(entries)
    with pytest.raises(InputError, match="XML: found"):
        read_ground_reaction(file, loads=loads)
    loads.write_text(f"<O>{entries}</O>".replace("force_1_v", "force_7_v"))
    with pytest.raises(InputError, match="r: force_identifier: found 'ground_force_7_v'"):
        read_ground_reaction(file, loads=loads)
    loads.write_text("<O></O>")
    with pytest.raises(InputError, match="ExternalForce: found none"):
        read_ground_reaction(file, loads=loads)


def test_hostile_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "f.mot"
    path.write_text("x\nendheader\ntime a b\n0 1 2\n1 2 3\n")
    with pytest.raises(InputError, match="columns: found a, b"):
        read_ground_reaction(path)
    text = write(path).read_text()
    path.write_text(text.replace("ground_force_r_p", "ground_force_r_q"))
    with pytest.raises(InputError, match="no point of application"):
        read_ground_reaction(path)
    with pytest.raises(InputError, match="newtons of one person"):
        read_ground_reaction(write(path, factor=(1000.0, 1.0, 1.0)))
    with pytest.raises(InputError, match="vertical axis: found x"):
        read_ground_reaction(write(path, axes=(1, 0, 2)))


def test_the_three_laboratories_of_the_data_set(real_data: Path) -> None:
    walk, steps = read_ground_reaction(real_data / "opensim_walk3d" / "grf_walk.mot")
    # data/README.md: R 0.267-1.024 and 1.412-2.168 s, L 0.836-1.590 s, there at 20 N, here at
    # 10 N; the filter that the file went through before leaves long tails.
    expected = [(0.267, 1.024, RIGHT), (0.836, 1.590, LEFT), (1.412, 2.168, RIGHT)]
    for step, (start, end, foot) in zip(steps, expected, strict=True):
        assert step.start == pytest.approx(start, abs=0.015)
        assert step.end == pytest.approx(end, abs=0.015)
        assert step.foot == foot
    assert walk.force[..., 2].max() == pytest.approx(942.3, abs=0.1)
    lab, _ = read_ground_reaction(real_data / "opencap_lab_walk" / "walking1_forces.mot")
    assert lab.force[:, RIGHT, 2].max() == pytest.approx(706, abs=0.5)
    assert lab.force[:, LEFT, 2].max() == pytest.approx(676, abs=0.5)
