"""What the task's own machinery does before anything is learnt: the policy that always says 0."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Float
from musclemimic_sim import EnvSpec


@dataclass(frozen=True)
class ZeroPolicy:
    """Action 0 in every state; implements `Policy`.

    With coordinated actions that is the coordination layer following the reference by itself,
    with direct ones it is a body whose muscles get no excitation.

    Attributes:
        spec, provenance: of the policy it stands beside.
    """

    spec: EnvSpec
    provenance: Mapping[str, object]

    def act(
        self, obs: Float[jax.Array, "N O"], key: jax.Array | None = None
    ) -> Float[jax.Array, "N A"]:
        """Zeros."""
        return jnp.zeros((obs.shape[0], self.spec.action_size))
