"""TRC and C3D files, whole and broken."""

import struct

import ezc3d
import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget.markers import (
    MarkerTrajectories,
    read_c3d,
    read_c3d_markers,
    read_trc,
    read_trc_markers,
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
        read_trc(path)
    assert "walk.trc" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_without_a_units_column(tmp_path):
    lines = trc_lines()
    lines[1] = lines[1].replace("\tUnits", "")
    lines[2] = lines[2].replace("\tmm", "")
    with pytest.raises(InputError, match="units: found ''"):
        read_trc(written(tmp_path, lines))


def test_binary_missing_and_unknown_markers(tmp_path):
    path = tmp_path / "walk.trc"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="file: found binary data"):
        read_trc(path)
    with pytest.raises(InputError, match="file: found nothing there"):
        read_trc(tmp_path / "none.trc")
    with pytest.raises(
        InputError, match=r"markers: found L.Heel, R.Heel, expected a marker set; missing for"
    ) as caught:
        read_trc(written(tmp_path, trc_lines()))
    assert "rajagopal: L.ASIS, L.Toe, L.Knee" in str(caught.value)


def write_c3d(path, positions, labels=("LHEE", "RHEE"), units=("mm",), rate=100.0):
    file = ezc3d.c3d()
    points = np.ones((4, positions.shape[1], positions.shape[0]))
    points[:3] = positions.transpose(2, 1, 0)
    file["data"]["points"] = points
    file["parameters"]["POINT"]["RATE"]["value"] = [rate]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(labels)
    file["parameters"]["POINT"]["UNITS"]["value"] = list(units)
    file.write(str(path))
    return path


def test_c3d_positions_labels_and_gaps(tmp_path):
    positions = POSITIONS.copy()
    positions[1, 0] = 0.0
    positions[2, 1] = np.nan
    path = write_c3d(tmp_path / "walk.c3d", positions, labels=("Anna:RKNE", "RKNE"))
    markers = read_c3d_markers(path)
    assert markers.names == ("RKNE", "RKNE#2")
    assert markers.fps == 100.0
    np.testing.assert_array_equal(markers.seen, [[True, True], [False, True], [True, False]])
    np.testing.assert_allclose(markers.positions[0], 1e-3 * POSITIONS[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": ("",)}, "units: found ''"),
        ({"units": ("inch",)}, "units: found 'inch'"),
        ({"positions": POSITIONS[:1]}, "frames: found 1, expected at least 2"),
    ],
)
def test_bad_c3d_content_is_named(tmp_path, change, message):
    path = write_c3d(tmp_path / "walk.c3d", **({"positions": POSITIONS} | change))
    with pytest.raises(InputError, match=message):
        read_c3d(path)


@pytest.mark.parametrize(
    "content",
    [b"hello" * 1000, bytes(5000), b"\x02P" + b"\xff" * 4000, b"\x02P" + bytes(4000), b"\x02"],
)
def test_bytes_that_are_no_c3d(tmp_path, content):
    path = tmp_path / "walk.c3d"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"walk\.c3d: file: found") as caught:
        read_c3d(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_c3d_is_named(tmp_path, share):
    rows = np.random.default_rng(0).normal(size=(400, 2, 3))
    path = write_c3d(tmp_path / "walk.c3d", rows)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"walk\.c3d: (frames: found \d+, then|file: found)"):
        read_c3d(path)


def test_a_rate_of_zero_is_named(tmp_path):
    path = write_c3d(tmp_path / "walk.c3d", POSITIONS)
    path.write_bytes(path.read_bytes().replace(struct.pack("<f", 100.0), bytes(4)))
    with pytest.raises(InputError, match="frame rate: found 0"):
        read_c3d(path)


def test_damaged_bytes_never_do_more_than_raise(tmp_path):
    path = write_c3d(tmp_path / "walk.c3d", np.random.default_rng(0).normal(size=(20, 2, 3)))
    whole, random = path.read_bytes(), np.random.default_rng(1)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), size=8):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_c3d_markers(path)
            outcomes.add("read")
        except InputError as error:
            assert "\n" not in str(error)
            outcomes.add("named")
    assert outcomes == {"read", "named"}


def integer_c3d(path, order, processor, last=3, more=()):
    """A C3D with 16-bit points by hand: two points, three frames, scale 0.5 mm."""
    number = struct.Struct(f"{order}H").pack

    def real(value):
        packed = struct.pack("<f", value * (4.0 if processor == 85 else 1.0))
        if processor == 85:
            return packed[2:] + packed[:2]
        return packed if order == "<" else packed[::-1]

    header = bytes([2, 0x50]) + b"".join(map(number, (2, 0, 1, last, 0)))
    header += real(0.5) + number(3) + number(0) + real(100.0)
    records = b""
    for group, name, kind, dims, data in (
        (-1, b"POINT", None, (), b""),
        (1, b"RATE", 4, (), real(100.0)),
        (1, b"SCALE", 4, (), real(0.5)),
        (1, b"UNITS", -1, (4, 1), b"mm  "),
        (1, b"LABELS", -1, (4, 2), b"LHEERHEE"),
        (-2, b"TRIAL", None, (), b""),
        *more,
    ):
        body = b"" if kind is None else bytes([kind & 255, len(dims), *dims]) + data
        body += b"\0"
        records += bytes([len(name), group & 255]) + name + number(len(body) + 2) + body
    section = bytes([1, 0x50, 1, processor]) + records
    points = b""
    for frame in POSITIONS:
        for point in frame:
            words = [int(2 * value) for value in point]
            points += b"".join(map(number, [*words, 0]))
    # The last point is not seen: residual word −1.
    points = points[:-2] + number(0xFFFF)
    path.write_bytes(header.ljust(512, b"\0") + section.ljust(512, b"\0") + points)
    return path


@pytest.mark.parametrize(("order", "processor"), [("<", 84), ("<", 85), (">", 86)])
def test_integer_points_of_every_processor_type(tmp_path, order, processor):
    markers = read_c3d_markers(integer_c3d(tmp_path / "old.c3d", order, processor))
    assert markers.names == ("LHEE", "RHEE")
    assert markers.fps == 100.0
    expected = 1e-3 * POSITIONS
    expected[2, 1] = np.nan
    np.testing.assert_allclose(markers.positions, expected)


@pytest.mark.parametrize(
    "more",
    [
        [(1, b"FRAMES", 4, (), struct.pack("<f", 3.0))],
        [
            (2, b"ACTUAL_START_FIELD", 2, (2,), struct.pack("<HH", 65000, 2)),
            (2, b"ACTUAL_END_FIELD", 2, (2,), struct.pack("<HH", 65002, 2)),
        ],
    ],
)
def test_frame_counts_beyond_16_bits(tmp_path, more):
    path = integer_c3d(tmp_path / "long.c3d", "<", 84, last=0xFFFF, more=more)
    assert len(read_c3d_markers(path).positions) == 3


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
