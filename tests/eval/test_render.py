import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from musclemimic_eval.camera import Camera
from musclemimic_eval.metrics import relative_site_distance
from musclemimic_eval.plots import (
    plot_activations,
    plot_joint_angles,
    plot_learning,
    plot_tracking_error,
)
from musclemimic_eval.render import film_strip, png_bytes, render_frame, save_png
from musclemimic_eval.scene import get_scene
from musclemimic_models import InputError
from PIL import Image


def pixels(figure, dpi=60):
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].astype(float)


def redness(picture):
    """Mean of red minus blue over coloured pixels."""
    difference = picture[..., 0] - picture[..., 2]
    return difference[np.ptp(picture, axis=2) > 40].mean()


@pytest.fixture(scope="module")
def pose(arms_clip):
    return arms_clip.qpos[10]


def test_a_pose_is_drawn_on_white(arms, pose):
    picture = pixels(render_frame("BimanualMuscle", qpos=pose, activation=np.zeros(64)))
    assert (picture[0] == 255).all()
    assert (picture[:, 0] == 255).all()
    drawn = (picture < 250).any(axis=2).mean()
    assert 0.1 < drawn < 0.6


def test_muscles_turn_from_blue_to_red(pose):
    silent, active = (
        pixels(render_frame("BimanualMuscle", qpos=pose, activation=np.full(64, level)))
        for level in (0.0, 1.0)
    )
    assert redness(silent) < -20
    assert redness(active) > 60


def test_the_picture_follows_the_pose(arms, arms_clip):
    first, second = (
        pixels(render_frame("BimanualMuscle", qpos=arms_clip.qpos[t], activation=np.zeros(64)))
        for t in (0, 35)
    )
    assert first.shape != second.shape or (first != second).any(axis=2).mean() > 0.02


def test_the_reference_is_laid_over(pose, arms_clip):
    ghost = (arms_clip.site_names, arms_clip.site_pos[10])
    bare, ghosted = (
        pixels(render_frame("BimanualMuscle", qpos=pose, activation=np.zeros(64), ghost=extra))
        for extra in (None, ghost)
    )
    dark = [(picture.max(axis=2) < 90).sum() for picture in (bare, ghosted)]
    assert dark[1] > dark[0] + 50


def test_scenery_and_collision_geometry_are_not_drawn():
    scene = get_scene("BimanualMuscle")
    triangles, muscles = scene.pose(scene.model.qpos0, shift=np.zeros(3))
    reach = np.ptp(triangles.corners.reshape(-1, 3), axis=0)
    assert (reach < 1.9).all()  # the scene's floor and logo are several metres wide
    assert 10_000 < scene.face_count < 40_000
    assert set(muscles.muscle) == set(range(64))


def test_muscle_pieces_measure_the_tendon_length(arms, pose):
    import mujoco

    scene = get_scene("BimanualMuscle")
    _, muscles = scene.pose(pose, shift=np.zeros(3))
    data = mujoco.MjData(arms.mj_model)
    data.qpos[:] = pose
    mujoco.mj_forward(arms.mj_model, data)
    steps = np.linalg.norm(muscles.ends[:, 1] - muscles.ends[:, 0], axis=1)
    drawn = np.bincount(muscles.muscle, weights=steps)
    # Straight pieces cut the corners of wrapping arcs, and leave nothing else out.
    assert (drawn <= data.actuator_length + 1e-9).all()
    assert (drawn > 0.9 * data.actuator_length).all()
    assert np.median(drawn / data.actuator_length) == pytest.approx(1, abs=1e-6)


def test_camera_axes_are_a_right_handed_frame():
    axes = Camera(azimuth=37.0, elevation=12.0).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    # From the front, the body's left (+y) is on the right of the picture.
    np.testing.assert_allclose(Camera(azimuth=180.0, elevation=0.0).axes[0], [0, 1, 0], atol=1e-12)


def test_film_strip_is_a_small_png(arms_clip, replay, tmp_path):
    path = tmp_path / "film.png"
    save_png(film_strip(replay(arms_clip), arms_clip, n=3), path)
    assert 20_000 < path.stat().st_size < 300_000
    with Image.open(path) as image:
        assert image.width > image.height
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.slow
def test_full_body_film_stands_on_its_shadow(body_clip, replay, tmp_path):
    path = tmp_path / "film.png"
    save_png(film_strip(replay(body_clip), body_clip), path)
    assert 50_000 < path.stat().st_size < 300_000


def test_wrong_arrays_are_named(arms_clip, body_clip, replay, pose):
    with pytest.raises(InputError, match=r"qpos: found shape \(3,\), expected \(36,\)"):
        render_frame("BimanualMuscle", qpos=np.zeros(3), activation=np.zeros(64))
    with pytest.raises(InputError, match=r"activation: found shape \(3,\)"):
        render_frame("BimanualMuscle", qpos=pose, activation=np.zeros(3))
    with pytest.raises(InputError, match="n: found 0"):
        film_strip(replay(arms_clip), arms_clip, n=0)
    with pytest.raises(InputError, match="MyoFullBody"):
        film_strip(replay(arms_clip), body_clip)


def test_plots_show_the_data(arms, arms_clip, replay):
    rollout = replay(arms_clip)
    sites = rollout.site_pos.copy()
    sites[:, 3] += [0.0, 0.06, 0.0]
    rollout = replace(rollout, site_pos=sites)
    axes = plot_tracking_error(rollout, arms_clip).axes[0]
    lines = [line.get_ydata() for line in axes.lines]
    np.testing.assert_allclose(lines[2], 6.0, atol=1e-6)  # cm
    mean = 100 * relative_site_distance(rollout, arms_clip).mean(axis=1)
    assert any(np.allclose(line, mean) for line in lines)
    titles = {axes.get_title("left") for axes in plot_joint_angles(rollout, arms_clip).axes}
    assert {"elbow flexion r", "shoulder elv l", "elv angle r"} <= titles
    elbow = arms.mj_model.joint("elbow_flexion_r").qposadr
    only = plot_joint_angles(rollout, arms_clip, among=np.array([elbow[0]]))
    assert {axes.get_title("left") for axes in only.axes} == {"elbow flexion r", ""}
    column = np.rad2deg(rollout.qpos[:, elbow[0]])
    np.testing.assert_array_equal(only.axes[0].lines[1].get_ydata(), column)
    heat = plot_activations(rollout, arms.muscles).axes[0].images[0].get_array()
    assert heat.shape == (64, len(rollout))
    assert set(heat[:, 5]) == set(rollout.activation[5])


def test_learning_curve_leaves_gaps_where_nothing_was_measured():
    records = [
        {"env_steps": 1e6 * k, "rollout/reward": 0.1 * k, "rollout/termination_rate": None}
        for k in range(4)
    ]
    figure = plot_learning(records)
    assert [axes.get_title("left") for axes in figure.axes] == [
        "episodes ended early, %",
        "reward per step",
    ]
    np.testing.assert_allclose(figure.axes[1].lines[0].get_xdata(), range(4))
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).all()
    with pytest.raises(InputError, match="no record"):
        plot_learning([])


def test_png_is_complete():
    figure = plot_learning([{"env_steps": 1.0, "rollout/reward": 0.1}])
    with Image.open(io.BytesIO(png_bytes(figure))) as image:
        image.load()
