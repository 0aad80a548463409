"""What retargeting needs to know of a model, whoever made it."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import mujoco
from musclemimic_models import Couplings


@runtime_checkable
class Articulated(Protocol):
    """A jointed body with mimic sites. `musclemimic_models.MusculoModel` is one."""

    @property
    def label(self) -> str:
        """The model's name, for messages and clips."""
        ...

    @property
    def mj_model(self) -> mujoco.MjModel:
        """The compiled model; each mimic site NAME is its site `mimic_NAME`."""
        ...

    @property
    def joint_names(self) -> tuple[str, ...]:
        """In MuJoCo's joint order."""
        ...

    @property
    def mimic_sites(self) -> Mapping[str, str]:
        """Site name to body name; the reference (pelvis or upper body) first."""
        ...

    @property
    def couplings(self) -> Couplings:
        """The joint equalities in explicit form."""
        ...

    @property
    def content_sha256(self) -> str:
        """Tells models apart in clips."""
        ...

    @property
    def has_free_root(self) -> bool:
        """Whether the body floats (qpos begins with position and quaternion)."""
        ...
