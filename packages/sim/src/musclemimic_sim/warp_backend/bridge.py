"""Arrays between Warp and JAX, without the host in between where both are on one device."""

# Warp and MuJoCo Warp annotate their arrays with parameters that they leave open.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false
# pyright: reportArgumentType=false

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
import warp as wp

from musclemimic_sim.types import Array


class Bridge:
    """Hands arrays over between Warp and JAX, in the order in which each device works.

    On a CUDA device both sides queue their work on streams of their own. DLPack makes the taker's
    stream wait for the giver's, so that the host waits for neither. On the CPU, where Warp has no
    queue but JAX does, the host waits.
    """

    def __init__(self, device: wp.Device) -> None:
        """For arrays of one Warp device."""
        self._device = device
        self._shared = jax.default_backend() == ("gpu" if device.is_cuda else "cpu")

    def view(self, source: wp.array) -> jax.Array:
        """A Warp array as JAX sees it now; physics will go on writing into it.

        Only for the arguments of a compiled function whose results are copies; `wait_for` them
        before physics writes again.
        """
        return wp.to_jax(source) if self._shared else jnp.array(source.numpy(), copy=True)

    def wait_for(self, results: Iterable[Array]) -> None:
        """Let physics start only when these JAX arrays are there."""
        arrays = [array for array in results if isinstance(array, jax.Array)]
        if self._device.is_cuda and self._shared:
            stream: int = self._device.stream.cuda_stream
            for array in arrays:
                # Exporting to a stream makes that stream wait; the capsule itself is not needed.
                array.__dlpack__(stream=stream)  # pyright: ignore[reportCallIssue]
        else:
            jax.block_until_ready(arrays)

    def write(self, target: wp.array, values: Array) -> object:
        """Copy flags or float32 numbers of JAX or NumPy into a Warp array of the same shape.

        Returns what must stay alive until later work of JAX has been queued behind this copy:
        JAX may give memory it thinks free to another array.
        """
        if self._shared and isinstance(values, jax.Array):
            # Warp refuses other types than the target's own.
            source = wp.from_jax(values, dtype=target.dtype)
        else:
            # Warp converts the type; NumPy's own memory is not kept.
            source = wp.array(np.array(values), dtype=target.dtype, device=self._device)
        wp.copy(target, source)
        return source
