"""Compilation that keeps types, and that can keep its results."""

import platform
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax
from musclemimic_models.cache import cache_folder

P = ParamSpec("P")
R = TypeVar("R")

# Programs that compile faster than this, s, are not worth a file.
_WORTH_KEEPING_S = 0.1


def jit(function: Callable[P, R], *, static: tuple[str, ...] = ()) -> Callable[P, R]:
    """`jax.jit` with the function's own signature (jax's annotation loses it).

    Args:
        function: pure.
        static: arguments that a program is made for, not given.
    """
    return jax.jit(function, static_argnames=static)


def keep_compilations() -> None:
    """Let JAX keep compiled programs in the user's cache folder, for all of this process.

    A new environment compiles for seconds; the same programs are read back in milliseconds, by
    this process or a later one. They hold for one kind of CPU, so every machine has a folder of
    its own. For commands, which own their process, before anything is compiled; nothing happens
    if the user has chosen a folder for JAX (JAX_COMPILATION_CACHE_DIR) or wants no cache
    (MUSCLEMIMIC_CACHE=off).
    """
    folder = cache_folder()
    if folder is None or jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder / "xla" / platform.node()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _WORTH_KEEPING_S)
