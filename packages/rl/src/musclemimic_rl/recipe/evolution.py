"""A typed view of the `cma` package's evolution strategy."""

from typing import Protocol, cast

import cma
import numpy as np
from jaxtyping import Float


class _Result(Protocol):
    xfavorite: Float[np.ndarray, " D"]


class _Strategy(Protocol):
    sigma: float
    result: _Result

    def ask(self) -> list[Float[np.ndarray, " D"]]: ...

    def tell(
        self, solutions: Float[np.ndarray, "P D"], function_values: Float[np.ndarray, " P"]
    ) -> None: ...


class Evolution:
    """CMA-ES around the origin of a D-dimensional space; larger scores are better."""

    def __init__(self, dimension: int, *, sigma: float, population: int, seed: int) -> None:
        """Begin; nothing global is seeded."""
        rng = np.random.default_rng(seed)

        def normal(rows: int, columns: int) -> Float[np.ndarray, "rows columns"]:
            return rng.standard_normal((rows, columns))

        options = {"popsize": population, "verbose": -9, "seed": np.nan, "randn": normal}
        strategy = cma.CMAEvolutionStrategy(np.zeros(dimension), sigma, options)
        self._strategy = cast(_Strategy, strategy)

    @property
    def sigma(self) -> float:
        """Step size."""
        return float(self._strategy.sigma)

    @property
    def favourite(self) -> Float[np.ndarray, " D"]:
        """The mean of the distribution."""
        return np.asarray(self._strategy.result.xfavorite)

    def ask(self) -> Float[np.ndarray, "P D"]:
        """Candidates."""
        return np.array(self._strategy.ask())

    def tell(self, points: Float[np.ndarray, "P D"], scores: Float[np.ndarray, " P"]) -> None:
        """Learn from what candidates scored."""
        self._strategy.tell(points, -scores)
