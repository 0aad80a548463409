"""The drawable body: decimated bones and muscle paths, posed by MuJoCo's kinematics."""

import functools
from dataclasses import dataclass, replace

import fast_simplification
import mujoco
import musclemimic_models
import numpy as np
from jaxtyping import Float, Int
from musclemimic_models import InputError

_COLLISION_GROUP = 3  # wrap geoms are in group 3, collision geoms in group 4
# Faces a bone keeps per square metre of its surface: as dense on the ribs as on the skull, and
# hand bones stay cheap.
_FACES_PER_AREA = 18_000
_FEWEST_FACES = 110
# fast-simplification's "agg": the default 7 tears thin shells (the ribs) apart.
_AGGRESSIVENESS = 4
_PULLEY = -2
_PIECE = 0.02  # m, tendon segments are cut into pieces of this length for depth sorting
_SPECIFIC_TENSION = 5e5  # N/m²
# Muscles are drawn this much thinner than the cylinder of their physiological cross-section, so
# that bones and deep muscles stay visible.
_SLENDERNESS = 0.34
_TENDON_RADIUS = 0.0012  # m


@dataclass(frozen=True)
class Bone:
    """A decimated mesh in its geom's frame: vertices (V, 3) m, faces (F, 3)."""

    geom: int
    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]


@dataclass(frozen=True)
class Triangles:
    """Triangles in the world: corners (F, 3, 3) m and shading normals (F, 3)."""

    corners: Float[np.ndarray, "F 3 3"]
    normals: Float[np.ndarray, "F 3"]


@dataclass(frozen=True)
class MusclePieces:
    """Short straight pieces of all muscles: ends (P, 2, 3) m, radii (P, 2) m, muscle (P,)."""

    ends: Float[np.ndarray, "P 2 3"]
    radii: Float[np.ndarray, "P 2"]
    muscle: Int[np.ndarray, " P"]


class Scene:
    """One model, ready to be posed. Get it from `get_scene`, which builds it once."""

    def __init__(self, name: str, *, fingers: bool) -> None:
        """Compile the visual model and decimate its bones (about a second)."""
        self.model, self._data = musclemimic_models.load(name, fingers=fingers, visual=True)
        self._bones = _decimated_bones(self.model)
        strength = musclemimic_models.get_musculo_model(
            name, fingers=fingers
        ).muscles.max_isometric_force
        self._belly_radius = _SLENDERNESS * np.sqrt(strength / (_SPECIFIC_TENSION * np.pi))

    @property
    def face_count(self) -> int:
        """Faces of all bones after decimation."""
        return sum(len(bone.faces) for bone in self._bones)

    @property
    def has_free_root(self) -> bool:
        """Whether the body floats, and so stands on the floor."""
        return bool(self.model.jnt_type[0] == int(mujoco.mjtJoint.mjJNT_FREE))

    def pose(
        self, qpos: Float[np.ndarray, " nq"], *, shift: Float[np.ndarray, "3"]
    ) -> tuple[Triangles, MusclePieces]:
        """Bones and muscles at a pose, world frame, moved by `shift` (m).

        Raises:
            InputError: qpos is not of this model.
        """
        if qpos.shape != (self.model.nq,):
            raise InputError(
                "render", "qpos", found=f"shape {qpos.shape}", expected=f"({self.model.nq},)"
            )
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self._data)
        mujoco.mj_comPos(self.model, self._data)  # tendons need its subtree frames
        mujoco.mj_tendon(self.model, self._data)
        bones, muscles = self._posed_bones(), self._muscle_pieces()
        return (
            replace(bones, corners=bones.corners + shift),
            replace(muscles, ends=muscles.ends + shift),
        )

    def _posed_bones(self) -> Triangles:
        corners: list[np.ndarray] = []
        normals: list[np.ndarray] = []
        for bone in self._bones:
            R = self._data.geom_xmat[bone.geom].reshape(3, 3)
            vertices = bone.vertices @ R.T + self._data.geom_xpos[bone.geom]  # (V, 3)
            corners.append(vertices[bone.faces])
            normals.append(_smooth_normals(vertices, bone.faces))
        return Triangles(np.concatenate(corners), np.concatenate(normals))

    def _muscle_pieces(self) -> MusclePieces:
        ends: list[np.ndarray] = []
        radii: list[np.ndarray] = []
        muscle: list[np.ndarray] = []
        for actuator in range(self.model.nu):
            pieces = self._tendon_pieces(int(self.model.actuator_trnid[actuator, 0]))
            ends.append(pieces)
            radii.append(_spindle(pieces, float(self._belly_radius[actuator])))
            muscle.append(np.full(len(pieces), actuator))
        return MusclePieces(np.concatenate(ends), np.concatenate(radii), np.concatenate(muscle))

    def _tendon_pieces(self, tendon: int) -> Float[np.ndarray, "P 2 3"]:
        """The path of a tendon, cut into pieces of at most `_PIECE`."""
        start, count = self._data.ten_wrapadr[tendon], self._data.ten_wrapnum[tendon]
        points = self._data.wrap_xpos.reshape(-1, 3)[start : start + count]
        objects = self._data.wrap_obj.reshape(-1)[start : start + count]
        pieces: list[np.ndarray] = []
        for i in range(count - 1):
            if _PULLEY in (objects[i], objects[i + 1]):
                continue
            cuts = int(np.ceil(np.linalg.norm(points[i + 1] - points[i]) / _PIECE)) + 1
            share = np.linspace(0.0, 1.0, max(cuts, 2))[:, None]
            line = points[i] + share * (points[i + 1] - points[i])  # (cuts, 3)
            pieces.append(np.stack([line[:-1], line[1:]], axis=1))
        return np.concatenate(pieces)


