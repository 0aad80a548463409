"""C3D files, whole and broken, and what a child process is good for."""

import logging
import struct

import ezc3d
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from musclemimic_models import InputError
from musclemimic_retarget import ForcePlate, read_c3d
from musclemimic_retarget.markers import c3d, read_c3d_markers, read_c3d_motion
from musclemimic_retarget.markers.c3d_header import read_c3d_header

POSITIONS = np.arange(1.0, 19.0).reshape(3, 2, 3)


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
        read_c3d_motion(path)


@pytest.mark.parametrize(
    "content",
    [b"hello" * 1000, bytes(5000), b"\x02P" + b"\xff" * 4000, b"\x02P" + bytes(4000), b"\x02"],
)
def test_bytes_that_are_no_c3d(tmp_path, content):
    path = tmp_path / "walk.c3d"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"walk\.c3d: file: found") as caught:
        read_c3d_motion(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_c3d_is_named(tmp_path, share):
    rows = np.random.default_rng(0).normal(size=(400, 2, 3))
    path = write_c3d(tmp_path / "walk.c3d", rows)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"walk\.c3d: (frames: found \d+, then|file: found)"):
        read_c3d_motion(path)


def test_a_rate_of_zero_is_named(tmp_path):
    path = write_c3d(tmp_path / "walk.c3d", POSITIONS)
    path.write_bytes(path.read_bytes().replace(struct.pack("<f", 100.0), bytes(4)))
    with pytest.raises(InputError, match="frame rate: found 0"):
        read_c3d_motion(path)


def damaged(whole, random, *, flips):
    content = bytearray(whole)
    for place in random.integers(0, len(whole), size=flips):
        content[place] = random.integers(256)
    return bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("flips", [2, 8])
def test_damaged_bytes_never_do_more_than_raise(tmp_path, monkeypatch, flips):
    monkeypatch.setattr(c3d, "_SECONDS", 5.0)
    positions = np.random.default_rng(0).normal(size=(20, 2, 3))
    path = write_c3d(tmp_path / "walk.c3d", positions)
    whole, random = path.read_bytes(), np.random.default_rng(flips)
    outcomes = set()
    for _ in range(12):
        path.write_bytes(damaged(whole, random, flips=flips))
        try:
            assert len(read_c3d_markers(path).positions) == 20
            outcomes.add("read")
        except InputError as error:
            assert "\n" not in str(error)
            outcomes.add("named")
    assert outcomes == {"read", "named"}


@given(st.binary(max_size=1200), st.integers(0, 255), st.sampled_from([84, 85, 86, 0]))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_header_is_checked_or_named(tmp_path, content, block, processor):
    """Whatever passes promises no more than the file can hold."""
    path = tmp_path / "any.c3d"
    start = bytearray(bytes([block, 0x50]) + content)
    if 512 * (block - 1) + 3 < len(start) and block > 1:
        start[512 * (block - 1) + 3] = processor
    path.write_bytes(start)
    try:
        header = read_c3d_header(path)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert header.frame_bytes * max(header.frames, 1) <= len(start) - 512


def test_a_reader_that_hangs_crashes_or_eats_memory_is_named(tmp_path, monkeypatch):
    path = write_c3d(tmp_path / "walk.c3d", POSITIONS)
    program = tmp_path / "child.py"
    monkeypatch.setattr(c3d, "_PROGRAM", program)
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    with pytest.raises(InputError, match=r"file: found ezc3d crashed \(signal 11\)"):
        read_c3d(path)
    program.write_text("import sys\nsys.exit('half\\nwhole reason')\n")
    with pytest.raises(InputError, match="file: found ezc3d: whole reason"):
        read_c3d(path)
    monkeypatch.setattr(c3d, "_SECONDS", 0.2)
    program.write_text("import time\ntime.sleep(60)\n")
    with pytest.raises(InputError, match="file: found no end of reading after 0 s"):
        read_c3d(path)


def test_the_child_has_a_limit_on_memory(tmp_path, monkeypatch):
    path = write_c3d(tmp_path / "walk.c3d", np.ones((60_000, 2, 3)))
    monkeypatch.setattr(c3d, "_MEMORY", 1_000_000)
    monkeypatch.setattr(c3d, "_MEMORY_PER_BYTE", 0)
    with pytest.raises(InputError, match=r"file: found ezc3d.*(alloc|Memory|crashed)"):
        read_c3d(path)


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
        (1, b"USED", 2, (), number(2)),
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


