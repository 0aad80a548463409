"""The file of a policy: arrays by name and a JSON header, in one .npz. Does without JAX."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from musclemimic_models.errors import InputError
from musclemimic_models.files import jsonable, read_npz, write_npz

from musclemimic_rl.from_json import from_dict
from musclemimic_rl.network_config import NetworkConfig

FORMAT = "musclemimic policy"
VERSION = 1
_HEADER = "header"
_HEADER_FIELDS = ("format", "version", "network", "spec", "provenance")


@dataclass(frozen=True)
class StoredPolicy:
    """What a policy file holds.

    Attributes:
        path: the file.
        network: shape of the actor.
        spec: the environment it acts in, as `EnvSpec.to_dict` gave it.
        provenance: how it was trained.
        arrays: of the actor and of the observation statistics, all finite.
    """

    path: Path
    network: NetworkConfig
    spec: Mapping[str, object]
    provenance: Mapping[str, object]
    arrays: Mapping[str, np.ndarray]


def write_policy_file(
    path: Path,
    *,
    network: NetworkConfig,
    spec: Mapping[str, object],
    provenance: Mapping[str, object],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Write one .npz file, whole or not at all."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "network": asdict(network),
        "spec": spec,
        "provenance": dict(provenance),
    }
    write_npz(path, {_HEADER: np.array(json.dumps(jsonable(header))), **arrays})


def read_policy_file(path: Path) -> StoredPolicy:
    """Read a policy file, whose arrays' names and shapes are left to the reader.

    Raises:
        InputError: no such file, not a policy, damaged, of a newer version, or with numbers that
            are not finite; names file, field, found and expected.
    """
    arrays = read_npz(path)
    header = _read_header(path, arrays.pop(_HEADER, None))
    network = from_dict(NetworkConfig, header["network"], source=path, place="network.")
    spec = _mapping(path, "spec", header["spec"])
    provenance = _mapping(path, "provenance", header["provenance"])
    for name, array in arrays.items():
        if np.issubdtype(array.dtype, np.floating) and not np.all(np.isfinite(array)):
            raise InputError(path, name, found="NaN or infinity", expected="finite numbers")
    return StoredPolicy(path, network, spec, provenance, arrays)


def _read_header(path: Path, stored: np.ndarray | None) -> Mapping[str, object]:
    if stored is None or stored.dtype.kind != "U" or stored.ndim != 0:
        found = "nothing" if stored is None else f"{stored.dtype} {stored.shape}"
        raise InputError(path, _HEADER, found=found, expected=f"the header of a {FORMAT}")
    try:
        parsed = json.loads(str(stored))
    except ValueError as error:
        raise InputError(path, _HEADER, found=f"{error}", expected="JSON") from error
    header = _mapping(path, _HEADER, parsed)
    for name in _HEADER_FIELDS:
        if name not in header:
            raise InputError(path, name, found="nothing", expected=f"a field of a {FORMAT}")
    for name, expected in (("format", FORMAT), ("version", VERSION)):
        if header[name] != expected:
            raise InputError(path, name, found=repr(header[name]), expected=repr(expected))
    return header


def _mapping(path: Path, field: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InputError(path, field, found=repr(value), expected="an object")
    return value  # pyright: ignore[reportUnknownVariableType]
