"""Which reference a gait is compared with, as commands offer it."""

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

from musclemimic_models import InputError
from musclemimic_models.errors import unknown_name

from musclemimic_eval.gait.analysis import GaitAnalysis, cycle_curves
from musclemimic_eval.reference.comparison import Comparison, compare
from musclemimic_eval.reference.curves import (
    PACKAGED,
    ReferenceGroup,
    ReferenceTable,
    load_reference,
)

NO_REFERENCE = "none"

A = TypeVar("A", bound=GaitAnalysis)


@dataclass(frozen=True)
class ReferenceChoice:
    """The user's choice.

    Attributes:
        reference: a packaged table (schwartz2008_children, falisse2019_adult), a CSV file of your
            own, or none.
        group: of the reference; by default the one whose speed is nearest.
        split_phases: normalise stance and swing separately, stance to the reference's share.
    """

    reference: str = PACKAGED[0]
    group: str | None = None
    split_phases: bool = False

    def load(self) -> ReferenceTable | None:
        """The table; None if there shall be none. Says before any work what it cannot serve for.

        Raises:
            InputError: no such table or file, or a damaged one; no such group; split phases
                against a group whose foot-off is unknown.
        """
        if self.reference == NO_REFERENCE:
            return None
        table = load_reference(self.reference)
        if self.group is not None and self.group not in table.groups:
            raise unknown_name(table.name, "group", self.group, list(table.groups))
        if self.split_phases:
            for name in table.groups if self.group is None else (self.group,):
                _foot_off(table, table.groups[name])
        return table


def _foot_off(table: ReferenceTable, group: ReferenceGroup) -> float:
    """% of the cycle.

    Raises:
        InputError: the table does not tell.
    """
    if not group.foot_off > 0:
        raise InputError(
            table.name,
            f"group {group.name}: foot_off",
            found="unknown",
            expected="% of the cycle, for --split-phases",
        )
    return group.foot_off


def compared(
    analysis: A, table: ReferenceTable | None, choice: ReferenceChoice
) -> tuple[A, Comparison | None]:
    """The analysis, its curves normalised as asked for, and its comparison with a reference.

    Raises:
        InputError: no such group; split phases against a group whose foot-off is unknown.
    """
    if table is None:
        return analysis, None

    def against(now: A) -> Comparison:
        return compare(
            now.curves,
            now.spatiotemporal,
            table,
            leg_length=now.recording.leg_length,
            group=choice.group,
        )

    comparison = against(analysis)
    if not choice.split_phases:
        return analysis, comparison
    share = _foot_off(table, comparison.group)
    curves = cycle_curves(analysis.series, analysis.cycles, share)
    split = dataclasses.replace(analysis, curves=curves)
    return split, against(split)
