"""`read_motion`: one entry for every file format."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from musclemimic_models import InputError

from musclemimic_retarget.bvh import read_bvh
from musclemimic_retarget.markers import read_c3d_motion, read_trc_motion
from musclemimic_retarget.motion import HumanMotion
from musclemimic_retarget.opensim import read_opensim
from musclemimic_retarget.smpl import read_smpl

READERS: Mapping[str, Callable[[Path], HumanMotion]] = MappingProxyType(
    {
        ".npz": read_smpl,
        ".pkl": read_smpl,
        ".sto": read_opensim,
        ".mot": read_opensim,
        ".bvh": read_bvh,
        ".trc": read_trc_motion,
        ".c3d": read_c3d_motion,
    }
)


def read_motion(path: Path | str) -> HumanMotion:
    """Read a human motion, by the file name's suffix.

    Args:
        path: .npz or .pkl with SMPL, SMPL-H or SMPL-X parameters, .sto/.mot with OpenSim
            coordinates, .bvh with a known skeleton, .trc or .c3d with a known marker set.

    Raises:
        InputError: unsupported suffix, or whatever is wrong with the file, in one line.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            path,
            "suffix",
            found=path.suffix or "none",
            expected="one of " + ", ".join(READERS),
        )
    return reader(path)
