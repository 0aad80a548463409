"""Statistical parametric mapping: where along the cycle curves differ.

Pataky 2010, J Biomech 43:1976; computed by spm1d (extra `statistics`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError


@dataclass(frozen=True)
class Cluster:
    """A stretch of the cycle where t passes the threshold: its ends, %, and its p value."""

    start: float
    end: float
    p: float


# A spread this small beside the largest value is rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class SPM:
    """SPM{t} over the cycle.

    Attributes:
        t: (P,) the test statistic.
        degrees_of_freedom: of t.
        alpha: false positives allowed over the whole cycle.
        threshold: |t| that smooth random curves pass with probability alpha.
        clusters: where it is passed.
    """

    t: Float[np.ndarray, "P"]
    degrees_of_freedom: float
    alpha: float
    threshold: float
    clusters: tuple[Cluster, ...]


def spm_against_reference(
    cycles: Float[np.ndarray, "N P"], mean: Float[np.ndarray, "P"], *, alpha: float = 0.05
) -> SPM:
    """One-sample test: do these cycles come from a mean curve? Two-tailed.

    Raises:
        InputError: fewer than 3 cycles, a point without variance, spm1d is not installed.
    """
    _require_sample("cycles", cycles - mean)
    return _inference(_spm1d().ttest(cycles, mean), alpha)


def spm_between(
    one: Float[np.ndarray, "N P"], other: Float[np.ndarray, "M P"], *, alpha: float = 0.05
) -> SPM:
    """Two-sample test (equal variance not assumed): do two sets of cycles differ? Two-tailed.

    Raises:
        InputError: as `spm_against_reference`.
    """
    _require_sample("one", one)
    _require_sample("other", other)
    return _inference(_spm1d().ttest2(one, other, equal_var=False), alpha)


@runtime_checkable
class _Cluster(Protocol):
    endpoints: tuple[float, float]
    P: float


@runtime_checkable
class _Inference(Protocol):
    z: Float[np.ndarray, "P"]
    df: tuple[float, float]
    zstar: float
    clusters: Sequence[_Cluster]


@runtime_checkable
class _Test(Protocol):
    def inference(self, alpha: float, *, two_tailed: bool) -> _Inference: ...


@runtime_checkable
class _Stats(Protocol):
    """What is used of spm1d.stats, which has no types of its own."""

    def ttest(self, Y: Float[np.ndarray, "N P"], y0: Float[np.ndarray, "P"]) -> _Test: ...

    def ttest2(
        self, YA: Float[np.ndarray, "N P"], YB: Float[np.ndarray, "M P"], *, equal_var: bool
    ) -> _Test: ...


def _spm1d() -> _Stats:
    try:
        return import_module("spm1d").stats
    except ModuleNotFoundError as error:
        if error.name != "spm1d":
            raise
        raise InputError(
            "SPM",
            "package",
            found="no spm1d",
            expected="pip install 'musclemimic-eval[statistics]'",
        ) from error


def varies(curves: Float[np.ndarray, "N P"]) -> bool:
    """Whether the curves differ at every point by more than rounding does.

    The strides of a motion that was made cyclic do not.
    """
    return bool((curves.std(axis=0) > _ROUNDING * np.abs(curves).max()).all())


def _require_sample(name: str, curves: Float[np.ndarray, "N P"]) -> None:
    if len(curves) < 3 or not np.isfinite(curves).all():
        raise InputError("SPM", name, found=f"{len(curves)} curves", expected="at least 3, finite")
    if not varies(curves):
        raise InputError("SPM", name, found="a point without variance", expected="real cycles")


def _inference(test: _Test, alpha: float) -> SPM:
    result = test.inference(alpha, two_tailed=True)
    points = len(result.z)
    return SPM(
        t=np.asarray(result.z, dtype=np.float64),
        degrees_of_freedom=float(result.df[1]),
        alpha=alpha,
        threshold=float(result.zstar),
        clusters=tuple(
            Cluster(
                start=100.0 * float(cluster.endpoints[0]) / (points - 1),
                end=100.0 * float(cluster.endpoints[1]) / (points - 1),
                p=float(cluster.P),
            )
            for cluster in result.clusters
        ),
    )
