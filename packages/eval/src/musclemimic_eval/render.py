"""Pictures of the body without GPU or OpenGL.

Bones are shaded triangles; muscles are spindles along their tendon paths, coloured by activation
from blue (silent) to red (full), as thick as the square root of their strength says.
"""

import io
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from musclemimic_models import InputError, MotionClip
from musclemimic_models.files import atomic_write

from musclemimic_eval.camera import Camera
from musclemimic_eval.paint import ACTIVATION_COLOURS, paint_body, paint_shadow
from musclemimic_eval.rollout import Rollout
from musclemimic_eval.scene import get_scene

_GHOST = "#30343b"
_DASHES = (0, (3.5, 2))
_TEXT = "#444444"
_GAP = 0.30  # m between the outermost sites of neighbouring poses (hands reach beyond them)
_LIMBS = (
    ("shoulder", "elbow"),
    ("elbow", "hand"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("ankle", "toes"),
)
_TRUNK = (
    ("pelvis", "upper_body"),
    ("upper_body", "head"),
    *(("upper_body", f"{side}_shoulder") for side in ("left", "right")),
    *(("pelvis", f"{side}_hip") for side in ("left", "right")),
)
SKELETON = _TRUNK + tuple(
    (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in _LIMBS
)
"""Pairs of mimic sites that a stick figure connects."""


def render_frame(
    model: str,
    *,
    qpos: Float[np.ndarray, " nq"],
    activation: Float[np.ndarray, " nu"],
    fingers: bool = False,
    camera: Camera | None = None,
    ghost: tuple[tuple[str, ...], Float[np.ndarray, "S 3"]] | None = None,
    height: float = 6.0,
) -> Figure:
    """One pose of the muscle body as a figure.

    Args:
        model: name of the model.
        qpos: the pose.
        activation: per muscle in [0, 1], the colour.
        fingers: whether the model has finger joints.
        camera: the view; a three-quarter view by default.
        ghost: mimic site names and world positions, m, of the reference to lay over it.
        height: of the figure, inches.

    Raises:
        InputError: no such model, or arrays of another model's size.
    """
    figure, axes = _blank_figure()
    draw_body(
        axes, model, qpos=qpos, activation=activation, fingers=fingers, camera=camera, ghost=ghost
    )
    _fit(figure, axes, height)
    return figure


def film_strip(
    rollout: Rollout,
    clip: MotionClip,
    *,
    n: int = 6,
    camera: Camera | None = None,
    height: float = 3.6,
) -> Figure:
    """Moments of an episode side by side, with the reference laid over each as a stick figure.

    Every pose is moved sideways so that its reference site stands at its place; its reference
    moves along, so the distance between the two is the tracking error.

    Raises:
        InputError: an empty rollout, n < 1, or a clip that is not the rollout's reference.
    """
    rollout.require_clip(clip)
    if not 1 <= n <= max(len(rollout), 1) or len(rollout) == 0:
        raise InputError("film_strip", "n", found=n, expected=f"1 to {len(rollout)} samples")
    camera = camera or default_camera(rollout)
    name, fingers = model_of(rollout)
    figure, axes = _blank_figure()
    samples = np.linspace(0, len(rollout) - 1, n).round().astype(int)
    edge = 0.0
    for t in samples:
        reference = clip.site_pos[rollout.reference_frame[t]] + rollout.reference_offset
        origin = rollout.site_pos[t, 0] * [1, 1, 0]
        reach = camera.project(np.concatenate([rollout.site_pos[t], reference]) - origin)[:, 0]
        middle = edge - reach.min()
        draw_body(
            axes,
            name,
            qpos=rollout.qpos[t],
            activation=rollout.activation[t],
            fingers=fingers,
            camera=camera,
            ghost=(clip.site_names, reference),
            shift=camera.axes[0] * middle - origin,
        )
        caption = axes.get_xaxis_transform()  # x in metres, y in the axes' height
        axes.text(
            middle,
            0.075,
            f"{rollout.time[t]:.2f} s",
            transform=caption,
            color=_TEXT,
            fontsize=9,
            ha="center",
        )
        edge = middle + reach.max() + _GAP
    _fit(figure, axes, height)
    _key(figure)
    return figure


def default_camera(rollout: Rollout) -> Camera:
    """Three quarters from the front for the arms, nearer to the side for a walking body."""
    return Camera(azimuth=118.0) if rollout.has_free_root else Camera()


def save_png(figure: Figure, path: Path, *, dpi: int = 130) -> None:
    """Write a figure as PNG, atomically."""
    atomic_write(path, lambda file: file.write(png_bytes(figure, dpi=dpi)))


def png_bytes(figure: Figure, *, dpi: int = 130) -> bytes:
    """The figure as PNG with a 256-colour palette, a third of the size and as good to the eye."""
    from PIL import Image  # matplotlib's own dependency

    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(dpi)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    packed = image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    packed.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def draw_body(
    axes: Axes,
    model: str,
    *,
    qpos: Float[np.ndarray, " nq"],
    activation: Float[np.ndarray, " nu"],
    fingers: bool = False,
    camera: Camera | None = None,
    ghost: tuple[tuple[str, ...], Float[np.ndarray, "S 3"]] | None = None,
    shift: Float[np.ndarray, "3"] | None = None,
) -> None:
    """Add a pose to axes in the camera's plane.

    Other arguments are those of `render_frame`; `shift` is a translation of the picture in the
    world, m.

    Raises:
        InputError: no such model, or arrays of another model's size.
    """
    scene, camera = get_scene(model, fingers=fingers), camera or Camera()
    if activation.shape != (scene.model.nu,):
        raise InputError(
            "render",
            "activation",
            found=f"shape {activation.shape}",
            expected=f"({scene.model.nu},)",
        )
    shift = np.zeros(3) if shift is None else shift
    bones, muscles = scene.pose(qpos, shift=shift)
    if scene.has_free_root:
        axes.add_collection(paint_shadow(bones, camera=camera))
    axes.add_collection(paint_body(bones, muscles, activation, camera=camera))
    if ghost is not None:
        _draw_ghost(axes, ghost[0], camera.project(ghost[1] + shift))


def _draw_ghost(axes: Axes, names: tuple[str, ...], points: Float[np.ndarray, "S 3"]) -> None:
    place = dict(zip(names, points, strict=True))
    for a, b in SKELETON:
        if a in place and b in place:
            ends = np.stack([place[a], place[b]])
            axes.plot(ends[:, 0], ends[:, 2], color=_GHOST, lw=0.9, ls=_DASHES)
    axes.plot(points[:, 0], points[:, 2], "o", ms=3.2, mfc="white", mec=_GHOST, mew=0.9, ls="none")


def _blank_figure() -> tuple[Figure, Axes]:
    figure = Figure(facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_aspect("equal")
    axes.set_axis_off()
    return figure, axes


def _fit(figure: Figure, axes: Axes, height: float) -> None:
    """Limits around everything drawn, and a figure of the same proportions."""
    axes.autoscale_view()
    box = axes.dataLim
    margin, captions = 0.03 * box.height, 0.13 * box.height
    axes.set_xlim(box.x0 - margin, box.x1 + margin)
    axes.set_ylim(box.y0 - captions, box.y1 + margin)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    figure.set_size_inches(height * (right - left) / (top - bottom), height)


def _key(figure: Figure) -> None:
    """What the dashed line and the colours mean, along the lower edge."""
    width = figure.get_figwidth()
    axes = figure.add_axes((0.0, 0.0, 1.0, 0.07))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(0, 1)
    left = width / 2 - 2.2
    axes.plot([left, left + 0.5], [0.5, 0.5], color=_GHOST, lw=0.9, ls=_DASHES)
    axes.plot([left, left + 0.5], [0.5, 0.5], "o", ms=3.2, mfc="white", mec=_GHOST, mew=0.9)
    for x, text, side in (
        (0.62, "reference motion", "left"),
        (2.55, "muscle silent", "right"),
        (3.69, "fully active", "left"),
    ):
        axes.text(left + x, 0.5, text, ha=side, va="center", fontsize=8, color=_TEXT)
    axes.imshow(
        np.linspace(0, 1, 64)[None],
        cmap=ACTIVATION_COLOURS,
        extent=(left + 2.62, left + 3.62, 0.32, 0.68),
        aspect="auto",
    )


def model_of(rollout: Rollout) -> tuple[str, bool]:
    """Name and fingers switch of the rollout's model, from its label."""
    name, _, switch = rollout.model_name.partition(" ")
    return name, switch == "with fingers"
