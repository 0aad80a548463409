"""Ranges of settings."""

import math

from musclemimic_sim import InputError


def require_between(
    source: str,
    name: str,
    value: float,
    *,
    low: float,
    high: float = math.inf,
    without_low: bool = False,
) -> None:
    """Refuse a number outside [low, high] (with `without_low`, ]low, high]) or not finite.

    Raises:
        InputError: naming the field.
    """
    inside = low < value <= high if without_low else low <= value <= high
    if math.isfinite(value) and inside:
        return
    least = f"{'>' if without_low else '>='} {low:g}"
    expected = f"a number {least}" + ("" if math.isinf(high) else f" and <= {high:g}")
    raise InputError(source, name, found=value, expected=expected)
