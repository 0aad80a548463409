"""Published motion lists: which recordings of AMASS a table was computed on.

Names only, one motion a line, relative to the AMASS root and without suffix, as listed by the
package musclemimic 0.1.0 (PyPI). The recordings themselves need an AMASS account.
"""

from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from musclemimic_models import InputError
from musclemimic_models.errors import unknown_name
from musclemimic_models.files import require_file

# File and number of motions of each list.
SPLITS = MappingProxyType(
    {
        "kinesis-train": ("kinesis_train.txt", 972),
        "kinesis-test": ("kinesis_test.txt", 108),
        "bimanual-train": ("bimanual_train.txt", 1770),
        "bimanual-test": ("bimanual_test.txt", 312),
        "transition-train": ("transition_train.txt", 110),
    }
)


def read_split(name: str) -> tuple[str, ...]:
    """The motions of a published list, or of a user's own text file of the same form.

    Raises:
        InputError: neither a known list nor a readable file, or a list without motions.
    """
    if name in SPLITS:
        folder = files("musclemimic_retarget") / "data" / "splits"
        text = (folder / SPLITS[name][0]).read_text("utf-8")
    elif Path(name).suffix == ".txt":
        require_file(Path(name))
        text = Path(name).read_text("utf-8")
    else:
        raise unknown_name("command line", "--split", name, [*SPLITS, "FILE.txt"])
    motions = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not motions:
        raise InputError(name, "lines", found="none", expected="one motion a line")
    return motions
