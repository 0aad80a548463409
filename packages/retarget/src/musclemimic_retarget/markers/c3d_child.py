"""Reads one C3D file by ezc3d and writes what it holds as .npz; run as a program of its own.

ezc3d is C++ and can crash, hang or ask for all memory on a damaged file: here it takes nothing else
down. `c3d.py` starts this file by its path, so it imports nothing of this package.

    python c3d_child.py FILE.c3d RESULT.npz MEMORY_BYTES
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import ezc3d
import numpy as np

# "POINT", "LABELS", "value": text as a list, numbers as an array.
Parameters = Mapping[str, Mapping[str, Mapping[str, "np.ndarray | list[str]"]]]
_METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
_NEWTON_METRES = {"Nm": 1.0, "Ncm": 1e-2, "Nmm": 1e-3}


def main(source: str, result: str, memory: int) -> None:
    """Read and write; whatever ezc3d raises ends the program with its message."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    note = ""
    try:
        file = ezc3d.c3d(source, extract_forceplat_data=True)
        arrays = _plates(cast("Sequence[Mapping[str, object]]", file["data"]["platform"]))
    except (RuntimeError, ValueError, IndexError, KeyError) as error:
        # A force plate of a kind or unit that is not known leaves the markers readable.
        file = ezc3d.c3d(source)
        arrays = _plates([])
        note = f"force plates left out ({' '.join(str(error).split())})"
    parameters = cast("Parameters", file["parameters"])
    data = cast("Mapping[str, np.ndarray]", file["data"])
    residuals = cast("np.ndarray", file["data"]["meta_points"]["residuals"])
    texts = {
        "note": note,
        "point_labels": _labels(parameters, "POINT"),
        "point_units": _texts(parameters, "POINT", "UNITS"),
        "analog_labels": _labels(parameters, "ANALOG"),
        "analog_units": _texts(parameters, "ANALOG", "UNITS"),
        "event_labels": _texts(parameters, "EVENT", "LABELS"),
        "event_contexts": _texts(parameters, "EVENT", "CONTEXTS"),
    }
    arrays |= {name: np.array(value, dtype=np.str_) for name, value in texts.items()}
    arrays |= {
        "points": data["points"][:3].transpose(2, 1, 0),
        "residuals": residuals[0].T,
        "analog": data["analogs"][0].T,
        "point_rate": _numbers(parameters, "POINT", "RATE"),
        "analog_rate": _numbers(parameters, "ANALOG", "RATE"),
        "event_times": _numbers(parameters, "EVENT", "TIMES"),
        "first_frame": np.array(file["header"]["points"]["first_frame"], dtype=np.int64),
    }
    with Path(result).open("wb") as out:
        np.savez(out, allow_pickle=False, **arrays)


def _plates(platforms: Sequence[Mapping[str, object]]) -> dict[str, np.ndarray]:
    """Arrays (P, ...) of force N, moment N m, centre of pressure m, free moment N m, corners m."""
    columns: dict[str, list[np.ndarray]] = {
        name: [] for name in ("plate_force", "plate_cop", "plate_free_moment", "plate_corners")
    }
    for plate in platforms:
        metres = _METRES[str(plate["unit_position"]).strip().lower()]
        newton_metres = _NEWTON_METRES[str(plate["unit_moment"]).strip()]
        columns["plate_force"].append(np.asarray(plate["force"]).T)
        columns["plate_cop"].append(metres * np.asarray(plate["center_of_pressure"]).T)
        columns["plate_free_moment"].append(newton_metres * np.asarray(plate["Tz"]).T)
        columns["plate_corners"].append(metres * np.asarray(plate["corners"]).T)
    return {name: np.array(values) for name, values in columns.items()}


def _labels(parameters: Parameters, group: str) -> list[str]:
    """Labels of points or channels; more than 255 go on in LABELS2, LABELS3 ..."""
    labels = _texts(parameters, group, "LABELS")
    number = 2
    while f"LABELS{number}" in parameters.get(group, {}):
        labels += _texts(parameters, group, f"LABELS{number}")
        number += 1
    return labels


def _texts(parameters: Parameters, group: str, name: str) -> list[str]:
    value = parameters.get(group, {}).get(name, {}).get("value", [])
    return [text.strip("\0 ") for text in value] if isinstance(value, list) else []


def _numbers(parameters: Parameters, group: str, name: str) -> np.ndarray:
    value = parameters.get(group, {}).get(name, {}).get("value", [])
    return np.asarray([] if isinstance(value, list) else value, dtype=np.float64)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
