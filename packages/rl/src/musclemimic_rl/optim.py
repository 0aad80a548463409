"""The optimiser: Adam or Muon behind a gradient clip, with the learning rate kept outside."""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import optax
import optax.contrib
from jaxtyping import Array, Float

from musclemimic_rl.checks import require_between
from musclemimic_rl.networks import ActorCritic

# Liu et al. 2025 (arXiv 2502.16982): Muon steps scaled to the size of Adam's, so that matrices
# and vectors share one learning rate.
_MUON_RMS = 0.2
# A KL outside [target / 2, 2 target] changes the rate by this factor (Rudin et al. 2022).
_KL_FACTOR = 1.5
_KL_BOUNDS = (0.01, 10.0)


@dataclass(frozen=True)
class OptimConfig:
    """How gradients become steps.

    Attributes:
        name: "adam" (Kingma & Ba 2015), or "muon" (Jordan 2024) on the matrices of trunks and
            experts with Adam on biases, norms, gates, heads and log-std. On two CPU cores Adam's
            update is 2 to 3 times cheaper, hence the default.
        learning_rate: 3e-4 (Schulman et al. 2017, table 3).
        schedule: "linear" goes to `final_fraction` of the rate as training runs out.
        final_fraction: of the learning rate, at the end of a linear schedule.
        target_kl: adapt the rate so that an update's KL stays within a factor 2 of this, nats;
            None leaves it alone.
        max_grad_norm: global norm to which gradients are clipped (Andrychowicz et al. 2021).
        adam_eps: 1e-5, as in most PPO code (Huang et al. 2022, detail 3).
        muon_beta: Nesterov momentum (Jordan 2024).
        muon_steps: Newton-Schulz iterations (Jordan 2024); 3 save a third of the time on a CPU.
    """

    name: Literal["adam", "muon"] = "adam"
    learning_rate: float = 3e-4
    schedule: Literal["constant", "linear"] = "constant"
    final_fraction: float = 0.1
    target_kl: float | None = None
    max_grad_norm: float = 1.0
    adam_eps: float = 1e-5
    muon_beta: float = 0.95
    muon_steps: int = 5

    def __post_init__(self) -> None:
        """Refuse rates and limits that cannot descend.

        Raises:
            InputError: naming the field.
        """
        for name in ("learning_rate", "max_grad_norm", "adam_eps"):
            require_between("OptimConfig", name, getattr(self, name), low=0.0, without_low=True)
        if self.target_kl is not None:
            require_between("OptimConfig", "target_kl", self.target_kl, low=0.0, without_low=True)
        for name in ("final_fraction", "muon_beta"):
            require_between("OptimConfig", name, getattr(self, name), low=0.0, high=1.0)
        require_between("OptimConfig", "muon_steps", float(self.muon_steps), low=1.0)


def make_optimiser(config: OptimConfig) -> optax.GradientTransformation:
    """Gradient to descent direction: multiply by the learning rate and add to the parameters."""
    match config.name:
        case "adam":
            direction = optax.adam(1.0, eps=config.adam_eps)
        case "muon":
            direction = optax.contrib.muon(
                1.0,
                beta=config.muon_beta,
                ns_steps=config.muon_steps,
                consistent_rms=_MUON_RMS,
                muon_weight_dimension_numbers=_muon_dimensions,  # pyright: ignore[reportArgumentType]
            )
    return optax.chain(optax.clip_by_global_norm(config.max_grad_norm), direction)


def _muon_dimensions(params: ActorCritic) -> ActorCritic:
    """Mark the matrices inside trunks and experts; all else is Adam's.

    Equinox keeps weights as (out, in), experts' with a leading axis, so the last axis is summed
    over. (A stack of norms or of biases has two axes too, but is no matrix.)
    """

    def mark(
        path: tuple[object, ...], leaf: Float[Array, "..."]
    ) -> optax.contrib.MuonDimensionNumbers | None:
        names = {str(entry) for entry in path}
        is_matrix = {".layers", ".weight"} <= names or {".skip", ".weight"} <= names
        if is_matrix and names & {".trunk", ".experts"}:
            return optax.contrib.MuonDimensionNumbers(
                reduction_axis=leaf.ndim - 1, output_axis=leaf.ndim - 2
            )
        return None

    return jax.tree_util.tree_map_with_path(mark, params)


def scheduled_rate(
    config: OptimConfig, *, progress: Float[Array, ""], scale: Float[Array, ""]
) -> Float[Array, ""]:
    """The learning rate now.

    Args:
        config: schedule and base rate.
        progress: share of the training budget used, in [0, 1].
        scale: factor from `adapt_scale`.
    """
    rate = config.learning_rate * scale
    if config.schedule == "constant":
        return rate
    done = jnp.clip(progress, 0.0, 1.0)
    return rate * (1.0 - done * (1.0 - config.final_fraction))


def adapt_scale(
    config: OptimConfig, scale: Float[Array, ""], *, kl: Float[Array, ""]
) -> Float[Array, ""]:
    """Lower the rate's factor after too large a policy change, raise it after too small a one."""
    if config.target_kl is None:
        return scale
    down = kl > 2.0 * config.target_kl
    up = kl < 0.5 * config.target_kl
    factor = jnp.where(down, 1.0 / _KL_FACTOR, jnp.where(up, _KL_FACTOR, 1.0))
    return jnp.clip(scale * factor, *_KL_BOUNDS)
