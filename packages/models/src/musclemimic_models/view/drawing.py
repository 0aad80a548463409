"""A stage drawn with viser: bones by mjviser, muscles as shaded tubes of our own."""

import threading
from collections.abc import Callable

import mujoco
import numpy as np
import viser
from jaxtyping import Float, Int
from mjviser import ViserMujocoScene

from musclemimic_models.view.colours import activation_colours, muscle_radii
from musclemimic_models.view.paths import MusclePaths, largest_piece_count, muscle_paths
from musclemimic_models.view.stage import WRAPPING_GROUP, Stage
from musclemimic_models.view.tubes import tube, tube_instances

# Geometry groups of myo-sim: bones and other meshes 0 and 1, floor 1 or 2.
_BONE_GROUPS = (0, 1, 2)
_TUBE_SIDES = 8
_BACKGROUND_RGB = (244, 246, 248)
_SELECTED_RGB = (255, 196, 0)
_LIGHT = 0.45  # mjviser's own 0.8 washes the muscles' colours out
# From the middle of the bones (they face +x), in units of their size; with the angle below, rad,
# they fill the window.
_VIEW_FROM = np.array([1.4, -0.85, 0.25])
_FIELD_OF_VIEW = 0.64


class StageDrawing:
    """The scene of one server. Not thread-safe: callers hold a lock of their own.

    Attributes:
        selected: index of the muscle drawn in yellow, or None.
        thickness: factor on the muscles' radius.
        follow: keep the body's root over the origin of the drawing (it may rise and fall).
        owner: (pieces,) muscle each drawn piece belongs to; −1 for unused ones.
    """

    def __init__(self, server: viser.ViserServer, stage: Stage, *, follow: bool) -> None:
        self.server, self.stage = server, stage
        self.selected: int | None = None
        self.thickness, self.follow = 1.0, follow
        stage.keep_only_body()
        self.bones = ViserMujocoScene(server, stage.model, num_envs=1)
        self.bones.camera_tracking_enabled = False  # done below, without its vertical bobbing
        server.scene.configure_environment_map(environment_intensity=_LIGHT)
        server.scene.set_background_image(np.full((2, 2, 3), _BACKGROUND_RGB, dtype=np.uint8))
        self._origin = stage.data.qpos[:2].copy() if stage.body.has_free_root else np.zeros(2)
        self._radii = muscle_radii(stage.body.muscles.max_isometric_force)
        self._pieces = largest_piece_count(stage.model)
        self.owner: Int[np.ndarray, " pieces"] = np.full(self._pieces, -1)
        vertices, faces = tube(_TUBE_SIDES)
        self.muscles = server.scene.add_batched_meshes_simple(
            "/muscles",
            vertices,
            faces,
            batched_wxyzs=np.tile([1.0, 0.0, 0.0, 0.0], (self._pieces, 1)),
            batched_positions=np.zeros((self._pieces, 3)),
            batched_scales=np.zeros((self._pieces, 3)),
            batched_colors=np.zeros((self._pieces, 3), dtype=np.uint8),
            lod="off",
            cast_shadow=False,
            receive_shadow=False,
        )
        self._set_camera()
        self.draw()

    def draw(self) -> None:
        """Send the stage's present state to the clients."""
        data = self.stage.data
        offset = np.zeros(3)
        if self.follow and self.stage.body.has_free_root:
            offset[:2] = self._origin - data.qpos[:2]
        paths = muscle_paths(self.stage.model, data)
        with self.server.atomic():
            self.bones.update_from_arrays(
                data.xpos[None] + offset, data.xmat.reshape(1, -1, 3, 3).copy()
            )
            self.bones.fixed_bodies_frame.position = offset
            self._draw_muscles(paths, offset)

    def on_muscle_click(self, lock: threading.RLock, choose: Callable[[int], None]) -> None:
        """Call `choose` with the index of a muscle a user clicks on."""

        @self.muscles.on_click
        def _click(event: viser.SceneNodePointerEvent[viser.BatchedMeshHandle]) -> None:
            with lock:
                piece = event.instance_index
                if piece is not None and self.owner[piece] >= 0:
                    choose(int(self.owner[piece]))

    def show_surfaces(self, visible: bool) -> None:
        """Show or hide the surfaces muscles wrap around."""
        self.bones.geom_groups_visible[WRAPPING_GROUP] = visible
        self._apply_groups()

    def show_bones(self, visible: bool) -> None:
        """Show or hide bones and floor."""
        for group in _BONE_GROUPS:
            self.bones.geom_groups_visible[group] = visible
        self._apply_groups()

    def _apply_groups(self) -> None:
        # Setting this property is mjviser's public way to bring group visibility into force.
        self.bones.show_convex_hull = False
        self.draw()

    def _draw_muscles(self, paths: MusclePaths, offset: Float[np.ndarray, "3"]) -> None:
        used = len(paths.muscle)
        radii = (self._radii * self.thickness)[paths.muscle]
        start, end = paths.start + offset, paths.end + offset
        quaternions, centres, scales = tube_instances(start, end, radii)
        colours = activation_colours(self.stage.data.act)
        if self.selected is not None:
            colours[self.selected] = _SELECTED_RGB
        # A fixed number of instances, the unused ones of size zero, spares clients a rebuild.
        spare = self._pieces - used
        self.owner = np.concatenate([paths.muscle, np.full(spare, -1)])
        self.muscles.batched_positions = np.pad(centres, ((0, spare), (0, 0))).astype(np.float32)
        self.muscles.batched_scales = np.pad(scales, ((0, spare), (0, 0))).astype(np.float32)
        self.muscles.batched_wxyzs = np.vstack(
            [quaternions, np.tile([1.0, 0.0, 0.0, 0.0], (spare, 1))]
        ).astype(np.float32)
        self.muscles.batched_colors = colours[self.owner]

    def _set_camera(self) -> None:
        """Look at the middle of the bones, from the front and a little from their right."""
        model, data = self.stage.model, self.stage.data
        bones = (model.geom_type == int(mujoco.mjtGeom.mjGEOM_MESH)) & ~self.stage.scenery
        centres, reach = data.geom_xpos[bones], model.geom_rbound[bones, None]
        low, high = (centres - reach).min(axis=0), (centres + reach).max(axis=0)
        camera = self.server.initial_camera
        camera.look_at = (low + high) / 2
        camera.position = (low + high) / 2 + float((high - low).max()) * _VIEW_FROM
        camera.fov = _FIELD_OF_VIEW
