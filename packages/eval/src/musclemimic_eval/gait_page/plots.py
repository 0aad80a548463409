"""Pictures of a trial: contacts and force over time, curves over the gait cycle."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from musclemimic_eval.gait.analysis import GaitAnalysis
from musclemimic_eval.gait.feet import FEET
from musclemimic_eval.kinetics.conventions import QUANTITIES, Kind, Quantity
from musclemimic_eval.reference.comparison import Comparison

_INK, _QUIET = "#2b2f36", "#8a8f98"
COLOURS = ("#b80019", "#2f5f9e")  # left, right
_WIDTH, _ROW = 8.0, 1.75  # inches
_COLUMNS = 3
# Standard deviations to colour, widest first; dashes of the imitated motion.
_BANDS = {2: "#eceef1", 1: "#d5d9df"}
_IMITATED = (0, (4, 1.5))


def plot_timeline(analysis: GaitAnalysis) -> Figure:
    """Contacts of both feet as bars; vertical ground force in body weights (or N) above."""
    ground = analysis.recording.ground
    figure = Figure(
        figsize=(_WIDTH, 2.9 if ground is not None else 1.3),
        layout="constrained",
        facecolor="white",
    )
    ratios = [2.4, 1] if ground is not None else [1]
    panels: list[Axes] = list(
        figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios).ravel()
    )
    for axes in panels:
        _quiet(axes)
    if ground is not None:
        known = bool(np.isfinite(analysis.mass))
        force = ground.in_body_weights(analysis.mass) if known else ground.force
        for foot, colour in enumerate(COLOURS):
            panels[0].plot(ground.time, force[:, foot, 2], color=colour, lw=1.2)
        panels[0].set_ylabel("vertical force, BW" if known else "vertical force, N", fontsize=8)
        panels[0].set_ylim(bottom=0)
    bars = panels[-1]
    first, last = (float(analysis.recording.feet.time[i]) for i in (0, -1))
    for contact in analysis.contacts:
        start = contact.start if np.isfinite(contact.start) else first
        end = contact.end if np.isfinite(contact.end) else last
        bars.barh(
            1 - contact.foot,
            end - start,
            left=start,
            height=0.55,
            color=COLOURS[contact.foot],
            alpha=1.0 if contact.source == "force" else 0.45,
        )
    bars.set_yticks([1, 0], list(FEET))
    bars.set_ylim(-0.5, 1.5)
    bars.tick_params(axis="y", length=0)
    bars.set_xlabel("time, s", fontsize=8)
    return figure


def plot_curves(
    analysis: GaitAnalysis,
    comparison: Comparison | None,
    kinds: tuple[Kind, ...],
    *,
    beside: GaitAnalysis | None = None,
) -> Figure | None:
    """Curves of some kinds over the cycle, with a legend; None if there are none.

    Args:
        analysis: whose curves.
        comparison: whose reference's bands are drawn behind them.
        kinds: of quantities.
        beside: the motion that was to be imitated.
    """
    names = [
        name
        for name, quantity in QUANTITIES.items()
        if quantity.kind in kinds and name in analysis.curves
    ]
    if not names:
        return None
    figure, panels = _panels(len(names))
    for axes, name in zip(panels, names, strict=True):
        _panel(axes, analysis, comparison, name)
        if beside is not None:
            _beside(axes, beside, name)
    figure.supxlabel("% of the gait cycle, from foot contact", fontsize=8)
    shown = {foot for name in names for foot in analysis.curves[name]}
    single = any(len(cycles) > 1 for name in names for cycles in analysis.curves[name].values())
    banded = comparison is not None and any(name in comparison.group.curves for name in names)
    imitated = beside is not None and any(name in beside.curves for name in names)
    figure.legend(
        handles=_legend(shown, single=single, imitated=imitated, banded=banded),
        loc="outside upper left",
        ncols=9,
        frameon=False,
        fontsize=7,
        handlelength=1.6,
        columnspacing=1.2,
    )
    return figure


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with so many axes, in rows."""
    rows = -(-count // _COLUMNS)
    figure = Figure(figsize=(_WIDTH, _ROW * rows + 0.6), layout="constrained", facecolor="white")
    panels: list[Axes] = list(figure.subplots(rows, _COLUMNS, squeeze=False, sharex=True).ravel())
    for axes in panels[count:]:
        axes.set_axis_off()
    return figure, panels[:count]


def plot_over_time(analysis: GaitAnalysis) -> Figure | None:
    """Every curve over time, for a record that holds no stride; None if there are none."""
    curves = {name: part for part in analysis.series for name in part.curves}
    names = [name for name in QUANTITIES if name in curves]
    if not names:
        return None
    figure, panels = _panels(len(names))
    for axes, name in zip(panels, names, strict=True):
        for foot, colour in enumerate(COLOURS):
            axes.plot(curves[name].time, curves[name].curves[name][:, foot], color=colour, lw=1.2)
        _labelled(axes, QUANTITIES[name])
    figure.supxlabel("time, s", fontsize=8)
    return figure


def _legend(shown: set[int], *, single: bool, imitated: bool, banded: bool) -> list[Artist]:
    """What the lines and bands of `plot_curves` are."""
    handles: list[Artist] = [
        Line2D([], [], color=COLOURS[foot], lw=1.5, label=FEET[foot]) for foot in sorted(shown)
    ]
    if single:
        handles.append(Line2D([], [], color=_INK, lw=0.5, alpha=0.5, label="one stride"))
    handles.append(Line2D([], [], color=_INK, lw=0.7, ls=":", label="foot off"))
    if imitated:
        handles.append(Line2D([], [], color=_INK, lw=1.1, ls=_IMITATED, label="imitated motion"))
    if banded:
        handles.append(Line2D([], [], color=_QUIET, lw=0.9, ls="--", label="humans, mean"))
        handles.append(Patch(color=_BANDS[1], label="± 1 SD"))
        handles.append(Patch(color=_BANDS[2], label="± 2 SD"))
    return handles


def _beside(axes: Axes, beside: GaitAnalysis, name: str) -> None:
    """Means of the imitated motion."""
    for foot, cycles in beside.curves.get(name, {}).items():
        percent = np.linspace(0, 100, cycles.shape[1])
        mean = cycles.mean(axis=0)
        axes.plot(percent, mean, color=COLOURS[foot], lw=1.1, ls=_IMITATED)


def _panel(axes: Axes, analysis: GaitAnalysis, comparison: Comparison | None, name: str) -> None:
    quantity = QUANTITIES[name]
    reference = comparison.group.curves.get(name) if comparison is not None else None
    if reference is not None:
        percent = np.linspace(0, 100, len(reference.mean))
        for width, colour in _BANDS.items():
            axes.fill_between(
                percent,
                reference.mean - width * reference.sd,
                reference.mean + width * reference.sd,
                color=colour,
                lw=0,
            )
        axes.plot(percent, reference.mean, color=_QUIET, lw=0.9, ls="--")
    for foot, cycles in analysis.curves[name].items():
        percent = np.linspace(0, 100, cycles.shape[1])
        for cycle in cycles if len(cycles) > 1 else ():
            axes.plot(percent, cycle, color=COLOURS[foot], lw=0.5, alpha=0.35)
        axes.plot(percent, cycles.mean(axis=0), color=COLOURS[foot], lw=1.5)
    for foot, side in enumerate((analysis.spatiotemporal.left, analysis.spatiotemporal.right)):
        if "stance" in side and foot in analysis.curves[name]:
            axes.axvline(side["stance"].mean, color=COLOURS[foot], lw=0.7, ls=":")
    _labelled(axes, quantity)
    axes.set_xlim(0, 100)


def _labelled(axes: Axes, quantity: Quantity) -> None:
    _quiet(axes)
    if quantity.kind != "force":
        axes.axhline(0, color=_QUIET, lw=0.5)
    axes.set_title(f"{quantity.label}, {quantity.unit}", fontsize=8, color=_INK, loc="left")
    axes.set_ylabel(f"+ {quantity.positive}", fontsize=7, color=_QUIET)
    axes.margins(y=0.12)


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_QUIET)
    axes.tick_params(colors=_INK, labelsize=7)
