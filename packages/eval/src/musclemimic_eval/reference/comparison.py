"""A trial's curves against a reference: agreement, bands, profile score, SPM, warnings."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from musclemimic_models.errors import unknown_name

from musclemimic_eval.gait.spatiotemporal import SpatioTemporal
from musclemimic_eval.reference.agreement import Agreement, agreement
from musclemimic_eval.reference.curves import ReferenceGroup, ReferenceTable
from musclemimic_eval.reference.profile_score import ProfileScore, profile_score
from musclemimic_eval.reference.spm import SPM, spm_against_reference, varies
from musclemimic_eval.reference.suitability import nearest_group, warnings_for

Curves = Mapping[str, Mapping[int, Float[np.ndarray, "_ P"]]]
# SPM of fewer cycles says more about chance than about the person.
_CYCLES_FOR_SPM = 5


@dataclass(frozen=True)
class Comparison:
    """A trial against one group of a reference table.

    Attributes:
        table: the reference. group: of it.
        agreement: (quantity, foot) to agreement of the mean over cycles.
        profile: Gait Profile Score; None unless both legs have cycles, and for another kind of
            gait than the reference's (a run scored against walkers).
        spm: (quantity, foot) to SPM{t} against the reference's mean, where there are at least
            five cycles and spm1d is installed.
        warnings: what makes the comparison unfair.
    """

    table: ReferenceTable
    group: ReferenceGroup
    agreement: Mapping[tuple[str, int], Agreement]
    profile: ProfileScore | None
    spm: Mapping[tuple[str, int], SPM]
    warnings: tuple[str, ...]


def compare(
    curves: Curves,
    trial: SpatioTemporal,
    table: ReferenceTable,
    *,
    leg_length: float,
    group: str | None = None,
    with_spm: bool = True,
) -> Comparison:
    """Compare every curve that both have.

    Args:
        curves: quantity to foot to cycles, clinical sign.
        trial: its speed picks the group and is checked.
        table: the reference.
        leg_length: of the person, m; NaN if unknown.
        group: of the table; by default the one of the nearest speed.
        with_spm: False leaves SPM out (spm1d takes a second to import).

    Raises:
        InputError: no such group; SPM without spm1d.
    """
    if group is not None and group not in table.groups:
        raise unknown_name(table.name, "group", group, list(table.groups))
    chosen = table.groups[group] if group is not None else nearest_group(table, trial)
    results: dict[tuple[str, int], Agreement] = {}
    tests: dict[tuple[str, int], SPM] = {}
    for name, reference in chosen.curves.items():
        for foot, cycles in curves.get(name, {}).items():
            results[name, foot] = agreement(cycles.mean(axis=0), reference)
            if with_spm and len(cycles) >= _CYCLES_FOR_SPM and varies(cycles - reference.mean):
                tests[name, foot] = spm_against_reference(cycles, reference.mean)
    means = [
        {name: feet[foot].mean(axis=0) for name, feet in curves.items() if foot in feet}
        for foot in (0, 1)
    ]
    scored = all(means) and trial.kind == table.gait
    stance = trial.both["stance"].mean if "stance" in trial.both else np.nan
    return Comparison(
        table=table,
        group=chosen,
        agreement=MappingProxyType(results),
        profile=profile_score(means[0], means[1], chosen) if scored else None,
        spm=MappingProxyType(tests),
        warnings=warnings_for(table, chosen, trial, leg_length=leg_length, stance=stance),
    )
