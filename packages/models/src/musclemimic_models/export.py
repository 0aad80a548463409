"""A self-contained MJCF folder that plain MuJoCo loads."""

import tempfile
from pathlib import Path
from xml.etree import ElementTree

import mujoco
from myo_sim.build.compose import sanitize_spec_xml

from musclemimic_models.build import compile_spec, load_spec
from musclemimic_models.cache import CACHE_VARIABLE, cache_folder, content_key
from musclemimic_models.errors import InputError
from musclemimic_models.musculo import variant_label
from musclemimic_models.quiet import quiet_mujoco
from musclemimic_models.registry import find_embodiment


def export_mjcf(name: str, out: Path, *, fingers: bool = True, visual: bool = True) -> Path:
    """Write `<out>/<model>.xml` and beside it every file it refers to.

    The folder appears only when it is complete, and after plain MuJoCo has loaded it.

    Returns:
        The path of the XML.

    Raises:
        InputError: unknown model, or `out` exists and is not an empty folder.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(out, "out", found="something there", expected="a new or empty folder")
    spec = load_spec(name, fingers=fingers, visual=visual)
    model = compile_spec(spec)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        folder = Path(scratch) / "model"
        folder.mkdir()
        _copy_assets(spec, folder)
        path = folder / f"{find_embodiment(name).name}.xml"
        with quiet_mujoco():
            # myo-sim knows how to mend what MuJoCo writes of its attached fragments.
            text = sanitize_spec_xml(spec.to_xml(), asset_dir=".", model=model)
            path.write_text(text if visual else _without_materials(text))
            mujoco.MjModel.from_xml_path(str(path))
        if out.exists():
            out.rmdir()
        folder.rename(out)
    return out / path.name


def get_xml_path(name: str, *, fingers: bool = True, visual: bool = True) -> Path:
    """The XML of an exported model in the cache folder, exported now if it is not there yet.

    For programs that want a file. The folder is shared: copy it, or use `export_mjcf`, to edit.

    Raises:
        InputError: unknown model, or the user switched the cache off.
    """
    entry, root = find_embodiment(name), cache_folder()
    if root is None:
        raise InputError(
            CACHE_VARIABLE, "value", found="off", expected="a folder (or use export_mjcf)"
        )
    label = variant_label(entry.name, fingers=fingers, visual=visual)
    path = root / f"{label}-{content_key()}" / f"{entry.name}.xml"
    return (
        path if path.is_file() else export_mjcf(name, path.parent, fingers=fingers, visual=visual)
    )


def _without_materials(text: str) -> str:
    """Drop references to materials, which default classes keep after the materials are gone."""
    root = ElementTree.fromstring(text)
    for element in root.iter():
        element.attrib.pop("material", None)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _copy_assets(spec: mujoco.MjSpec, folder: Path) -> None:
    """Copy mesh and texture files to the same relative places below `folder`."""
    files = {(spec.compiler.meshdir, mesh.file) for mesh in spec.meshes}
    files |= {(spec.compiler.texturedir, texture.file) for texture in spec.textures}
    for directory, name in sorted(files):
        if name:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((Path(directory) / name).read_bytes())