@pytest.mark.parametrize(("order", "processor"), [("<", 84), ("<", 85)])
def test_integer_points_of_both_processor_types(tmp_path, order, processor):
    markers = read_c3d_markers(integer_c3d(tmp_path / "old.c3d", order, processor))
    assert markers.names == ("LHEE", "RHEE")
    assert markers.fps == 100.0
    expected = 1e-3 * POSITIONS
    expected[2, 1] = np.nan
    np.testing.assert_allclose(markers.positions, expected)


@pytest.mark.parametrize(
    "more",
    [
        [(1, b"FRAMES", 2, (), struct.pack("<H", 3))],
        [
            (2, b"ACTUAL_START_FIELD", 2, (2,), struct.pack("<HH", 65000, 2)),
            (2, b"ACTUAL_END_FIELD", 2, (2,), struct.pack("<HH", 65002, 2)),
        ],
    ],
)
def test_frame_counts_beyond_16_bits(tmp_path, more):
    path = integer_c3d(tmp_path / "long.c3d", "<", 84, last=0xFFFF, more=more)
    assert len(read_c3d_markers(path).positions) == 3


def test_a_mips_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"file: found processor type 86, expected 84 \(Intel\)"):
        read_c3d(integer_c3d(tmp_path / "old.c3d", ">", 86))


def test_counts_that_contradict_each_other_are_named(tmp_path):
    path = integer_c3d(tmp_path / "odd.c3d", "<", 84)
    content = bytearray(path.read_bytes())
    content[2] = 1  # one point in the header, two in POINT:USED
    path.write_bytes(content)
    with pytest.raises(InputError, match="points: found 2 in POINT:USED, expected 1, the header"):
        read_c3d(path)
    path = integer_c3d(tmp_path / "odd.c3d", "<", 84, more=[(1, b"FRAMES", 2, (), b"\2\0")])
    with pytest.raises(InputError, match="frames: found 2, and room for 3 in the file, expected 3"):
        read_c3d(path)


def plate_c3d(path, force, moment, *, kind=2, frames=5, samples=10):
    """A trial of one 0.4 m × 0.6 m plate whose raw channels hold a constant load, N and N mm."""
    file = ezc3d.c3d()
    points = np.ones((4, 1, frames))
    file["data"]["points"] = points
    names = ["Fx", "Fy", "Fz", "Mx", "My", "Mz"]
    raw = np.repeat(np.array([*force, *moment])[None, :, None], frames * samples, axis=2)
    file["data"]["analogs"] = raw.astype(float)
    parameters = file["parameters"]
    parameters["POINT"]["RATE"]["value"] = [100.0]
    parameters["POINT"]["LABELS"]["value"] = ["SACR"]
    parameters["POINT"]["UNITS"]["value"] = ["mm"]
    parameters["ANALOG"]["RATE"]["value"] = [100.0 * samples]
    parameters["ANALOG"]["LABELS"]["value"] = names
    parameters["ANALOG"]["UNITS"]["value"] = ["N"] * 3 + ["Nmm"] * 3
    parameters["ANALOG"]["SCALE"]["value"] = np.ones(6)
    parameters["ANALOG"]["OFFSET"]["value"] = np.zeros(6)
    corners = np.array([[400.0, 0, 0], [0, 0, 0], [0, 600, 0], [400, 600, 0]]).T
    for name, value in (
        ("USED", [1]),
        ("TYPE", [kind]),
        ("ZERO", [1, 0]),
        ("CORNERS", corners[:, :, None]),
        ("ORIGIN", np.zeros((3, 1))),
        ("CHANNEL", np.arange(1.0, 7.0)[:, None]),
    ):
        file.add_parameter("FORCE_PLATFORM", name, value)
    for name in ("TYPE", "USED", "CHANNEL", "ZERO"):
        parameters["FORCE_PLATFORM"][name]["type"] = 2
        value = np.asarray(parameters["FORCE_PLATFORM"][name]["value"]).astype(int)
        parameters["FORCE_PLATFORM"][name]["value"] = value
    file.add_event([0.0, 0.03], label="Foot Strike", context="Left")
    file.write(str(path))
    return path


