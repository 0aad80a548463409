"""What crosses the simulator's border: physics output, environment steps, their description."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Bool, Float, Int
from musclemimic_models import InputError

State = dict[str, np.ndarray]
# Native physics gives NumPy arrays, Warp gives JAX arrays that never left their device.
Array = np.ndarray | jax.Array


@dataclass(frozen=True)
class SimOutput:
    """Everything physics reports about N worlds after a control step; float32, world frame.

    Attributes:
        time: s.
        qpos, qvel: MuJoCo positions and velocities (root angular velocity in body frame).
        act: muscle activations in [0, 1].
        actuator_length: m. actuator_velocity: m/s. actuator_force: N (pulling is negative).
        site_pos: m. site_mat: rotation matrices. site_linvel: m/s. site_angvel: rad/s; the S
            mimic sites in the model's order.
        com: centre of mass of the whole body, m.
        touch: touch sensors, N (none on the arms).
    """

    time: Float[Array, " N"]
    qpos: Float[Array, "N nq"]
    qvel: Float[Array, "N nv"]
    act: Float[Array, "N nu"]
    actuator_length: Float[Array, "N nu"]
    actuator_velocity: Float[Array, "N nu"]
    actuator_force: Float[Array, "N nu"]
    site_pos: Float[Array, "N S 3"]
    site_mat: Float[Array, "N S 3 3"]
    site_linvel: Float[Array, "N S 3"]
    site_angvel: Float[Array, "N S 3"]
    com: Float[Array, "N 3"]
    touch: Float[Array, "N K"]


class Dynamics(NamedTuple):
    """What MuJoCo knows of the equations of motion in the present state; world frame.

    Attributes:
        mass: mass matrix as MuJoCo stores it (lower triangle, row by row), kg, kg m, kg m².
        bias_force: gravity, Coriolis and centrifugal forces (qfrc_bias), N or N m.
        passive_force: damping and springs of joints (qfrc_passive), N or N m.
        axes: rotation and translation of every velocity coordinate about `centre` (cdof).
        centre: centre of mass of the body, m.
        body_pos, body_mat: positions, m, and rotation matrices of all bodies.
    """

    mass: Float[Array, "N nC"]
    bias_force: Float[Array, "N nv"]
    passive_force: Float[Array, "N nv"]
    axes: Float[Array, "N nv 6"]
    centre: Float[Array, "N 3"]
    body_pos: Float[Array, "N B 3"]
    body_mat: Float[Array, "N B 3 3"]


@runtime_checkable
class Simulator(Protocol):
    """Batched physics of one model. Backends: native MuJoCo threads, MuJoCo Warp on a GPU."""

    @property
    def num_worlds(self) -> int:
        """Number of worlds stepped together."""
        ...

    def step(self, ctrl: Float[Array, "N nu"]) -> SimOutput:
        """Advance every world by one control step with the given excitations in [0, 1]."""
        ...

    def reset(
        self,
        mask: Bool[Array, " N"],
        qpos: Float[Array, "N nq"],
        qvel: Float[Array, "N nv"],
        act: Float[Array, "N nu"],
    ) -> SimOutput:
        """Set the worlds in `mask` to their rows of the given state; others stay as they are."""
        ...

    def get_state(self) -> State:
        """Everything needed to continue bit for bit."""
        ...

    def set_state(self, state: State) -> SimOutput:
        """Restore what `get_state` returned."""
        ...

    def randomize(self, fields: Mapping[str, Array], mask: Bool[Array, " N"] | None = None) -> None:
        """Give model fields per-world values (N, …) in the worlds in `mask` (None: in all).

        Fields are named as in MjModel, or "opt.<name>"; what derives from them follows. They are
        part of the state that `get_state` returns.
        """
        ...

    def apply_force(self, xfrc: Float[Array, "N B 6"]) -> None:
        """Push the bodies from outside: force, N, and torque, N m, at each centre of mass.

        World frame, MuJoCo's xfrc_applied; stays until the next call or the world's reset.
        """
        ...

    def health(self) -> tuple[Bool[Array, " N"], Int[Array, " N"]]:
        """Per world, since its last reset: state not finite or diverged; bits of full buffers.

        Both flags stay up until the world is reset.
        """
        ...

    def muscle_moments(self) -> Float[Array, "N nu nv"]:
        """Change of every muscle's length with every velocity coordinate (dL/dq), m per rad or m.

        The negative of the moment arm: generalised force = momentsᵀ · actuator_force.
        """
        ...

    def bias_force(self) -> Float[Array, "N nv"]:
        """Gravity, Coriolis and centrifugal generalised forces, N m or N (MuJoCo's qfrc_bias)."""
        ...

    def dynamics(self) -> Dynamics:
        """The equations of motion in the present state."""
        ...

    def ground_force(self) -> Float[Array, "N 2 3"]:
        """Force of the ground on the left and right foot in the present state, N, world frame."""
        ...

    def ground_pressure_centre(self) -> Float[Array, "N 2 3"]:
        """Centre of pressure under each foot, m; NaN without contact."""
        ...

    def close(self) -> None:
        """Free the worlds."""
        ...


@dataclass(frozen=True)
class ObsField:
    """One named block of the observation vector."""

    name: str
    dim: int
    unit: str


@dataclass(frozen=True)
class EnvSpec:
    """What a policy must know about the environment it acts in.

    Attributes:
        obs_fields: blocks of the observation vector in order.
        action_names: what the action's components drive, in order: muscles, or joints.
        action_map: "clip" (excitation = clip(action, 0, 1)), "affine" ((action + 1) / 2), or
            "coordinated" or "whole_body" (joint targets, turned into excitations by the
            coordination layer without or with the ground reaction).
        control_dt: s between actions.
        model_name, model_sha256: the body.
    """

    obs_fields: tuple[ObsField, ...]
    action_names: tuple[str, ...]
    action_map: str
    control_dt: float
    model_name: str
    model_sha256: str

    @property
    def obs_size(self) -> int:
        """Length of the observation vector."""
        return sum(field.dim for field in self.obs_fields)

    @property
    def action_size(self) -> int:
        """Length of the action vector."""
        return len(self.action_names)

    def to_dict(self) -> dict[str, object]:
        """As plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object], source: object = "EnvSpec") -> "EnvSpec":
        """Back from `to_dict` or its JSON.

        Raises:
            InputError: a field is missing or unknown.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            raise InputError(
                source, "fields", found=sorted(values), expected=", ".join(sorted(names))
            )
        fields: list[Mapping[str, object]] = values["obs_fields"]  # pyright: ignore[reportAssignmentType]
        names_of_action: list[str] = values["action_names"]  # pyright: ignore[reportAssignmentType]
        return cls(
            obs_fields=tuple(
                ObsField(str(f["name"]), int(str(f["dim"])), str(f["unit"])) for f in fields
            ),
            action_names=tuple(names_of_action),
            action_map=str(values["action_map"]),
            control_dt=float(str(values["control_dt"])),
            model_name=str(values["model_name"]),
            model_sha256=str(values["model_sha256"]),
        )

    def difference(self, other: "EnvSpec") -> str | None:
        """The first field in which another spec differs, told for an error message; or None."""
        for field in dataclasses.fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if mine != theirs:
                return f"{field.name}: {_shorten(theirs)} instead of {_shorten(mine)}"
        return None


def _shorten(value: object) -> str:
    text = str(value)
    return text if len(text) < 80 else f"{text[:77]}..."


@dataclass(frozen=True)
class TimeStep:
    """Result of one environment step for N environments.

    Attributes:
        obs: the observation to act on next (after a reset where an episode ended).
        reward: of the step just taken.
        terminated: the episode failed (lost the reference, or physics diverged).
        truncated: the episode ended for another reason (clip end, horizon): bootstrap from
            final_obs.
        final_obs: the observation before any reset; equals obs where no episode ended.
        unhealthy: physics produced a non-finite state (a subset of terminated).
        terms: named reward terms (`reward/…`) and raw errors (`error/…`, with unit in the
            name), each (N,); `health/diverged` and `health/overflow` are 1 where a world has just
            left the finite numbers or run out of room for contacts or constraints.
    """

    obs: Float[jax.Array, "N O"]
    reward: Float[jax.Array, " N"]
    terminated: Bool[jax.Array, " N"]
    truncated: Bool[jax.Array, " N"]
    final_obs: Float[jax.Array, "N O"]
    unhealthy: Bool[jax.Array, " N"]
    terms: Mapping[str, Float[jax.Array, " N"]]


@runtime_checkable
class Environment(Protocol):
    """What a learner needs: it does not know which physics runs underneath."""

    @property
    def spec(self) -> EnvSpec:
        """Description of observation and action."""
        ...

    @property
    def num_envs(self) -> int:
        """Number of environments stepped together."""
        ...

    def reset(self) -> TimeStep:
        """Start new episodes everywhere (reward 0, nothing terminated)."""
        ...

    def step(self, action: Float[jax.Array, "N A"]) -> TimeStep:
        """One control step; finished episodes restart by themselves."""
        ...

    def get_state(self) -> State:
        """Everything needed to continue bit for bit, as named arrays."""
        ...

    def set_state(self, state: State) -> TimeStep:
        """Restore what `get_state` returned; returns the observation to act on."""
        ...

    def close(self) -> None:
        """Free the worlds."""
        ...
