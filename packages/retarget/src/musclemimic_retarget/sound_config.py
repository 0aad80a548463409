"""Settings that cannot be meant are refused before any work is lost on them."""

import dataclasses
import math

from musclemimic_models import InputError

# Of the numbers in all configurations of retargeting, those that make no sense at zero.
_ABOVE_ZERO = frozenset(
    {
        "output_hz",
        "solve_hz",
        "smoothing_hz",
        "tendon_hz",
        "window_s",
        "passes",
        "first_iterations",
        "angle",
        "rounding",
        "least_angle",
        "most_angle",
        "aim_m",
        "position",
        "iterations",
        "largest_step",
        "calm_hz",
        "speed",
        "timestep",
        "steps",
        "first_steps",
        "time_constant",
        "torque_scale",
    }
)


def require_sound(config: object, name: str | None = None) -> None:
    """Raise InputError if a number of a configuration, or of a part of it, is NaN or too small.

    Args:
        config: a dataclass of numbers, flags and further such dataclasses.
        name: of it, for the message; its class's if None.
    """
    if not dataclasses.is_dataclass(config):
        return
    name = name or type(config).__name__
    for field in dataclasses.fields(config):
        value: object = getattr(config, field.name)
        require_sound(value, f"{name}.{field.name}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        above = field.name in _ABOVE_ZERO
        if not math.isfinite(value) or value < 0 or (above and value == 0):
            expected = "a number above 0" if above else "a number, 0 or above"
            raise InputError("settings", f"{name}.{field.name}", found=value, expected=expected)
