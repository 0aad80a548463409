"""Write type stubs of the compiled MuJoCo bindings into typings/ (not kept in the repository).

MuJoCo ships none, and without them strict type checking sees nothing behind `mujoco.`. The
generated text is corrected where the bindings declare less than they return.

    uv run python tools/typings.py
"""

import re
import subprocess
import sys
from pathlib import Path

TYPINGS = Path(__file__).resolve().parent.parent / "typings"
ELEMENTS = {
    "actuators": "MjsActuator",
    "bodies": "MjsBody",
    "equalities": "MjsEquality",
    "geoms": "MjsGeom",
    "joints": "MjsJoint",
    "materials": "MjsMaterial",
    "meshes": "MjsMesh",
    "pairs": "MjsPair",
    "sensors": "MjsSensor",
    "sites": "MjsSite",
    "tendons": "MjsTendon",
    "textures": "MjsTexture",
}


def correct_specs(text: str) -> str:
    """Element types of MjSpec's lists; array attributes accept any array-like."""
    for name, element in ELEMENTS.items():
        text = text.replace(f"def {name}(self) -> list:", f"def {name}(self) -> list[{element}]:")
    text = text.replace(
        "class MjsTendonPath:", "class MjsTendonPath(collections.abc.Sequence[MjsWrap]):"
    )
    text = re.sub(
        r"(\w+): collections\.abc\.Sequence\[[^=)]*?\] = None", r"\1: typing.Any = None", text
    )
    return re.sub(
        r"(\.setter\n    def \w+\(self, \w+): .*?\) -> None", r"\1: typing.Any) -> None", text
    )


def main() -> None:
    """Generate and correct."""
    command = ["pybind11-stubgen", "mujoco", "-o", str(TYPINGS), "--ignore-all-errors"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = TYPINGS / "mujoco" / "_specs.pyi"
    path.write_text(correct_specs(path.read_text()))
    sys.stdout.write(f"wrote {TYPINGS / 'mujoco'}\n")


if __name__ == "__main__":
    main()
