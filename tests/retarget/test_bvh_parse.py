import numpy as np
import pytest
from musclemimic_models import InputError
from musclemimic_retarget.bvh.kinematics import (
    forward_kinematics,
    local_offsets,
    local_rotations,
)
from musclemimic_retarget.bvh.parse import parse_bvh
from scipy.spatial.transform import Rotation

CHAIN = """HIERARCHY
ROOT base
{
    OFFSET 9 9 9
    CHANNELS 6 Zposition Xposition Yposition Zrotation Xrotation Yrotation
    JOINT middle
    {
        OFFSET 2 0 0
        CHANNELS 3 Yrotation Xrotation Zrotation
        JOINT tip
        {
            OFFSET 0 5 0
            CHANNELS 3 Yposition Xrotation Zrotation
            End Site
            {
                OFFSET 0 0 1
            }
        }
    }
}
MOTION
Frames: 2
Frame Time: 0.0333333
3 1 2 90 0 0  0 0 0  5 0 0
3 1 2 90 90 0  90 0 90  7 0 90
"""


def written(folder, text, name="chain.bvh"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def world(file):
    parents = tuple(joint.parent for joint in file.joints)
    return forward_kinematics(parents, local_offsets(file), local_rotations(file))


def test_hierarchy_and_motion(tmp_path):
    file = parse_bvh(written(tmp_path, CHAIN))
    assert [joint.name for joint in file.joints] == ["base", "middle", "tip"]
    assert [joint.parent for joint in file.joints] == [-1, 0, 1]
    assert file.joints[2].channels == ("Yposition", "Xrotation", "Zrotation")
    assert file.joints[2].end == (0.0, 0.0, 1.0)
    assert file.joints[1].end is None
    assert file.frame_time == 0.0333333
    assert file.values.shape == (2, 12)
    assert not file.values.flags.writeable


def test_forward_kinematics_worked_by_hand(tmp_path):
    positions, turned = world(parse_bvh(written(tmp_path, CHAIN)))
    # Position channels replace OFFSET, whatever their order. A quarter turn about z takes the
    # 2 along x to y and the 5 along y to −x.
    np.testing.assert_allclose(positions[0], [[1, 2, 3], [1, 4, 3], [-4, 4, 3]], atol=1e-12)
    # base = Rz·Rx: x→y, y→z, z→x. middle adds Ry·Rz (X is zero): x→y, y→z, z→x again, so that
    # x→z, y→x, z→y in the world: 2 along base's x → +2 y; 7 along middle's y → +7 x. tip adds
    # Rz: its x is middle's y (world x), its y is minus middle's x (world −z).
    np.testing.assert_allclose(positions[1], [[1, 2, 3], [1, 4, 3], [8, 4, 3]], atol=1e-12)
    np.testing.assert_allclose(turned[1, 1], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(turned[1, 2], [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-12)


@pytest.mark.parametrize("order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "XY", "Z"])
def test_rotations_are_intrinsic_in_channel_order(tmp_path, order):
    angles = np.random.default_rng(0).uniform(-170, 170, size=(4, len(order)))
    channels = " ".join(f"{axis}rotation" for axis in order)
    rows = "\n".join(" ".join(repr(float(value)) for value in row) for row in angles)
    text = (
        f"HIERARCHY ROOT a {{ OFFSET 0 0 0 CHANNELS {len(order)} {channels} End Site {{ "
        f"OFFSET 0 1 0 }} }}\nMOTION\nFrames: 4\nFrame Time: 1\n{rows}\n"
    )
    _, turned = world(parse_bvh(written(tmp_path, text)))
    expected = np.tile(np.eye(3), (4, 1, 1))
    for axis, column in zip(order, angles.T, strict=True):
        vectors = np.deg2rad(column)[:, None] * np.eye(3)["XYZ".index(axis)]
        expected = expected @ Rotation.from_rotvec(vectors).as_matrix()
    np.testing.assert_allclose(turned[:, 0], expected, atol=1e-12)


def test_layout_does_not_matter(tmp_path):
    plain = parse_bvh(written(tmp_path, CHAIN))
    other = CHAIN.replace("\n", "\r\n").replace("ROOT base\r\n{", "Root base {")
    other = "\ufeff" + other.replace("Frames: 2", "Frames:\t2\r\n").replace("    ", "\t")
    again = parse_bvh(written(tmp_path, other, "other.bvh"))
    assert again.joints == plain.joints
    np.testing.assert_array_equal(again.values, plain.values)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "", "line 2: found 'ROOT', expected 'HIERARCHY'"),
        ("MOTION", "", "MOTION: found no such line"),
        ("CHANNELS 6", "CHANNELS seven", "line 5: found 'seven', expected a number of channels"),
        ("CHANNELS 6", "CHANNELS 7", "line 5: found '7', expected a number of channels"),
        ("CHANNELS 6", "CHANNELS 5", "line 5: found 'Yrotation', expected JOINT"),
        ("Yrotation\n    JOINT", "Wrotation\n    JOINT", "line 5: found 'Wrotation', expected"),
        ("Zrotation Xrotation Yrotation", "Zrotation Zrotation Yrotation", "Zrotation twice"),
        ("OFFSET 2 0 0", "OFFSET 2 0", "line 9: found '2 0 CHANNELS', expected three finite"),
        ("OFFSET 2 0 0", "OFFSET 2 0 nan", "line 8: found '2 0 nan', expected three finite"),
        ("OFFSET 2 0 0", "OFFSET 2 0 1e300", "line 8: .*three finite numbers"),
        ("OFFSET 2 0 0", "", "line 9: found 'CHANNELS', expected 'OFFSET'"),
        ("JOINT middle", "JOINT base", "line 6: found joint 'base' twice"),
        ("JOINT middle", "BONE middle", "line 6: found 'BONE', expected JOINT"),
        ("ROOT base", "JOINT base", "line 2: found 'JOINT', expected 'ROOT'"),
        ("JOINT middle", "ROOT middle", "line 6: found 'ROOT', expected JOINT"),
        ("}\nMOTION", "MOTION", "found the end of the hierarchy"),
        ("}\nMOTION", "}\nROOT two\n{\n}\nMOTION", "found 'ROOT', expected MOTION after one"),
        ("Frames: 2", "Frames: 3", "Frames: found 2 lines of values, expected 3"),
        ("Frames: 2", "Frames: 1", "Frames: found 2 lines of values, expected 1"),
        ("Frames: 2", "Frames: 1000000000000000", "Frames: found"),
        ("Frames: 2", "Frames: 2.5", "Frames: found 2.5, expected a whole number"),
        ("Frames: 2", "Frames: none", "Frames: found 'none'"),
        ("Frames: 2", "Frames: 0", "Frames: found '0'"),
        ("Frames: 2\n", "", "line 22: found 'Frame Time: 0.0333333', expected 'Frames"),
        ("Frame Time: 0.0333333\n", "", "line 23: found '3 1 2 90 0 0.*expected 'Frame Time"),
        ("0.0333333", "0", "Frame Time: found '0'"),
        ("0.0333333", "-0.1", "Frame Time: found '-0.1'"),
        ("0.0333333", "33.3333", "Frame Time: found 33.3333, expected seconds"),
        ("0.0333333", "1e-9", "Frame Time: found 1e-09, expected seconds"),
        ("0.0333333", "inf", "Frame Time: found 'inf'"),
        ("0.0333333", "NaN", "Frame Time: found 'NaN'"),
        ("7 0 90\n", "7 0\n", "line 25: found 11 values, expected 12"),
        ("7 0 90\n", "7 0 90 1\n", "line 25: found 13 values, expected 12"),
        ("7 0 90\n", "7 0 nan\n", "line 25: found 'nan', expected finite"),
        ("7 0 90\n", "7 0 -inf\n", "line 25: found '-inf', expected finite"),
        ("7 0 90\n", "7 0 1e308\n", "line 25: found '1e308', expected finite"),
        ("7 0 90\n", "7 0 ninety\n", "line 25: found 'ninety', expected finite numbers"),
        ("5 0 0\n3 1 2 90 90 0  90 0 90  7 0 90\n", "5 0 0\n", "Frames: found 1 lines"),
        ("\nMOTION", "\nMOTION\nMOTION", "line 22: found 'MOTION', expected 'Frames"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, message):
    assert CHAIN.count(old) == 1
    with pytest.raises(InputError, match=message) as caught:
        parse_bvh(written(tmp_path, CHAIN.replace(old, new)))
    assert "chain.bvh" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes"),
        (b"\n\n", "end of the hierarchy"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "binary data"),
        (b"HIERARCHY\0\0\0", "binary data"),
        (b"PK " * 100_000, "line 1: found 300000 characters"),
        (("x" * 4000).encode(), "line 1: found 'xxx"),
        (b"HIERARCHY", "MOTION: found no such line"),
        ((CHAIN[: CHAIN.index("MOTION")] + "MOTION\n").encode(), "Frames: found nothing"),
        (CHAIN.replace("7 0 90\n", "7 " * 1_000_000).encode(), "line 25: found 1000009 values"),
        (CHAIN.replace("7 0 90\n", "7 0 " + "9" * 100_000).encode(), "line 25: found '999"),
    ],
)
def test_hostile_files(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_bvh(written(tmp_path, content))
    assert len(str(caught.value)) < 400


def test_very_deep_hierarchies_are_refused(tmp_path):
    joints = "".join(f"JOINT j{n} {{\nOFFSET 0 0 0\nCHANNELS 0\n" for n in range(5000))
    text = f"HIERARCHY\nROOT a {{\nOFFSET 0 0 0\nCHANNELS 0\n{joints}\nMOTION\n"
    with pytest.raises(InputError, match="more than 1000 joints"):
        parse_bvh(written(tmp_path, text))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(InputError, match="nothing there"):
        parse_bvh(tmp_path / "none.bvh")
    with pytest.raises(InputError, match="a directory"):
        parse_bvh(tmp_path)


def test_damaged_files_raise_nothing_but_input_errors(tmp_path):
    random = np.random.default_rng(5)
    words = ("", "{", "}", "nan", "-1e999", "JOINT", "End Site", "MOTION", "\n", "CHANNELS 3", "é")
    path = tmp_path / "damaged.bvh"
    read = 0
    for _ in range(400):
        pieces = CHAIN.split(" ")
        for _ in range(random.integers(1, 4)):
            place = int(random.integers(len(pieces)))
            match random.integers(3):
                case 0:
                    pieces[place] = str(random.choice(words))
                case 1:
                    del pieces[place:]
                    pieces.append("")
                case _:
                    pieces.insert(place, pieces[int(random.integers(len(pieces)))])
        path.write_text(" ".join(pieces))
        try:
            world(parse_bvh(path))
            read += 1
        except InputError as error:
            assert "\n" not in str(error)
    assert 0 < read < 200
