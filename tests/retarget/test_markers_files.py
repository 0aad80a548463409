"""TRC files, whole and broken."""

import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget.markers import (
    MarkerTrajectories,
    read_trc_markers,
    read_trc_motion,
)
from musclemimic_retarget.markers.trajectories import unique_labels

POSITIONS = np.arange(1.0, 19.0).reshape(3, 2, 3)


def trc_lines(units="mm", rate="100", frames="3", markers="2"):
    names = "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate"
    values = f"{rate}\t{rate}\t{frames}\t{markers}\t{units}\t{rate}"
    rows = [
        "\t".join([str(i + 1), f"{i / 100:.3f}", *(f"{x:g}" for x in frame.ravel())])
        for i, frame in enumerate(POSITIONS)
    ]
    return [
        "PathFileType\t4\t(X/Y/Z)\twalk.trc",
        names,
        values,
        "Frame#\tTime\tL.Heel\t\t\tAnna:R.Heel\t\t",
        "\t\tX1\tY1\tZ1\tX2\tY2\tZ2",
        "",
        *rows,
    ]


def written(folder, lines):
    path = folder / "walk.trc"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("units", "metres"), [("mm", 1e-3), ("cm", 1e-2), ("m", 1.0)])
def test_trc_positions_are_metres_in_the_laboratorys_axes(tmp_path, units, metres):
    markers = read_trc_markers(written(tmp_path, trc_lines(units)))
    assert markers.names == ("L.Heel", "R.Heel")
    assert markers.fps == 100.0
    np.testing.assert_allclose(markers.positions, metres * POSITIONS)


@pytest.mark.parametrize("cells", ["\t\t", "nan\tnan\tnan", "0\t0\t0", "0.0\t0.000\t-0", "4\t\t6"])
def test_trc_gaps(tmp_path, cells):
    lines = trc_lines()
    lines[7] = f"2\t0.010\t7\t8\t9\t{cells}"
    seen = read_trc_markers(written(tmp_path, lines)).seen
    np.testing.assert_array_equal(seen, [[True, True], [True, False], [True, True]])


def replaced(line, text):
    def change(lines):
        lines[line] = text
        return lines

    return change


BROKEN_TRC = {
    "another file": (replaced(0, "time\tx"), r"line 1: found time"),
    "only a header": (lambda lines: lines[:3], "header: found 3 lines"),
    "no rows": (lambda lines: lines[:6], "rows: found none"),
    "cut in a row": (lambda lines: [*lines[:8], lines[8][:12]], "line 9: found 4 values"),
    "cut after a row": (lambda lines: lines[:8], "NumFrames: found 3, expected 2"),
    "too many values": (lambda lines: [*lines[:8], lines[8] + "\t5"], "line 9: found 9 values"),
    "letters": (lambda lines: trc_lines(rate="ten"), "DataRate: found ten"),
    "words in a row": (replaced(7, "2\t0.01\t7\t8\t9\tx\t1\t2"), "line 8: found could not convert"),
    "no units": (replaced(2, "100\t100\t3\t2\t\t100"), "header: found 5 values in line 3"),
    "unit unknown": (lambda lines: trc_lines("feet"), "units: found 'feet', expected one of m, cm"),
    "markers miscounted": (lambda lines: trc_lines(markers="3"), "NumMarkers: found 3, expected 2"),
    "frames miscounted": (lambda lines: trc_lines(frames="4"), "NumFrames: found 4, expected 3"),
    "frames not counted": (lambda lines: trc_lines(frames="-"), "NumFrames: found -"),
    "rate zero": (lambda lines: trc_lines(rate="0"), "DataRate: found 0"),
    "rate wrong": (
        lambda lines: trc_lines(rate="200"),
        r"time in row 2: found 0.01, expected 0.005",
    ),
    "infinity": (replaced(7, "2\t0.01\t7\t8\t9\tinf\t1\t2"), "positions: found infinity"),
    "time missing": (replaced(7, "2\t\t7\t8\t9\t1\t1\t2"), "time in row 2: found nan"),
}


@pytest.mark.parametrize("case", BROKEN_TRC)
def test_a_broken_trc_is_named(tmp_path, case):
    change, message = BROKEN_TRC[case]
    path = written(tmp_path, change(trc_lines()))
    with pytest.raises(InputError, match=message) as caught:
        read_trc_motion(path)
    assert "walk.trc" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_without_a_units_column(tmp_path):
    lines = trc_lines()
    lines[1] = lines[1].replace("\tUnits", "")
    lines[2] = lines[2].replace("\tmm", "")
    with pytest.raises(InputError, match="units: found ''"):
        read_trc_motion(written(tmp_path, lines))


def test_binary_missing_and_unknown_markers(tmp_path):
    path = tmp_path / "walk.trc"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="file: found binary data"):
        read_trc_motion(path)
    with pytest.raises(InputError, match="file: found nothing there"):
        read_trc_motion(tmp_path / "none.trc")
    with pytest.raises(
        InputError, match=r"markers: found L.Heel, R.Heel, expected a marker set; missing for"
    ) as caught:
        read_trc_motion(written(tmp_path, trc_lines()))
    assert "rajagopal: L.ASIS, L.Toe, L.Knee" in str(caught.value)


def test_labels_lose_prefixes_and_repeats_are_numbered():
    assert unique_labels(["A:LKNE", "LKNE ", "RKNE", "b:LKNE"]) == (
        "LKNE",
        "LKNE#2",
        "RKNE",
        "LKNE#3",
    )


def test_trajectories_check_themselves():
    with pytest.raises(InputError, match="markers: found 1 labels for 2 points"):
        MarkerTrajectories("x", 100.0, ("a",), POSITIONS)
    with pytest.raises(InputError, match="frame rate: found nan"):
        MarkerTrajectories("x", float("nan"), ("a", "b"), POSITIONS)
    with pytest.raises(ValueError, match="read-only"):
        MarkerTrajectories("x", 100.0, ("a", "b"), POSITIONS).positions[0] = 0.0
