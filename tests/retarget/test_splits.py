"""The published motion lists."""

import pytest
from musclemimic_models import InputError
from musclemimic_retarget.splits import SPLITS, read_split


@pytest.mark.parametrize("name", SPLITS)
def test_lists_have_the_published_length_and_no_motion_twice(name):
    motions = read_split(name)
    assert len(motions) == SPLITS[name][1] == len(set(motions))
    assert not any(motion.endswith(".npz") or motion.startswith("/") for motion in motions)


@pytest.mark.parametrize("body", ["kinesis", "bimanual"])
def test_no_motion_is_trained_on_and_tested(body):
    assert not set(read_split(f"{body}-train")) & set(read_split(f"{body}-test"))


def test_own_list(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("A/walk one\n\n B/run \n")
    assert read_split(str(path)) == ("A/walk one", "B/run")
    path.write_text("\n")
    with pytest.raises(InputError, match="lines: found none"):
        read_split(str(path))


def test_unknown_list_names_the_known_ones():
    with pytest.raises(InputError, match="'kinesis', expected one of kinesis-train"):
        read_split("kinesis")
