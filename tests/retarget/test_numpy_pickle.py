"""Pickled motions: arrays come out, nothing in the file is run."""

import pickle
import pickletools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from musclemimic_models import InputError
from musclemimic_retarget import read_motion
from musclemimic_retarget.numpy_pickle import read_numpy_pickle

MOTION = {
    "poses": np.arange(5 * 72.0).reshape(5, 72) / 1000,
    "trans": np.zeros((5, 3), dtype=np.float32),
    "betas": np.zeros(16),
    "gender": b"female",
    "mocap_framerate": np.float64(120.00004577),
}
FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def written(folder, content, protocol=4):
    path = folder / "motion.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_gives_the_motion_of_the_npz(tmp_path, protocol):
    np.savez(tmp_path / "motion.npz", **MOTION)
    plain = read_motion(tmp_path / "motion.npz")
    for content in (MOTION, {"a walk": MOTION}):
        motion = read_motion(written(tmp_path, content, protocol))
        assert motion.fps == plain.fps
        np.testing.assert_array_equal(motion.positions, plain.positions)
        np.testing.assert_array_equal(motion.rotations, plain.rotations)


def test_a_pickle_of_python_2(tmp_path):
    """As Python 2 wrote it: text is bytes, array data one raw string."""
    values = np.arange(6.0).reshape(2, 3)
    raw = values.tobytes()
    # Array data as BINSTRING (T), which Python 3 decodes by the given encoding.
    binary = (
        b"\x80\x02}q\x00U\x05transq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
        b"q\x03K\x00\x85q\x04U\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02K\x03\x86q\x08cnumpy\ndtype\n"
        b"q\x09U\x02f8q\x0aK\x00K\x01\x87q\x0bRq\x0c(K\x03U\x01<q\x0dNNNJ\xff\xff\xff\xffJ\xff\xff"
        b"\xff\xffK\x00tq\x0eb\x89T" + len(raw).to_bytes(4, "little") + raw + b"q\x0ftq\x10bs."
    )
    assert any(code.name == "BINSTRING" for code, _, _ in pickletools.genops(binary))
    path = tmp_path / "old.pkl"
    path.write_bytes(binary)
    np.testing.assert_array_equal(read_numpy_pickle(path)["trans"], values)


@FUZZ
@given(
    hnp.arrays(
        st.one_of(
            hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.boolean_dtypes(),
            hnp.unicode_string_dtypes(max_len=5), hnp.byte_string_dtypes(max_len=5),
        ),
        hnp.array_shapes(min_dims=0, min_side=0),
    ),
    st.sampled_from(range(6)),
    st.booleans(),
)  # fmt: skip
def test_any_plain_array_survives(tmp_path, array, protocol, fortran):
    array = np.asfortranarray(array) if fortran else array
    found = read_numpy_pickle(written(tmp_path, {"x": array, "y": 3}, protocol))["x"]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)


class Runs:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"poses": Runs(eval, "1/0")}, "it asks for builtins.eval"),
        (Runs(np.fromfile, "/etc/passwd"), "it asks for numpy.*fromfile"),
        ({"x": Runs(np.ndarray, (10**13,))}, "unreadable"),
        ({"x": np.array([{"a": 1}], dtype=object)}, "unreadable"),
        ({"x": np.zeros(2, dtype=[("a", "f8")])}, "unreadable"),
        ([1, 2], "pickle: found list, expected a dictionary"),
        ({"trans": [[0.0] * 3] * 5}, "poses: found trans|poses: found no arrays"),
        ({"poses": np.zeros((5, 66)), "trans": np.zeros((5, 3))}, r"poses: found shape \(5, 66\)"),
        ({"poses": np.full((5, 72), np.nan), "trans": np.zeros((5, 3)), "fps": 30}, "non-finite"),
        (
            {"poses": np.full((5, 72), 1e300), "trans": np.zeros((5, 3))},
            "frame rate: found nothing",
        ),
    ],
)
def test_hostile_pickles_are_named(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        read_motion(written(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_huge_shapes_take_no_memory(tmp_path):
    whole = pickle.dumps({"x": np.zeros(3)}, protocol=2)
    # The array says it has 2³¹ − 1 elements.
    path = tmp_path / "motion.pkl"
    path.write_bytes(whole.replace(b"K\x03\x85", b"J\xff\xff\xff\x7f\x85"))
    assert path.read_bytes() != whole
    with pytest.raises(InputError, match="unreadable"):
        read_numpy_pickle(path)


def test_a_huge_file_is_refused_by_size(tmp_path):
    path = tmp_path / "motion.pkl"
    with path.open("wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(InputError, match=r"file: found 5\.0 GB, expected <= 4 GB"):
        read_motion(path)


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_named(tmp_path, content):
    path = tmp_path / "motion.pkl"
    path.write_bytes(b"\x80\x04" + content)
    with pytest.raises(InputError) as caught:
        read_motion(path)
    assert "\n" not in str(caught.value)


@FUZZ
@given(st.data(), st.sampled_from([0, 2, 4]))
def test_damaged_bytes_never_do_more_than_raise(tmp_path, data, protocol):
    path = written(tmp_path, MOTION, protocol)
    content = bytearray(path.read_bytes())
    # The structure, not the numbers, is what can do harm.
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(content), 300) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        read_motion(path)
    except InputError as error:
        assert "\n" not in str(error)
