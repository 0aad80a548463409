"""Which clips an evaluation runs on: files, folders, and lists of motions (splits)."""

from collections.abc import Sequence
from pathlib import Path

from musclemimic_models import InputError

SUFFIX = ".npz"


def find_clips(paths: Sequence[Path]) -> dict[str, Path]:
    """Clip files by name: a file by its stem, those in a folder by their path below it.

    Equal names are numbered, so that no clip hides another.

    Raises:
        InputError: no path, or a folder without clips.
    """
    if not paths:
        raise InputError("evaluate", "--clips", found="none", expected="clip files or folders")
    found: dict[str, Path] = {}
    for path in paths:
        members = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not members:
            raise InputError(path, "clips", found="no .npz file", expected="a folder of clips")
        for member in members:
            base = (
                member.relative_to(path).with_suffix("").as_posix()
                if path.is_dir()
                else member.stem
            )
            name, number = base, 2
            while name in found:
                name, number = f"{base} #{number}", number + 1
            found[name] = member
    return found


def choose_splits(found: dict[str, Path], splits: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Members of each split among the clips found.

    Args:
        found: clip files by name, as `find_clips` names them.
        splits: published lists by name ("kinesis-test"), or text files with one motion a line,
            relative to the clips' folder and without suffix.

    Returns:
        Split name to clip names, in the list's order.

    Raises:
        InputError: an unknown list, or a motion that has no clip; says how many are missing.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    for split in splits:
        motions = _read_split(split)
        missing = [motion for motion in motions if motion not in found]
        if missing:
            raise InputError(
                split,
                "motions",
                found=f"no clip of {len(missing)} of {len(motions)}, the first {missing[0]!r}",
                expected="every motion of the list among the clips (pass their common folder)",
            )
        chosen[Path(split).stem] = motions
    return chosen


def _read_split(name: str) -> tuple[str, ...]:
    try:
        from musclemimic_retarget.splits import read_split
    except ModuleNotFoundError as error:
        raise InputError(
            name,
            "--splits",
            found=f"no module {error.name}",
            expected="pip install 'musclemimic-eval[demo]', which brings the published lists",
        ) from error
    return read_split(name)
