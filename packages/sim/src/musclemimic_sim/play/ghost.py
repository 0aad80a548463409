"""The reference, drawn as a translucent skeleton."""

from collections.abc import Iterator

import mujoco
import numpy as np
import viser
from jaxtyping import Float, Int
from musclemimic_models.view.stage import Stage

_RGB = (60, 130, 220)
_OPACITY = 0.35


class Ghost:
    """One mesh a body of the model, moved with the reference.

    Attributes:
        meshes: handle of every body that has bones, by its index.
    """

    def __init__(self, server: viser.ViserServer, stage: Stage) -> None:
        """Send the meshes; `draw` places them."""
        self.meshes = {
            body: server.scene.add_mesh_simple(
                f"/ghost/{stage.model.body(body).name}",
                vertices.astype(np.float32),
                faces,
                color=_RGB,
                opacity=_OPACITY,
                cast_shadow=False,
                receive_shadow=False,
            )
            for body, vertices, faces in body_meshes(stage.model)
        }

    @property
    def visible(self) -> bool:
        """Whether it is drawn."""
        return any(mesh.visible for mesh in self.meshes.values())

    def show(self, visible: bool) -> None:
        """Draw it or not."""
        for mesh in self.meshes.values():
            mesh.visible = visible

    def draw(self, data: mujoco.MjData, offset: Float[np.ndarray, "3"]) -> None:
        """Place every body as in `data`, moved by `offset`, m."""
        for body, mesh in self.meshes.items():
            mesh.position = data.xpos[body] + offset
            mesh.wxyz = data.xquat[body]


def body_meshes(
    model: mujoco.MjModel,
) -> Iterator[tuple[int, Float[np.ndarray, "V 3"], Int[np.ndarray, "F 3"]]]:
    """Bones of every body as one mesh in its frame: body index, vertices, m, and faces."""
    is_bone = (model.geom_type == int(mujoco.mjtGeom.mjGEOM_MESH)) & (model.geom_bodyid > 0)
    for body in np.unique(model.geom_bodyid[is_bone]).tolist():
        vertices: list[Float[np.ndarray, "V 3"]] = []
        faces: list[Int[np.ndarray, "F 3"]] = []
        count = 0
        for geom in np.flatnonzero(is_bone & (model.geom_bodyid == body)).tolist():
            mesh = int(model.geom_dataid[geom])
            first, number = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
            rotation = np.zeros(9)
            mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
            points = model.mesh_vert[first : first + number].astype(np.float64)
            vertices.append(points @ rotation.reshape(3, 3).T + model.geom_pos[geom])
            first, corners = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
            faces.append(model.mesh_face[first : first + corners].astype(np.int64) + count)
            count += number
        yield body, np.concatenate(vertices), np.concatenate(faces)
