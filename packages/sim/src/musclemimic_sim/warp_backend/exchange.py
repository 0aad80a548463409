"""Arrays between Warp and JAX: without a copy through the host where both are on one device."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import warp as wp

Array = np.ndarray | jax.Array


def reader(device: wp.Device) -> Callable[[wp.array], jax.Array]:
    """A function that takes a Warp array of `device` to a JAX array of its own.

    The result is always a copy: physics goes on writing into its own buffer. On a shared device
    the copy is queued behind the physics, and the host does not wait.
    """
    if _shared(device):
        return lambda source: jnp.array(wp.to_jax(source), copy=True)
    return lambda source: jnp.array(source.numpy(), copy=True)


def writer(device: wp.Device) -> Callable[[wp.array, Array], object]:
    """A function that copies a JAX or NumPy array into a Warp array of the same shape.

    It returns what must stay alive until the copy has run (JAX may reuse memory it thinks free).
    """
    shared = _shared(device)

    def write(target: wp.array, values: Array) -> object:
        if shared and isinstance(values, jax.Array):
            typed = values.astype(wp.dtype_to_numpy(target.dtype))
            source = wp.from_jax(typed, dtype=target.dtype)
        else:
            # Warp converts the type; NumPy's own memory is not kept.
            source = wp.array(np.array(values), dtype=target.dtype, device=device)
        wp.copy(target, source)
        return source

    return write


def _shared(device: wp.Device) -> bool:
    """Whether JAX computes where Warp does."""
    return jax.default_backend() == ("gpu" if device.is_cuda else "cpu")
