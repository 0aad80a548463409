import logging

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget import read_motion
from musclemimic_retarget.opensim import LEG_COORDINATES

ANGLES = {"hip_flexion_r": 20.0, "knee_angle_r": 35.0, "knee_angle_l": 10.0}


def table(values=ANGLES, *, rows=4, header="inDegrees=yes", path="{}", sep="\t", step=0.01):
    labels = [path.format(name) for name in values]
    lines = ["Coordinates", "version=1", header, "endheader", sep.join(["time", *labels])]
    lines += [
        sep.join([f"{row * step:.4f}", *(f"{v + row}" for v in values.values())])
        for row in range(rows)
    ]
    return "\n".join(lines) + "\n"


def read(folder, text, name="walk.mot"):
    path = folder / name
    path.write_text(text)
    return read_motion(path)


def test_degrees_become_radians_and_metres_stay(tmp_path):
    motion = read(tmp_path, table(ANGLES | {"pelvis_ty": 0.9}))
    np.testing.assert_allclose(np.rad2deg(motion.column("knee_angle_r")), [35, 36, 37, 38])
    np.testing.assert_allclose(motion.column("pelvis_ty"), [0.9, 1.9, 2.9, 3.9])
    assert motion.fps == pytest.approx(100.0)


def test_state_paths_and_spaces_read_like_bare_names_and_tabs(tmp_path):
    bare = read(tmp_path, table())
    paths = read(tmp_path, table(path="/jointset/joint/{}/value", sep="   "), "walk.sto")
    assert paths.names == bare.names
    np.testing.assert_array_equal(paths.values, bare.values)


def test_speeds_and_other_states_are_left_out(tmp_path):
    text = table({"/jointset/k/knee_angle_r/value": 30.0, "/jointset/k/knee_angle_r/speed": 999.0})
    assert read(tmp_path, text).names == ("knee_angle_r",)


@pytest.mark.parametrize(("value", "expected"), [(40.0, np.deg2rad(40.0)), (0.7, 0.7)])
def test_units_follow_the_range_when_the_header_is_silent(tmp_path, value, expected):
    text = table({"hip_flexion_r": value}, header="nRows=4").replace("\n0.0100", "\n0.0100")
    lines = [line for line in text.splitlines() if not line.startswith(("0.02", "0.03", "0.01"))]
    lines.append(f"0.01\t{value}")
    motion = read(tmp_path, "\n".join(lines))
    assert motion.values[0, 0] == pytest.approx(expected)


def test_a_header_that_denies_degrees_is_overruled_with_a_warning(tmp_path, caplog):
    motion = read(tmp_path, table(header="inDegrees=no"))
    assert motion.column("knee_angle_r")[0] == pytest.approx(np.deg2rad(35))
    assert "degrees" in caplog.text


def test_a_header_that_claims_degrees_is_overruled_by_limbs_that_move_in_radians(tmp_path, caplog):
    """0.3 to 0.75 rad; as degrees nobody could walk so."""
    lines = table({"hip_flexion_r": 0.3, "knee_angle_r": 0.5}, rows=1).splitlines()
    rows = [f"{row * 0.01:.2f}\t{0.3 + 0.15 * row}\t{0.5 + 0.1 * row}" for row in range(4)]
    motion = read(tmp_path, "\n".join([*lines[:-1], *rows]) + "\n")
    np.testing.assert_allclose(motion.column("hip_flexion_r"), [0.3, 0.45, 0.6, 0.75])
    assert "header says degrees, the values are radians" in caplog.text
    # Someone who stands still and straight sways by less: degrees they are.
    still = [f"{row * 0.01:.2f}\t{0.3 + 0.05 * row}\t{0.5 - 0.02 * row}" for row in range(4)]
    motion = read(tmp_path, "\n".join([*lines[:-1], *still]) + "\n", "still.mot")
    np.testing.assert_allclose(np.rad2deg(motion.column("hip_flexion_r")), [0.3, 0.35, 0.4, 0.45])


def test_one_knee_of_another_sign_is_turned_round_by_itself(tmp_path, caplog):
    motion = read(tmp_path, table({"knee_angle_r": -40.0, "knee_angle_l": 30.0}))
    np.testing.assert_allclose(np.rad2deg(motion.column("knee_angle_r")), [40, 39, 38, 37])
    np.testing.assert_allclose(np.rad2deg(motion.column("knee_angle_l")), [30, 31, 32, 33])
    assert "knee_angle_r alone is negative in flexion" in caplog.text
    caplog.clear()
    # A few degrees of overextension are an angle, not a sign.
    motion = read(tmp_path, table({"knee_angle_r": -4.0, "knee_angle_l": 8.0}), "straight.mot")
    np.testing.assert_allclose(np.rad2deg(motion.column("knee_angle_r")), [-4, -3, -2, -1])
    assert not caplog.text


def test_negative_knees_are_turned_round_and_logged(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        motion = read(tmp_path, table({"knee_angle_r": -60.0, "knee_angle_l": -20.0}))
    assert np.rad2deg(motion.column("knee_angle_r")[0]) == pytest.approx(60.0)
    assert "gait2392" in caplog.text


def test_extra_values_at_the_end_of_a_row_are_ignored(tmp_path):
    lines = table().splitlines()
    lines[-1] += "\t7\t8"
    assert len(read(tmp_path, "\n".join(lines))) == 4


def with_line(text, number, replacement):
    lines = text.splitlines()
    lines[number] = replacement
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file: found 0 bytes"),
        (table().replace("endheader", ""), "header: found no endheader"),
        ("a=1\nendheader\n", "columns: found nothing"),
        (table().replace("time", "zeit"), "columns: found first 'zeit'"),
        (table().replace("knee_angle_l", "knee_angle_r"), "columns: found 'knee_angle_r' twice"),
        (table({"/forceset/soleus_r/activation": 0.5}), "columns: found"),
        (table({"activation": 0.5}), "columns: found activation"),
        (table(rows=0), "rows: found 0 frames"),
        (table(rows=1), "rows: found 1 frames"),
        (with_line(table(), 6, "0.01\t1\t2"), r"row 2 .*: found 3 values, expected 4"),
        (with_line(table(), 6, "0.01\t1\t2\tx"), r"row 2 .*: found could not convert"),
        (with_line(table(), 6, "0.01\t1\tnan\t3"), "knee_angle_r in row 2: found nan"),
        (with_line(table(), 7, "0.01\t1\t2\t3"), "time in row 3: found 0.01"),
        (with_line(table(rows=30), 20, "0.1555\t1\t2\t3"), "time: found uneven steps"),
    ],
)
def test_bad_tables_are_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert "walk.mot" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_binary_content_is_refused(tmp_path):
    path = tmp_path / "walk.sto"
    path.write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match="binary data"):
        read_motion(path)


def test_a_missing_coordinate_is_named_before_any_work(tmp_path, full_body):
    from musclemimic_retarget import GMRFit

    motion = read(tmp_path, table(dict.fromkeys(LEG_COORDINATES[:-1], 1.0)))
    with pytest.raises(InputError, match=f"columns: found no {LEG_COORDINATES[-1]}"):
        GMRFit(full_body).retarget(motion)


def test_arms_need_arm_coordinates(tmp_path, arms):
    from musclemimic_retarget import GMRFit

    with pytest.raises(InputError, match="found no arm_flex_r"):
        GMRFit(arms).check(read(tmp_path, table()))
