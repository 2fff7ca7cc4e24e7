"""Comparisons in which NaN fails, and type, shape and dtype are compared before values.

`np.testing.assert_allclose` broadcasts scalars, ignores dtype and lets NaN equal NaN; a student's wrong answer passes
through each of the three holes. Every failure is a `Mismatch`, whose `kind` is all that a student hears of a hidden
test, and whose text says what was found, where, and what was expected.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.arguments import as_left
from autograder.testing.comparable import (
    assert_same_entries,
    assert_structure,
    both_arrays,
    comparable,
    describe,
    is_tensor,
    report,
    same_bits,
)
from autograder.testing.mismatch import Mismatch, check
from autograder.testing.observation import actual_and_expected, observed

# Room for a right answer that sums in another order. One rounding error is eps / 2; sixty-four of them, times the
# root of the number of terms (errors of random sign add up so), never failed a right answer and is far below any bug.
ROUNDINGS = 64


def tolerance(dtype: Any, terms: int = 1) -> float:
    """Relative tolerance for a value that sums `terms` products in `dtype`:  64 eps sqrt(terms)."""
    return float(ROUNDINGS * np.finfo(dtype).eps * np.sqrt(max(1, terms)))


@observed(actual_and_expected)
def assert_close(
    actual: Any,
    expected: Any,
    *,
    what: str = "the result",
    terms: int = 1,
    rtol: float | None = None,
    atol: float | None = None,
    any_float: bool = False,
) -> None:
    """|actual - expected| <= atol + rtol |expected|, entry by entry, after type, shape and dtype.

    expected : a number (then a Python or numpy number, or a 0-d array or tensor, is right), an array (then exactly an
        `np.ndarray` of its shape and dtype), a torch tensor (then exactly such a one, on any device), or a list, tuple
        or dict of those (lists and tuples are alike).
    terms : how many products one entry sums up; widens the tolerance as its square root.
    rtol : overrides 64 eps(dtype) sqrt(terms).   atol : overrides rtol max|expected|.
    any_float : any floating dtype is right.
    Infinities must agree exactly; NaN never agrees. Raises Mismatch.
    """
    if isinstance(expected, (list, tuple, dict)):
        assert_structure(actual, expected, what)
        pairs = expected.items() if isinstance(expected, dict) else enumerate(expected)
        for key, item in pairs:
            assert_close(
                actual[key],
                item,
                what=f"{what}[{key!r}]",
                terms=terms,
                rtol=rtol,
                atol=atol,
                any_float=any_float,
            )
        return
    if is_tensor(expected):
        actual, expected = both_arrays(actual, expected, what, any_float)
        any_float = True
    found, wanted = comparable(actual, expected, what, any_float)
    if wanted.dtype.kind != "f":
        assert_same_entries(found, wanted, what, "exact comparison")
        return
    if rtol is None:
        rtol = tolerance(_coarser(found.dtype, wanted.dtype), terms)
    finite = wanted[np.isfinite(wanted)]
    if atol is None:
        atol = rtol * float(np.max(np.abs(finite), initial=0.0))
    with np.errstate(invalid="ignore", over="ignore"):
        wide_found, wide_wanted = found.astype(np.float64), wanted.astype(np.float64)
        bound = atol + rtol * np.abs(wide_wanted)
        near = np.abs(wide_found - wide_wanted) <= bound
        ok = np.where(np.isfinite(wide_wanted), near, wide_found == wide_wanted)
    report(ok, found, wanted, what, f"tolerance {rtol:.2g} relative + {atol:.2g}")


def _coarser(found: np.dtype, wanted: np.dtype) -> np.dtype:
    """The dtype that decides how near is near: a float32 answer cannot be held to float64.

    But whoever answers in float16 where nobody asked for it is held to float32, or 6 % off would be near.
    """
    if found.kind != "f" or found.itemsize >= wanted.itemsize:
        return wanted
    return found if found.itemsize >= np.dtype(np.float32).itemsize else np.dtype(np.float32)


@observed(actual_and_expected)
def assert_equal(actual: Any, expected: Any, *, what: str = "the result") -> None:
    """Exactly equal: numbers, strings, arrays (type, shape, dtype kind and every entry), and containers of those."""
    if isinstance(expected, (list, tuple, dict)):
        assert_structure(actual, expected, what)
        pairs = expected.items() if isinstance(expected, dict) else enumerate(expected)
        for key, item in pairs:
            assert_equal(actual[key], item, what=f"{what}[{key!r}]")
        return
    if expected is None or isinstance(expected, (str, bytes)):
        check(type(actual) is type(expected), f"{what} is {describe(actual)}, expected {expected!r}", "wrong_type")
        check(actual == expected, f"{what} is {actual!r}, expected {expected!r}")
        return
    if is_tensor(expected):
        actual, expected = both_arrays(actual, expected, what, any_float=True)
    found, wanted = comparable(actual, expected, what, any_float=True)
    assert_same_entries(found, wanted, what, "exact comparison")


def values_of(actual: Any, expected: Any) -> Any:
    """`actual` in the shape of `expected`, where the two shapes differ by axes of length 1 alone; else as it is.

    For laws about values, where another law holds the shape: whoever answers (1, n) for (n,), or (n, 1), or a number in
    an array, loses the points for the shape once, and not in every law. Containers are looked at item by item.
    """
    if isinstance(expected, (list, tuple, dict)):
        if isinstance(expected, dict) and isinstance(actual, dict):
            return {key: values_of(item, expected[key]) if key in expected else item for key, item in actual.items()}
        if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)) and len(actual) == len(expected):
            return [values_of(item, wanted) for item, wanted in zip(actual, expected, strict=True)]
        return actual
    if not (isinstance(actual, np.ndarray) or is_tensor(actual)):
        return actual
    shape = tuple(np.shape(expected) if not is_tensor(expected) else expected.shape)
    if tuple(actual.shape) == shape or _long_axes(actual.shape) != _long_axes(shape):
        return actual
    return actual.reshape(shape)


def _long_axes(shape: Any) -> list[int]:
    return [side for side in shape if side != 1]


@observed(actual_and_expected)
def assert_shaped_like(actual: Any, expected: Any, *, what: str = "the result") -> None:
    """`actual` has the structure and shapes of `expected`, float for float, and all its entries are finite.

    expected : as in `assert_close`; its values do not matter, nor does the width of its floats. For what a student
    trained and the judge then computes with. Raises Mismatch.
    """
    if isinstance(expected, (list, tuple, dict)):
        assert_structure(actual, expected, what)
        for key, item in expected.items() if isinstance(expected, dict) else enumerate(expected):
            assert_shaped_like(actual[key], item, what=f"{what}[{key!r}]")
        return
    if is_tensor(expected):
        actual, expected = both_arrays(actual, expected, what, any_float=True)
    found, wanted = comparable(actual, expected, what, any_float=True)
    wide = found.dtype.kind != "f" or found.itemsize >= min(wanted.itemsize, np.dtype(np.float32).itemsize)
    check(wide, f"{what} has dtype {found.dtype}, expected {wanted.dtype}", "wrong_dtype")
    check(bool(np.isfinite(found).all()), f"{what} holds infinity or NaN", "not_finite")


@observed()
def assert_not_narrow(value: Any, *, what: str = "the result") -> None:
    """`value` is neither complex nor made of floats of 16 bits; whatever else it is, is not looked at.

    For laws about something else, which must not pass with an answer in a dtype that nobody asked for. Raises Mismatch.
    """
    dtype = str(getattr(value, "dtype", type(value).__name__))
    narrow = "complex" in dtype or "float16" in dtype
    check(not narrow, f"{what} has dtype {dtype}, expected floats", "wrong_dtype")


def snapshot(*values: Any) -> Any:
    """A deep copy to compare with later: `before = snapshot(z, y)`."""
    return copy.deepcopy(values if len(values) != 1 else values[0])


@observed(lambda now, before, **options: (as_left(now), before))
def assert_unchanged(now: Any, before: Any, *, what: str = "the input") -> None:
    """The function left `what` as it was; `before` is its `snapshot`.

    now : the test's own objects, as they were passed. They never change themselves, unless they were passed as
        `mutable`: what is compared is what the student's copies of them became.
    """
    now = as_left(now)
    try:
        if not same_bits(now, before):
            assert_equal(now, before, what=what)
    except Mismatch as mismatch:
        raise Mismatch(f"{what} was changed by the call: {mismatch}", "changed_input") from None


@contextlib.contextmanager
def assert_raises(kind: type[Exception], *, what: str = "the call") -> Iterator[None]:
    """The block must raise `kind` (or a subclass of it)."""
    try:
        yield
    except kind:
        return
    raise Mismatch(f"{what} returned, expected it to raise {kind.__name__}", "no_error")
