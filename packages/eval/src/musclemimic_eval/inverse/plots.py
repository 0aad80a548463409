"""Figures of the muscle report."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from musclemimic_models import MuscleTable

from musclemimic_eval.emg.agreement import common_curves
from musclemimic_eval.emg.recording import EmgRecording
from musclemimic_eval.inverse.analysis import EmgComparison, MuscleAnalysis, longest_run
from musclemimic_eval.inverse.contact import JointContact
from musclemimic_eval.inverse.static import MuscleSolution
from musclemimic_eval.plots import ACCENT, INK, QUIET, REFERENCE, quiet_figure

_LEGS = ("hip_flexion", "hip_adduction", "knee_angle", "ankle_angle")
_SIDES = (("r", "right", ACCENT), ("l", "left", REFERENCE))


def plot_emg(analysis: MuscleAnalysis, comparison: EmgComparison) -> Figure:
    """One panel a channel: EMG (grey area) and activation (line), each over its own maximum."""
    channels, first_last = comparison.channels.channels, longest_run(analysis.valid)
    frames = slice(*first_last)
    solution = analysis.solution
    figure, panels = quiet_figure(-(-len(channels) // 4), 4, height=1.6 * -(-len(channels) // 4))
    for axes, channel, row in zip(panels, channels, comparison.rows, strict=False):
        curves = common_curves(
            comparison.recording, channel, solution.excitation[frames], solution.time[frames]
        )
        axes.fill_between(curves.time, 0, curves.emg, color="#d5d8de", lw=0)
        axes.plot(curves.time, curves.model, color=ACCENT, lw=1.4)
        axes.set_title(f"{channel.label}   r {row.r:.2f}", fontsize=8, color=INK, loc="left")
        axes.set_ylim(0, 1.05)
        axes.set_yticks([0, 1])
    for axes in panels[len(channels) :]:
        axes.set_axis_off()
    figure.supxlabel("time, s      grey: EMG, red: activation, each over its maximum", fontsize=8)
    return figure


def plot_moments(solution: MuscleSolution) -> Figure:
    """Net moments of both legs, N m/kg, and the reserves (dashed)."""
    names = [name for name in _LEGS if f"{name}_r" in solution.joint_names]
    figure, panels = quiet_figure(1, len(names), height=2.3)
    for axes, name in zip(panels, names, strict=True):
        for side, word, colour in _SIDES:
            column = solution.joint_names.index(f"{name}_{side}")
            scale = 1 / solution.dynamics.mass
            moment = scale * solution.joint_moment[:, column]
            axes.plot(solution.time, moment, color=colour, lw=1.4, label=word)
            reserve = scale * solution.reserve[:, column]
            axes.plot(solution.time, reserve, color=colour, lw=0.9, ls="--")
        axes.axhline(0, color=QUIET, lw=0.5)
        axes.set_title(name.replace("_", " "), fontsize=8, color=INK, loc="left")
    panels[0].set_ylabel("N m/kg, along the coordinate")
    panels[0].legend(frameon=False, fontsize=7)
    figure.supxlabel("time, s      dashed: reserve", fontsize=8)
    return figure


def plot_contact(contact: JointContact, time: Sequence[float]) -> Figure:
    """Size of the force in hips, knees and ankles, body weights; without muscles dashed."""
    names = [name for name in ("hip", "knee", "ankle") if f"{name}_r" in contact.names]
    figure, panels = quiet_figure(1, len(names), height=2.3)
    net = np.linalg.norm(contact.intersegmental, axis=2) / contact.body_weight
    for axes, name in zip(panels, names, strict=True):
        for side, word, colour in _SIDES:
            column = contact.names.index(f"{name}_{side}")
            axes.plot(time, contact.in_body_weights[:, column], color=colour, lw=1.4, label=word)
            axes.plot(time, net[:, column], color=colour, lw=0.9, ls="--")
        axes.set_ylim(bottom=0)
        axes.set_title(name, fontsize=8, color=INK, loc="left")
    panels[0].set_ylabel("body weights")
    panels[0].legend(frameon=False, fontsize=7)
    figure.supxlabel("time, s      dashed: without muscles", fontsize=8)
    return figure


def plot_power(analysis: MuscleAnalysis, muscles: MuscleTable) -> Figure:
    """Metabolic power over time, stacked by muscle group, W."""
    solution = analysis.solution
    groups = np.array(muscles.group)
    power = solution.metabolic.per_muscle
    sums = {name: power[:, groups == name].sum(axis=1) for name in dict.fromkeys(muscles.group)}
    order = sorted(sums, key=lambda name: -float(sums[name].mean()))
    figure, (axes,) = quiet_figure(1, 1, height=2.6)
    # Neighbours in the stack differ in hue; the ten groups of either body have one each.
    colours = [f"C{index}" for index in range(len(order))]
    layers = [sums[name] for name in order]
    axes.stackplot(solution.time, *layers, colors=colours, labels=order, alpha=0.75)
    axes.set_ylabel("W")
    axes.set_xlabel("time, s")
    axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def emg_label(recording: EmgRecording) -> str:
    """File name of a recording, for captions."""
    return recording.source.rpartition("/")[2]
