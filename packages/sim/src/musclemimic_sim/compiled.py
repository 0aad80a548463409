"""Compilation that keeps types."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

P = ParamSpec("P")
R = TypeVar("R")


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """`jax.jit` with the function's own signature (jax's annotation loses it)."""
    return jax.jit(function)
