"""Which reference a gait is compared with, as commands offer it."""

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

from musclemimic_models import InputError

from musclemimic_eval.gait.analysis import GaitAnalysis, cycle_curves
from musclemimic_eval.reference.comparison import Comparison, compare
from musclemimic_eval.reference.curves import PACKAGED, ReferenceTable, load_reference

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
        """The table; None if there shall be none.

        Raises:
            InputError: no such table or file, or a damaged one.
        """
        return None if self.reference == NO_REFERENCE else load_reference(self.reference)


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
    share = comparison.group.foot_off
    if not share > 0:
        raise InputError(
            choice.reference,
            f"group {comparison.group.name}: foot_off",
            found="unknown",
            expected="% of the cycle, for --split-phases",
        )
    curves = cycle_curves(analysis.series, analysis.cycles, share)
    split = dataclasses.replace(analysis, curves=curves)
    return split, against(split)
