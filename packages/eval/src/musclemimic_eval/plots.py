"""Plots of the report: tracking error, joint angles, muscle activations, learning curve."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from musclemimic_models import InputError, MotionClip, MuscleTable

from musclemimic_eval.metrics import ROOT_QPOS, relative_site_distance
from musclemimic_eval.rollout import Rollout

INK, QUIET, ACCENT, REFERENCE = "#2b2f36", "#8a8f98", "#b80019", "#5b7fb4"
_WIDTH = 8.0  # inches
# Column of the training metrics, axis label, factor to the label's unit.
_CURVES = (
    ("env/error/site_position_m", "relative site error, cm", 100.0),
    ("rollout/termination_rate", "episodes ended early, %", 100.0),
    ("rollout/reward", "reward per step", 1.0),
)


def plot_tracking_error(rollout: Rollout, clip: MotionClip, *, limit_m: float = 0.3) -> Figure:
    """Relative site error over time: one thin line a site, the mean bold, cm.

    Args:
        rollout: the episode.
        clip: its reference.
        limit_m: mean deviation at which an episode is ended; drawn where the scale reaches it.

    Raises:
        InputError: the clip is not the rollout's reference, or the rollout is empty.
    """
    _require_samples(rollout, clip)
    distance = 100 * relative_site_distance(rollout, clip)  # (T, S−1) cm
    figure, (axes,) = quiet_figure(1, 1, height=2.9)
    names = [name.replace("_", " ") for name in rollout.site_names[1:]]
    worst = np.argsort(-distance.mean(axis=0))[:2]
    for site, (name, line) in enumerate(zip(names, distance.T, strict=True)):
        colour, width = (REFERENCE, 1.2) if site in worst else ("#c9ccd2", 0.8)
        axes.plot(rollout.time, line, color=colour, lw=width)
        if site in worst:
            axes.annotate(
                name,
                (rollout.time[-1], line[-1]),
                (4, 0),
                textcoords="offset points",
                fontsize=8,
                color=colour,
                va="center",
            )
    axes.plot(rollout.time, distance.mean(axis=1), color=ACCENT, lw=2.0, label="mean of all sites")
    top = 1.15 * float(distance.max())
    if 100 * limit_m < 2.5 * top:
        top = max(top, 110 * limit_m)
        axes.axhline(100 * limit_m, color=INK, lw=0.9, ls="--", label="early termination (mean)")
    axes.set_ylim(0, max(top, 1e-3))
    axes.set_xlabel("time, s")
    axes.set_ylabel("distance from reference, cm")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def plot_joint_angles(
    rollout: Rollout,
    clip: MotionClip,
    *,
    among: Int[np.ndarray, " J"] | None = None,
    n: int = 8,
) -> Figure:
    """The n joints that move most in the reference: reference and policy, degrees.

    Args:
        rollout: an episode.
        clip: its reference.
        among: qpos addresses of the joints to choose from, such as those that are not coupled to
            others (a knee's patella says nothing that the knee does not); None for all.
        n: how many.

    Raises:
        InputError: the clip is not the rollout's reference, or the rollout is empty.
    """
    _require_samples(rollout, clip)
    skip = ROOT_QPOS if rollout.has_free_root else 0
    names = clip.joint_names[1 if rollout.has_free_root else 0 :]
    reference = np.rad2deg(clip.qpos[rollout.reference_frame, skip:])
    actual = np.rad2deg(rollout.qpos[:, skip:])
    columns: list[int] = (
        list(range(reference.shape[1])) if among is None else (np.sort(among) - skip).tolist()
    )
    chosen = [columns[index] for index in _liveliest(reference[:, columns], n)]
    figure, panels = quiet_figure(-(-len(chosen) // 4), 4, height=1.55 * -(-len(chosen) // 4) + 0.3)
    for axes, joint in zip(panels, chosen, strict=False):
        axes.plot(rollout.time, reference[:, joint], color=QUIET, lw=1.4, ls="--")
        axes.plot(rollout.time, actual[:, joint], color=ACCENT, lw=1.4)
        axes.set_title(names[joint].replace("_", " "), fontsize=8, color=INK, loc="left")
        axes.margins(y=0.15)
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    figure.supxlabel("time, s      red: policy, dashed: reference, degrees", fontsize=8)
    return figure


def plot_activations(rollout: Rollout, muscles: MuscleTable) -> Figure:
    """Activation of every muscle over time, sorted by group and side.

    Raises:
        InputError: the table is of another model, or the rollout is empty.
    """
    if len(muscles.names) != rollout.activation.shape[1] or len(rollout) == 0:
        raise InputError(
            "plot_activations",
            "activation",
            found=f"shape {rollout.activation.shape}",
            expected=f"samples of {len(muscles.names)} muscles",
        )
    return plot_activation_map(rollout.time, rollout.activation, muscles)


def plot_activation_map(
    time: Float[np.ndarray, " T"], activation: Float[np.ndarray, "T nu"], muscles: MuscleTable
) -> Figure:
    """Activation of every muscle over time, s, sorted by group and side."""
    order = sorted(range(len(muscles.names)), key=lambda i: (muscles.group[i], muscles.side[i]))
    groups = [muscles.group[i] for i in order]
    figure, (axes,) = quiet_figure(1, 1, height=min(6.0, 1.6 + 0.035 * len(order)))
    image = axes.imshow(
        activation[:, order].T,
        aspect="auto",
        interpolation="nearest",
        cmap="Reds",
        vmin=0,
        vmax=1,
        extent=(time[0], time[-1], len(order), 0),
    )
    edges = [i for i in range(1, len(groups)) if groups[i] != groups[i - 1]]
    for edge in edges:
        axes.axhline(edge, color=QUIET, lw=0.8)
    bounds = [0, *edges, len(groups)]
    axes.set_yticks(
        [(a + b) / 2 for a, b in itertools.pairwise(bounds)],
        [groups[a] for a in bounds[:-1]],
    )
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time, s")
    bar = figure.colorbar(image, ax=axes, pad=0.02, fraction=0.04)
    bar.set_label("activation", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure


def plot_learning(records: Sequence[Mapping[str, float | None]]) -> Figure:
    """Learning curves from the trainer's metrics, one record an update.

    Raises:
        InputError: no record, or none with the columns that are drawn.
    """
    steps = np.array([record.get("env_steps") or 0.0 for record in records], dtype=float)
    known = [curve for curve in _CURVES if any(curve[0] in record for record in records)]
    if not known:
        raise InputError(
            "training metrics",
            "columns",
            found=sorted(records[0]) if records else "no record",
            expected="one of " + ", ".join(column for column, _, _ in _CURVES),
        )
    figure, panels = quiet_figure(1, len(known), height=2.4)
    for axes, (column, label, factor) in zip(panels, known, strict=True):
        raw = [record.get(column) for record in records]
        values = np.array([np.nan if value is None else value for value in raw], dtype=float)
        axes.plot(steps / 1e6, factor * values, color=ACCENT, lw=1.3)
        axes.set_title(label, fontsize=9, color=INK, loc="left")
        axes.set_xlabel("million steps")
        axes.set_ylim(bottom=0)
    return figure


def _liveliest(angles: Float[np.ndarray, "T J"], n: int) -> list[int]:
    """The n joints of largest range, leaving out copies: coupled joints move in proportion."""
    spread = np.ptp(angles, axis=0)
    chosen: list[int] = []
    for joint in np.argsort(-spread.round(6), kind="stable"):
        if len(chosen) == n or spread[joint] < 1e-6:
            break
        centred = angles[:, joint] - angles[:, joint].mean()
        others = angles[:, chosen] - angles[:, chosen].mean(axis=0)
        scale = np.linalg.norm(centred) * np.linalg.norm(others, axis=0)
        if (np.abs(centred @ others) < 0.9999 * scale).all():
            chosen.append(int(joint))
    return chosen


def _require_samples(rollout: Rollout, clip: MotionClip) -> None:
    rollout.require_clip(clip)
    if len(rollout) == 0:
        raise InputError("plot", "rollout", found="no samples", expected="at least one")


def quiet_figure(rows: int, columns: int, *, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of quiet axes in reading order."""
    figure = Figure(figsize=(_WIDTH, height), layout="constrained", facecolor="white")
    panels: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(QUIET)
        axes.tick_params(colors=INK, labelsize=8)
        axes.xaxis.label.set_fontsize(8)
        axes.yaxis.label.set_fontsize(8)
    return figure, panels
