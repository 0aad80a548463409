"""Validated musculoskeletal human models for MuJoCo, and the motion-clip format.

Names are imported on first use, so that `import musclemimic_models` costs nothing until a model
is loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musclemimic_models.build import compile_spec as compile_spec
    from musclemimic_models.build import load_spec as load_spec
    from musclemimic_models.clip import ClipProvenance as ClipProvenance
    from musclemimic_models.clip import FrameStatus as FrameStatus
    from musclemimic_models.clip import MotionClip as MotionClip
    from musclemimic_models.couplings import Couplings as Couplings
    from musclemimic_models.errors import InputError as InputError
    from musclemimic_models.export import export_mjcf as export_mjcf
    from musclemimic_models.export import get_xml_path as get_xml_path
    from musclemimic_models.muscles import MuscleTable as MuscleTable
    from musclemimic_models.musculo import MusculoModel as MusculoModel
    from musclemimic_models.musculo import get_musculo_model as get_musculo_model
    from musclemimic_models.musculo import load as load
    from musclemimic_models.musculo import load_model as load_model
    from musclemimic_models.registry import REGISTRY as REGISTRY
    from musclemimic_models.registry import list_models as list_models

_HOMES = {
    "build": ("compile_spec", "load_spec"),
    "clip": ("ClipProvenance", "FrameStatus", "MotionClip"),
    "couplings": ("Couplings",),
    "errors": ("InputError",),
    "export": ("export_mjcf", "get_xml_path"),
    "muscles": ("MuscleTable",),
    "musculo": ("MusculoModel", "get_musculo_model", "load", "load_model"),
    "registry": ("REGISTRY", "list_models"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(_HOME_OF)
