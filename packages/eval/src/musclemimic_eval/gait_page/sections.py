"""A gait analysis as sections of a page."""

from collections.abc import Sequence

from musclemimic_eval.gait.analysis import GaitAnalysis
from musclemimic_eval.gait_page.grids import (
    agreement_grid,
    cycles_grid,
    leftovers_grid,
    parameters_grid,
    profile_grid,
    spm_grid,
)
from musclemimic_eval.gait_page.plots import plot_curves, plot_over_time, plot_timeline
from musclemimic_eval.grids import Grid
from musclemimic_eval.kinetics.conventions import Kind
from musclemimic_eval.page import Picture, Section, picture
from musclemimic_eval.reference.comparison import Comparison

_TIMELINE = (
    "Contacts of the left (red) and the right foot (blue); solid where the whole contact was "
    "measured as force, pale where it was seen in the motion."
)

_NO_STRIDE = (
    "Of the left (red) and the right side (blue), since the record holds no stride to normalise "
    "to. Moments and powers hold where the plates carry the body."
)


def gait_sections(
    analysis: GaitAnalysis,
    comparison: Comparison | None,
    *,
    beside: GaitAnalysis | None = None,
    notes: Sequence[str] = (),
) -> tuple[Section, ...]:
    """Parameters, contacts, curves and agreement, for a page of sections.

    Args:
        analysis: whose gait.
        comparison: with a reference of humans; None without.
        beside: the motion that was to be imitated, shown beside it; None if it was nobody's.
        notes: further words of caution.
    """
    sections = [
        Section(
            "parameters",
            "Spatiotemporal parameters",
            grids=(parameters_grid(analysis, beside),),
            notes=(*analysis.notes, *notes),
        ),
        Section(
            "events",
            "Contacts and cycles",
            grids=(cycles_grid(analysis), *_known(leftovers_grid(analysis))),
            pictures=(picture(plot_timeline(analysis), _TIMELINE),),
        ),
    ]
    curves = _curve_pictures(analysis, comparison, beside)
    if curves:
        sections.append(Section("curves", "Over the gait cycle", pictures=curves))
    elif (figure := plot_over_time(analysis)) is not None:
        sections.append(Section("time", "Over time", pictures=(picture(figure, _NO_STRIDE),)))
    if comparison is not None and comparison.agreement:
        grids = (profile_grid(comparison), spm_grid(comparison))
        sections.append(
            Section(
                "agreement",
                "Against the reference",
                grids=(agreement_grid(comparison), *_known(*grids)),
                notes=tuple(f"Unfair: {warning}" for warning in comparison.warnings),
            )
        )
    return tuple(sections)


def _curve_pictures(
    analysis: GaitAnalysis, comparison: Comparison | None, beside: GaitAnalysis | None
) -> tuple[Picture, ...]:
    kinds: tuple[tuple[str, tuple[Kind, ...]], ...] = (
        ("Joint angles.", ("angle",)),
        ("Internal joint moments and powers, over body mass.", ("moment", "power")),
        ("Ground force in body weights.", ("force",)),
    )
    figures = [
        (plot_curves(analysis, comparison, kind, beside=beside), text) for text, kind in kinds
    ]
    return tuple(picture(figure, text) for figure, text in figures if figure is not None)


def _known(*grids: Grid | None) -> tuple[Grid, ...]:
    return tuple(grid for grid in grids if grid is not None)
