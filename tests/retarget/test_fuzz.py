"""Whatever is in a file: a motion of finite numbers, or one line that names the file."""

import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from musclemimic_models import InputError, files
from musclemimic_retarget import CoordinateMotion, read_motion

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SUFFIXES = (".npz", ".pkl", ".bvh", ".trc", ".c3d", ".mot", ".sto")
TOKENS = st.sampled_from(
    [
        *("nan", "NaN", "inf", "-inf", "1e308", "-1e308", "1e-308", "0", "-1", "9" * 400, "1e999"),
        *("", "x", "½", "0x10", "1_000", "--", "1,5", "\ufeff", "\x00"),
    ]
)
# Real recordings, cut short: file, lines that are kept, and a fix of what the header counts.
TEXTS = {
    ".trc": ("opensim_walk3d/markers_walk.trc", 46, ("    238\t", "     40\t")),
    ".mot": ("running_hamner/run200_ik.mot", 60, ("nRows=", "was_nRows=")),
    ".sto": ("opensim_walk3d/coordinates.sto", 60, ("nRows=", "was_nRows=")),
    ".bvh": ("bvh/bandai2_walk_normal_001.bvh", None, ("", "")),
}


def finite_or_named(path):
    """True if the file was read."""
    try:
        motion = read_motion(path)
    except InputError as error:
        assert "\n" not in str(error)
        assert path.name in str(error)
        return False
    if isinstance(motion, CoordinateMotion):
        assert np.isfinite(motion.values).all()
    else:
        assert np.isfinite(motion.positions).all()
        np.testing.assert_allclose(np.linalg.norm(motion.rotations, axis=-1), 1.0, atol=1e-6)
    return True


def cut(folder, suffix):
    """The lines of a recording of some dozen frames, which is read."""
    name, count, (old, new) = TEXTS[suffix]
    lines = (folder / name).read_text().splitlines()
    if suffix == ".bvh":
        first = next(i for i, line in enumerate(lines) if line.startswith("Frames:"))
        return [*lines[:first], "Frames: 30", lines[first + 1], *lines[first + 2 : first + 32]]
    head = [line.replace(old, new) if old else line for line in lines[:12]]
    return [*head, *lines[12:count]]


@pytest.mark.parametrize("suffix", TEXTS)
@FUZZ
@given(data=st.data())
def test_damaged_texts(tmp_path, real_data, suffix, data):
    path, lines = tmp_path / f"damaged{suffix}", cut(real_data, suffix)
    if data.draw(st.booleans()):
        for _ in range(data.draw(st.integers(1, 3))):
            row = data.draw(st.integers(0, len(lines) - 1))
            cells = lines[row].split("\t" if "\t" in lines[row] else " ")
            cells[data.draw(st.integers(0, len(cells) - 1))] = data.draw(TOKENS)
            lines[row] = ("\t" if "\t" in lines[row] else " ").join(cells)
    match data.draw(st.sampled_from(["keep", "drop", "twice", "swap", "cut"])):
        case "drop":
            del lines[data.draw(st.integers(0, len(lines) - 1))]
        case "twice":
            row = data.draw(st.integers(0, len(lines) - 1))
            lines.insert(row, lines[row])
        case "swap":
            first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            lines[first], lines[second] = lines[second], lines[first]
        case "cut":
            text = "\n".join(lines)
            lines = [text[: data.draw(st.integers(0, len(text)))]]
        case _:
            pass
    path.write_text("\n".join(lines) + "\n")
    finite_or_named(path)


@pytest.mark.parametrize("suffix", TEXTS)
def test_the_recordings_are_read_when_whole(tmp_path, real_data, suffix):
    path = tmp_path / f"whole{suffix}"
    path.write_text("\n".join(cut(real_data, suffix)) + "\n")
    assert finite_or_named(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(FUZZ, max_examples=40)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_bytes_under_any_suffix(tmp_path, suffix, content):
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    assert not finite_or_named(path)


@FUZZ
@given(data=st.data())
def test_damaged_archives(tmp_path, data):
    poses = np.zeros((4, 72))
    arrays = {"poses": poses, "trans": np.zeros((4, 3)), "fps": np.array(30.0)}
    arrays |= {"betas": np.zeros(10), "gender": np.array("male")}
    for _ in range(data.draw(st.integers(1, 2))):
        name = data.draw(st.sampled_from(sorted(arrays)))
        arrays[name] = data.draw(
            st.sampled_from(
                [
                    *(np.full((4, 72), value) for value in (np.nan, np.inf, 1e300, -1e20, 1e5)),
                    *(np.zeros(shape) for shape in ((0,), (4,), (4, 3), (3, 72), (1, 72), (4, 72))),
                    *(np.array(v) for v in ("x", b"x", 0, -1, 1e-300, 1e300, True, 1j, np.nan)),
                    np.zeros((4, 72), dtype=np.float16),
                    np.zeros((4, 3, 24)),
                ]
            )
        )
    path = tmp_path / "damaged.npz"
    np.savez(path, **arrays)
    if data.draw(st.booleans()):
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
    finite_or_named(path)


def test_a_zip_bomb_is_refused_by_its_size(tmp_path, monkeypatch):
    """It would unpack to a thousand times its size; nothing is unpacked to find that out."""
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("poses.npy", bytes(50_000_000))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(files, "LARGEST_ARCHIVE", 10_000_000)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(InputError, match=r"bomb.npz: archive: found 0.1 GB unpacked"):
        read_motion(path)
