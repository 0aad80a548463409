"""Shapes of the actor and the critic, and the named ones."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from musclemimic_models.errors import InputError


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the actor and of the critic, which share no weights.

    Attributes:
        kind: "plain" repeats Dense → LayerNorm → SiLU; "residual" repeats gated residual blocks.
        hidden: widths of the trunk's layers, or blocks.
        experts: of a soft mixture of experts behind the trunk, as wide as its last layer; 0 for
            none.
        initial_std: standard deviation of the first policy's actions. Excitations live in
            [0, 1]: 0.3 explores most of that range without saturating at both ends.
    """

    kind: Literal["plain", "residual"] = "plain"
    hidden: tuple[int, ...] = (256, 256, 256)
    experts: int = 0
    initial_std: float = 0.3

    def __post_init__(self) -> None:
        """Refuse shapes no network can have.

        Raises:
            InputError: naming the field.
        """
        if not self.hidden or min(self.hidden) < 1:
            raise InputError(
                "NetworkConfig", "hidden", found=self.hidden, expected="one or more widths >= 1"
            )
        if self.experts < 0 or self.experts == 1:
            raise InputError(
                "NetworkConfig", "experts", found=self.experts, expected="0, or at least 2"
            )
        if not 0.0 < self.initial_std < math.inf:
            raise InputError(
                "NetworkConfig", "initial_std", found=self.initial_std, expected="a number > 0"
            )


NETWORKS: Mapping[str, NetworkConfig] = MappingProxyType(
    {
        "cpu": NetworkConfig(hidden=(512, 512, 512)),
        "base": NetworkConfig(hidden=(1024, 1024, 1024, 1024)),
        "resnet": NetworkConfig(
            kind="residual",
            hidden=(1408, 2688, 2688, 2688, 2688, 2688, 1408, 768, 384),
        ),
        "moe": NetworkConfig(hidden=(512, 512, 512), experts=8),
    }
)
