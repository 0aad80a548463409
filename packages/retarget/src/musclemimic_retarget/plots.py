"""One picture of a clip: how well it fits, where its feet are, and its joints in their ranges."""

import math
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from musclemimic_models.files import atomic_write

from musclemimic_retarget.articulated import Articulated
from musclemimic_retarget.ground import FloorGeoms
from musclemimic_retarget.kinematics import KinematicBody
from musclemimic_retarget.retargeter import RetargetResult
from musclemimic_retarget.stance import FEET

_COLUMNS = 4
_COLOURS = {"left": "tab:blue", "right": "tab:red"}


def save_plot(model: Articulated, result: RetargetResult, path: Path) -> None:
    """Write `clip_figure` as a .png file, all or nothing."""
    figure = clip_figure(model, result)
    atomic_write(path, lambda file: figure.savefig(file, format="png", dpi=110))


def clip_figure(model: Articulated, result: RetargetResult) -> Figure:
    """Errors and foot heights over time, then every independent joint with its feasible range."""
    clip = result.clip
    time = np.arange(len(clip)) * clip.dt
    addresses = [int(address) for address in model.couplings.scalar_qpos]
    names = {
        int(model.mj_model.jnt_qposadr[joint]): name for joint, name in enumerate(model.joint_names)
    }
    pairs = sorted({names[address].removesuffix("_l").removesuffix("_r") for address in addresses})
    rows = 1 + math.ceil(len(pairs) / _COLUMNS)
    figure = Figure(figsize=(4.2 * _COLUMNS, 2.6 * rows))
    grid = figure.add_gridspec(rows, _COLUMNS)
    _draw_error(figure.add_subplot(grid[0, :2]), result, time)
    _draw_feet(figure.add_subplot(grid[0, 2:]), model, result, time)
    for number, stem in enumerate(pairs):
        axis = figure.add_subplot(grid[1 + number // _COLUMNS, number % _COLUMNS])
        shown = [
            (index, names[address])
            for index, address in enumerate(addresses)
            if names[address].removesuffix("_l").removesuffix("_r") == stem
        ]
        for index, name in shown:
            side = "left" if name.endswith("_l") else "right"
            angle = np.degrees(clip.qpos[:, addresses[index]])
            axis.plot(time, angle, lw=1, color=_COLOURS[side])
            for end in np.degrees(model.couplings.box[index]):
                axis.axhline(float(end), color="0.5", lw=0.8, ls=":")
        axis.set_title(f"{stem}, °", fontsize=9)
        axis.tick_params(labelsize=7)
    figure.suptitle(
        f"{clip.provenance.source}: {clip.provenance.method} on {clip.model_name} "
        "(left blue, right red, ranges dotted; time in s)"
    )
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    return figure


def _draw_error(axis: Axes, result: RetargetResult, time: np.ndarray) -> None:
    """Distance of the sites from their targets: mean, and the worst site by name."""
    error = 1e3 * np.linalg.norm(result.clip.site_pos - result.targets.pos, axis=-1)
    worst = int(error.mean(axis=0).argmax())
    axis.plot(time, error.mean(axis=1), color="k", lw=1.2, label="mean over sites")
    axis.plot(time, error[:, worst], color="0.6", lw=1, label=result.clip.site_names[worst])
    axis.set_title("distance from target, mm", fontsize=9)
    axis.legend(fontsize=7, frameon=False)


def _draw_feet(axis: Axes, model: Articulated, result: RetargetResult, time: np.ndarray) -> None:
    """Clearance of both soles, with stance marked below."""
    if "left_ankle" not in result.clip.site_names:
        axis.set_axis_off()
        return
    floor, body = FloorGeoms.of(model), KinematicBody.of(model)
    heights = 1e3 * floor.feet(floor.clearance(body.poses(result.clip.qpos)))
    for column, side in enumerate(FEET):
        axis.plot(time, heights[:, column], lw=1, color=_COLOURS[side])
        stance = np.where(result.clip.foot_contact[:, column], -8.0 - 6.0 * column, np.nan)
        axis.plot(time, stance, lw=3, color=_COLOURS[side])
    axis.axhline(0, color="0.5", lw=0.8)
    axis.set_title("height of the soles, mm (bars: stance)", fontsize=9)
