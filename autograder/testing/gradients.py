"""Gradient checks that do not trust the function they check.

A backward is never judged against the student's own forward alone: `assert_gradient` takes the function to
differentiate as an argument, which in a hidden test is the reference formula, written out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.testing.compare import assert_close
from autograder.testing.mismatch import Mismatch
from autograder.testing.observation import observed


def numerical_gradient(f: Callable[[np.ndarray], Any], x: np.ndarray, *, step: float = 1e-6) -> np.ndarray:
    """Central differences:  g[i] = (f(x + h e_i) - f(x - h e_i)) / 2h,  h = step max(1, |x[i]|).

    f : from an array of x's shape to one number.   x : float64 array, left as it was.
    Returns a float64 array of x's shape. Error about h^2 f''' / 6 + eps |f| / h.
    """
    x = np.array(x, dtype=np.float64)
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        kept, h = x[i], step * max(1.0, abs(float(x[i])))
        x[i] = kept + h
        above = float(f(x.copy()))
        x[i] = kept - h
        below = float(f(x.copy()))
        x[i] = kept
        gradient[i] = (above - below) / (2 * h)
    return gradient


@observed(lambda f, x, gradient, **options: (gradient, numerical_gradient(f, x)))
def assert_gradient(
    f: Callable[[np.ndarray], Any],
    x: np.ndarray,
    gradient: Any,
    *,
    what: str = "the gradient",
    rtol: float = 1e-5,
    atol: float | None = None,
) -> None:
    """`gradient` is that of f at x, by central differences."""
    expected = numerical_gradient(f, x)
    if atol is None:
        atol = rtol * max(1e-2, float(np.max(np.abs(expected), initial=0.0)))
    assert_close(gradient, expected, what=what, rtol=rtol, atol=atol)


@observed()
def assert_adjoint(
    forward: Callable[[np.ndarray], np.ndarray],
    adjoint: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    what: str = "the backward pass",
    rtol: float = 1e-9,
) -> None:
    """<forward(x), y> = <x, adjoint(y)>: what the backward pass of every linear map satisfies."""
    image, back = forward(x), adjoint(y)
    if np.shape(image) != y.shape:
        raise Mismatch(f"the forward pass has shape {np.shape(image)}, expected {y.shape}", "wrong_shape")
    if np.shape(back) != x.shape:
        raise Mismatch(f"{what} has shape {np.shape(back)}, expected {x.shape}", "wrong_shape")
    left, right = float(np.sum(image * y)), float(np.sum(x * back))
    scale = float(np.sum(np.abs(image * y)) + np.sum(np.abs(x * back)))
    if not abs(left - right) <= rtol * max(scale, 1e-300):
        raise Mismatch(f"{what} is no adjoint: <f(x), y> = {left}, but <x, f'(y)> = {right} (tolerance {rtol:.2g})")