def test_a_hand_worked_force_plate(tmp_path):
    """Plate axes x, -y, -z of the laboratory; 700 N up, 50 mm off the centre, 3 N m about -z."""
    file = read_c3d(plate_c3d(tmp_path / "plate.c3d", (0, 0, -700.0), (35e3, 35e3, 3e3)))
    (plate,) = file.plates
    assert file.analog_rate == 1000.0
    assert file.analog.shape == (50, 6)
    assert file.analog_units == ("N", "N", "N", "Nmm", "Nmm", "Nmm")
    np.testing.assert_allclose(plate.force, np.tile([0.0, 0.0, 700.0], (50, 1)), atol=1e-9)
    centre = plate.corners.mean(axis=0)
    np.testing.assert_allclose(centre, [0.2, 0.3, 0.0], atol=1e-9)
    off = plate.centre_of_pressure[0] - centre
    np.testing.assert_allclose(off, [0.05, 0.05, 0.0], atol=1e-6)
    np.testing.assert_allclose(plate.free_moment[0], [0.0, 0.0, -3.0], atol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        plate.force[0] = 0.0
    assert [(event.label, event.context) for event in file.events] == [("Foot Strike", "Left")]
    assert file.events[0].time_s == pytest.approx(0.03)


def test_an_unknown_kind_of_plate_leaves_the_markers(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        file = read_c3d(plate_c3d(tmp_path / "plate.c3d", (0, 0, -7.0), (0, 0, 0), kind=99))
    assert file.plates == ()
    assert file.points.shape == (5, 1, 3)
    assert "force plates left out" in caplog.text


def test_zeroing_takes_the_offset_out_of_force_and_centre_of_pressure():
    """A load of known centre of pressure on an amplifier with an offset in all six channels."""
    corners = np.array([[0.4, 0.6, 0], [0, 0.6, 0], [0, 0, 0], [0.4, 0, 0]])
    centre = corners.mean(axis=0)
    time = np.linspace(0, 1, 400)
    load = np.where((time > 0.3) & (time < 0.8), 700.0, 0.0)
    force = np.stack([0.1 * load, -0.05 * load, load], axis=1)
    point = np.stack([0.1 + 0.1 * time, 0.2 + 0 * time, 0 * time], axis=1)
    free = np.outer(0.004 * load, [0.0, 0.0, 1.0])
    moment = np.cross(point - centre, force) + free
    offset_force, offset_moment = np.array([2.0, -1.0, -15.6]), np.array([1.0, 2.0, -0.5])
    raw_force, raw_moment = force + offset_force, moment + offset_moment
    normal = np.array([0.0, 0.0, 1.0])
    raw_point = centre + np.cross(normal, raw_moment) / raw_force[:, 2:]
    raw_free = raw_moment - np.cross(raw_point - centre, raw_force)
    raw_free[:, :2] = 0.0
    plate = ForcePlate(raw_force, raw_point, raw_free, corners).zeroed()
    np.testing.assert_allclose(plate.force, force, atol=1e-9)
    on = load > 0
    np.testing.assert_allclose(plate.centre_of_pressure[on], point[on], atol=1e-9)
    np.testing.assert_allclose(plate.free_moment[on], free[on], atol=1e-9)
    assert np.isnan(plate.centre_of_pressure[~on]).all()


def test_the_trial_of_bmc(real_data):
    """Numbers measured from the file, in the data's README."""
    file = read_c3d(real_data / "c3d_forceplate/bmc_gait.c3d")
    assert (len(file.labels), file.rate, file.analog_rate) == (33, 100.0, 1000.0)
    assert np.isnan(file.points[..., 0]).mean() == pytest.approx(0.602, abs=1e-3)
    assert "RREC" in file.analog_labels
    assert file.analog_units[file.analog_labels.index("RREC")] == "V"
    first, second = (plate.zeroed() for plate in file.plates)
    assert np.median(file.plates[1].force[:, 2]) == pytest.approx(-15.6, abs=0.1)
    for plate, peak, start, end in ((first, 799.0, 2.569, 3.146), (second, 871.0, 2.084, 2.655)):
        vertical = plate.force[:, 2]
        assert vertical.max() == pytest.approx(peak, abs=3.0)
        on = np.flatnonzero(vertical > 20.0) / file.analog_rate
        assert (on[0], on[-1]) == pytest.approx((start, end), abs=0.03)
        low, high = plate.corners.min(axis=0), plate.corners.max(axis=0)
        pressure = plate.centre_of_pressure[vertical > 50.0]
        assert (pressure[:, :2] > low[:2] - 0.02).all()
        assert (pressure[:, :2] < high[:2] + 0.02).all()


def test_the_trial_of_rehazenter(real_data):
    file = read_c3d(real_data / "c3d_forceplate/rehazenter_2014001_C1_01.c3d")
    assert [round(plate.force[:, 2].max()) for plate in file.plates] == [666, 666]
    assert len(file.events) == 7
    assert [e.time_s for e in file.events] == sorted(e.time_s for e in file.events)
    assert (file.events[0].label, file.events[0].context) == ("Foot Strike1", "Left")
    # The first right foot strike of the events is where plate 1 takes load.
    strike = next(e for e in file.events if e.label == "Foot Strike1" and e.context == "Right")
    loaded = np.flatnonzero(file.plates[0].force[:, 2] > 20.0)[0] / file.analog_rate
    assert strike.time_s == pytest.approx(loaded, abs=0.03)
