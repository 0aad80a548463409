"""Activations over the gait cycle beside electromyograms, as a section of a page."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musclemimic_eval.emg.cycle import CycleAgreement
from musclemimic_eval.gait.feet import FEET
from musclemimic_eval.gait_page.grids import number
from musclemimic_eval.gait_page.plots import COLOURS
from musclemimic_eval.grids import Grid
from musclemimic_eval.page import Section, picture
from musclemimic_eval.plots import QUIET, quiet_figure
from musclemimic_eval.reference.curves import ReferenceTable

_COLUMNS = 4


def emg_section(rows: tuple[CycleAgreement, ...], table: ReferenceTable) -> Section:
    """When muscles are on beside when a human's are.

    Args:
        rows: at least one.
        table: that the envelopes are of.
    """
    header = ("", "foot", "r", "r at best lag", "lag, %", "overlap", "on, %", "human on, %", "peak")
    cells = tuple(
        (
            row.site.replace("_", " "),
            FEET[row.foot],
            number(row.r, 2),
            number(row.best_r, 2),
            "-" if np.isnan(row.lag) else f"{row.lag:+.0f}",
            number(row.overlap, 2),
            _bursts(row.on),
            _bursts(row.reference_on),
            f"{row.peak:.2f}",
        )
        for row in rows
    )
    note = (
        "Mean over the foot's strides; both curves in units of their own maximum, on above 30 % of "
        "it. Lag in % of the cycle, positive where the policy is later than the electromyogram. "
        "Overlap: time on in both over time on in either. Peak: the policy's largest mean "
        f"activation. Electromyograms: {table.citation}. {table.population}: a pattern to look at, "
        "not a norm."
    )
    return Section(
        "timing",
        "Muscle timing against electromyography",
        grids=(Grid(header, cells, note),),
        pictures=(
            picture(
                _figure(rows),
                "Activation over the gait cycle, left (red) and right (blue), beside a human's "
                "electromyogram (grey), each in units of its own maximum.",
            ),
        ),
    )


def _bursts(bursts: tuple[tuple[float, float], ...]) -> str:
    return ", ".join(f"{onset:.0f} to {offset:.0f}" for onset, offset in bursts) or "-"


def _figure(rows: tuple[CycleAgreement, ...]) -> Figure:
    sites = list(dict.fromkeys(row.site for row in rows))
    lines = -(-len(sites) // _COLUMNS)
    figure, panels = quiet_figure(lines, _COLUMNS, height=1.4 * lines + 0.3)
    for axes, site in zip(panels, sites, strict=False):
        _panel(axes, [row for row in rows if row.site == site])
    for axes in panels[len(sites) :]:
        axes.set_axis_off()
    figure.supxlabel("% of the gait cycle, from foot contact", fontsize=8)
    return figure


def _panel(axes: Axes, rows: list[CycleAgreement]) -> None:
    percent = np.linspace(0, 100, len(rows[0].reference))
    axes.fill_between(percent, 0, rows[0].reference, color="#d5d9df", lw=0)
    for row in rows:
        axes.plot(percent, row.ours / row.peak, color=COLOURS[row.foot], lw=1.3)
    axes.axhline(0.3, color=QUIET, lw=0.5, ls=":")
    axes.set_title(rows[0].site.replace("_", " "), fontsize=8, loc="left")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 1.05)
