"""What makes one world unlike the other: randomised bodies and pushes, exerted on a simulator."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool
from musclemimic_models import MusculoModel

from musclemimic_sim import pushes
from musclemimic_sim.compiled import jit
from musclemimic_sim.pushes import PushConfig, PushState
from musclemimic_sim.randomisation import (
    Factors,
    RandomisationConfig,
    draw_factors,
    model_values,
)
from musclemimic_sim.types import Simulator, State

# Keeps these random numbers apart from those of start states, which share the seed.
_STREAM = 0x7A4D


class Variation:
    """Randomisation and pushes of all worlds, with their random state.

    Attributes:
        factors: what multiplies the model's values now, (N, K) by quantity.
        push: the present pushes.
    """

    def __init__(
        self,
        model: MusculoModel,
        simulator: Simulator,
        randomisation: RandomisationConfig,
        push: PushConfig,
        *,
        seed: int,
        control_dt: float,
    ) -> None:
        """Compile the sampling; draws the bodies if they are drawn once.

        Raises:
            InputError: pushes on a body that the model does not have.
        """
        self._simulator, self._randomisation, self._pushing = simulator, randomisation, push
        worlds, m = simulator.num_worlds, model.mj_model
        self.reseed(seed)
        self.factors: Factors = {}
        self.push = pushes.quiet(worlds)
        body_ids = pushes.pushed_bodies(push, model)

        def draw(
            key: jax.Array, mask: jax.Array, old: Factors
        ) -> tuple[Factors, dict[str, jax.Array]]:
            new = draw_factors(randomisation, m, key, worlds=worlds)
            factors = {
                name: jnp.where(mask[:, None], value, old.get(name, value))
                for name, value in new.items()
            }
            return factors, model_values(m, factors)

        def advance(state: PushState, key: jax.Array) -> tuple[PushState, jax.Array]:
            state = pushes.advance(push, state, key, bodies=len(body_ids), control_dt=control_dt)
            return state, pushes.external_force(state, body_ids, bodies=m.nbody)

        def restart(state: PushState, mask: jax.Array, key: jax.Array) -> PushState:
            return pushes.restart(push, state, mask, key, control_dt=control_dt)

        self._draw, self._advance, self._restart = jit(draw), jit(advance), jit(restart)
        if randomisation.active:
            self._redraw(jnp.ones(worlds, dtype=bool))

    def reseed(self, seed: int) -> None:
        """Let what is drawn from here on follow from `seed`."""
        self._key = jax.random.fold_in(jax.random.PRNGKey(seed), _STREAM)

    def restart(self, mask: Bool[jax.Array, " N"]) -> None:
        """New bodies and no push in the worlds in `mask`; call before the simulator's reset."""
        if self._randomisation.active and self._randomisation.redraw == "reset":
            self._redraw(mask)
        if self._pushing.is_active:
            self.push = self._restart(self.push, mask, self._next_key())

    def before_step(self) -> None:
        """Exert the pushes of the next control step."""
        if self._pushing.is_active:
            self.push, xfrc = self._advance(self.push, self._next_key())
            self._simulator.apply_force(xfrc)

    def get_state(self) -> State:
        """Random state, factors and pushes; the simulator's own state holds the bodies."""
        state = {"key": np.array(self._key)}
        state |= {f"push/{name}": np.array(v) for name, v in self.push._asdict().items()}
        return state | {f"factor/{name}": np.array(v) for name, v in self.factors.items()}

    def set_state(self, state: State) -> None:
        """Restore what `get_state` returned."""
        self._key = jnp.array(state["key"])
        self.push = PushState(*(jnp.array(state[f"push/{name}"]) for name in PushState._fields))
        self.factors = {
            name.removeprefix("factor/"): jnp.array(value)
            for name, value in state.items()
            if name.startswith("factor/")
        }

    def _redraw(self, mask: Bool[jax.Array, " N"]) -> None:
        self.factors, values = self._draw(self._next_key(), mask, self.factors)
        self._simulator.randomize(values, mask)

    def _next_key(self) -> jax.Array:
        self._key, key = jax.random.split(self._key)
        return key
