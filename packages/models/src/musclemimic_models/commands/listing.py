"""`musclemimic models list | info`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import mujoco
import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from musclemimic_models.commands.output import print_json
from musclemimic_models.musculo import MusculoModel, get_musculo_model
from musclemimic_models.registry import REGISTRY

# Segment: from one mimic site to the next, measured on the right side.
_SEGMENTS = {
    "trunk": ("pelvis", "upper_body"),
    "neck and head": ("upper_body", "head"),
    "upper arm": ("right_shoulder", "right_elbow"),
    "forearm": ("right_elbow", "right_hand"),
    "thigh": ("right_hip", "right_knee"),
    "shank": ("right_knee", "right_ankle"),
    "foot": ("right_ankle", "right_toes"),
    "shoulder width": ("left_shoulder", "right_shoulder"),
    "hip width": ("left_hip", "right_hip"),
}


@dataclass(frozen=True)
class ListArguments:
    """The available models.

    Attributes:
        json: print one JSON document instead of a table.
    """

    json: bool = False


@dataclass(frozen=True)
class InfoArguments:
    """What a model consists of: counts, masses, segment lengths, strongest muscles.

    Attributes:
        model: model name or alias.
        fingers: with finger joints and muscles.
        json: print one JSON document instead of tables.
    """

    model: Annotated[str, tyro.conf.Positional]
    fingers: bool = False
    json: bool = False


def list_models(arguments: ListArguments) -> int:
    """Print the registry."""
    if arguments.json:
        print_json({name: entry.summary for name, entry in REGISTRY.items()})
        return 0
    table = Table("model", "joints / muscles", "without fingers", "aliases", "what it is")
    for entry in REGISTRY.values():
        counts = ("{} / {}".format(*c[:2]) for c in (entry.counts, entry.counts_without_fingers))
        table.add_row(entry.name, *counts, ", ".join(entry.aliases), entry.summary)
    Console().print(table)
    return 0


def describe(model: MusculoModel) -> dict[str, object]:
    """The figures `musclemimic models info` shows, as plain values with units in the keys."""
    m, muscles = model.mj_model, model.muscles
    strongest = np.argsort(-muscles.max_isometric_force)[:10]
    groups = sorted(set(muscles.group), key=muscles.group.index)
    heaviest = np.argsort(-m.body_mass)[:10]
    return {
        "model": model.label,
        "joints": int(m.njnt),
        "muscles": int(m.nu),
        "couplings": int(m.neq),
        "independent_coordinates": len(model.couplings.free_dof),
        "mass_kg": float(m.body_mass.sum()),
        "heaviest_bodies_kg": {m.body(i).name: float(m.body_mass[i]) for i in heaviest},
        "segment_lengths_m": segment_lengths(model),
        "timestep_s": float(m.opt.timestep),
        "mimic_sites": list(model.mimic_sites),
        "muscles_per_group": {group: muscles.group.count(group) for group in groups},
        "strongest_muscles_n": {
            muscles.names[i]: float(muscles.max_isometric_force[i]) for i in strongest
        },
        "content_sha256": model.content_sha256,
        "provenance": list(model.provenance),
    }


def segment_lengths(model: MusculoModel) -> dict[str, float]:
    """Distances between neighbouring mimic sites at qpos0, m."""
    m, d = model.mj_model, mujoco.MjData(model.mj_model)
    mujoco.mj_kinematics(m, d)
    return {
        segment: float(np.linalg.norm(d.site(f"mimic_{end}").xpos - d.site(f"mimic_{start}").xpos))
        for segment, (start, end) in _SEGMENTS.items()
        if start in model.mimic_sites and end in model.mimic_sites
    }


def info(arguments: InfoArguments) -> int:
    """Print what a model consists of."""
    values = describe(get_musculo_model(arguments.model, fingers=arguments.fingers))
    if arguments.json:
        print_json(values)
        return 0
    table = Table(show_header=False)
    for name, value in values.items():
        match value:
            case Mapping():
                pairs: Mapping[str, float] = value  # pyright: ignore[reportUnknownVariableType]
                text = "\n".join(f"{key}: {number:.6g}" for key, number in pairs.items())
            case list():
                items: list[str] = value  # pyright: ignore[reportUnknownVariableType]
                text = "\n".join(items) if name == "provenance" else ", ".join(items)
            case _:
                text = f"{value:.6g}" if isinstance(value, float) else str(value)
        table.add_row(name, text)
    Console().print(table)
    return 0