@functools.cache
def get_scene(name: str, *, fingers: bool = False) -> Scene:
    """The scene of a model, built once per process.

    Raises:
        InputError: no such model.
    """
    return Scene(name, fingers=fingers)


def _decimated_bones(model: mujoco.MjModel) -> list[Bone]:
    """All meshes of moving and fixed bodies; the world's own meshes are decoration."""
    bones: list[Bone] = []
    for geom in range(model.ngeom):
        is_mesh = model.geom_type[geom] == int(mujoco.mjtGeom.mjGEOM_MESH)
        is_scenery = model.geom_bodyid[geom] == 0
        if not is_mesh or is_scenery or model.geom_group[geom] >= _COLLISION_GROUP:
            continue
        mesh = model.geom_dataid[geom]
        first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        vertices = model.mesh_vert[first : first + count]
        first, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
        bones.append(Bone(geom, *_decimate(vertices, model.mesh_face[first : first + count])))
    return bones


def _decimate(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> tuple[Float[np.ndarray, "W 3"], Int[np.ndarray, "G 3"]]:
    # Meshes come with one vertex per corner; decimation needs shared ones.
    points, index = np.unique(vertices.round(6), axis=0, return_inverse=True)
    faces = index.reshape(-1)[faces]
    a, b, c = (points[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    wanted = max(_FEWEST_FACES, int(_FACES_PER_AREA * area))
    if wanted < len(faces):
        points, faces = fast_simplification.simplify(  # pyright: ignore[reportAssignmentType]
            np.ascontiguousarray(points, dtype=np.float64),
            np.ascontiguousarray(faces, dtype=np.int32),
            target_count=wanted,
            agg=_AGGRESSIVENESS,
        )
    return points.astype(np.float64), faces.astype(np.int64)


def _smooth_normals(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]
) -> Float[np.ndarray, "F 3"]:
    """Per face: the mean of its corners' area-weighted vertex normals, unit length."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    areas = np.cross(b - a, c - a)  # (F, 3)
    at_vertex = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(at_vertex, faces[:, k], areas)
    at_vertex /= np.linalg.norm(at_vertex, axis=1, keepdims=True) + 1e-12
    normals = at_vertex[faces].mean(axis=1)
    return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12)


def _spindle(pieces: Float[np.ndarray, "P 2 3"], belly: float) -> Float[np.ndarray, "P 2"]:
    """Radius at both ends of each piece: a tendon that swells to the belly midway, m."""
    steps = np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=1)
    reach = np.concatenate([[0.0], np.cumsum(steps)])
    swelling = np.sin(np.pi * np.clip((reach / reach[-1] - 0.1) / 0.8, 0, 1)) ** 0.8
    thin = min(_TENDON_RADIUS, belly)
    radius = thin + (belly - thin) * swelling
    return np.stack([radius[:-1], radius[1:]], axis=1)
