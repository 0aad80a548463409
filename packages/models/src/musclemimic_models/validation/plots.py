"""Figures for the validation: moment arms over every joint's range, and beside human values."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musclemimic_models.files import atomic_write
from musclemimic_models.musculo import MusculoModel
from musclemimic_models.validation.poses import coordinate_geometry, neutral_pose
from musclemimic_models.validation.published import MomentArmComparison

_STEPS = 61
# Muscles drawn per joint: those with the largest moment arms.
_LINES = 12
# A muscle with a smaller moment arm does not cross the joint.
_CROSSES_M = 5e-4
_RAISED = np.pi / 3


def save_plots(
    model: MusculoModel, comparisons: Sequence[MomentArmComparison], folder: Path
) -> tuple[Path, ...]:
    """Write `moment_arms.png` (one panel a coordinate, right and centre) and `published.png`."""
    paths = (folder / "moment_arms.png", folder / "published.png")
    _save(moment_arm_figure(model), paths[0])
    _save(published_figure(model, comparisons), paths[1])
    return paths


def moment_arm_figure(model: MusculoModel) -> Figure:
    """Moment arms of the leading muscles over each joint's feasible range.

    The other joints are neutral, but for the arms: they are raised by 60°, since the plane of
    elevation means nothing for a hanging arm.
    """
    couplings, m = model.couplings, model.mj_model
    posture = neutral_pose(model)
    for side in "lr":
        posture[m.joint(f"shoulder_elv_{side}").qposadr[0]] = _RAISED
    joints = {
        coordinate: model.joint_names[int(np.flatnonzero(m.jnt_qposadr == address)[0])]
        for coordinate, address in enumerate(couplings.scalar_qpos)
    }
    shown = {key: name for key, name in joints.items() if not name.endswith("_l")}
    columns = 4
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(5 * columns, 3.4 * rows))
    axes: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis, (coordinate, name) in zip(axes, shown.items(), strict=False):
        low, high = (float(end) for end in couplings.box[coordinate])
        values = np.linspace(low, high, _STEPS)
        poses = np.repeat(posture[None], _STEPS, axis=0)
        poses[:, couplings.scalar_qpos[coordinate]] = values
        _, arms = coordinate_geometry(model, couplings.apply(poses), coordinate)
        _draw(axis, model, name, values, arms)
    for axis in axes[len(shown) :]:
        axis.set_visible(False)
    figure.suptitle(f"{model.label}: moment arms, positive towards positive angles")
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    return figure


def _draw(
    axis: Axes,
    model: MusculoModel,
    joint: str,
    values: Float[np.ndarray, " S"],
    arms: Float[np.ndarray, "S nu"],
) -> None:
    reach = np.abs(arms).max(axis=0)
    order: list[int] = np.argsort(-reach).tolist()
    crossing = [i for i in order if reach[i] > _CROSSES_M and model.muscles.side[i] != "left"]
    for muscle in crossing[:_LINES]:
        axis.plot(np.degrees(values), 1e3 * arms[:, muscle], lw=1, label=model.muscle_names[muscle])
    axis.axhline(0, color="0.6", lw=0.6)
    axis.set(title=joint, xlabel="°", ylabel="mm")
    axis.legend(fontsize=5, ncol=2, frameon=False)


def published_figure(model: MusculoModel, comparisons: Sequence[MomentArmComparison]) -> Figure:
    """Published values with their tolerance, and the model's beside them."""
    usable = [c for c in comparisons if c.model_mm is not None]
    figure = Figure(figsize=(9, 1.5 + 0.22 * max(len(usable), 1)))
    axis = figure.subplots()
    for height, comparison in enumerate(reversed(usable)):
        row = comparison.published
        axis.errorbar(row.moment_arm_mm, height, xerr=row.tolerance_mm, fmt="|", color="0.5")
        colour = "tab:green" if comparison.within else "tab:red"
        axis.plot([comparison.model_mm or 0.0], [height], "o", ms=4, color=colour)
    labels = [
        f"{c.published.muscle} @ {c.published.joint} "
        + ("peak" if c.published.angle_deg is None else f"{c.published.angle_deg:g}°")
        for c in reversed(usable)
    ]
    axis.set_yticks(range(len(usable)), labels, fontsize=6)
    axis.axvline(0, color="0.6", lw=0.6)
    axis.set(xlabel="moment arm, mm (bar: published with tolerance; dot: model)", title=model.label)
    figure.tight_layout()
    return figure


def _save(figure: Figure, path: Path) -> None:
    atomic_write(path, lambda file: figure.savefig(file, format="png", dpi=130))
