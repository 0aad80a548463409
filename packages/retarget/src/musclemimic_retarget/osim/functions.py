"""OpenSim's functions of coordinates, over many frames at once."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from musclemimic_models import InputError
from musclemimic_models.errors import unknown_name
from scipy.interpolate import BSpline, make_interp_spline

from musclemimic_retarget.osim.xml import Element, number_of, numbers_of

# Of the coordinates (K, T), rad or m, in the order in which the model lists them.
Function = Callable[[Float[np.ndarray, "K T"]], Float[np.ndarray, " T"]]
_NARROWEST = 1e-9  # of the steps between a curve's points
_FIRST, _LAST = slice(None, 4), slice(-4, None)
# Tags that may stand in front of a function's own, which they wrap.
_WRAPPERS = ("function", "coupled_coordinates_function")


def linear(
    coefficients: Float[np.ndarray, " C"], values: Float[np.ndarray, "K T"]
) -> Float[np.ndarray, " T"]:
    """Slopes of the coordinates in turn, and the offset last."""
    return np.sum(coefficients[:-1, None] * values, axis=0) + coefficients[-1]


def polynomial(
    coefficients: Float[np.ndarray, " C"], values: Float[np.ndarray, "K T"]
) -> Float[np.ndarray, " T"]:
    """Coefficients from the highest power down."""
    powers = np.arange(len(coefficients))[::-1, None]
    return np.sum(coefficients[:, None] * values[0] ** powers, axis=0)


def constant(value: float, values: Float[np.ndarray, "K T"]) -> Float[np.ndarray, " T"]:
    """The same whatever the coordinates are."""
    return value + np.zeros(values.shape[1])


def scaled(
    scale: float, inner: Function, values: Float[np.ndarray, "K T"]
) -> Float[np.ndarray, " T"]:
    """A multiple of another function (OpenSim's MultiplierFunction)."""
    return scale * inner(values)


def interpolant(
    curve: BSpline,
    slopes: tuple[float, float],
    ends: tuple[float, float],
    values: Float[np.ndarray, "K T"],
) -> Float[np.ndarray, " T"]:
    """A curve between its ends, and straight on with its slope there beyond them."""
    low, high = ends
    inside = np.clip(values[0], low, high)
    beyond = values[0] - inside
    slope = np.where(beyond < 0, *slopes)
    return np.asarray(curve(inside)) + slope * beyond


def simm_spline(x: Float[np.ndarray, " N"], y: Float[np.ndarray, " N"]) -> Function:
    """OpenSim's SimmSpline, called NaturalCubicSpline before, which it is not.

    A cubic spline whose third derivative at either end is that of the cubic through the four
    points nearest to it (Forsythe, Malcolm & Moler 1977, Computer Methods for Mathematical
    Computations, ch. 4.4). Three points make a parabola, two a line. Beyond the ends it goes
    straight on.

    Args:
        x: increasing, at least two.
        y: values there.
    """
    if len(x) == 2:
        return piecewise_linear(x, y)
    low, high = ([(3, _third_derivative(x[part], y[part]))] for part in (_FIRST, _LAST))
    conditions: Any = (low, high)  # SciPy's stubs know the names of the usual ones only.
    return _between(x, make_interp_spline(x, y, k=3, bc_type=conditions))


def piecewise_linear(x: Float[np.ndarray, " N"], y: Float[np.ndarray, " N"]) -> Function:
    """Straight lines between points, the outer ones going on beyond the ends."""
    return _between(x, make_interp_spline(x, y, k=1))


def _between(x: Float[np.ndarray, " N"], curve: BSpline) -> Function:
    low, high = float(x[0]), float(x[-1])
    rate = curve.derivative()
    # At the last point itself SciPy evaluates the last piece, from the left.
    slopes = float(rate(low)), float(rate(high))
    return partial(interpolant, curve, slopes, (low, high))


def _third_derivative(x: Float[np.ndarray, " N"], y: Float[np.ndarray, " N"]) -> float:
    """Of the cubic through four points; zero of fewer."""
    if len(x) < 4:
        return 0.0
    while len(y) > 1:
        y = np.diff(y) / (x[len(x) - len(y) + 1 :] - x[: len(y) - 1])
    return 6.0 * float(y[0])


def read_function(path: Path, where: str, parent: Element, *, coordinates: int) -> Function:
    """The function that an element holds, wrapped (OpenSim 3) or not (OpenSim 4).

    Args:
        path: the file, for messages.
        where: what is read, for messages.
        parent: `TransformAxis`, `MultiplierFunction` or `CoordinateCouplerConstraint`.
        coordinates: how many the function is of.

    Raises:
        InputError: no function, one of a kind that is not known, or one without its numbers.
    """
    element = _function_element(parent)
    if element is None:
        found = ", ".join(f"<{child.tag}>" for child in parent) or "nothing"
        raise InputError(
            path, where, found=found, expected="a function: " + ", ".join(sorted(_KINDS))
        )
    if element.tag not in _KINDS:
        raise unknown_name(path, f"{where}: function", element.tag, sorted(_KINDS))
    return _KINDS[element.tag](path, where, element, coordinates)


def _function_element(parent: Element) -> Element | None:
    for child in parent:
        if child.tag in _WRAPPERS and len(child):
            return child[0]
        if child.get("name") == "function" or child.tag in _KINDS:
            return child
    return None


def _read_linear(path: Path, where: str, element: Element, coordinates: int) -> Function:
    found = numbers_of(path, where, element, "coefficients", count=coordinates + 1)
    return partial(linear, found)


def _read_polynomial(path: Path, where: str, element: Element, coordinates: int) -> Function:
    _require_one(path, where, element, coordinates)
    return partial(polynomial, numbers_of(path, where, element, "coefficients"))


def _read_constant(path: Path, where: str, element: Element, coordinates: int) -> Function:
    del coordinates
    return partial(constant, number_of(path, where, element, "value", default=0.0))


def _read_multiplier(path: Path, where: str, element: Element, coordinates: int) -> Function:
    inner = read_function(path, where, element, coordinates=coordinates)
    return partial(scaled, number_of(path, where, element, "scale", default=1.0), inner)


def _read_simm(path: Path, where: str, element: Element, coordinates: int) -> Function:
    x, y = _points(path, where, element, coordinates)
    try:
        return simm_spline(x, y)
    except np.linalg.LinAlgError as error:
        found = " ".join(f"{value:g}" for value in x)
        raise InputError(path, f"{where}: x", found=found, expected="points of a curve") from error


def _read_pieces(path: Path, where: str, element: Element, coordinates: int) -> Function:
    return piecewise_linear(*_points(path, where, element, coordinates))


def _points(
    path: Path, where: str, element: Element, coordinates: int
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    _require_one(path, where, element, coordinates)
    x = numbers_of(path, where, element, "x")
    y = numbers_of(path, where, element, "y", count=len(x))
    if len(x) < 2 or not (np.diff(x) > _NARROWEST).all():
        raise InputError(
            path,
            f"{where}: x",
            found=" ".join(f"{value:g}" for value in x),
            expected="two or more increasing numbers",
        )
    return x, y


def _require_one(path: Path, where: str, element: Element, coordinates: int) -> None:
    if coordinates != 1:
        raise InputError(
            path,
            f"{where}: coordinates",
            found=f"{coordinates} for a {element.tag}",
            expected="one coordinate",
        )


_KINDS: Mapping[str, Callable[[Path, str, Element, int], Function]] = {
    "Constant": _read_constant,
    "LinearFunction": _read_linear,
    "MultiplierFunction": _read_multiplier,
    "NaturalCubicSpline": _read_simm,
    "PiecewiseLinearFunction": _read_pieces,
    "PolynomialFunction": _read_polynomial,
    "SimmSpline": _read_simm,
    "natCubicSpline": _read_simm,
}
