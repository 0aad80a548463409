"""Warp's devices: which one, work on it, and what is allocated there."""

# Warp and MuJoCo Warp annotate their arrays with parameters that they leave open.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false
# pyright: reportArgumentType=false

import dataclasses
from collections.abc import Generator
from contextlib import contextmanager

import warp as wp


def find_device(name: str | None) -> wp.Device:
    """The device of a name such as "cuda:0"; None for the first CUDA device, or else the CPU."""
    with _quiet():
        return wp.get_device(name or ("cuda:0" if wp.is_cuda_available() else "cpu"))


@contextmanager
def working_on(device: wp.Device) -> Generator[None, None, None]:
    """Inside, arrays are made on `device`, and Warp does not print each kernel it loads."""
    with _quiet(), wp.ScopedDevice(device):
        yield


def allocated_bytes(owner: object) -> int:
    """Sum over the Warp arrays in a dataclass and the dataclasses in it."""
    total = 0
    for value in vars(owner).values():
        if isinstance(value, wp.array):
            total += int(value.capacity)
        elif dataclasses.is_dataclass(value):
            total += allocated_bytes(value)
    return total


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Only warnings, on a stdout that may be a JSON document; the caller's level comes back."""
    before: int = wp.config.log_level
    wp.config.log_level = max(before, wp.LOG_WARNING)
    try:
        yield
    finally:
        wp.config.log_level = before
